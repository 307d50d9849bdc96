/* Maps (nn/map.h), and the layers on them other than the convolution (nn/map_layer.h): LayerNorm
 * with SiLU, SiLU, and shuffling. */
#include "nn/map_layer.h"

#include <string.h>

#include "nn/map_kernels.h"

/* --- Maps ----------------------------------------------------------------- */

gki_map gki_map_forward(gki_plan *plan, size_t height, size_t width, size_t channels, size_t border)
{
    gki_map map = {.height = height, .width = width, .channels = channels, .border = border};
    map.slot = gki_plan_forward(plan, gki_map_size(&map));
    return map;
}

gki_map gki_map_backward(gki_plan *plan, size_t height, size_t width, size_t channels,
                         size_t border)
{
    gki_map map = {.height = height, .width = width, .channels = channels, .border = border};
    map.slot = gki_plan_backward(plan, gki_map_size(&map));
    return map;
}

void gki_map_clear_border(const gki_map *map, gki_real *row)
{
    const size_t size = gki_map_size(map), used = map->width * map->channels;
    size_t from = 0;
    for (size_t y = 0; map->border > 0 && y <= map->height; y++) {
        const size_t end = y < map->height ? gki_map_row(map, y) : size;
        memset(row + from, 0, (end - from) * sizeof *row);
        from = end + used;
    }
}

/* --- LayerNorm and SiLU --------------------------------------------------- */

/* The slot `aux` keeps SiLU'(y) [pixels, channels], and then the mean and 1/sd of each pixel. */

static gki_real *slope_of(const gki_layer *layer, const gki_workspace *ws, size_t row)
{
    return gki_at(ws, layer->aux, row);
}

static gki_real *stats_of(const gki_layer *layer, const gki_workspace *ws, size_t row)
{
    return gki_at(ws, layer->aux, row) + gki_map_pixels(&layer->maps.in) * layer->maps.in.channels;
}

static void map_norm_silu_forward(const gki_layer *layer, gki_workspace *ws, size_t first,
                                  size_t count)
{
    const gki_map *in = &layer->maps.in, *out = &layer->maps.out;
    const size_t n = in->channels, width = in->width;
    for (size_t r = first; r < first + count; r++)
        for (size_t y = 0; y < in->height; y++)
            gki_map_kernels_get()->norm_silu(
                width, n, gki_at(ws, layer->in, r) + gki_map_row(in, y),
                gki_param_value(ws->params, layer->weight),
                gki_param_value(ws->params, layer->bias), stats_of(layer, ws, r) + 2 * y * width,
                slope_of(layer, ws, r) + y * width * n,
                gki_at(ws, layer->out, r) + gki_map_row(out, y));
}

static void map_norm_silu_backward(const gki_layer *layer, gki_workspace *ws, size_t first,
                                   size_t count)
{
    const gki_maps *maps = &layer->maps;
    const size_t n = maps->in.channels, width = maps->in.width;
    for (size_t r = first; r < first + count; r++)
        for (size_t y = 0; y < maps->in.height; y++)
            gki_map_kernels_get()->norm_silu_backward(
                width, n, gki_at(ws, layer->in, r) + gki_map_row(&maps->in, y),
                gki_param_value(ws->params, layer->weight), stats_of(layer, ws, r) + 2 * y * width,
                slope_of(layer, ws, r) + y * width * n,
                maps->skip.slot.width ? gki_at(ws, maps->skip.slot, r) + gki_map_row(&maps->skip, y)
                                      : NULL,
                gki_at(ws, layer->d_out, r) + gki_map_row(&maps->d_out, y),
                gki_at(ws, layer->d_in, r) + gki_map_row(&maps->d_in, y));
}

static size_t map_norm_silu_parts(const gki_layer *layer)
{
    (void)layer;
    return 1;
}

static void map_norm_silu_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows,
                                   size_t part)
{
    (void)part;
    const gki_map *in = &layer->maps.in, *d_out = &layer->maps.d_out;
    const size_t n = in->channels, width = in->width;
    gki_real *d_gain = gki_param_grad(ws->params, layer->weight);
    gki_real *d_shift = gki_param_grad(ws->params, layer->bias);
    gki_sums_begin(ws, n, d_gain);
    gki_sums_begin(ws, n, d_shift);
    for (size_t r = 0; r < rows; r++)
        for (size_t y = 0; y < in->height; y++)
            gki_map_kernels_get()->norm_silu_gradient(
                width, n, gki_at(ws, layer->in, r) + gki_map_row(in, y),
                stats_of(layer, ws, r) + 2 * y * width,
                gki_at(ws, layer->d_out, r) + gki_map_row(d_out, y), d_gain, d_shift);
}

static void map_norm_silu_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                                  size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const gki_map *from = &layer->maps.in, *to = &layer->maps.out;
    const size_t n = from->channels, width = from->width;
    for (size_t t = 0; t < count * each; t++, in += layer->in.width, out += layer->out.width) {
        const size_t r = first + t / each;
        gki_map_clear_border(to, out);
        for (size_t y = 0; y < from->height; y++)
            gki_map_kernels_get()->norm_silu_tangent(
                width, n, gki_at(ws, layer->in, r) + gki_map_row(from, y),
                gki_param_value(ws->params, layer->weight), stats_of(layer, ws, r) + 2 * y * width,
                slope_of(layer, ws, r) + y * width * n, in + gki_map_row(from, y),
                out + gki_map_row(to, y));
    }
}

static const gki_layer_ops map_norm_silu_ops = {map_norm_silu_forward, map_norm_silu_backward,
                                                map_norm_silu_parts, map_norm_silu_gradient,
                                                map_norm_silu_tangent};

/* Makes a layer without parameters on maps of the same size, whose d_out has no border. */
static gki_layer same_size(const gki_layer_ops *ops, gki_plan *plan, const gki_map *in,
                           const gki_map *d_in, size_t border)
{
    gki_layer layer = {
        .ops = ops,
        .in = in->slot,
        .d_in = d_in->slot,
        .has_d_in = true,
        .maps = {.in = *in,
                 .d_in = *d_in,
                 .out = gki_map_forward(plan, in->height, in->width, in->channels, border),
                 .d_out = gki_map_backward(plan, in->height, in->width, in->channels, 0)}};
    layer.out = layer.maps.out.slot;
    layer.d_out = layer.maps.d_out.slot;
    return layer;
}

gkv_status gki_map_norm_silu_create(gki_params *params, gki_plan *plan, const char *name,
                                    const gki_map *in, const gki_map *d_in, size_t border,
                                    gki_layer *layer)
{
    *layer = same_size(&map_norm_silu_ops, plan, in, d_in, border);
    layer->aux = gki_plan_forward(plan, gki_map_pixels(in) * (in->channels + 2));
    GKV_TRY(gki_params_add(params, in->channels, 0, true, &layer->weight, "%s.weight", name));
    return gki_params_add(params, in->channels, 0, true, &layer->bias, "%s.bias", name);
}

/* --- SiLU ----------------------------------------------------------------- */

static void silu_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const gki_map *in = &layer->maps.in, *out = &layer->maps.out;
    for (size_t r = first; r < first + count; r++)
        for (size_t y = 0; y < in->height; y++)
            gki_map_kernels_get()->silu(in->width * in->channels,
                                        gki_at(ws, layer->in, r) + gki_map_row(in, y),
                                        gki_at(ws, layer->out, r) + gki_map_row(out, y));
}

/* Multiplies a map by SiLU'(x), which forward has left in the input. */
static void multiply_by_slope(const gki_layer *layer, const gki_workspace *ws, size_t row,
                              const gki_map *from, const gki_real *x, const gki_map *to,
                              gki_real *out)
{
    const gki_map *slope = &layer->maps.in;
    for (size_t y = 0; y < slope->height; y++)
        gki_map_kernels_get()->product(slope->width * slope->channels, x + gki_map_row(from, y),
                                       gki_at(ws, layer->in, row) + gki_map_row(slope, y),
                                       out + gki_map_row(to, y));
}

static void silu_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++)
        multiply_by_slope(layer, ws, r, &layer->maps.d_out, gki_at(ws, layer->d_out, r),
                          &layer->maps.d_in, gki_at(ws, layer->d_in, r));
}

static void silu_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                         size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const gki_maps *maps = &layer->maps;
    for (size_t t = 0; t < count * each; t++, in += layer->in.width, out += layer->out.width) {
        gki_map_clear_border(&maps->out, out);
        multiply_by_slope(layer, ws, first + t / each, &maps->in, in, &maps->out, out);
    }
}

static const gki_layer_ops silu_ops = {silu_forward, silu_backward, NULL, NULL, silu_tangent};

gkv_status gki_map_silu_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                               gki_layer *layer)
{
    *layer = same_size(&silu_ops, plan, in, d_in, 1);
    return GKV_OK;
}

/* --- Shuffling ------------------------------------------------------------ */

/* Copies between a fine map and a coarse map with half its sides. Two pixels of a fine row are
 * neighbours in both. */
static void copy_fine(const gki_map *fine, const gki_map *coarse, const gki_real *from,
                      gki_real *to, bool unshuffles)
{
    const size_t run = 2 * fine->channels;
    for (size_t y = 0; y < fine->height; y++)
        for (size_t x = 0; x < coarse->width; x++) {
            const size_t offset = gki_map_row(fine, y) + x * run,
                         packed = gki_map_row(coarse, y / 2) + 2 * x * run + y % 2 * run;
            memcpy(to + (unshuffles ? packed : offset), from + (unshuffles ? offset : packed),
                   run * sizeof *to);
        }
}

static void unshuffle_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++)
        copy_fine(&layer->maps.in, &layer->maps.out, gki_at(ws, layer->in, r),
                  gki_at(ws, layer->out, r), true);
}

static void unshuffle_backward(const gki_layer *layer, gki_workspace *ws, size_t first,
                               size_t count)
{
    for (size_t r = first; r < first + count; r++)
        copy_fine(&layer->maps.d_in, &layer->maps.d_out, gki_at(ws, layer->d_out, r),
                  gki_at(ws, layer->d_in, r), false);
}

static void unshuffle_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                              size_t count, size_t each, const gki_real *in, gki_real *out)
{
    (void)ws, (void)first;
    for (size_t t = 0; t < count * each; t++, in += layer->in.width, out += layer->out.width)
        copy_fine(&layer->maps.in, &layer->maps.out, in, out, true);
}

static void shuffle_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++)
        copy_fine(&layer->maps.out, &layer->maps.in, gki_at(ws, layer->in, r),
                  gki_at(ws, layer->out, r), false);
}

static void shuffle_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++)
        copy_fine(&layer->maps.d_out, &layer->maps.d_in, gki_at(ws, layer->d_out, r),
                  gki_at(ws, layer->d_in, r), true);
}

static void shuffle_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                            size_t count, size_t each, const gki_real *in, gki_real *out)
{
    (void)ws, (void)first;
    for (size_t t = 0; t < count * each; t++, in += layer->in.width, out += layer->out.width)
        copy_fine(&layer->maps.out, &layer->maps.in, in, out, false);
}

static const gki_layer_ops unshuffle_ops = {unshuffle_forward, unshuffle_backward, NULL, NULL,
                                            unshuffle_tangent},
                           shuffle_ops = {shuffle_forward, shuffle_backward, NULL, NULL,
                                          shuffle_tangent};

/* Makes a layer from one size to another; neither output has a border. */
static gki_layer other_size(const gki_layer_ops *ops, gki_plan *plan, const gki_map *in,
                            const gki_map *d_in, size_t height, size_t width, size_t channels)
{
    gki_layer layer = {.ops = ops,
                       .in = in->slot,
                       .d_in = d_in->slot,
                       .has_d_in = true,
                       .maps = {.in = *in,
                                .d_in = *d_in,
                                .out = gki_map_forward(plan, height, width, channels, 0),
                                .d_out = gki_map_backward(plan, height, width, channels, 0)}};
    layer.out = layer.maps.out.slot;
    layer.d_out = layer.maps.d_out.slot;
    return layer;
}

gkv_status gki_unshuffle_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                                gki_layer *layer)
{
    *layer =
        other_size(&unshuffle_ops, plan, in, d_in, in->height / 2, in->width / 2, 4 * in->channels);
    return GKV_OK;
}

gkv_status gki_shuffle_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                              gki_layer *layer)
{
    *layer =
        other_size(&shuffle_ops, plan, in, d_in, 2 * in->height, 2 * in->width, in->channels / 4);
    return GKV_OK;
}
