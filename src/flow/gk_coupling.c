/* A chain of coupling layers whose map is the inverse of a g-and-k quantile function. The network
 * gives the location, scale, skewness and tail weight of each dimension of one half, given the
 * other half. */
#include "flow/chain.h"

static gkv_status create(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **out)
{
    static const gki_chain_layer layer = {"a g-and-k coupling", {gki_coupling_gk_create}, 1};
    return gki_chain_create(&gki_flow_gk_coupling, &layer, spec, params, plan, out);
}

const gki_flow_ops gki_flow_gk_coupling = {.name = "gk-coupling", .create = create, GKV_CHAIN_OPS};
