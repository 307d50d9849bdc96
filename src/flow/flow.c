#include "flow/flow.h"

static const gki_flow_ops *const flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = &gki_flow_none,
    [GKV_PRIOR_FLOW_REALNVP] = &gki_flow_realnvp,
};

const gki_flow_ops *gki_flow_of(gkv_prior_flow_family family)
{
    return flows[family];
}
