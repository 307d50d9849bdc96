/* Neural spline flow (Durkan et al. 2019): a chain of coupling layers whose map is affine, and then
 * a rational-quadratic spline with linear tails. Without the spline it is RealNVP. */
#include "flow/chain.h"

static gkv_status create(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **out)
{
    static const gki_chain_layer layer = {"a spline", {gki_coupling_spline_create}, 1};
    return gki_chain_create(&gki_flow_spline, &layer, spec, params, plan, out);
}

const gki_flow_ops gki_flow_spline = {.name = "spline", .create = create, GKV_CHAIN_OPS};
