/* A multilayer perceptron: hidden blocks, and then a linear output. The kinds of block are
 *   silu      linear, LayerNorm, SiLU
 *   residual  as silu; from the second block on, the input of the block is added to its output
 *   gated     linear to twice the width, and then h·sigmoid(a)
 *   leaky     linear, leaky ReLU (used in coupling layers)
 *
 * The functions on rows follow the rules of nn/layer.h: different threads may call them for different rows. */
#ifndef GKV_NET_MLP_H
#define GKV_NET_MLP_H

#include <stdint.h>

#include "gkvae/settings.h"
#include "nn/layer.h"

/* A fourth form beside those of gkv_block, for coupling networks: leaky ReLU without LayerNorm. */
enum { GKV_BLOCK_LEAKY = GKV_BLOCK_GATED + 1 };

typedef struct gkv_mlp {
    gkv_layer *layers;
    size_t count;
    gkv_slot in, out, d_in, d_out;
    bool timed;      /* true if a profile measures the layers; else the caller measures the whole network */
    bool residual;   /* true for residual blocks */
    gkv_slot d_skip; /* the gradient along the skip connection of a residual block [hidden] */
} gkv_mlp;

typedef struct gkv_mlp_spec {
    gkv_slot in, d_in;
    bool has_d_in;            /* false if the gradient in the input is not needed */
    bool sparse_in;           /* true for an input of mostly zeros; `mean` is subtracted from it; has_d_in is false */
    gkv_param_id mean;        /* [in.width]; used only with sparse_in */
    bool timed;               /* as in gkv_mlp */
    size_t hidden;            /* width of the hidden layers */
    size_t hidden_layers;     /* number of hidden blocks; 0 for a linear map */
    size_t out;               /* width of the output */
    unsigned block;           /* a gkv_block, or GKV_BLOCK_LEAKY */
} gkv_mlp_spec;

/* Makes the layers of a network. Adds their tensors to `params`, under names that begin with `name`, and their slots to
 * `plan`. gkv_mlp_free() frees *mlp. Errors as gkv_params_add(). */
gkv_status gkv_mlp_create(const gkv_mlp_spec *spec, const char *name, gkv_params *params, gkv_plan *plan,
                          gkv_mlp *mlp);

/* Frees the members, not the struct. NULL is fine. */
void gkv_mlp_free(gkv_mlp *mlp);

/* Sets initial weights. Weights are normal with variance 1/(3·fan_in), which is PyTorch's default variance. Gains of
 * LayerNorm are 1; shifts and biases stay 0. The variance of the output layer is multiplied by `output_gain`; 0
 * makes all outputs 0. Each tensor draws from its own address of the random numbers, so it does not depend on the
 * others. */
void gkv_mlp_init(const gkv_mlp *mlp, const gkv_params *params, uint64_t seed, double output_gain);

/* Scratch memory for tangents. Each array has, for every tangent, as many elements as the widest layer
 * (gkv_mlp_widest()). */
typedef struct gkv_tangents {
    gkv_real *a, *b;
    gkv_real *c; /* used only by residual blocks */
} gkv_tangents;

/* The greatest width of the input and of the first `layers` layers. */
size_t gkv_mlp_widest(const gkv_mlp *mlp, size_t layers);

/* Forward-mode differentiation through the first `layers` layers, as `tangent` of gkv_layer_ops. Returns the
 * tangents of the output, which are in one of the arrays of `scratch`. `in` may be scratch->a, or NULL for all unit
 * vectors. */
gkv_real *gkv_mlp_tangent(const gkv_mlp *mlp, const gkv_workspace *ws, size_t layers, size_t first, size_t count,
                          size_t each, const gkv_real *in, const gkv_tangents *scratch);

/* The passes of gkv_layer_ops for the whole network. */
void gkv_mlp_forward(const gkv_mlp *mlp, gkv_workspace *ws, size_t first, size_t count);
void gkv_mlp_backward(const gkv_mlp *mlp, gkv_workspace *ws, size_t first, size_t count);
size_t gkv_mlp_parts(const gkv_mlp *mlp);
void gkv_mlp_gradient(const gkv_mlp *mlp, gkv_workspace *ws, size_t rows, size_t part);

#endif
