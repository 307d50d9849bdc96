/* The layers of feature networks: a LeNet (LeCun, Bottou, Bengio & Haffner 1998) for grey images.
 * Two convolutions of 5×5, the first with padding 2, each with max-pooling 2×2 and ReLU; then two
 * linear layers with ReLU, and a linear layer to the classes. */
#ifndef GKV_METRICS_LENET_H
#define GKV_METRICS_LENET_H

#include "nn/layer_list.h"
#include "nn/map_layer.h"

enum {
    GKV_LENET_CONVOLUTIONS = 2,
    GKV_LENET_LINEARS = 3,
    GKV_LENET_WEIGHTS = GKV_LENET_CONVOLUTIONS + GKV_LENET_LINEARS,
    GKV_LENET_KERNEL = 5,
    GKV_LENET_SIDE_MIN = 12, /* the second pooling then has one output */
    /* with pooling, ReLU and, in training, masks */
    GKV_LENET_LAYERS_MAX = 2 * GKV_LENET_CONVOLUTIONS + 3 * GKV_LENET_LINEARS
};

/* A weight. Files have it in the order [out, channels, positions], as PyTorch does: the positions
 * are the pixels under a kernel, or those of the map that the first linear layer reads. */
typedef struct gki_lenet_weight {
    size_t out, channels, positions;
    gki_param_id weight, bias;
    bool convolves;
} gki_lenet_weight;

typedef struct gki_lenet {
    gki_params params;
    gki_plan plan;
    gki_layer layers[GKV_LENET_LAYERS_MAX];
    size_t count;
    gki_map image; /* the input, with one channel and a border of 2 pixels */
    gki_lenet_weight weights[GKV_LENET_WEIGHTS];
    gki_slot features; /* the output of the second linear layer, after ReLU */
    gki_slot logits, d_logits;
    gki_slot masks[GKV_LENET_LINEARS - 1]; /* of dropout, before the linear layers with ReLU */
} gki_lenet;

typedef struct gki_lenet_spec {
    size_t height, width;              /* at least GKV_LENET_SIDE_MIN */
    size_t outputs[GKV_LENET_WEIGHTS]; /* channels or units of each layer; the last: classes */
    bool trains;                       /* whether there are masks */
} gki_lenet_spec;

/* The channels and positions of the input of a weight, as in gki_lenet_weight. */
void gki_lenet_shape(const gki_lenet_spec *spec, size_t weight, size_t *channels,
                     size_t *positions);

/* Makes a network with weights of zero. Free it with gki_lenet_free() after a failure too.
 * GKV_ERR_MEMORY. */
gkv_status gki_lenet_create(const gki_lenet_spec *spec, gki_lenet *net);

/* Frees the members, not the struct. */
void gki_lenet_free(gki_lenet *net);

/* The index of an element of a weight in the table of parameters, from its indices in a file. */
size_t gki_lenet_place(const gki_lenet_weight *weight, size_t out, size_t channel, size_t position);

/* Passes rows [first, first + count) of a workspace through the first `layers` layers. The images
 * pass through the convolutions one after another, so that they stay in a cache. */
void gki_lenet_forward(const gki_lenet *net, gki_workspace *ws, size_t layers, size_t first,
                       size_t count);

/* The layers that the features need, without that to the classes. */
size_t gki_lenet_feature_layers(const gki_lenet *net);

/* Passes the gradient in the logits of these rows back through all layers. */
void gki_lenet_backward(const gki_lenet *net, gki_workspace *ws, size_t first, size_t count);

#endif
