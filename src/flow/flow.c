#include "flow/flow.h"

static const gkv_flow_ops *const flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = &gkv_flow_none,
    [GKV_PRIOR_FLOW_REALNVP] = &gkv_flow_realnvp,
};

const gkv_flow_ops *gkv_flow_of(gkv_prior_flow_family family)
{
    return flows[family];
}
