#include "flow/flow.h"

#include <stddef.h>

#include "flow/posterior_flow.h"

static const gki_flow_ops *const flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = &gki_flow_none,
    [GKV_PRIOR_FLOW_REALNVP] = &gki_flow_realnvp,
    [GKV_PRIOR_FLOW_SPLINE] = &gki_flow_spline,
    [GKV_PRIOR_FLOW_GK_COUPLING] = &gki_flow_gk_coupling,
    [GKV_PRIOR_FLOW_MAF] = &gki_flow_maf,
    [GKV_PRIOR_FLOW_GLOW] = &gki_flow_glow,
};

const gki_flow_ops *gki_flow_of(gkv_prior_flow_family family)
{
    return flows[family];
}

gkv_status gki_flow_check(const gki_flow *flow, const gki_params *params)
{
    return flow->ops->check ? flow->ops->check(flow, params) : GKV_OK;
}

/* --- Posterior flows ------------------------------------------------------ */

static const gki_posterior_flow_ops *const families[GKV_POSTERIOR_FLOWS] = {
    [GKV_POSTERIOR_FLOW_NONE] = NULL,
    [GKV_POSTERIOR_FLOW_PLANAR] = &gki_posterior_flow_planar,
    [GKV_POSTERIOR_FLOW_RADIAL] = &gki_posterior_flow_radial,
    [GKV_POSTERIOR_FLOW_IAF] = &gki_posterior_flow_iaf,
    [GKV_POSTERIOR_FLOW_SYLVESTER_ORTHOGONAL] = &gki_posterior_flow_sylvester_orthogonal,
    [GKV_POSTERIOR_FLOW_SYLVESTER_HOUSEHOLDER] = &gki_posterior_flow_sylvester_householder,
};

const gki_posterior_flow_ops *gki_posterior_flow_of(gkv_posterior_flow_family family)
{
    return families[family];
}
