/* The convolution (nn/map_layer.h).
 *
 *   d_in[y, x, c] = Σ_{i, j, o} d_out[(y + p − i)/s, (x + p − j)/s, o] weight[i, j, c, o]
 * for stride s and padding p is a sum over the taps (i, j) with whole numbers there. With stride 1
 * it is a convolution of d_out, whose map has a border for this, with the weights in reversed order
 * and transposed. With stride 2 the pixels of d_in are four classes, by the parities of y and x,
 * and each is such a convolution with every second row and column of the kernel. The weights are
 * packed for this. */
#include <string.h>

#include "nn/map_kernels.h"
#include "nn/map_layer.h"

/* --- Packed weights ------------------------------------------------------- */

/* The taps of one direction that reach the pixels x ≡ `class` (mod stride) of the input: `first`,
 * first − stride, first − 2·stride, … */
typedef struct tap_run {
    size_t first, count;
    size_t position; /* the index of the first in a packed row of the kernel */
    ptrdiff_t shift; /* its pixel of the output for the pixel x = class */
} tap_run;

static tap_run taps_of(const gki_maps *maps, size_t class)
{
    const size_t kernel = maps->kernel, stride = maps->stride,
                 least = (class + maps->padding) % stride;
    if (least >= kernel)
        return (tap_run){.count = 0};
    const size_t first = kernel - 1 - (kernel - 1 - least) % stride;
    return (tap_run){.first = first,
                     .count = first / stride + 1,
                     .position = first + 1 == kernel ? 0 : (kernel + 1) / 2,
                     .shift = ((ptrdiff_t)(class + maps->padding) - (ptrdiff_t)first) /
                              (ptrdiff_t)stride};
}

/* The tap at a place of a packed row of a kernel: in descending order, with stride 2 those of the
 * parity of the last one first. */
static size_t tap_at(size_t kernel, size_t stride, size_t position)
{
    const size_t same = (kernel + 1) / 2;
    return stride == 1       ? kernel - 1 - position
           : position < same ? kernel - 1 - 2 * position
                             : kernel - 2 - 2 * (position - same);
}

/* Writes rows [row, row + rows) and columns [column, column + columns) of the packed weight to
 * to[rows, columns]. */
static void pack_block(const gki_param *param, const gki_real *weight, size_t row, size_t rows,
                       size_t column, size_t columns, gki_real *to)
{
    const size_t in = param->rows / (param->kernel * param->kernel), out = param->cols;
    for (size_t k = row; k < row + rows; k++, to += columns) {
        const size_t position = k / out, line = param->kernel - 1 - position / param->kernel,
                     tap = line * param->kernel +
                           tap_at(param->kernel, param->stride, position % param->kernel);
        const gki_real *from = weight + (tap * in + column) * out + k % out;
        for (size_t c = 0; c < columns; c++)
            to[c] = from[c * out];
    }
}

size_t gki_conv_pack_pieces(const gki_param *param)
{
    return param->kernel * param->kernel;
}

void gki_conv_pack(const gki_param *param, const gki_real *weight, size_t piece, gki_real *packed)
{
    const size_t in = param->rows / (param->kernel * param->kernel), out = param->cols;
    pack_block(param, weight, piece * out, out, 0, in, packed + piece * out * in);
}

/* --- Forward -------------------------------------------------------------- */

/* The weights and the bias of a convolution; `bias` is NULL for none. */
typedef struct operands {
    const gki_real *weight, *bias;
} operands;

static operands operands_of(const gki_layer *layer, const gki_params *params, bool with_bias)
{
    return (operands){.weight = gki_param_value(params, layer->weight),
                      .bias = with_bias && layer->has_bias ? gki_param_value(params, layer->bias)
                                                           : NULL};
}

/* The product of a part of a row of the output, which is at `out`. */
static gki_conv_product product_of(const gki_maps *maps, operands with, const gki_real *x,
                                   gki_conv_range range, gki_real *out)
{
    const gki_map *in = &maps->in;
    const size_t depth = maps->kernel * in->channels, pitch = gki_map_pitch(in),
                 corner = gki_map_row(in, range.y * maps->stride) -
                          maps->padding * (pitch + in->channels);
    return (gki_conv_product){.m = range.pixels,
                              .n = range.outputs,
                              .k = depth,
                              .segments = maps->kernel,
                              .groups = 1,
                              .a = x + corner + range.x * maps->stride * in->channels,
                              .a_row = maps->stride * in->channels,
                              .a_step = 1,
                              .a_segment = pitch,
                              .b = with.weight + range.output,
                              .b_row = maps->out.channels,
                              .b_segment = depth * maps->out.channels,
                              .c = out,
                              .c_row = range.outputs,
                              .bias = with.bias};
}

static void convolve(const gki_maps *maps, operands with, const gki_real *x, const gki_real *skip,
                     gki_real *out)
{
    for (size_t y = 0; y < maps->out.height; y++) {
        const size_t row = gki_map_row(&maps->out, y);
        const gki_conv_range whole = {
            .y = y, .pixels = maps->out.width, .outputs = maps->out.channels};
        gki_conv_product product = product_of(maps, with, x, whole, out + row);
        product.start = skip ? skip + row : NULL;
        product.start_row = product.c_row;
        gki_map_kernels_get()->multiply(&product);
    }
}

static void conv_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const operands with = operands_of(layer, ws->params, true);
    const gki_slot skip = layer->maps.skip.slot;
    for (size_t r = first; r < first + count; r++)
        convolve(&layer->maps, with, gki_at(ws, layer->in, r),
                 skip.width ? gki_at(ws, skip, r) : NULL, gki_at(ws, layer->out, r));
}

/* --- Backward ------------------------------------------------------------- */

/* The product of the pixels of row y of d_in whose columns are of a class, from taps of one row of
 * the kernel that begin at `row` and `place` in the packed weight. It has one segment of one
 * tap. */
static gki_conv_product backward_product(const gki_maps *maps, size_t y, size_t class, tap_run rows,
                                         tap_run columns, const gki_real *d_out, gki_real *d_in)
{
    const gki_map *from = &maps->d_out, *to = &maps->d_in;
    const size_t pitch = gki_map_pitch(from), n = from->channels;
    const ptrdiff_t line = (ptrdiff_t)(y / maps->stride) + rows.shift,
                    corner = (ptrdiff_t)gki_map_row(from, 0) + line * (ptrdiff_t)pitch +
                             columns.shift * (ptrdiff_t)n;
    return (gki_conv_product){.m = (to->width - class + maps->stride - 1) / maps->stride,
                              .n = to->channels,
                              .k = columns.count * n,
                              .segments = rows.count,
                              .groups = 1,
                              .a = d_out + corner,
                              .a_row = n,
                              .a_step = 1,
                              .a_segment = pitch,
                              .c = d_in + gki_map_row(to, y) + class * to->channels,
                              .c_row = maps->stride * to->channels};
}

/* Sets the pixels of row y of d_in whose columns are of a class to zero. */
static void clear(const gki_maps *maps, size_t y, size_t class, gki_real *d_in)
{
    const gki_map *map = &maps->d_in;
    for (size_t x = class; x < map->width; x += maps->stride)
        memset(d_in + gki_map_row(map, y) + x * map->channels, 0, map->channels * sizeof *d_in);
}

static void backward_row(const gki_maps *maps, const gki_real *packed, size_t y,
                         const gki_real *d_out, gki_real *d_in)
{
    const size_t outputs = maps->d_out.channels, inputs = maps->d_in.channels,
                 tap = outputs * inputs, line = maps->kernel * tap;
    const tap_run rows = taps_of(maps, y % maps->stride);
    for (size_t class = 0; class < maps->stride && class < maps->d_in.width; class ++) {
        const tap_run columns = taps_of(maps, class);
        if (rows.count == 0 || columns.count == 0) {
            clear(maps, y, class, d_in);
            continue;
        }
        gki_conv_product product = backward_product(maps, y, class, rows, columns, d_out, d_in);
        product.b = packed + (maps->kernel - 1 - rows.first) * line + columns.position * tap;
        product.b_row = inputs;
        product.b_segment = maps->stride * line;
        gki_map_kernels_get()->multiply(&product);
    }
}

/* A block of the packed weight: `depth` of its rows, from the taps of one row of the kernel and of
 * one class of columns, and some of its columns. */
typedef struct kernel_block {
    size_t tap_row;       /* of the kernel */
    size_t class;         /* of the columns of d_in */
    size_t first, depth;  /* rows from the first of the class */
    size_t input, inputs; /* columns */
    const gki_real *weight;
} kernel_block;

/* Adds the products of a block to d_in. */
static void add_block(const gki_maps *maps, const kernel_block *block, const gki_real *d_out,
                      gki_real *d_in)
{
    const tap_run columns = taps_of(maps, block->class);
    for (size_t y = 0; y < maps->d_in.height; y++) {
        tap_run row = {.first = block->tap_row, .count = 1};
        const ptrdiff_t distance =
            (ptrdiff_t)(y % maps->stride + maps->padding) - (ptrdiff_t)block->tap_row;
        if (distance % (ptrdiff_t)maps->stride != 0)
            continue;
        row.shift = distance / (ptrdiff_t)maps->stride;
        gki_conv_product product = backward_product(maps, y, block->class, row, columns,
                                                    d_out + block->first, d_in + block->input);
        product.n = block->inputs;
        product.k = block->depth;
        product.b = block->weight;
        product.b_row = block->inputs;
        product.start = product.c;
        product.start_row = product.c_row;
        gki_map_kernels_get()->multiply(&product);
    }
}

/* Adds the products of the taps of one row of the kernel and of one class of columns, packing a
 * block at a time. */
static void add_taps(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count,
                     size_t line, size_t class)
{
    enum { DEPTH = 128, COLUMNS = 16 };
    const gki_maps *maps = &layer->maps;
    const gki_param *param = &ws->params->list[layer->weight];
    const size_t outputs = maps->d_out.channels, inputs = maps->d_in.channels;
    const tap_run columns = taps_of(maps, class);
    gki_real packed[DEPTH * COLUMNS];
    kernel_block block = {.tap_row = maps->kernel - 1 - line, .class = class, .weight = packed};
    for (block.input = 0; block.input < inputs; block.input += COLUMNS)
        for (block.first = 0; block.first < columns.count * outputs; block.first += DEPTH) {
            const size_t left = columns.count * outputs - block.first;
            block.depth = left < DEPTH ? left : DEPTH;
            block.inputs = inputs - block.input < COLUMNS ? inputs - block.input : COLUMNS;
            pack_block(param, gki_param_value(ws->params, layer->weight),
                       (line * maps->kernel + columns.position) * outputs + block.first,
                       block.depth, block.input, block.inputs, packed);
            for (size_t r = first; r < first + count; r++)
                add_block(maps, &block, gki_at(ws, layer->d_out, r), gki_at(ws, layer->d_in, r));
        }
}

/* The backward pass without packed weights, with the same sums in the same order. */
static void backward_by_blocks(const gki_layer *layer, gki_workspace *ws, size_t first,
                               size_t count)
{
    const gki_maps *maps = &layer->maps;
    for (size_t r = first; r < first + count; r++)
        for (size_t y = 0; y < maps->d_in.height; y++)
            for (size_t class = 0; class < maps->stride; class ++)
                clear(maps, y, class, gki_at(ws, layer->d_in, r));
    for (size_t line = 0; line < maps->kernel; line++)
        for (size_t class = 0; class < maps->stride && class < maps->d_in.width; class ++)
            add_taps(layer, ws, first, count, line, class);
}

static void conv_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    if (!layer->has_d_in)
        return;
    const gki_real *packed = gki_packed(ws, layer->weight);
    if (!packed) {
        backward_by_blocks(layer, ws, first, count);
        return;
    }
    for (size_t r = first; r < first + count; r++)
        for (size_t y = 0; y < layer->maps.d_in.height; y++)
            backward_row(&layer->maps, packed, y, gki_at(ws, layer->d_out, r),
                         gki_at(ws, layer->d_in, r));
}

/* --- Gradient and tangents ------------------------------------------------ */

/* The elements of the input and output of the images whose weight gradients are summed together, at
 * most: they are read once for each tile of the gradient, so they should be in a near cache. */
enum { GROUP_ELEMENTS = 1 << 15 };

/* A part is a row of the kernel. */
static size_t conv_parts(const gki_layer *layer)
{
    return layer->maps.kernel;
}

static void bias_gradient(const gki_layer *layer, const gki_workspace *ws, size_t rows)
{
    const gki_map *d_out = &layer->maps.d_out;
    gki_real *d_bias = gki_param_grad(ws->params, layer->bias);
    gki_sums_begin(ws, d_out->channels, d_bias);
    for (size_t r = 0; r < rows; r++)
        for (size_t y = 0; y < d_out->height; y++)
            gki_map_kernels_get()->add_pixels(d_out->width, d_out->channels,
                                              gki_at(ws, layer->d_out, r) + gki_map_row(d_out, y),
                                              d_bias);
}

static void conv_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_map *in = &layer->maps.in, *d_out = &layer->maps.d_out;
    const size_t kernel = layer->maps.kernel, stride = layer->maps.stride,
                 m = kernel * in->channels;
    const size_t elements = layer->in.width + layer->d_out.width,
                 group = elements < GROUP_ELEMENTS ? GROUP_ELEMENTS / elements : 1;
    const size_t corner =
        gki_map_row(in, part) - layer->maps.padding * (gki_map_pitch(in) + in->channels);
    gki_real *d_weight = gki_param_grad(ws->params, layer->weight) + part * m * d_out->channels;
    for (size_t r = 0; r < rows; r += group)
        gki_map_kernels_get()->multiply(
            &(gki_conv_product){.m = m,
                                .n = d_out->channels,
                                .k = d_out->width,
                                .segments = d_out->height,
                                .groups = rows - r < group ? rows - r : group,
                                .a = gki_at(ws, layer->in, r) + corner,
                                .a_row = 1,
                                .a_step = stride * in->channels,
                                .a_segment = stride * gki_map_pitch(in),
                                .a_group = layer->in.width,
                                .b = gki_at(ws, layer->d_out, r) + gki_map_row(d_out, 0),
                                .b_row = d_out->channels,
                                .b_segment = gki_map_pitch(d_out),
                                .b_group = layer->d_out.width,
                                .c = d_weight,
                                .c_row = d_out->channels,
                                .start = r == 0 && !gki_sums_continue(ws) ? NULL : d_weight,
                                .start_row = d_out->channels});
    if (part == 0 && layer->has_bias)
        bias_gradient(layer, ws, rows);
}

/* With a skip connection, `out` holds the tangents of what is added. */
static void conv_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                         size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const operands with = operands_of(layer, ws->params, false);
    (void)first; /* the derivative is the same at every row */
    for (size_t t = 0; t < count * each; t++) {
        gki_real *row = out + t * layer->out.width;
        convolve(&layer->maps, with, in + t * layer->in.width,
                 layer->maps.skip.slot.width ? row : NULL, row);
    }
}

void gki_conv_tangent_range(const gki_layer *layer, const gki_workspace *ws, const gki_real *in,
                            gki_conv_range range, gki_real *out)
{
    const operands with = operands_of(layer, ws->params, false);
    const gki_conv_product product = product_of(&layer->maps, with, in, range, out);
    gki_map_kernels_get()->multiply(&product);
}

static const gki_layer_ops conv_ops = {conv_forward, conv_backward, conv_parts, conv_gradient,
                                       conv_tangent};

/* The side of the output for a side of the input. */
static size_t side_of(const gki_conv_spec *spec, size_t side)
{
    return (side + 2 * spec->padding - spec->kernel) / spec->stride + 1;
}

gkv_status gki_conv_create(const gki_conv_spec *spec, gki_params *params, gki_plan *plan,
                           const char *name, gki_layer *layer)
{
    const gki_map *in = &spec->in;
    const size_t height = side_of(spec, in->height), width = side_of(spec, in->width),
                 taps = spec->kernel * spec->kernel;
    *layer = (gki_layer){.ops = &conv_ops,
                         .in = in->slot,
                         .d_in = spec->d_in.slot,
                         .has_d_in = spec->has_d_in,
                         .has_bias = spec->has_bias,
                         .maps = {.in = *in,
                                  .d_in = spec->d_in,
                                  .out = gki_map_forward(plan, height, width, spec->outputs, 0),
                                  .d_out = gki_map_backward(plan, height, width, spec->outputs,
                                                            spec->kernel - 1 - spec->padding),
                                  .skip = spec->skip,
                                  .kernel = spec->kernel,
                                  .stride = spec->stride,
                                  .padding = spec->padding}};
    layer->out = layer->maps.out.slot;
    layer->d_out = layer->maps.d_out.slot;
    layer->products = (double)(height * width * taps * in->channels * spec->outputs);
    GKV_TRY(gki_params_add(params, taps * in->channels, spec->outputs, true, &layer->weight,
                           "%s.weight", name));
    gki_param *weight = &params->list[layer->weight];
    weight->packed = true;
    weight->kernel = spec->kernel;
    weight->stride = spec->stride;
    return spec->has_bias
               ? gki_params_add(params, spec->outputs, 0, true, &layer->bias, "%s.bias", name)
               : GKV_OK;
}
