/* Prior flows: z = h(ε), with ε from the base.
 *
 * Training and evaluation only ask for the normalising direction and its
 * log-determinant; sampling asks for the generating one. A flow reads and writes
 * slots of a workspace, row by row, under the rules of nn/module.h.
 *
 * A new flow is one file with one gkv_flow_ops, and one line in flow.c. */
#ifndef GKV_FLOW_FLOW_H
#define GKV_FLOW_FLOW_H

#include <stdint.h>

#include "gkvae/settings.h"
#include "net/mlp.h"

typedef struct gkv_flow gkv_flow;

typedef struct gkv_flow_spec {
    gkv_slot z, d_z; /* where z is read, and where the gradient in z goes */
    size_t layers, hidden;
    double log_scale_bound;
} gkv_flow_spec;

typedef struct gkv_flow_ops {
    const char *name; /* as in the settings */
    gkv_status (*create)(const gkv_flow_spec *spec, gkv_params *params, gkv_plan *plan, gkv_flow **flow);
    void (*free)(gkv_flow *flow);
    /* Initial parameters: the identity, or near it. */
    void (*init)(const gkv_flow *flow, const gkv_params *params, uint64_t seed);
    /* z → ε and log|det ∂ε/∂z|. */
    void (*normalise)(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count);
    /* d_eps and d_log_det → d_z. */
    void (*backward)(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count);
    /* Forward mode: each of the rows, which normalise has seen, has `each` directions in which z
     * moves, [count·each, d] in `tangents`; they become those in which ε moves, in place. `room`
     * is for count·each rows of the flow's `widest`. */
    void (*tangent)(const gkv_flow *flow, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    gkv_real *tangents, const gkv_tangents *room);
    /* ε → z: the exact inverse of normalise. */
    void (*generate)(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count);
    /* Parameter gradients, as for a layer. */
    size_t (*parts)(const gkv_flow *flow);
    void (*gradient)(const gkv_flow *flow, gkv_workspace *ws, size_t rows, size_t part);
} gkv_flow_ops;

/* What every flow begins with. */
struct gkv_flow {
    const gkv_flow_ops *ops;
    gkv_slot z, d_z, eps, d_eps; /* [rows, d] */
    gkv_slot log_det, d_log_det; /* [rows, 1] */
    size_t widest;               /* of the arrays that tangent() needs room for */
};

/* The operations of a family of flows. */
const gkv_flow_ops *gkv_flow_of(gkv_prior_flow_family family);

extern const gkv_flow_ops gkv_flow_none, gkv_flow_realnvp;

#endif
