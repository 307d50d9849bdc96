#include "flow/posterior_flow.h"

#include <stddef.h>

static const gkv_posterior_flow_ops *const families[GKV_POSTERIOR_FLOWS] = {
    [GKV_POSTERIOR_FLOW_NONE] = NULL,
    [GKV_POSTERIOR_FLOW_PLANAR] = &gkv_posterior_flow_planar,
    [GKV_POSTERIOR_FLOW_RADIAL] = &gkv_posterior_flow_radial,
};

const gkv_posterior_flow_ops *gkv_posterior_flow_of(gkv_posterior_flow_family family)
{
    return families[family];
}
