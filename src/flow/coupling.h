/* One affine coupling layer (Dinh et al. 2017, eq. 7–8), in the normalising direction.
 *
 * The dimensions are split in two: z_a passes, and conditions what happens to z_b:
 *     ε_a = z_a,   ε_b = (z_b − t(z_a)) · exp(−s(z_a)),   log|det| = −Σ s,
 * with s = bound·tanh(·), so that one layer scales by at most e^bound. */
#ifndef GKV_FLOW_COUPLING_H
#define GKV_FLOW_COUPLING_H

#include "net/mlp.h"

typedef struct gkv_coupling {
    gkv_slot in, d_in, out, d_out; /* [rows, d] */
    gkv_slot pass, d_pass;         /* z_a, gathered: the net's input */
    gkv_slot log_scale;            /* s [rows, |b|] */
    gkv_slot inverse_scale;        /* exp(−s) */
    gkv_mlp net;                   /* z_a → [s before tanh, t] */
    size_t *a, *b;                 /* the split */
    size_t a_count, b_count;
    gkv_real bound;
} gkv_coupling;

typedef struct gkv_coupling_spec {
    gkv_slot in, d_in;
    size_t place;  /* of the layer in its flow: chooses the split */
    size_t hidden;
    double log_scale_bound;
} gkv_coupling_spec;

/* The split of layer `place`: each two layers share one, with its roles exchanged, and
 * every pair has another, so that dimensions soon meet: first the halves, then j even
 * against odd, j/2 even against odd, j/4, … as long as the pattern repeats at least
 * once, and then the halves again. True if dimension j is in b. */
bool gkv_coupling_moves(size_t place, size_t j, size_t dims);

gkv_status gkv_coupling_create(const gkv_coupling_spec *spec, gkv_params *params, gkv_plan *plan,
                               gkv_coupling *coupling);
void gkv_coupling_free(gkv_coupling *coupling); /* frees what it holds, not the struct */

/* in → out; adds this layer's term to log_det. */
void gkv_coupling_normalise(const gkv_coupling *coupling, gkv_workspace *ws, gkv_slot log_det, size_t first,
                            size_t count);
/* d_out and d_log_det → d_in. */
void gkv_coupling_backward(const gkv_coupling *coupling, gkv_workspace *ws, gkv_slot d_log_det, size_t first,
                           size_t count);
/* Tangents [count·each, d] of in become tangents of out, in place; see gkv_flow_ops. */
void gkv_coupling_tangent(const gkv_coupling *coupling, const gkv_workspace *ws, size_t first, size_t count,
                          size_t each, gkv_real *tangents, const gkv_tangents *room);
/* out → in. */
void gkv_coupling_generate(const gkv_coupling *coupling, gkv_workspace *ws, size_t first, size_t count);

#endif
