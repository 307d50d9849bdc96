/* Masked autoregressive flow (Papamakarios et al. 2017): a chain of autoregressive layers. The
 * normalising direction takes one pass of each network. The generating direction takes a pass for
 * each dimension. */
#include "flow/chain.h"

static gkv_status create(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **out)
{
    static const gki_chain_layer layer = {
        "a masked autoregressive", {gki_autoregressive_create}, 1};
    return gki_chain_create(&gki_flow_maf, &layer, spec, params, plan, out);
}

const gki_flow_ops gki_flow_maf = {.name = "maf", .create = create, GKV_CHAIN_OPS};
