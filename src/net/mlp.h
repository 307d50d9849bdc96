/* A multilayer perceptron: hidden blocks (block.h), and then a linear output. It is the network of
 * coupling layers, and net_mlp.c makes it an encoder and a decoder.
 *
 * The functions on rows follow the rules of nn/layer.h: different threads may call them for
 * different rows. */
#ifndef GKV_NET_MLP_H
#define GKV_NET_MLP_H

#include <stdint.h>

#include "net/block.h"
#include "nn/layer.h"

typedef struct gki_mlp {
    gki_layer *layers;
    size_t count;
    gki_slot in, out, d_in, d_out;
    /* true if a profile measures the layers; else the caller measures the whole network */
    bool timed;
    bool has_skip;   /* as in gki_block_ops */
    gki_slot d_skip; /* the gradient along the skip connection of a block [hidden] */
} gki_mlp;

typedef struct gki_mlp_spec {
    gki_slot in, d_in;
    bool has_d_in; /* false if the gradient in the input is not needed */
    /* true for an input of mostly zeros; `mean` is subtracted from it; has_d_in is false */
    bool sparse_in;
    gki_param_id mean;    /* [in.width]; used only with sparse_in */
    bool timed;           /* as in gki_mlp */
    size_t hidden;        /* width of the hidden layers */
    size_t hidden_layers; /* number of hidden blocks; 0 for a linear map */
    size_t out;           /* width of the output */
    const gki_block_ops *block;
} gki_mlp_spec;

/* Makes the layers of a network. Adds their tensors to `params`, under names that begin with
 * `name`, and their slots to `plan`. gki_mlp_free() frees *mlp. Errors as gki_params_add(). */
gkv_status gki_mlp_create(const gki_mlp_spec *spec, const char *name, gki_params *params,
                          gki_plan *plan, gki_mlp *mlp);

/* Frees the members, not the struct. NULL is fine. */
void gki_mlp_free(gki_mlp *mlp);

/* Sets initial weights. Weights are normal with variance 1/(3·fan_in), which is PyTorch's default
 * variance. Gains of LayerNorm are 1; shifts and biases stay 0. The variance of the output layer is
 * multiplied by `output_gain`; 0 makes all outputs 0. Each tensor draws from its own address of the
 * random numbers, so it does not depend on the others. */
void gki_mlp_init(const gki_mlp *mlp, const gki_params *params, uint64_t seed, double output_gain);

/* The greatest width of the input and of the first `layers` layers. */
size_t gki_mlp_widest(const gki_mlp *mlp, size_t layers);

/* The multiply-adds of one row in the first `layers` layers. */
double gki_mlp_products(const gki_mlp *mlp, size_t layers);

/* Forward-mode differentiation through the first `layers` layers, as `tangent` of gki_layer_ops.
 * The arrays of `scratch` have rows of gki_mlp_widest() elements. Returns the tangents of the
 * output, which are in one of these arrays. `in` may be scratch->a, or NULL for all unit
 * vectors. */
gki_real *gki_mlp_tangent(const gki_mlp *mlp, const gki_workspace *ws, size_t layers, size_t first,
                          size_t count, size_t each, const gki_real *in,
                          const gki_tangents *scratch);

/* The passes of gki_layer_ops for the whole network. */
void gki_mlp_forward(const gki_mlp *mlp, gki_workspace *ws, size_t first, size_t count);
void gki_mlp_backward(const gki_mlp *mlp, gki_workspace *ws, size_t first, size_t count);
size_t gki_mlp_parts(const gki_mlp *mlp);
void gki_mlp_gradient(const gki_mlp *mlp, gki_workspace *ws, size_t rows, size_t part);

#endif
