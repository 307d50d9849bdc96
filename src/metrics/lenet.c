#include "metrics/lenet.h"

#include <stdio.h>
#include <string.h>

static const size_t paddings[GKV_LENET_CONVOLUTIONS] = {2, 0};

/* The layers of the convolutions: each has one for pooling and ReLU too. */
enum { MAP_LAYERS = 2 * GKV_LENET_CONVOLUTIONS };

/* The side after the first `convolutions` convolutions and their pooling. */
static size_t pooled(size_t side, size_t convolutions)
{
    for (size_t i = 0; i < convolutions; i++)
        side = (side + 2 * paddings[i] - GKV_LENET_KERNEL + 1) / 2;
    return side;
}

void gki_lenet_shape(const gki_lenet_spec *spec, size_t weight, size_t *channels, size_t *positions)
{
    *channels = weight == 0 ? 1 : spec->outputs[weight - 1];
    *positions = weight < GKV_LENET_CONVOLUTIONS ? GKV_LENET_KERNEL * GKV_LENET_KERNEL
                 : weight == GKV_LENET_CONVOLUTIONS
                     ? pooled(spec->height, weight) * pooled(spec->width, weight)
                     : 1;
}

/* A network that is being built: its last map or vector, and the gradient in it. */
typedef struct builder {
    gki_lenet *net;
    const gki_lenet_spec *spec;
    gki_map map, d_map;
    gki_slot slot, d_slot;
} builder;

static gki_layer *next_layer(builder *b)
{
    return &b->net->layers[b->net->count++];
}

/* Describes weight `i`, whose layer is the last one. */
static void describe(builder *b, size_t i)
{
    const gki_layer *layer = &b->net->layers[b->net->count - 1];
    gki_lenet_weight *weight = &b->net->weights[i];
    *weight = (gki_lenet_weight){.out = b->spec->outputs[i],
                                 .weight = layer->weight,
                                 .bias = layer->bias,
                                 .convolves = i < GKV_LENET_CONVOLUTIONS};
    gki_lenet_shape(b->spec, i, &weight->channels, &weight->positions);
}

static gkv_status add_convolution(builder *b, size_t i)
{
    char name[32];
    gki_lenet *net = b->net;
    const gki_conv_spec spec = {.in = b->map,
                                .d_in = b->d_map,
                                .has_d_in = i > 0,
                                .kernel = GKV_LENET_KERNEL,
                                .stride = 1,
                                .padding = paddings[i],
                                .outputs = b->spec->outputs[i],
                                .has_bias = true};
    snprintf(name, sizeof name, "convolutions.%zu", i);
    gki_layer *convolution = next_layer(b);
    GKV_TRY(gki_conv_create(&spec, &net->params, &net->plan, name, convolution));
    describe(b, i);
    gki_layer *pool = next_layer(b);
    GKV_TRY(
        gki_pool_relu_create(&net->plan, &convolution->maps.out, &convolution->maps.d_out, pool));
    b->map = pool->maps.out;
    b->d_map = pool->maps.d_out;
    return GKV_OK;
}

static gkv_status add_mask(builder *b, size_t i)
{
    gki_layer *layer = next_layer(b);
    GKV_TRY(gki_mask_create(&b->net->plan, b->slot, b->d_slot, layer));
    b->net->masks[i] = layer->aux;
    b->slot = layer->out;
    b->d_slot = layer->d_out;
    return GKV_OK;
}

static gkv_status add_linear(builder *b, size_t i)
{
    char name[32];
    gki_lenet *net = b->net;
    const bool is_last = i + 1 == GKV_LENET_LINEARS;
    if (b->spec->trains && !is_last)
        GKV_TRY(add_mask(b, i));
    snprintf(name, sizeof name, "linears.%zu", i);
    gki_layer *layer = next_layer(b);
    GKV_TRY(gki_linear_create(&net->params, &net->plan, name, b->slot, b->d_slot, true,
                              b->spec->outputs[GKV_LENET_CONVOLUTIONS + i], layer));
    describe(b, GKV_LENET_CONVOLUTIONS + i);
    b->slot = layer->out;
    b->d_slot = layer->d_out;
    return is_last ? GKV_OK : gki_rectifier_create(b->slot, b->d_slot, 0, next_layer(b));
}

gkv_status gki_lenet_create(const gki_lenet_spec *spec, gki_lenet *net)
{
    memset(net, 0, sizeof *net);
    net->image = gki_map_forward(&net->plan, spec->height, spec->width, 1, paddings[0]);
    builder b = {.net = net, .spec = spec, .map = net->image};
    for (size_t i = 0; i < GKV_LENET_CONVOLUTIONS; i++)
        GKV_TRY(add_convolution(&b, i));
    b.slot = b.map.slot;
    b.d_slot = b.d_map.slot;
    for (size_t i = 0; i < GKV_LENET_LINEARS; i++) {
        net->features = b.slot; /* in the end what the last layer reads */
        GKV_TRY(add_linear(&b, i));
    }
    net->logits = b.slot;
    net->d_logits = b.d_slot;
    return gki_params_seal(&net->params);
}

void gki_lenet_free(gki_lenet *net)
{
    gki_params_free(&net->params);
}

size_t gki_lenet_place(const gki_lenet_weight *weight, size_t out, size_t channel, size_t position)
{
    const size_t in = position * weight->channels + channel;
    return weight->convolves ? in * weight->out + out
                             : out * weight->channels * weight->positions + in;
}

void gki_lenet_forward(const gki_lenet *net, gki_workspace *ws, size_t layers, size_t first,
                       size_t count)
{
    for (size_t r = first; r < first + count; r++)
        for (size_t i = 0; i < MAP_LAYERS; i++)
            net->layers[i].ops->forward(&net->layers[i], ws, r, 1);
    for (size_t i = MAP_LAYERS; i < layers; i++)
        net->layers[i].ops->forward(&net->layers[i], ws, first, count);
}

size_t gki_lenet_feature_layers(const gki_lenet *net)
{
    return net->count - 1;
}

void gki_lenet_backward(const gki_lenet *net, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t i = net->count; i-- > MAP_LAYERS;)
        net->layers[i].ops->backward(&net->layers[i], ws, first, count);
    for (size_t r = first; r < first + count; r++)
        for (size_t i = MAP_LAYERS; i-- > 0;)
            net->layers[i].ops->backward(&net->layers[i], ws, r, 1);
}
