/* An affine coupling layer (Dinh et al. 2017, eq. 7–8), in the normalising direction.
 *
 * The dimensions are split into two sets. z_a passes unchanged, and a network computes the map of
 * z_b from it:
 *     ε_a = z_a,   ε_b = (z_b − t(z_a)) · exp(−s(z_a)),   log|det| = −Σ s,
 * with s = bound·tanh(·). So one layer scales by at most e^bound. The functions on rows follow the
 * rules of nn/layer.h. */
#ifndef GKV_FLOW_COUPLING_H
#define GKV_FLOW_COUPLING_H

#include "net/mlp.h"

typedef struct gki_coupling {
    gki_slot in, d_in, out, d_out; /* [rows, d] */
    gki_slot pass, d_pass;         /* z_a, gathered [rows, |a|]: the input of the network */
    gki_slot log_scale;            /* s [rows, |b|] */
    gki_slot inverse_scale;        /* exp(−s) [rows, |b|] */
    gki_mlp net;                   /* z_a → [s before tanh, t] */
    size_t *a, *b;                 /* the dimensions of the two sets, ascending */
    size_t a_count, b_count;
    gki_real bound; /* of |s| */
} gki_coupling;

typedef struct gki_coupling_spec {
    gki_slot in, d_in;
    size_t index;  /* of the layer in its flow; it determines the split */
    size_t hidden; /* width of the network's hidden layers */
    double log_scale_bound;
} gki_coupling_spec;

/* True if dimension j of `dims` is in the set b of layer `index`. Two consecutive layers have the
 * same split with the two sets exchanged. Each further pair of layers has another split, so that
 * all dimensions soon affect each other. The first split separates the halves. The next ones
 * separate even from odd values of j, of j/2, of j/4, … as long as the pattern repeats at least
 * once. Then the halves come again. */
bool gki_coupling_moves(size_t index, size_t j, size_t dims);

/* Makes a layer; adds its tensors to `params` and its slots to `plan`. Errors as gki_params_add(),
 * GKV_ERR_MEMORY. */
gkv_status gki_coupling_create(const gki_coupling_spec *spec, gki_params *params, gki_plan *plan,
                               gki_coupling *coupling);

/* Frees the members, not the struct. NULL is fine. */
void gki_coupling_free(gki_coupling *coupling);

/* in → out; adds the log-determinant of the layer to log_det. */
void gki_coupling_normalise(const gki_coupling *coupling, gki_workspace *ws, gki_slot log_det,
                            size_t first, size_t count);
/* d_out and d_log_det → d_in. */
void gki_coupling_backward(const gki_coupling *coupling, gki_workspace *ws, gki_slot d_log_det,
                           size_t first, size_t count);
/* Replaces tangents[count·each, d] of `in` by the tangents of `out`, as `tangent` of
 * gki_flow_ops. */
void gki_coupling_tangent(const gki_coupling *coupling, const gki_workspace *ws, size_t first,
                          size_t count, size_t each, gki_real *tangents,
                          const gki_tangents *scratch);
/* out → in. */
void gki_coupling_generate(const gki_coupling *coupling, gki_workspace *ws, size_t first,
                           size_t count);

#endif
