/* RealNVP (Dinh et al. 2017): a chain of affine coupling layers. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "flow/coupling.h"
#include "flow/flow.h"

typedef struct realnvp {
    gkv_flow flow;
    gkv_coupling *layers;
    size_t count;
} realnvp;

static void destroy(gkv_flow *flow)
{
    realnvp *self = (realnvp *)flow;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        gkv_coupling_free(&self->layers[i]);
    free(self->layers);
    free(self);
}

static gkv_status create(const gkv_flow_spec *spec, gkv_params *params, gkv_plan *plan, gkv_flow **out)
{
    if (spec->z.width < 2)
        return gkv_fail(GKV_ERR_CONFIG, "a RealNVP flow needs model.latent of 2 or more to have something to "
                                        "couple; use model.prior_flow = none");
    if (spec->layers == 0)
        return gkv_flow_none.create(spec, params, plan, out);
    realnvp *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(1, sizeof *self, &self));
    self->flow = (gkv_flow){.ops = &gkv_flow_realnvp, .z = spec->z, .d_z = spec->d_z};
    self->flow.log_det = gkv_plan_forward(plan, 1);
    self->flow.d_log_det = gkv_plan_backward(plan, 1);
    GKV_TRY_GOTO(gkv_alloc(spec->layers, sizeof *self->layers, &self->layers));
    gkv_coupling_spec layer = {.in = spec->z, .d_in = spec->d_z, .hidden = spec->hidden,
                               .log_scale_bound = spec->log_scale_bound};
    for (; layer.index < spec->layers; layer.index++, self->count++) {
        gkv_coupling *coupling = &self->layers[layer.index];
        GKV_TRY_GOTO(gkv_coupling_create(&layer, params, plan, coupling));
        const size_t widest = gkv_mlp_widest(&coupling->net, coupling->net.count);
        self->flow.widest = widest > self->flow.widest ? widest : self->flow.widest;
        layer.in = coupling->out;
        layer.d_in = coupling->d_out;
    }
    self->flow.eps = layer.in;
    self->flow.d_eps = layer.d_in;
done:
    if (status != GKV_OK) {
        destroy((gkv_flow *)self);
        self = NULL;
    }
    *out = (gkv_flow *)self;
    return status;
}

static void init(const gkv_flow *flow, const gkv_params *params, uint64_t seed)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = 0; i < self->count; i++)
        gkv_mlp_init(&self->layers[i].net, params, seed, 0.0); /* outputs of 0 make the layer the identity */
}

static void normalise(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count)
{
    const realnvp *self = (const realnvp *)flow;
    memset(gkv_at(ws, flow->log_det, first), 0, count * sizeof(gkv_real));
    for (size_t i = 0; i < self->count; i++)
        gkv_coupling_normalise(&self->layers[i], ws, flow->log_det, first, count);
}

static void backward(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = self->count; i-- > 0;)
        gkv_coupling_backward(&self->layers[i], ws, flow->d_log_det, first, count);
}

static void tangent(const gkv_flow *flow, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    gkv_real *tangents, const gkv_tangents *scratch)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = 0; i < self->count; i++)
        gkv_coupling_tangent(&self->layers[i], ws, first, count, each, tangents, scratch);
}

static void generate(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = self->count; i-- > 0;)
        gkv_coupling_generate(&self->layers[i], ws, first, count);
}

static size_t parts(const gkv_flow *flow)
{
    const realnvp *self = (const realnvp *)flow;
    size_t total = 0;
    for (size_t i = 0; i < self->count; i++)
        total += gkv_mlp_parts(&self->layers[i].net);
    return total;
}

static void gradient(const gkv_flow *flow, gkv_workspace *ws, size_t rows, size_t part)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = 0; i < self->count; i++) {
        const size_t own = gkv_mlp_parts(&self->layers[i].net);
        if (part < own) {
            gkv_mlp_gradient(&self->layers[i].net, ws, rows, part);
            return;
        }
        part -= own;
    }
}

const gkv_flow_ops gkv_flow_realnvp = {
    .name = "realnvp",
    .create = create,
    .free = destroy,
    .init = init,
    .normalise = normalise,
    .backward = backward,
    .tangent = tangent,
    .generate = generate,
    .parts = parts,
    .gradient = gradient,
};
