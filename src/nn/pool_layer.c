/* Max-pooling 2×2 with ReLU (nn/map_layer.h). Backward and tangent find the greatest value of a
 * window again, from the input and the output. */
#include <string.h>

#include "nn/map_kernels.h"
#include "nn/map_layer.h"

/* A row of pixels of a map at row r of the workspace. */
static const gki_real *row_of(const gki_workspace *ws, const gki_map *map, size_t r, size_t y)
{
    return gki_at(ws, map->slot, r) + gki_map_row(map, y);
}

static void pool_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const gki_map *in = &layer->maps.in, *out = &layer->maps.out;
    for (size_t r = first; r < first + count; r++)
        for (size_t y = 0; y < out->height; y++)
            gki_map_kernels_get()->pool_relu(out->width, out->channels, row_of(ws, in, r, 2 * y),
                                             row_of(ws, in, r, 2 * y + 1),
                                             gki_at(ws, out->slot, r) + gki_map_row(out, y));
}

/* Sets the pixels of a row from `x` on to zero. */
static void clear_from(const gki_map *map, size_t x, gki_real *row)
{
    memset(row + x * map->channels, 0, (map->width - x) * map->channels * sizeof *row);
}

static void pool_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const gki_map *in = &layer->maps.in, *out = &layer->maps.out, *d_in = &layer->maps.d_in;
    for (size_t r = first; r < first + count; r++) {
        gki_real *image = gki_at(ws, d_in->slot, r);
        for (size_t y = 0; y < out->height; y++) {
            gki_real *const rows[] = {image + gki_map_row(d_in, 2 * y),
                                      image + gki_map_row(d_in, 2 * y + 1)};
            gki_map_kernels_get()->pool_relu_backward(
                out->width, out->channels, row_of(ws, in, r, 2 * y), row_of(ws, in, r, 2 * y + 1),
                row_of(ws, out, r, y), row_of(ws, &layer->maps.d_out, r, y), rows[0], rows[1]);
            clear_from(d_in, 2 * out->width, rows[0]);
            clear_from(d_in, 2 * out->width, rows[1]);
        }
        for (size_t y = 2 * out->height; y < d_in->height; y++)
            clear_from(d_in, 0, image + gki_map_row(d_in, y));
    }
}

static void pool_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                         size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const gki_map *from = &layer->maps.in, *to = &layer->maps.out;
    for (size_t t = 0; t < count * each; t++, in += layer->in.width, out += layer->out.width) {
        const size_t r = first + t / each;
        gki_map_clear_border(to, out);
        for (size_t y = 0; y < to->height; y++)
            gki_map_kernels_get()->pool_relu_tangent(
                to->width, to->channels, row_of(ws, from, r, 2 * y), row_of(ws, from, r, 2 * y + 1),
                row_of(ws, to, r, y), in + gki_map_row(from, 2 * y),
                in + gki_map_row(from, 2 * y + 1), out + gki_map_row(to, y));
    }
}

static const gki_layer_ops pool_ops = {pool_forward, pool_backward, NULL, NULL, pool_tangent};

gkv_status gki_pool_relu_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                                gki_layer *layer)
{
    const size_t height = in->height / 2, width = in->width / 2;
    *layer = (gki_layer){.ops = &pool_ops,
                         .in = in->slot,
                         .d_in = d_in->slot,
                         .has_d_in = true,
                         .maps = {.in = *in,
                                  .d_in = *d_in,
                                  .out = gki_map_forward(plan, height, width, in->channels, 0),
                                  .d_out = gki_map_backward(plan, height, width, in->channels, 0)}};
    layer->out = layer->maps.out.slot;
    layer->d_out = layer->maps.d_out.slot;
    return GKV_OK;
}
