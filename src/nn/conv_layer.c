/* The convolution (nn/map_layer.h).
 *
 *   d_in[y, x, c] = Σ_{i, j, o} d_out[y + r − i, x + r − j, o] weight[i, j, c, o]
 * is a convolution of d_out, whose map has a border for this, with the weights in reversed order
 * and transposed; these are packed in this form. */
#include <string.h>

#include "nn/map_kernels.h"
#include "nn/map_layer.h"

/* The elements of the input and output of the images whose weight gradients are summed together, at
 * most: they are read once for each tile of the gradient, so they should be in a near cache. */
enum { GROUP_ELEMENTS = 1 << 15 };

/* --- Packed weights ------------------------------------------------------- */

/* Writes rows [row, row + rows) and columns [column, column + columns) of the packed weight to
 * to[rows, columns]. */
static void pack_block(const gki_param *param, const gki_real *weight, size_t row, size_t rows,
                       size_t column, size_t columns, gki_real *to)
{
    const size_t in = param->rows / param->taps, out = param->cols;
    for (size_t k = row; k < row + rows; k++, to += columns) {
        const size_t tap = param->taps - 1 - k / out;
        const gki_real *from = weight + (tap * in + column) * out + k % out;
        for (size_t c = 0; c < columns; c++)
            to[c] = from[c * out];
    }
}

void gki_conv_pack(const gki_param *param, const gki_real *weight, size_t tap, gki_real *packed)
{
    const size_t in = param->rows / param->taps, out = param->cols;
    pack_block(param, weight, tap * out, out, 0, in, packed + tap * out * in);
}

/* --- Products ------------------------------------------------------------- */

/* The operands of a convolution of one map to another. */
typedef struct convolution {
    const gki_map *from, *to;
    size_t kernel;
    const gki_real *weight; /* [kernel²·inputs, w_row] */
    size_t w_row;
    const gki_real *bias; /* NULL for none */
} convolution;

/* The product of a part of a row of the output, which is at `out`. */
static gki_conv_product product_of(const convolution *it, const gki_real *x, gki_conv_range range,
                                   gki_real *out)
{
    const gki_map *from = it->from;
    const size_t reach = it->kernel / 2, depth = it->kernel * from->channels,
                 corner =
                     gki_map_row(from, range.y) - reach * (gki_map_pitch(from) + from->channels);
    return (gki_conv_product){.m = range.pixels,
                              .n = range.outputs,
                              .k = depth,
                              .segments = it->kernel,
                              .groups = 1,
                              .a = x + corner + range.x * from->channels,
                              .a_row = from->channels,
                              .a_step = 1,
                              .a_segment = gki_map_pitch(from),
                              .b = it->weight + range.output,
                              .b_row = it->w_row,
                              .b_segment = depth * it->w_row,
                              .c = out,
                              .c_row = range.outputs,
                              .bias = it->bias};
}

static gki_conv_range whole_row(const convolution *it, size_t y)
{
    return (gki_conv_range){.y = y, .pixels = it->to->width, .outputs = it->to->channels};
}

static void convolve(const convolution *it, const gki_real *x, const gki_real *skip, gki_real *out)
{
    for (size_t y = 0; y < it->to->height; y++) {
        const size_t row = gki_map_row(it->to, y);
        gki_conv_product product = product_of(it, x, whole_row(it, y), out + row);
        product.start = skip ? skip + row : NULL;
        product.start_row = product.c_row;
        gki_map_kernels_get()->multiply(&product);
    }
}

/* Adds the products of `depth` rows of the weight to columns of the output, or sets these if `sets`
 * is true. `x` is moved to the element of the first of these rows. */
static void add_block(const convolution *it, const gki_real *x, size_t depth, bool sets,
                      gki_real *out)
{
    for (size_t y = 0; y < it->to->height; y++) {
        gki_real *row = out + gki_map_row(it->to, y);
        gki_conv_product product = product_of(it, x, whole_row(it, y), row);
        product.n = it->w_row;
        product.k = depth;
        product.segments = 1;
        product.start = sets ? NULL : row;
        product.start_row = product.c_row;
        gki_map_kernels_get()->multiply(&product);
    }
}

static convolution forward_of(const gki_layer *layer, const gki_params *params, bool with_bias)
{
    const gki_maps *maps = &layer->maps;
    return (convolution){.from = &maps->in,
                         .to = &maps->out,
                         .kernel = maps->kernel,
                         .weight = gki_param_value(params, layer->weight),
                         .w_row = maps->out.channels,
                         .bias = with_bias && layer->has_bias ? gki_param_value(params, layer->bias)
                                                              : NULL};
}

static void conv_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const convolution it = forward_of(layer, ws->params, true);
    const gki_slot skip = layer->maps.skip.slot;
    for (size_t r = first; r < first + count; r++)
        convolve(&it, gki_at(ws, layer->in, r), skip.width ? gki_at(ws, skip, r) : NULL,
                 gki_at(ws, layer->out, r));
}

/* The backward pass without packed weights: packs a block at a time, and adds its products. */
static void backward_by_blocks(const gki_layer *layer, gki_workspace *ws, size_t first,
                               size_t count)
{
    enum { DEPTH = 128, COLUMNS = 16 };
    const gki_map *from = &layer->maps.d_out, *to = &layer->maps.d_in;
    const gki_param *param = &ws->params->list[layer->weight];
    const size_t kernel = layer->maps.kernel, depth = kernel * from->channels;
    gki_real block[DEPTH * COLUMNS];
    for (size_t c = 0; c < to->channels; c += COLUMNS)
        for (size_t k = 0, these; k < kernel * depth; k += these) {
            const size_t row = k / depth, at = k % depth,
                         columns = to->channels - c < COLUMNS ? to->channels - c : COLUMNS;
            these = depth - at < DEPTH ? depth - at : DEPTH;
            pack_block(param, gki_param_value(ws->params, layer->weight), k, these, c, columns,
                       block);
            for (size_t r = first; r < first + count; r++)
                add_block(&(convolution){.from = from,
                                         .to = to,
                                         .kernel = kernel,
                                         .weight = block,
                                         .w_row = columns},
                          gki_at(ws, layer->d_out, r) + row * gki_map_pitch(from) + at, these,
                          k == 0, gki_at(ws, layer->d_in, r) + c);
        }
}

static void conv_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    if (!layer->has_d_in)
        return;
    if (!gki_packed(ws, layer->weight)) {
        backward_by_blocks(layer, ws, first, count);
        return;
    }
    const gki_maps *maps = &layer->maps;
    const convolution it = {.from = &maps->d_out,
                            .to = &maps->d_in,
                            .kernel = maps->kernel,
                            .weight = gki_packed(ws, layer->weight),
                            .w_row = maps->in.channels};
    for (size_t r = first; r < first + count; r++)
        convolve(&it, gki_at(ws, layer->d_out, r), NULL, gki_at(ws, layer->d_in, r));
}

/* A part is a row of the kernel. */
static size_t conv_parts(const gki_layer *layer)
{
    return layer->maps.kernel;
}

static void bias_gradient(const gki_layer *layer, const gki_workspace *ws, size_t rows)
{
    const gki_map *d_out = &layer->maps.d_out;
    gki_real *d_bias = gki_param_grad(ws->params, layer->bias);
    memset(d_bias, 0, d_out->channels * sizeof *d_bias);
    for (size_t r = 0; r < rows; r++)
        for (size_t y = 0; y < d_out->height; y++)
            gki_map_kernels_get()->add_pixels(d_out->width, d_out->channels,
                                              gki_at(ws, layer->d_out, r) + gki_map_row(d_out, y),
                                              d_bias);
}

static void conv_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_map *in = &layer->maps.in, *d_out = &layer->maps.d_out;
    const size_t kernel = layer->maps.kernel, reach = kernel / 2, m = kernel * in->channels;
    const size_t elements = layer->in.width + layer->d_out.width,
                 group = elements < GROUP_ELEMENTS ? GROUP_ELEMENTS / elements : 1;
    const size_t corner = gki_map_row(in, part) - reach * (gki_map_pitch(in) + in->channels);
    gki_real *d_weight = gki_param_grad(ws->params, layer->weight) + part * m * d_out->channels;
    for (size_t r = 0; r < rows; r += group)
        gki_map_kernels_get()->multiply(
            &(gki_conv_product){.m = m,
                                .n = d_out->channels,
                                .k = in->width,
                                .segments = in->height,
                                .groups = rows - r < group ? rows - r : group,
                                .a = gki_at(ws, layer->in, r) + corner,
                                .a_row = 1,
                                .a_step = in->channels,
                                .a_segment = gki_map_pitch(in),
                                .a_group = layer->in.width,
                                .b = gki_at(ws, layer->d_out, r) + gki_map_row(d_out, 0),
                                .b_row = d_out->channels,
                                .b_segment = gki_map_pitch(d_out),
                                .b_group = layer->d_out.width,
                                .c = d_weight,
                                .c_row = d_out->channels,
                                .start = r == 0 ? NULL : d_weight,
                                .start_row = d_out->channels});
    if (part == 0 && layer->has_bias)
        bias_gradient(layer, ws, rows);
}

/* With a skip connection, `out` holds the tangents of what is added. */
static void conv_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                         size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const convolution it = forward_of(layer, ws->params, false);
    (void)first; /* the derivative is the same at every row */
    for (size_t t = 0; t < count * each; t++) {
        gki_real *row = out + t * layer->out.width;
        convolve(&it, in + t * layer->in.width, layer->maps.skip.slot.width ? row : NULL, row);
    }
}

void gki_conv_tangent_range(const gki_layer *layer, const gki_workspace *ws, const gki_real *in,
                            gki_conv_range range, gki_real *out)
{
    const convolution it = forward_of(layer, ws->params, false);
    const gki_conv_product product = product_of(&it, in, range, out);
    gki_map_kernels_get()->multiply(&product);
}

static const gki_layer_ops conv_ops = {conv_forward, conv_backward, conv_parts, conv_gradient,
                                       conv_tangent};

gkv_status gki_conv_create(const gki_conv_spec *spec, gki_params *params, gki_plan *plan,
                           const char *name, gki_layer *layer)
{
    const gki_map *in = &spec->in;
    *layer =
        (gki_layer){.ops = &conv_ops,
                    .in = in->slot,
                    .d_in = spec->d_in.slot,
                    .has_d_in = spec->has_d_in,
                    .has_bias = spec->has_bias,
                    .maps = {.in = *in,
                             .d_in = spec->d_in,
                             .out = gki_map_forward(plan, in->height, in->width, spec->outputs, 0),
                             .d_out = gki_map_backward(plan, in->height, in->width, spec->outputs,
                                                       spec->kernel / 2),
                             .skip = spec->skip,
                             .kernel = spec->kernel}};
    layer->out = layer->maps.out.slot;
    layer->d_out = layer->maps.d_out.slot;
    const size_t taps = spec->kernel * spec->kernel;
    layer->products = (double)(gki_map_pixels(in) * taps * in->channels * spec->outputs);
    GKV_TRY(gki_params_add(params, taps * in->channels, spec->outputs, true, &layer->weight,
                           "%s.weight", name));
    params->list[layer->weight].packed = true;
    params->list[layer->weight].taps = taps;
    return spec->has_bias
               ? gki_params_add(params, spec->outputs, 0, true, &layer->bias, "%s.bias", name)
               : GKV_OK;
}
