#include "flow/posterior_flow.h"

#include <stddef.h>

static const gki_posterior_flow_ops *const families[GKV_POSTERIOR_FLOWS] = {
    [GKV_POSTERIOR_FLOW_NONE] = NULL,
    [GKV_POSTERIOR_FLOW_PLANAR] = &gki_posterior_flow_planar,
    [GKV_POSTERIOR_FLOW_RADIAL] = &gki_posterior_flow_radial,
};

const gki_posterior_flow_ops *gki_posterior_flow_of(gkv_posterior_flow_family family)
{
    return families[family];
}
