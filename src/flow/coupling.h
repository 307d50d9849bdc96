/* An affine coupling layer (Dinh et al. 2017, eq. 7–8), in the normalising direction.
 *
 * The dimensions are split into two sets. z_a passes unchanged, and a network computes the map of z_b from it:
 *     ε_a = z_a,   ε_b = (z_b − t(z_a)) · exp(−s(z_a)),   log|det| = −Σ s,
 * with s = bound·tanh(·). So one layer scales by at most e^bound. The functions on rows follow the rules of
 * nn/layer.h. */
#ifndef GKV_FLOW_COUPLING_H
#define GKV_FLOW_COUPLING_H

#include "net/mlp.h"

typedef struct gkv_coupling {
    gkv_slot in, d_in, out, d_out; /* [rows, d] */
    gkv_slot pass, d_pass;         /* z_a, gathered [rows, |a|]: the input of the network */
    gkv_slot log_scale;            /* s [rows, |b|] */
    gkv_slot inverse_scale;        /* exp(−s) [rows, |b|] */
    gkv_mlp net;                   /* z_a → [s before tanh, t] */
    size_t *a, *b;                 /* the dimensions of the two sets, ascending */
    size_t a_count, b_count;
    gkv_real bound;                /* of |s| */
} gkv_coupling;

typedef struct gkv_coupling_spec {
    gkv_slot in, d_in;
    size_t index;  /* of the layer in its flow; it determines the split */
    size_t hidden; /* width of the network's hidden layers */
    double log_scale_bound;
} gkv_coupling_spec;

/* True if dimension j of `dims` is in the set b of layer `index`. Two consecutive layers have the same split with
 * the two sets exchanged. Each further pair of layers has another split, so that all dimensions soon affect each
 * other. The first split separates the halves. The next ones separate even from odd values of j, of j/2, of j/4, …
 * as long as the pattern repeats at least once. Then the halves come again. */
bool gkv_coupling_moves(size_t index, size_t j, size_t dims);

/* Makes a layer; adds its tensors to `params` and its slots to `plan`. Errors as gkv_params_add(), GKV_ERR_MEMORY. */
gkv_status gkv_coupling_create(const gkv_coupling_spec *spec, gkv_params *params, gkv_plan *plan,
                               gkv_coupling *coupling);

/* Frees the members, not the struct. NULL is fine. */
void gkv_coupling_free(gkv_coupling *coupling);

/* in → out; adds the log-determinant of the layer to log_det. */
void gkv_coupling_normalise(const gkv_coupling *coupling, gkv_workspace *ws, gkv_slot log_det, size_t first,
                            size_t count);
/* d_out and d_log_det → d_in. */
void gkv_coupling_backward(const gkv_coupling *coupling, gkv_workspace *ws, gkv_slot d_log_det, size_t first,
                           size_t count);
/* Replaces tangents[count·each, d] of `in` by the tangents of `out`, as `tangent` of gkv_flow_ops. */
void gkv_coupling_tangent(const gkv_coupling *coupling, const gkv_workspace *ws, size_t first, size_t count,
                          size_t each, gkv_real *tangents, const gkv_tangents *scratch);
/* out → in. */
void gkv_coupling_generate(const gkv_coupling *coupling, gkv_workspace *ws, size_t first, size_t count);

#endif
