/* A multilayer perceptron: hidden blocks, then a linear output.
 *
 *   silu     linear, LayerNorm, SiLU
 *   residual the same, and from the second block on what went in is added to what comes out
 *   gated    linear to twice the width, h·sigmoid(a)
 *   leaky    linear, LeakyReLU (coupling nets)                                   */
#ifndef GKV_NN_MLP_H
#define GKV_NN_MLP_H

#include <stdint.h>

#include "nn/layer.h"

typedef enum gkv_block { GKV_BLOCK_SILU, GKV_BLOCK_RESIDUAL, GKV_BLOCK_GATED, GKV_BLOCK_LEAKY } gkv_block;

typedef struct gkv_mlp {
    gkv_layer *layers;
    size_t count;
    gkv_slot in, out, d_in, d_out;
    bool timed; /* its layers are parts of a profile; else the whole net is its user's */
    bool residual;
    gkv_slot d_skip; /* what goes round a residual block, on its way back [hidden] */
} gkv_mlp;

typedef struct gkv_mlp_spec {
    gkv_slot in, d_in;
    bool has_d_in;
    bool sparse_in;    /* the input is mostly zeros, and `mean` is taken off it; without has_d_in */
    gkv_param_id mean;
    bool timed;        /* as in gkv_mlp */
    size_t hidden, hidden_layers, out;
    gkv_block block;
} gkv_mlp_spec;

/* Lays the layers into params and plan; names start with `name`. */
gkv_status gkv_mlp_create(const gkv_mlp_spec *spec, const char *name, gkv_params *params, gkv_plan *plan,
                          gkv_mlp *mlp);
void gkv_mlp_free(gkv_mlp *mlp); /* frees what it holds, not the struct */

/* Initial weights: normal with variance 1/(3·fan_in), gains 1 and shifts 0 for
 * LayerNorm, zero biases; the output layer's variance is multiplied by `output_gain` (0 makes it
 * start at zero). Each tensor draws from its own place of the seed's numbers. */
void gkv_mlp_init(const gkv_mlp *mlp, const gkv_params *params, uint64_t seed, double output_gain);

/* Room for tangents on their way through the layers: arrays of as many numbers as the
 * widest layer on the way has for all tangents. */
typedef struct gkv_tangents {
    gkv_real *a, *b, *c; /* c for residual blocks only */
} gkv_tangents;

/* The widest of the first `layers` layers, inputs included. */
size_t gkv_mlp_widest(const gkv_mlp *mlp, size_t layers);

/* Forward mode through the first `layers` layers, as gkv_layer_ops: the tangents that come out, in one of
 * the room's arrays. `in` is NULL for unit vectors, or it may be room->a. */
gkv_real *gkv_mlp_tangent(const gkv_mlp *mlp, const gkv_workspace *ws, size_t layers, size_t first, size_t count,
                          size_t each, const gkv_real *in, const gkv_tangents *room);

void gkv_mlp_forward(const gkv_mlp *mlp, gkv_workspace *ws, size_t first, size_t count);
void gkv_mlp_backward(const gkv_mlp *mlp, gkv_workspace *ws, size_t first, size_t count);
size_t gkv_mlp_parts(const gkv_mlp *mlp);
void gkv_mlp_gradient(const gkv_mlp *mlp, gkv_workspace *ws, size_t rows, size_t part);

#endif
