/* Prior flows: z = h(ε), where ε has the distribution of the base.
 *
 * Training and evaluation use the normalising direction z → ε and its log-determinant. Sampling uses the generating
 * direction ε → z. A flow reads and writes slots of a workspace, row by row, under the rules of nn/layer.h.
 *
 * To add a flow, write one file with a gkv_flow_ops and add one line to flow.c. */
#ifndef GKV_FLOW_FLOW_H
#define GKV_FLOW_FLOW_H

#include <stdint.h>

#include "gkvae/settings.h"
#include "net/mlp.h"

typedef struct gkv_flow gkv_flow;

typedef struct gkv_flow_spec {
    gkv_slot z, d_z;        /* the slots of z and of the gradient in z */
    size_t layers;          /* number of layers */
    size_t hidden;          /* width of the hidden layers of their networks */
    double log_scale_bound; /* most |log scale| of a layer */
} gkv_flow_spec;

typedef struct gkv_flow_ops {
    const char *name; /* the value of model.prior_flow */
    /* Makes a flow; adds its tensors to `params` and its slots to `plan`. *flow is NULL after a failure. GKV_ERR_CONFIG
     * for settings that the flow cannot use, and the errors of gkv_params_add(). */
    gkv_status (*create)(const gkv_flow_spec *spec, gkv_params *params, gkv_plan *plan, gkv_flow **flow);
    void (*free)(gkv_flow *flow); /* NULL is fine */
    /* Sets initial parameters. The flow is then the identity, or close to it. */
    void (*init)(const gkv_flow *flow, const gkv_params *params, uint64_t seed);
    /* z → ε and log|det ∂ε/∂z|. */
    void (*normalise)(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count);
    /* d_eps and d_log_det → d_z. */
    void (*backward)(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count);
    /* Forward-mode differentiation at rows that normalise() has processed. Each row has `each` tangents of z, in
     * tangents[count·each, d]; they are replaced by the tangents of ε. The arrays of `scratch` hold count·each rows of
     * `widest` elements. */
    void (*tangent)(const gkv_flow *flow, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    gkv_real *tangents, const gkv_tangents *scratch);
    /* ε → z, the inverse of normalise(). */
    void (*generate)(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count);
    /* Gradients of the parameters, as `parts` and `gradient` of gkv_layer_ops. */
    size_t (*parts)(const gkv_flow *flow);
    void (*gradient)(const gkv_flow *flow, gkv_workspace *ws, size_t rows, size_t part);
} gkv_flow_ops;

/* The first member of every flow's struct. */
struct gkv_flow {
    const gkv_flow_ops *ops;
    gkv_slot z, d_z, eps, d_eps; /* [rows, d] */
    gkv_slot log_det, d_log_det; /* [rows, 1] */
    size_t widest;               /* elements of a row of the scratch arrays of tangent() */
};

/* The operations of a family of flows. Thread-safe. */
const gkv_flow_ops *gkv_flow_of(gkv_prior_flow_family family);

extern const gkv_flow_ops gkv_flow_none, gkv_flow_realnvp;

#endif
