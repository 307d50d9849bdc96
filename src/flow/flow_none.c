/* The identity: ε = z. It stands for a prior without a flow. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "flow/flow.h"

static gkv_status create(const gkv_flow_spec *spec, gkv_params *params, gkv_plan *plan, gkv_flow **out)
{
    (void)params;
    gkv_flow *flow = NULL;
    GKV_TRY(gkv_alloc(1, sizeof *flow, &flow));
    *flow = (gkv_flow){.ops = &gkv_flow_none, .z = spec->z, .d_z = spec->d_z, .eps = spec->z, .d_eps = spec->d_z};
    flow->log_det = gkv_plan_forward(plan, 1);
    flow->d_log_det = gkv_plan_backward(plan, 1);
    *out = flow;
    return GKV_OK;
}

static void destroy(gkv_flow *flow)
{
    free(flow);
}

static void init(const gkv_flow *flow, const gkv_params *params, uint64_t seed)
{
    (void)flow;
    (void)params;
    (void)seed;
}

static void normalise(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count)
{
    memset(gkv_at(ws, flow->log_det, first), 0, count * sizeof(gkv_real));
}

static void nothing(const gkv_flow *flow, gkv_workspace *ws, size_t first, size_t count)
{
    (void)flow;
    (void)ws;
    (void)first;
    (void)count;
}

static void tangent(const gkv_flow *flow, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    gkv_real *tangents, const gkv_tangents *scratch)
{
    (void)flow, (void)ws, (void)first, (void)count, (void)each, (void)tangents, (void)scratch;
}

static size_t parts(const gkv_flow *flow)
{
    (void)flow;
    return 0;
}

static void gradient(const gkv_flow *flow, gkv_workspace *ws, size_t rows, size_t part)
{
    nothing(flow, ws, rows, part);
}

const gkv_flow_ops gkv_flow_none = {
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
};
