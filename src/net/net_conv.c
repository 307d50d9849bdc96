/* Residual convolutional networks as encoder and decoder. They work at half and at a quarter of the
 * resolution of the images (nn/map_layer.h):
 *   encoder  image, convolution, blocks, unshuffling and 1×1 convolution or LayerNorm with SiLU and
 *            convolution of stride 2, blocks, LayerNorm and SiLU, linear
 *   decoder  linear, blocks, 1×1 convolution, shuffling, blocks, LayerNorm and SiLU, convolution,
 *            image
 * A block adds a branch to its input: LayerNorm over channels, SiLU, convolution, SiLU,
 * convolution. The kernels have 3×3 pixels unless stated otherwise. In place of a convolution a
 * block may have a depthwise one and one of 1×1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/layer_list.h"
#include "net/net.h"
#include "nn/map_layer.h"

enum { KERNEL = 3, SHUFFLED = 4, BLOCK_LAYERS = 6, OTHER_LAYERS = 6 }; /* layers: at most */

/* The factor of the initial variance of a block's last convolution: blocks start near the
 * identity. */
static const double branch_gain = 0.3 * 0.3;

/* The elements of the activations that fit in a cache, roughly; and the rows of a tile of training:
 * few enough for several tiles in a small batch, and enough for the products of flow and base. */
enum { CACHE_ELEMENTS = 1 << 18, TILE_ROWS = 16 };

/* The most inputs of the encoder's last layer at the full learning rate. A step of Adam moves all
 * weights by about the rate, so its effect on an output grows with the number of inputs, here the
 * pixels times the channels. With five times as many, posteriors leave the prior's range in a few
 * steps, and the KL term becomes 10⁸ nats. So the rate is divided by the number of inputs (Yang et
 * al. 2021). The number is that of 28×28 pixels and 48 channels. */
enum { FULL_RATE_INPUTS = 49 * 48 };

typedef struct net_conv {
    gki_net net;
    gki_layer *layers;
    size_t count;
    size_t rows; /* those that pass through all layers together */
    bool encodes;
} net_conv;

static const net_conv *conv_of(const gki_net *net)
{
    return (const net_conv *)net;
}

/* --- Building ------------------------------------------------------------- */

/* The network so far: its last map and the gradient in it. */
typedef struct builder {
    net_conv *net;
    gki_params *params;
    gki_plan *plan;
    const char *name;
    gkv_conv_block block;
    gki_map map, d_map;
} builder;

/* A name of a tensor; gki_params_add() refuses names that are too long. */
typedef char layer_name[2 * GKV_PARAM_NAME_SIZE];

static const char *name_of(const builder *b, const char *suffix, layer_name name)
{
    snprintf(name, sizeof(layer_name), "%.40s.%.60s", b->name, suffix);
    return name;
}

static gki_layer *next_layer(builder *b)
{
    return &b->net->layers[b->net->count++];
}

static void advance(builder *b, const gki_layer *layer)
{
    b->map = layer->maps.out;
    b->d_map = layer->maps.d_out;
}

/* Adds a convolution; `skip` is added to its output unless it is NULL. */
static gkv_status add_strided(builder *b, const char *suffix, size_t kernel, size_t stride,
                              size_t outputs, const gki_map *skip)
{
    layer_name name;
    gki_layer *layer = next_layer(b);
    gki_conv_spec spec = {.in = b->map,
                          .d_in = b->d_map,
                          .has_d_in = b->d_map.slot.width > 0,
                          .kernel = kernel,
                          .stride = stride,
                          .padding = kernel / 2,
                          .outputs = outputs,
                          .has_bias = true};
    if (skip)
        spec.skip = *skip;
    GKV_TRY(gki_conv_create(&spec, b->params, b->plan, name_of(b, suffix, name), layer));
    advance(b, layer);
    return GKV_OK;
}

static gkv_status add_conv(builder *b, const char *suffix, size_t kernel, size_t outputs,
                           const gki_map *skip)
{
    return add_strided(b, suffix, kernel, 1, outputs, skip);
}

static gkv_status add_norm(builder *b, const char *suffix, size_t border)
{
    layer_name name;
    gki_layer *layer = next_layer(b);
    GKV_TRY(gki_map_norm_silu_create(b->params, b->plan, name_of(b, suffix, name), &b->map,
                                     &b->d_map, border, layer));
    advance(b, layer);
    return GKV_OK;
}

/* Adds convolution `number` of a block, from all channels to all. */
static gkv_status add_block_conv(builder *b, const char *level, size_t index, int number,
                                 const gki_map *skip)
{
    char suffix[GKV_PARAM_NAME_SIZE];
    layer_name name;
    if (b->block == GKV_CONV_BLOCK_DEPTHWISE) {
        gki_layer *layer = next_layer(b);
        snprintf(suffix, sizeof suffix, "%s.%zu.depthwise%d", level, index, number);
        GKV_TRY(gki_depthwise_create(b->params, b->plan, name_of(b, suffix, name), &b->map,
                                     &b->d_map, KERNEL, layer));
        advance(b, layer);
    }
    snprintf(suffix, sizeof suffix, "%s.%zu.conv%d", level, index, number);
    return add_conv(b, suffix, b->block == GKV_CONV_BLOCK_DEPTHWISE ? 1 : KERNEL, b->map.channels,
                    skip);
}

static gkv_status add_block(builder *b, const char *level, size_t index)
{
    char suffix[GKV_PARAM_NAME_SIZE];
    const gki_map start = b->map;
    gki_layer *norm = &b->net->layers[b->net->count];
    snprintf(suffix, sizeof suffix, "%s.%zu.norm", level, index);
    GKV_TRY(add_norm(b, suffix, 1));
    GKV_TRY(add_block_conv(b, level, index, 1, NULL));
    gki_layer *silu = next_layer(b);
    GKV_TRY(gki_map_silu_create(b->plan, &b->map, &b->d_map, silu));
    advance(b, silu);
    GKV_TRY(add_block_conv(b, level, index, 2, &start));
    norm->maps.skip = b->d_map; /* the gradient goes around the branch too */
    return GKV_OK;
}

static gkv_status add_blocks(builder *b, const char *level, size_t count)
{
    for (size_t i = 0; i < count; i++)
        GKV_TRY(add_block(b, level, i));
    return GKV_OK;
}

static gkv_status add_linear(builder *b, const char *suffix, gki_slot in, gki_slot d_in,
                             bool has_d_in, size_t out)
{
    layer_name name;
    return gki_linear_create(b->params, b->plan, name_of(b, suffix, name), in, d_in, has_d_in, out,
                             next_layer(b));
}

/* From half of the resolution to a quarter. */
static gkv_status add_downsampling(builder *b, const gki_net_spec *spec)
{
    if (spec->downsampling == GKV_DOWNSAMPLING_STRIDE) {
        GKV_TRY(add_norm(b, "half.norm", 1));
        return add_strided(b, "down", KERNEL, 2, spec->quarter_channels, NULL);
    }
    gki_layer *unshuffle = next_layer(b);
    GKV_TRY(gki_unshuffle_create(b->plan, &b->map, &b->d_map, unshuffle));
    advance(b, unshuffle);
    return add_conv(b, "down", 1, spec->quarter_channels, NULL);
}

static gkv_status build_encoder(builder *b, const gki_net_spec *spec)
{
    gki_layer *input = next_layer(b);
    GKV_TRY(gki_image_input_create(b->plan, spec->in, spec->mean, spec->image, input));
    b->map = input->maps.out;
    GKV_TRY(add_conv(b, "input", KERNEL, spec->half_channels, NULL));
    GKV_TRY(add_blocks(b, "half", spec->conv_blocks));
    GKV_TRY(add_downsampling(b, spec));
    GKV_TRY(add_blocks(b, "quarter", spec->conv_blocks));
    GKV_TRY(add_norm(b, "norm", 0));
    GKV_TRY(add_linear(b, "output", b->map.slot, b->d_map.slot, true, spec->out));
    gki_param *weight = &b->params->list[b->net->layers[b->net->count - 1].weight];
    if (weight->cols > FULL_RATE_INPUTS)
        weight->rate = (double)FULL_RATE_INPUTS / (double)weight->cols;
    return GKV_OK;
}

/* Makes the output of the last linear layer a map. */
static void take_map(builder *b, size_t height, size_t width, size_t channels)
{
    const gki_layer *layer = &b->net->layers[b->net->count - 1];
    b->map = (gki_map){.slot = layer->out, .height = height, .width = width, .channels = channels};
    b->d_map = b->map;
    b->d_map.slot = layer->d_out;
}

static gkv_status build_decoder(builder *b, const gki_net_spec *spec)
{
    layer_name name;
    const gki_image_size image = spec->image;
    const size_t values = image.height * image.width * image.channels;
    const size_t height = gki_image_half(image.height) / 2, width = gki_image_half(image.width) / 2;
    if (values == 0 || spec->out % values != 0)
        return gki_fail(GKV_ERR_INTERNAL, "%zu outputs for images of %zu values", spec->out,
                        values);
    GKV_TRY(add_linear(b, "input", spec->in, spec->d_in, spec->has_d_in,
                       height * width * spec->quarter_channels));
    take_map(b, height, width, spec->quarter_channels);
    GKV_TRY(add_blocks(b, "quarter", spec->conv_blocks));
    GKV_TRY(add_conv(b, "up", 1, SHUFFLED * spec->half_channels, NULL));
    gki_layer *shuffle = next_layer(b);
    GKV_TRY(gki_shuffle_create(b->plan, &b->map, &b->d_map, shuffle));
    advance(b, shuffle);
    GKV_TRY(add_blocks(b, "half", spec->conv_blocks));
    GKV_TRY(add_norm(b, "norm", 1));
    gki_layer *last = next_layer(b);
    const gki_conv_spec conv = {.in = b->map, /* the output has a bias for each value */
                                .d_in = b->d_map,
                                .has_d_in = true,
                                .kernel = KERNEL,
                                .stride = 1,
                                .padding = KERNEL / 2,
                                .outputs = spec->out / values * SHUFFLED * image.channels};
    GKV_TRY(gki_conv_create(&conv, b->params, b->plan, name_of(b, "output", name), last));
    advance(b, last);
    return gki_image_output_create(b->params, b->plan, name_of(b, "output", name), &b->map,
                                   &b->d_map, image, spec->out / values, next_layer(b));
}

static void destroy(gki_net *net)
{
    net_conv *self = (net_conv *)net;
    if (!self)
        return;
    free(self->layers);
    free(self);
}

/* The layers whose tangents tangent() takes: all but those of tangent_part(). */
static size_t inner_layers(const net_conv *self)
{
    return self->count - (self->encodes ? 1 : 2);
}

/* The rows whose activations fit in a cache: a power of 2, so that tiles have equal parts. */
static size_t cached_rows(const net_conv *self)
{
    size_t elements = 0, rows = 1;
    for (size_t i = 0; i < self->count; i++)
        elements += self->layers[i].out.width;
    while (2 * rows * elements <= CACHE_ELEMENTS)
        rows *= 2;
    return rows;
}

/* Fills the members that all networks have. */
static void describe(net_conv *self, const gki_net_spec *spec)
{
    const gki_layer *last = &self->layers[self->count - 1];
    const size_t widest = gki_layers_widest(self->layers, inner_layers(self), spec->in.width);
    self->rows = cached_rows(self);
    self->net =
        (gki_net){.ops = &gki_net_conv,
                  .in = spec->in,
                  .out = last->out,
                  .d_in = spec->d_in,
                  .d_out = last->d_out,
                  .output_bias = last->bias,
                  .widest = widest,
                  .tile = TILE_ROWS,
                  .products = gki_layers_products(self->layers, self->count),
                  .first_products = gki_layers_products(self->layers, self->encodes ? 2 : 1)};
}

static gkv_status create(const gki_net_spec *spec, const char *name, gki_params *params,
                         gki_plan *plan, gki_net **out)
{
    net_conv *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    GKV_TRY_GOTO(gki_alloc(OTHER_LAYERS + 2 * BLOCK_LAYERS * spec->conv_blocks,
                           sizeof *self->layers, &self->layers));
    self->encodes = spec->encodes;
    builder b = {
        .net = self, .params = params, .plan = plan, .name = name, .block = spec->conv_block};
    GKV_TRY_GOTO(spec->encodes ? build_encoder(&b, spec) : build_decoder(&b, spec));
    describe(self, spec);
done:
    if (status != GKV_OK) {
        destroy((gki_net *)self);
        self = NULL;
    }
    *out = (gki_net *)self;
    return status;
}

/* --- Parameters ----------------------------------------------------------- */

static void init(const gki_net *net, const gki_params *params, uint64_t seed)
{
    const net_conv *self = conv_of(net);
    const size_t count = self->encodes ? self->count : self->count - 1; /* the last is a bias */
    for (size_t i = 0; i < count; i++) {
        const gki_layer *layer = &self->layers[i];
        gki_layer_init(layer, params, seed,
                       layer->maps.skip.slot.width && layer->maps.kernel ? branch_gain : 1);
    }
}

/* The outputs of a decoder are those of a convolution, all pixels of a parameter alike. */
static void scale_outputs(const gki_net *net, const gki_params *params, size_t first,
                          gki_real factor)
{
    const net_conv *self = conv_of(net);
    const gki_layer *last = &self->layers[inner_layers(self)];
    const gki_param *param = &params->list[last->weight];
    gki_real *weight = gki_param_value(params, last->weight);
    const gki_image_size image = self->layers[self->count - 1].image;
    if (self->encodes) {
        for (size_t i = first * param->cols; i < param->size; i++)
            weight[i] *= factor;
        return;
    }
    const size_t channel =
        first / (image.height * image.width * image.channels) * SHUFFLED * image.channels;
    for (size_t row = 0; row < param->rows; row++)
        for (size_t c = channel; c < param->cols; c++)
            weight[row * param->cols + c] *= factor;
}

/* --- Passes --------------------------------------------------------------- */

static void mark(const gki_workspace *ws, const gki_layer *layer, gki_bench_part products)
{
    gki_profile_mark(ws->profile, layer->products > 0 ? products : GKV_BENCH_ACTIVATIONS);
}

/* Few rows pass through all layers at a time, so that what a layer writes is still in a cache when
 * the next one reads it. */
static size_t rows_of(const net_conv *self, size_t left)
{
    return left < self->rows ? left : self->rows;
}

static void forward(const gki_net *net, gki_workspace *ws, size_t first, size_t count)
{
    const net_conv *self = conv_of(net);
    for (size_t done = 0, rows; done < count; done += rows) {
        rows = rows_of(self, count - done);
        for (size_t i = 0; i < self->count; i++) {
            self->layers[i].ops->forward(&self->layers[i], ws, first + done, rows);
            mark(ws, &self->layers[i], GKV_BENCH_GEMM_FORWARD);
        }
    }
}

static void backward(const gki_net *net, gki_workspace *ws, size_t first, size_t count)
{
    const net_conv *self = conv_of(net);
    for (size_t done = 0, rows; done < count; done += rows) {
        rows = rows_of(self, count - done);
        for (size_t i = self->count; i-- > 0;) {
            self->layers[i].ops->backward(&self->layers[i], ws, first + done, rows);
            mark(ws, &self->layers[i], GKV_BENCH_GEMM_BACKWARD);
        }
    }
}

static size_t parts(const gki_net *net)
{
    return gki_layers_parts(conv_of(net)->layers, conv_of(net)->count);
}

static void gradient(const gki_net *net, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_layer *layer = gki_layers_of_part(conv_of(net)->layers, conv_of(net)->count, &part);
    layer->ops->gradient(layer, ws, rows, part);
    mark(ws, layer, GKV_BENCH_GEMM_BACKWARD);
}

static const gki_layer *layers(const gki_net *net, size_t *count)
{
    *count = conv_of(net)->count;
    return conv_of(net)->layers;
}

/* --- Tangents ------------------------------------------------------------- */

static gki_real *spare_of(const gki_tangents *scratch, const gki_real *used, const gki_real *kept)
{
    gki_real *const all[] = {scratch->a, scratch->b, scratch->c};
    size_t i = 0;
    while (all[i] == used || all[i] == kept)
        i++;
    return all[i];
}

/* The tangents of a block's input are kept until its last convolution adds to them. */
static const gki_real *tangent(const gki_net *net, const gki_workspace *ws, size_t first,
                               size_t count, const gki_tangents *scratch)
{
    const net_conv *self = conv_of(net);
    gki_real *current = NULL, *kept = NULL;
    for (size_t i = 0; i < inner_layers(self); i++) {
        const gki_layer *layer = &self->layers[i];
        const bool has_skip = layer->maps.skip.slot.width > 0,
                   ends = has_skip && layer->maps.kernel;
        if (has_skip && !ends)
            kept = current;
        gki_real *out = ends ? kept : spare_of(scratch, current, kept);
        layer->ops->tangent(layer, ws, first, count, net->in.width, current, out);
        current = out;
        if (ends)
            kept = NULL;
    }
    return current;
}

static void tangent_part(const gki_net *net, const gki_workspace *ws, size_t first, size_t count,
                         const gki_real *tangents, size_t from, size_t width, gki_real *part)
{
    const net_conv *self = conv_of(net);
    const gki_layer *last = &self->layers[inner_layers(self)];
    const size_t rows = count * net->in.width;
    (void)first; /* the derivative of the last layers is the same at every row */
    if (self->encodes)
        gki_linear_tangent_part(last, ws, rows, tangents, from, width, part);
    else
        gki_image_output_tangent_part(&self->layers[self->count - 1], last, ws, rows, tangents,
                                      from, width, part);
}

const gki_net_ops gki_net_conv = {
    .name = "conv",
    .create = create,
    .free = destroy,
    .init = init,
    .scale_outputs = scale_outputs,
    .forward = forward,
    .backward = backward,
    .parts = parts,
    .gradient = gradient,
    .layers = layers,
    .tangent = tangent,
    .tangent_part = tangent_part,
};
