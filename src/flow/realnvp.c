/* RealNVP (Dinh et al. 2017): a chain of affine coupling layers. */
#include "flow/chain.h"

static gkv_status create(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **out)
{
    static const gki_chain_layer layer = {"a RealNVP", {gki_coupling_affine_create}, 1};
    return gki_chain_create(&gki_flow_realnvp, &layer, spec, params, plan, out);
}

const gki_flow_ops gki_flow_realnvp = {.name = "realnvp", .create = create, GKV_CHAIN_OPS};
