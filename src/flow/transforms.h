/* A network and the conditional transforms (flow/transform.h) whose raw parameters it computes.
 * Each transform takes the output of the one before it. Couplings and autoregressive maps consist
 * of them. */
#ifndef GKV_FLOW_TRANSFORMS_H
#define GKV_FLOW_TRANSFORMS_H

#include "flow/step.h"
#include "flow/transform.h"
#include "net/mlp.h"

enum { GKV_TRANSFORMS_MAX = 2 };

typedef struct gki_transforms {
    gki_mlp net;
    gki_transform list[GKV_TRANSFORMS_MAX];
    size_t count;
    gki_slot in, d_in, out, d_out; /* [rows, n] */
} gki_transforms;

typedef struct gki_transforms_spec {
    const gki_flow_step_spec *step;
    gki_slot net_in, net_d_in; /* the input of the network */
    gki_slot in, d_in;         /* the numbers that are transformed [rows, n] */
    const gki_transform_ops *ops[GKV_TRANSFORMS_MAX];
    size_t count;
    size_t repeats; /* as in gki_transform */
} gki_transforms_spec;

/* Adds tensors prior.flow.LAYER.… to `params` and slots to `plan`. gki_transforms_free() frees what
 * *transforms holds. Errors as gki_params_add(). */
gkv_status gki_transforms_create(const gki_transforms_spec *spec, gki_params *params,
                                 gki_plan *plan, gki_transforms *transforms);
void gki_transforms_free(gki_transforms *transforms); /* NULL is fine */

/* Elements of a row of the scratch arrays of gki_transforms_tangent(). */
size_t gki_transforms_widest(const gki_transforms *transforms);

/* Runs the network and the transforms, in → out. */
void gki_transforms_forward(const gki_transforms *transforms, gki_workspace *ws, size_t first,
                            size_t count);
/* d_out → d_in, and the gradient in the input of the network. */
void gki_transforms_backward(const gki_transforms *transforms, gki_workspace *ws, size_t first,
                             size_t count);
/* The tangents of the raw parameters, from those of the network's input in scratch->a. They are in
 * scratch->a or in scratch->b; the other array is free then. */
gki_real *gki_transforms_raw_tangent(const gki_transforms *transforms, const gki_workspace *ws,
                                     size_t first, size_t count, size_t each,
                                     const gki_tangents *scratch);
/* t[count·each, n], the tangents of `in`, become those of `out`. */
void gki_transforms_tangent(const gki_transforms *transforms, const gki_workspace *ws, size_t first,
                            size_t count, size_t each, const gki_real *t_raw, gki_real *t);
/* Runs the network and the inverse transforms, out → in. */
void gki_transforms_inverse(const gki_transforms *transforms, gki_workspace *ws, size_t first,
                            size_t count);

#endif
