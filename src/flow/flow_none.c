/* The identity: ε = z. It stands for a prior without a flow. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "flow/flow.h"

static gkv_status create(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **out)
{
    (void)params;
    gki_flow *flow = NULL;
    GKV_TRY(gki_alloc(1, sizeof *flow, &flow));
    *flow = (gki_flow){
        .ops = &gki_flow_none, .z = spec->z, .d_z = spec->d_z, .eps = spec->z, .d_eps = spec->d_z};
    flow->log_det = gki_plan_forward(plan, 1);
    flow->d_log_det = gki_plan_backward(plan, 1);
    *out = flow;
    return GKV_OK;
}

static void destroy(gki_flow *flow)
{
    free(flow);
}

static void init(const gki_flow *flow, const gki_params *params, uint64_t seed)
{
    (void)flow;
    (void)params;
    (void)seed;
}

static void normalise(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    memset(gki_at(ws, flow->log_det, first), 0, count * sizeof(gki_real));
}

static void nothing(const gki_flow *flow, gki_workspace *ws, size_t first, size_t count)
{
    (void)flow;
    (void)ws;
    (void)first;
    (void)count;
}

static void tangent(const gki_flow *flow, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch)
{
    (void)flow, (void)ws, (void)first, (void)count, (void)each, (void)tangents, (void)scratch;
}

static size_t parts(const gki_flow *flow)
{
    (void)flow;
    return 0;
}

static void gradient(const gki_flow *flow, gki_workspace *ws, size_t rows, size_t part)
{
    nothing(flow, ws, rows, part);
}

static bool continues(const gki_flow *flow, size_t part)
{
    (void)flow, (void)part;
    return true;
}

static void batch_slots(const gki_flow *flow, gki_slot_visit *visit, void *context)
{
    (void)flow, (void)visit, (void)context;
}

const gki_flow_ops gki_flow_none = {
    .name = "none",
    .create = create,
    .free = destroy,
    .init = init,
    .normalise = normalise,
    .backward = nothing,
    .tangent = tangent,
    .generate = nothing,
    .parts = parts,
    .gradient = gradient,
    .continues = continues,
    .batch_slots = batch_slots,
};
