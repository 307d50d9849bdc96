/* Posterior flows: z = f_K∘…∘f_1(z0). The parameters of each layer are an output of the encoder.
 *
 * The functions work on single rows, keep no state and are thread-safe. A family has no parameters of its own. It is
 * invertible for all real values of its raw parameters, and it is the identity if they are zero.
 *
 * To add a family, write one file with a gkv_posterior_flow_ops and add one line to posterior_flow.c. */
#ifndef GKV_FLOW_POSTERIOR_FLOW_H
#define GKV_FLOW_POSTERIOR_FLOW_H

#include <stddef.h>

#include "core/real.h"
#include "gkvae/settings.h"

typedef struct gkv_posterior_flow_ops {
    const char *name; /* the value of model.posterior_flow */
    /* The number of raw parameters of a layer on d dimensions. */
    size_t (*width)(size_t d);
    /* Computes out = f(in; raw) and returns log|det ∂out/∂in|. `in` and `out` do not overlap. */
    gkv_real (*forward)(size_t d, const gkv_real *raw, const gkv_real *in, gkv_real *out);
    /* Computes the gradients in `in` and in `raw` from the gradients in `out` and in the log-determinant. d_in may be
     * d_out. */
    void (*backward)(size_t d, const gkv_real *raw, const gkv_real *in, const gkv_real *d_out,
                     gkv_real d_log_det, gkv_real *d_in, gkv_real *d_raw);
} gkv_posterior_flow_ops;

/* The operations of a family; NULL for GKV_POSTERIOR_FLOW_NONE. */
const gkv_posterior_flow_ops *gkv_posterior_flow_of(gkv_posterior_flow_family family);

extern const gkv_posterior_flow_ops gkv_posterior_flow_planar, gkv_posterior_flow_radial;

#endif
