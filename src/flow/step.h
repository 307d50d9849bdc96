/* The steps of which a prior flow is a chain (flow/chain.h): couplings, autoregressive maps,
 * linear maps, scales of dimensions.
 *
 * A step is an invertible map of `in` to `out` in the normalising direction. Its functions have the
 * meaning of those of gki_flow_ops, and follow the rules of nn/layer.h. normalise() adds the
 * log-determinant of the step to log_det. */
#ifndef GKV_FLOW_STEP_H
#define GKV_FLOW_STEP_H

#include "flow/flow.h"

typedef struct gki_flow_step gki_flow_step;

typedef struct gki_flow_step_ops {
    void (*free)(gki_flow_step *step); /* NULL is fine */
    void (*init)(const gki_flow_step *step, const gki_params *params, uint64_t seed);
    /* as in gki_flow_ops; NULL if all finite parameters are valid */
    gkv_status (*check)(const gki_flow_step *step, const gki_params *params);
    void (*normalise)(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count);
    void (*backward)(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count);
    void (*tangent)(const gki_flow_step *step, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch);
    void (*generate)(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count);
    size_t (*parts)(const gki_flow_step *step);
    void (*gradient)(const gki_flow_step *step, gki_workspace *ws, size_t rows, size_t part);
    /* as in gki_flow_ops; NULL for a step all of whose sums are chains */
    void (*batch_slots)(const gki_flow_step *step, gki_slot_visit *visit, void *context);
} gki_flow_step_ops;

/* The first member of every step's struct. */
struct gki_flow_step {
    const gki_flow_step_ops *ops;
    gki_slot in, d_in, out, d_out;       /* [rows, d] */
    gki_slot log_det, d_log_det;         /* [rows, 1], those of the flow */
    size_t widest;                       /* elements of a row of the scratch arrays of tangent() */
    double products, generated_products; /* multiply-adds of one row in each direction */
};

/* What a step is made of. */
typedef struct gki_flow_step_spec {
    gki_slot in, d_in;           /* [rows, d] */
    gki_slot log_det, d_log_det; /* [rows, 1] */
    size_t layer;                /* of the flow, from 0; tensors have names prior.flow.LAYER.… */
    const gki_flow_spec *flow;
} gki_flow_step_spec;

/* Makes a step; adds its tensors to `params` and its slots to `plan`. *step is NULL after a
 * failure. Errors as gki_params_add(). */
typedef gkv_status gki_flow_step_create(const gki_flow_step_spec *spec, gki_params *params,
                                        gki_plan *plan, gki_flow_step **step);

/* The members that all steps have, from the spec; and the slots of the output. */
gki_flow_step gki_flow_step_begin(const gki_flow_step_ops *ops, const gki_flow_step_spec *spec);
void gki_flow_step_reserve(gki_flow_step *step, gki_plan *plan);

/* coupling.c: couplings whose conditional map is affine; the same with a network that reads
 * compressed numbers (compress.h), and with a rational-quadratic spline after it; and the inverse
 * of a g-and-k quantile function */
gki_flow_step_create gki_coupling_affine_create, gki_coupling_compressed_create,
    gki_coupling_spline_create, gki_coupling_gk_create;

/* autoregressive.c, triangular.c and scaling.c */
gki_flow_step_create gki_autoregressive_create, gki_triangular_create, gki_scaling_create;

#endif
