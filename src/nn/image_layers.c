/* The first and the last layer of networks of images (nn/map_layer.h), which convert between images
 * and maps of half their resolution. In both orders, two neighbouring pixels of a row of the image
 * are neighbours: they are a run of elements that is copied at a time. */
#include <string.h>

#include "nn/map_layer.h"
#include "nn/nn_kernels.h"

size_t gki_image_half(size_t side)
{
    return (side + 3) / 4 * 2;
}

/* The run of a pixel x of the map, on row `row` of the image: the number of elements inside the
 * image, and the index of the first. */
static inline size_t run_of(gki_image_size size, size_t row, size_t x, size_t *first)
{
    *first = (row * size.width + 2 * x) * size.channels;
    if (row >= size.height || 2 * x >= size.width)
        return 0;
    return (size.width - 2 * x < 2 ? 1 : 2) * size.channels;
}

/* --- Input ---------------------------------------------------------------- */

/* Makes the 2×2 pixels of an image the channels of one pixel of a map. Subtracts `mean` unless it
 * is NULL. */
static void unshuffle_image(gki_image_size size, const gki_map *map, const gki_real *image,
                            const gki_real *mean, gki_real *out)
{
    const size_t run = 2 * size.channels;
    for (size_t row = 0; row < 2 * map->height; row++) {
        gki_real *place = out + gki_map_row(map, row / 2) + row % 2 * run;
        for (size_t x = 0; x < map->width; x++, place += map->channels) {
            size_t first;
            const size_t inside = run_of(size, row, x, &first);
            for (size_t i = 0; i < run; i++)
                place[i] = i < inside ? image[first + i] - (mean ? mean[first + i] : 0) : 0;
        }
    }
}

static void input_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++)
        unshuffle_image(layer->image, &layer->maps.out, gki_at(ws, layer->in, r),
                        gki_param_value(ws->params, layer->mean), gki_at(ws, layer->out, r));
}

/* The inputs are data, so their gradient is not needed. */
static void input_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    (void)layer, (void)ws, (void)first, (void)count;
}

static const gki_layer_ops input_ops = {input_forward, input_backward, NULL, NULL, NULL};

gkv_status gki_image_input_create(gki_plan *plan, gki_slot in, gki_param_id mean,
                                  gki_image_size size, gki_layer *layer)
{
    *layer =
        (gki_layer){.ops = &input_ops,
                    .in = in,
                    .mean = mean,
                    .image = size,
                    .maps.out = gki_map_forward(plan, gki_image_half(size.height),
                                                gki_image_half(size.width), 4 * size.channels, 1)};
    layer->out = layer->maps.out.slot;
    return GKV_OK;
}

/* --- Output --------------------------------------------------------------- */

static size_t values_of(gki_image_size size)
{
    return size.height * size.width * size.channels;
}

/* Shuffles channels of a map to a parameter of all values: out ← bias + in. */
static void shuffle_parameter(const gki_layer *layer, const gki_real *bias, const gki_real *in,
                              gki_real *out)
{
    const gki_map *map = &layer->maps.in;
    const size_t run = 2 * layer->image.channels;
    for (size_t row = 0; row < layer->image.height; row++) {
        const gki_real *from = in + gki_map_row(map, row / 2) + row % 2 * run;
        for (size_t x = 0; x < map->width; x++, from += map->channels) {
            size_t first;
            const size_t inside = run_of(layer->image, row, x, &first);
            for (size_t i = 0; i < inside; i++)
                out[first + i] = bias[first + i] + from[i];
        }
    }
}

static void output_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const size_t values = values_of(layer->image), channels = 4 * layer->image.channels;
    const gki_real *bias = gki_param_value(ws->params, layer->bias);
    for (size_t r = first; r < first + count; r++)
        for (size_t p = 0; p < layer->out.width / values; p++)
            shuffle_parameter(layer, bias + p * values, gki_at(ws, layer->in, r) + p * channels,
                              gki_at(ws, layer->out, r) + p * values);
}

static void output_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const size_t values = values_of(layer->image), channels = 4 * layer->image.channels;
    for (size_t r = first; r < first + count; r++)
        for (size_t p = 0; p < layer->out.width / values; p++)
            unshuffle_image(layer->image, &layer->maps.d_in,
                            gki_at(ws, layer->d_out, r) + p * values, NULL,
                            gki_at(ws, layer->d_in, r) + p * channels);
}

static size_t output_parts(const gki_layer *layer)
{
    (void)layer;
    return 1;
}

static void output_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const size_t n = layer->out.width;
    gki_real *d_bias = gki_param_grad(ws->params, layer->bias);
    (void)part;
    gki_sums_begin(ws, n, d_bias);
    for (size_t r = 0; r < rows; r++)
        gki_nn_kernels_get()->axpy(n, 1, gki_at(ws, layer->d_out, r), d_bias);
}

/* Copies the elements of a part of a row of the map that are in the outputs [first, first + width)
 * to out[width]. `values` is the index of the first output of their parameter. */
static void place(gki_image_size size, gki_conv_range range, size_t values, const gki_real *row,
                  size_t first, size_t width, gki_real *out)
{
    const size_t run = 2 * size.channels;
    for (size_t x = 0; x < range.pixels; x++)
        for (size_t sub = 0; sub < 2; sub++) {
            size_t offset;
            const size_t inside = run_of(size, 2 * range.y + sub, range.x + x, &offset);
            for (size_t i = 0; i < inside; i++)
                if (values + offset + i >= first && values + offset + i < first + width)
                    out[values + offset + i - first] = row[x * range.outputs + sub * run + i];
        }
}

void gki_image_output_tangent_part(const gki_layer *output, const gki_layer *conv,
                                   const gki_workspace *ws, size_t rows, const gki_real *in,
                                   size_t first, size_t width, gki_real *out)
{
    enum { PIXELS = 16, CHANNELS = 12 }; /* the most of a piece */
    gki_real row[PIXELS * CHANNELS];
    const gki_image_size size = output->image;
    const gki_map *map = &output->maps.in;
    const size_t values = values_of(size), line = 2 * size.width * size.channels,
                 last = first + width - 1;
    for (size_t p = first / values; p <= last / values; p++) {
        const size_t from = p * values < first ? first - p * values : 0,
                     to = last - p * values < values ? last - p * values : values - 1;
        for (size_t y = from / line; y <= to / line; y++)
            for (size_t x = 0; x < map->width; x += PIXELS) {
                const gki_conv_range range = {.y = y,
                                              .x = x,
                                              .pixels =
                                                  map->width - x < PIXELS ? map->width - x : PIXELS,
                                              .output = p * 4 * size.channels,
                                              .outputs = 4 * size.channels};
                for (size_t t = 0; t < rows; t++) {
                    gki_conv_tangent_range(conv, ws, in + t * conv->in.width, range, row);
                    place(size, range, p * values, row, first, width, out + t * width);
                }
            }
    }
}

static const gki_layer_ops output_ops = {output_forward, output_backward, output_parts,
                                         output_gradient, NULL};

gkv_status gki_image_output_create(gki_params *params, gki_plan *plan, const char *name,
                                   const gki_map *in, const gki_map *d_in, gki_image_size size,
                                   size_t parameters, gki_layer *layer)
{
    const size_t outputs = parameters * values_of(size);
    *layer = (gki_layer){.ops = &output_ops,
                         .in = in->slot,
                         .d_in = d_in->slot,
                         .has_d_in = true,
                         .image = size,
                         .maps = {.in = *in, .d_in = *d_in}};
    layer->out = gki_plan_forward(plan, outputs);
    layer->d_out = gki_plan_backward(plan, outputs);
    return gki_params_add(params, outputs, 0, true, &layer->bias, "%s.bias", name);
}
