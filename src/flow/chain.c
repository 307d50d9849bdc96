/* Chains of steps; declared in chain.h. */
#include "flow/chain.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

typedef struct chain {
    gki_flow flow;
    gki_flow_step **steps;
    size_t count;
} chain;

gki_flow_step gki_flow_step_begin(const gki_flow_step_ops *ops, const gki_flow_step_spec *spec)
{
    return (gki_flow_step){.ops = ops,
                           .in = spec->in,
                           .d_in = spec->d_in,
                           .log_det = spec->log_det,
                           .d_log_det = spec->d_log_det,
                           .widest = spec->in.width};
}

void gki_flow_step_reserve(gki_flow_step *step, gki_plan *plan)
{
    step->out = gki_plan_forward(plan, step->in.width);
    step->d_out = gki_plan_backward(plan, step->in.width);
}

void gki_chain_free(gki_flow *flow)
{
    chain *self = (chain *)flow;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        self->steps[i]->ops->free(self->steps[i]);
    free(self->steps);
    free(self);
}

/* Adds a step to the end of the chain. */
static gkv_status add_step(chain *self, gki_flow_step_create *create, gki_flow_step_spec *spec,
                           gki_params *params, gki_plan *plan)
{
    gki_flow_step *step = NULL;
    GKV_TRY(create(spec, params, plan, &step));
    self->steps[self->count++] = step;
    self->flow.widest = step->widest > self->flow.widest ? step->widest : self->flow.widest;
    self->flow.products += step->products;
    self->flow.generated_products += step->generated_products;
    spec->in = step->out;
    spec->d_in = step->d_out;
    return GKV_OK;
}

gkv_status gki_chain_create(const gki_flow_ops *ops, const gki_chain_layer *layer,
                            const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                            gki_flow **out)
{
    *out = NULL;
    if (spec->z.width < 2)
        return gki_fail(GKV_ERR_CONFIG,
                        "%s flow needs model.latent of 2 or more, since it moves dimensions by "
                        "others; use model.prior_flow = none",
                        layer->title);
    if (spec->layers == 0)
        return gki_flow_none.create(spec, params, plan, out);
    chain *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    self->flow = (gki_flow){.ops = ops, .z = spec->z, .d_z = spec->d_z};
    self->flow.log_det = gki_plan_forward(plan, 1);
    self->flow.d_log_det = gki_plan_backward(plan, 1);
    GKV_TRY_GOTO(gki_alloc(spec->layers * layer->count, sizeof(gki_flow_step *), &self->steps));
    gki_flow_step_spec step = {.in = spec->z,
                               .d_in = spec->d_z,
                               .log_det = self->flow.log_det,
                               .d_log_det = self->flow.d_log_det,
                               .flow = spec};
    for (; step.layer < spec->layers; step.layer++)
        for (size_t i = 0; i < layer->count; i++)
            GKV_TRY_GOTO(add_step(self, layer->steps[i], &step, params, plan));
    self->flow.eps = step.in;
    self->flow.d_eps = step.d_in;
done:
    if (status != GKV_OK) {
        gki_chain_free((gki_flow *)self);
        self = NULL;
    }
    *out = (gki_flow *)self;
    return status;
}

void gki_chain_init(const gki_flow *flow, const gki_params *params, uint64_t seed)
{
    const chain *self = (const chain *)flow;
    for (size_t i = 0; i < self->count; i++)
        self->steps[i]->ops->init(self->steps[i], params, seed);
}

gkv_status gki_chain_check(const gki_flow *flow, const gki_params *params)
{
    const chain *self = (const chain *)flow;
    for (size_t i = 0; i < self->count; i++)
        if (self->steps[i]->ops->check)
            GKV_TRY(self->steps[i]->ops->check(self->steps[i], params));
    return GKV_OK;
}

void gki_chain_normalise(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    const chain *self = (const chain *)flow;
    memset(gki_at(ws, flow->log_det, first), 0, count * sizeof(gki_real));
    for (size_t i = 0; i < self->count; i++)
        self->steps[i]->ops->normalise(self->steps[i], ws, first, count);
}

void gki_chain_backward(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    const chain *self = (const chain *)flow;
    for (size_t i = self->count; i-- > 0;)
        self->steps[i]->ops->backward(self->steps[i], ws, first, count);
}

void gki_chain_tangent(const gki_flow *flow, const gki_workspace *ws, size_t first, size_t count,
                       size_t each, gki_real *tangents, const gki_tangents *scratch)
{
    const chain *self = (const chain *)flow;
    for (size_t i = 0; i < self->count; i++)
        self->steps[i]->ops->tangent(self->steps[i], ws, first, count, each, tangents, scratch);
}

void gki_chain_generate(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    const chain *self = (const chain *)flow;
    for (size_t i = self->count; i-- > 0;)
        self->steps[i]->ops->generate(self->steps[i], ws, first, count);
}

size_t gki_chain_parts(const gki_flow *flow)
{
    const chain *self = (const chain *)flow;
    size_t total = 0;
    for (size_t i = 0; i < self->count; i++)
        total += self->steps[i]->ops->parts(self->steps[i]);
    return total;
}

/* The step of a part, which becomes the part of the step. */
static const gki_flow_step *step_of_part(const gki_flow *flow, size_t *part)
{
    const chain *self = (const chain *)flow;
    size_t i = 0;
    for (size_t own; *part >= (own = self->steps[i]->ops->parts(self->steps[i])); i++)
        *part -= own;
    return self->steps[i];
}

void gki_chain_gradient(const gki_flow *flow, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_flow_step *step = step_of_part(flow, &part);
    step->ops->gradient(step, ws, rows, part);
}

bool gki_chain_continues(const gki_flow *flow, size_t part)
{
    return !step_of_part(flow, &part)->ops->batch_slots;
}

void gki_chain_batch_slots(const gki_flow *flow, gki_slot_visit *visit, void *context)
{
    const chain *self = (const chain *)flow;
    for (size_t i = 0; i < self->count; i++)
        if (self->steps[i]->ops->batch_slots)
            self->steps[i]->ops->batch_slots(self->steps[i], visit, context);
}
