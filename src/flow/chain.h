/* A prior flow that is a chain of steps (flow/step.h). Each layer of the flow has the same steps.
 *
 * A flow of this kind is one file: a gki_flow_ops with the functions below, and a create() that
 * names the steps. */
#ifndef GKV_FLOW_CHAIN_H
#define GKV_FLOW_CHAIN_H

#include "flow/step.h"

enum { GKV_STEPS_MAX = 3 }; /* most steps of a layer */

typedef struct gki_chain_layer {
    const char *title; /* of the flow, for messages, with its article */
    gki_flow_step_create *steps[GKV_STEPS_MAX];
    size_t count;
} gki_chain_layer;

/* Makes a chain of spec->layers layers; without layers it is the identity. GKV_ERR_CONFIG for fewer
 * than two dimensions. Else as `create` of gki_flow_ops. */
gkv_status gki_chain_create(const gki_flow_ops *ops, const gki_chain_layer *layer,
                            const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                            gki_flow **out);

/* The operations of a chain, but for its name and create(). */
void gki_chain_free(gki_flow *flow);
void gki_chain_init(const gki_flow *flow, const gki_params *params, uint64_t seed);
gkv_status gki_chain_check(const gki_flow *flow, const gki_params *params);
void gki_chain_normalise(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count);
void gki_chain_backward(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count);
void gki_chain_tangent(const gki_flow *flow, const gki_workspace *ws, size_t first, size_t count,
                       size_t each, gki_real *tangents, const gki_tangents *scratch);
void gki_chain_generate(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count);
size_t gki_chain_parts(const gki_flow *flow);
void gki_chain_gradient(const gki_flow *flow, gki_workspace *ws, size_t rows, size_t part);
bool gki_chain_continues(const gki_flow *flow, size_t part);
void gki_chain_batch_slots(const gki_flow *flow, gki_slot_visit *visit, void *context);

/* The members of gki_flow_ops that are those of a chain. */
#define GKV_CHAIN_OPS                                                                       \
    .free = gki_chain_free, .init = gki_chain_init, .check = gki_chain_check,               \
    .normalise = gki_chain_normalise, .backward = gki_chain_backward,                       \
    .tangent = gki_chain_tangent, .generate = gki_chain_generate, .parts = gki_chain_parts, \
    .gradient = gki_chain_gradient, .continues = gki_chain_continues,                       \
    .batch_slots = gki_chain_batch_slots

#endif
