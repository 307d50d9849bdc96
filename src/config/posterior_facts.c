/* The facts of posteriors, which are below the table of their operations. */
#include "config/posterior_facts.h"

static const bool can_be_tuned[GKV_POSTERIORS] = {[GKV_POSTERIOR_NORMAL] = true};

bool gki_posterior_can_be_tuned(gkv_posterior_family family)
{
    return (size_t)family < GKV_POSTERIORS && can_be_tuned[family];
}
