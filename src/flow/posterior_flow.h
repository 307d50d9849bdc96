/* Posterior flows: z = f_K∘…∘f_1(z0). The parameters of each layer are an output of the encoder.
 *
 * The functions work on single rows, keep no state and are thread-safe. A family has no parameters
 * of its own. It is invertible for all real values of its raw parameters, and it is the identity if
 * they are zero.
 *
 * To add a family, write one file with a gki_posterior_flow_ops and add one line to
 * flow.c. */
#ifndef GKV_FLOW_POSTERIOR_FLOW_H
#define GKV_FLOW_POSTERIOR_FLOW_H

#include <stddef.h>

#include "core/real.h"
#include "gkvae/settings.h"

typedef struct gki_posterior_flow_ops {
    const char *name; /* the value of model.posterior_flow */
    /* The number of raw parameters of a layer on d dimensions. */
    size_t (*width)(size_t d);
    /* Computes out = f(in; raw) and returns log|det ∂out/∂in|. `in` and `out` do not overlap.
     * `layer` is the number of the layer in its flow, from 0. */
    gki_real (*forward)(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                        gki_real *out);
    /* Computes the gradients in `in` and in `raw` from the gradients in `out` and in the
     * log-determinant. d_in may be d_out. */
    void (*backward)(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                     const gki_real *d_out, gki_real d_log_det, gki_real *d_in, gki_real *d_raw);
} gki_posterior_flow_ops;

/* The operations of a family; NULL for GKV_POSTERIOR_FLOW_NONE. */
const gki_posterior_flow_ops *gki_posterior_flow_of(gkv_posterior_flow_family family);

extern const gki_posterior_flow_ops gki_posterior_flow_planar, gki_posterior_flow_radial,
    gki_posterior_flow_iaf, gki_posterior_flow_sylvester_orthogonal,
    gki_posterior_flow_sylvester_householder;

#endif
