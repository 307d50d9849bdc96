/* Prior flows: z = h(ε), where ε has the distribution of the base.
 *
 * Training and evaluation use the normalising direction z → ε and its log-determinant. Sampling
 * uses the generating direction ε → z. A flow reads and writes slots of a workspace, row by row,
 * under the rules of nn/layer.h.
 *
 * To add a flow, write one file with a gki_flow_ops and add one line to flow.c. */
#ifndef GKV_FLOW_FLOW_H
#define GKV_FLOW_FLOW_H

#include <stdint.h>

#include "gkvae/settings.h"
#include "nn/layer.h"

typedef struct gki_flow gki_flow;

typedef struct gki_flow_spec {
    gki_slot z, d_z;        /* the slots of z and of the gradient in z */
    size_t layers;          /* number of layers */
    size_t hidden;          /* width of the hidden layers of their networks */
    double log_scale_bound; /* most |log scale| of a layer */
    size_t bins;            /* of a spline */
    double spline_bound;    /* a spline is linear outside [−spline_bound, spline_bound] */
} gki_flow_spec;

typedef struct gki_flow_ops {
    const char *name; /* the value of model.prior_flow */
    /* Makes a flow; adds its tensors to `params` and its slots to `plan`. *flow is NULL after a
     * failure. GKV_ERR_CONFIG for settings that the flow cannot use, and the errors of
     * gki_params_add(). */
    gkv_status (*create)(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **flow);
    void (*free)(gki_flow *flow); /* NULL is fine */
    /* Sets initial parameters. The flow is then the identity, or close to it. */
    void (*init)(const gki_flow *flow, const gki_params *params, uint64_t seed);
    /* Checks parameters that were read: GKV_ERR_DATA if the flow cannot be inverted with them. NULL
     * if it can be for all finite parameters. */
    gkv_status (*check)(const gki_flow *flow, const gki_params *params);
    /* z → ε and log|det ∂ε/∂z|. */
    void (*normalise)(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count);
    /* d_eps and d_log_det → d_z. */
    void (*backward)(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count);
    /* Forward-mode differentiation at rows that normalise() has processed. Each row has `each`
     * tangents of z, in tangents[count·each, d]; they are replaced by the tangents of ε. The arrays
     * of `scratch` hold count·each rows of `widest` elements. */
    void (*tangent)(const gki_flow *flow, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch);
    /* ε → z, the inverse of normalise(). */
    void (*generate)(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count);
    /* Gradients of the parameters, as `parts` and `gradient` of gki_layer_ops. */
    size_t (*parts)(const gki_flow *flow);
    void (*gradient)(const gki_flow *flow, gki_workspace *ws, size_t rows, size_t part);
    /* Whether the sums of a part are chains that may begin with earlier rows, as those of layers. A
     * part whose sums are not needs all rows of the batch, in the slots that batch_slots()
     * tells. */
    bool (*continues)(const gki_flow *flow, size_t part);
    void (*batch_slots)(const gki_flow *flow, gki_slot_visit *visit, void *context);
} gki_flow_ops;

/* The first member of every flow's struct. */
struct gki_flow {
    const gki_flow_ops *ops;
    gki_slot z, d_z, eps, d_eps; /* [rows, d] */
    gki_slot log_det, d_log_det; /* [rows, 1] */
    size_t widest;               /* elements of a row of the scratch arrays of tangent() */
    double products;             /* multiply-adds of one row in normalise() */
    double generated_products;   /* the same in generate() */
};

/* Checks the parameters of a flow, as `check`; nothing is wrong if that is NULL. */
gkv_status gki_flow_check(const gki_flow *flow, const gki_params *params);

/* The operations of a family of flows. Thread-safe. */
const gki_flow_ops *gki_flow_of(gkv_prior_flow_family family);

extern const gki_flow_ops gki_flow_none, gki_flow_realnvp, gki_flow_spline, gki_flow_gk_coupling,
    gki_flow_maf, gki_flow_glow;

#endif
