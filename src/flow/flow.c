#include "flow/flow.h"

#include <stddef.h>

#include "flow/posterior_flow.h"

static const gki_flow_ops *const flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = &gki_flow_none,
    [GKV_PRIOR_FLOW_REALNVP] = &gki_flow_realnvp,
};

const gki_flow_ops *gki_flow_of(gkv_prior_flow_family family)
{
    return flows[family];
}

/* --- Posterior flows ------------------------------------------------------ */

static const gki_posterior_flow_ops *const families[GKV_POSTERIOR_FLOWS] = {
    [GKV_POSTERIOR_FLOW_NONE] = NULL,
    [GKV_POSTERIOR_FLOW_PLANAR] = &gki_posterior_flow_planar,
    [GKV_POSTERIOR_FLOW_RADIAL] = &gki_posterior_flow_radial,
};

const gki_posterior_flow_ops *gki_posterior_flow_of(gkv_posterior_flow_family family)
{
    return families[family];
}
