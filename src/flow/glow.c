/* Glow (Kingma & Dhariwal 2018) on vectors: each layer scales and shifts every dimension, mixes all
 * dimensions by a linear map in LU form, and ends with an affine coupling. */
#include "flow/chain.h"

static gkv_status create(const gki_flow_spec *spec, gki_params *params, gki_plan *plan,
                         gki_flow **out)
{
    static const gki_chain_layer layer = {
        "a Glow", {gki_scaling_create, gki_triangular_create, gki_coupling_compressed_create}, 3};
    return gki_chain_create(&gki_flow_glow, &layer, spec, params, plan, out);
}

const gki_flow_ops gki_flow_glow = {.name = "glow", .create = create, GKV_CHAIN_OPS};
