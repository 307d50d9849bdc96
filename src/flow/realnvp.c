/* RealNVP (Dinh et al. 2017): a chain of affine coupling layers. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "flow/coupling.h"
#include "flow/flow.h"

typedef struct realnvp {
    gki_flow flow;
    gki_coupling *layers;
    size_t count;
} realnvp;

static void destroy(gki_flow *flow)
{
    realnvp *self = (realnvp *)flow;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        gki_coupling_free(&self->layers[i]);
    free(self->layers);
    free(self);
}

static gkv_status create(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **out)
{
    if (spec->z.width < 2)
        return gki_fail(GKV_ERR_CONFIG,
                        "a RealNVP flow needs model.latent of 2 or more to have something to "
                        "couple; use model.prior_flow = none");
    if (spec->layers == 0)
        return gki_flow_none.create(spec, params, plan, out);
    realnvp *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    self->flow = (gki_flow){.ops = &gki_flow_realnvp, .z = spec->z, .d_z = spec->d_z};
    self->flow.log_det = gki_plan_forward(plan, 1);
    self->flow.d_log_det = gki_plan_backward(plan, 1);
    GKV_TRY_GOTO(gki_alloc(spec->layers, sizeof *self->layers, &self->layers));
    gki_coupling_spec layer = {.in = spec->z,
                               .d_in = spec->d_z,
                               .hidden = spec->hidden,
                               .log_scale_bound = spec->log_scale_bound};
    for (; layer.index < spec->layers; layer.index++, self->count++) {
        gki_coupling *coupling = &self->layers[layer.index];
        GKV_TRY_GOTO(gki_coupling_create(&layer, params, plan, coupling));
        const size_t widest = gki_mlp_widest(&coupling->net, coupling->net.count);
        self->flow.widest = widest > self->flow.widest ? widest : self->flow.widest;
        self->flow.products += gki_mlp_products(&coupling->net, coupling->net.count);
        layer.in = coupling->out;
        layer.d_in = coupling->d_out;
    }
    self->flow.eps = layer.in;
    self->flow.d_eps = layer.d_in;
done:
    if (status != GKV_OK) {
        destroy((gki_flow *)self);
        self = NULL;
    }
    *out = (gki_flow *)self;
    return status;
}

static void init(const gki_flow *flow, const gki_params *params, uint64_t seed)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = 0; i < self->count; i++)
        /* outputs of 0 make the layer the identity */
        gki_mlp_init(&self->layers[i].net, params, seed, 0.0);
}

static void normalise(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    const realnvp *self = (const realnvp *)flow;
    memset(gki_at(ws, flow->log_det, first), 0, count * sizeof(gki_real));
    for (size_t i = 0; i < self->count; i++)
        gki_coupling_normalise(&self->layers[i], ws, flow->log_det, first, count);
}

static void backward(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = self->count; i-- > 0;)
        gki_coupling_backward(&self->layers[i], ws, flow->d_log_det, first, count);
}

static void tangent(const gki_flow *flow, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = 0; i < self->count; i++)
        gki_coupling_tangent(&self->layers[i], ws, first, count, each, tangents, scratch);
}

static void generate(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = self->count; i-- > 0;)
        gki_coupling_generate(&self->layers[i], ws, first, count);
}

static size_t parts(const gki_flow *flow)
{
    const realnvp *self = (const realnvp *)flow;
    size_t total = 0;
    for (size_t i = 0; i < self->count; i++)
        total += gki_mlp_parts(&self->layers[i].net);
    return total;
}

static void gradient(const gki_flow *flow, gki_workspace *ws, size_t rows, size_t part)
{
    const realnvp *self = (const realnvp *)flow;
    for (size_t i = 0; i < self->count; i++) {
        const size_t own = gki_mlp_parts(&self->layers[i].net);
        if (part < own) {
            gki_mlp_gradient(&self->layers[i].net, ws, rows, part);
            return;
        }
        part -= own;
    }
}

const gki_flow_ops gki_flow_realnvp = {
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
