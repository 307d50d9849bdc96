/* Posterior flows: z = f_K∘…∘f_1(z0), each layer's parameters an output of the encoder.
 *
 * They work on single rows and have no parameters of their own. Each family is
 * invertible for every real value of its raw parameters, and the identity at zero.
 *
 * A new family is one file with one gkv_posterior_flow_ops, and one line in
 * posterior_flow.c. */
#ifndef GKV_FLOW_POSTERIOR_FLOW_H
#define GKV_FLOW_POSTERIOR_FLOW_H

#include <stddef.h>

#include "core/real.h"
#include "gkvae/settings.h"

typedef struct gkv_posterior_flow_ops {
    const char *name; /* as in the settings */
    /* Raw parameters of a layer on d dimensions. */
    size_t (*width)(size_t d);
    /* out ← f(in; raw); returns log|det ∂out/∂in|. in and out do not overlap. */
    gkv_real (*forward)(size_t d, const gkv_real *raw, const gkv_real *in, gkv_real *out);
    /* From the gradients in `out` and in the log-determinant: the gradients in `in`
     * and in `raw`. d_in may be d_out. */
    void (*backward)(size_t d, const gkv_real *raw, const gkv_real *in, const gkv_real *d_out,
                     gkv_real d_log_det, gkv_real *d_in, gkv_real *d_raw);
} gkv_posterior_flow_ops;

/* The operations of a family; NULL for GKV_POSTERIOR_FLOW_NONE. */
const gkv_posterior_flow_ops *gkv_posterior_flow_of(gkv_posterior_flow_family family);

extern const gkv_posterior_flow_ops gkv_posterior_flow_planar, gkv_posterior_flow_radial;

#endif
