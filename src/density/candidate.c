/* The table of candidates; declared in candidate.h. */
#include "density/candidate.h"

#include <stdlib.h>

static const gki_candidate_ops *const candidates[GKV_DENSITY_CANDIDATES] = {
    [GKV_DENSITY_COPULA] = &gki_candidate_copula,
    [GKV_DENSITY_NORMAL_MIXTURE] = &gki_candidate_normal_mixture,
    [GKV_DENSITY_GK_MIXTURE] = &gki_candidate_gk_mixture,
    [GKV_DENSITY_FLOW] = &gki_candidate_flow,
};

const gki_candidate_ops *gki_candidate_of(int64_t candidate)
{
    return candidate >= 0 && candidate < GKV_DENSITY_CANDIDATES ? candidates[candidate] : NULL;
}

const char *gkv_density_candidate_name(int64_t candidate)
{
    const gki_candidate_ops *ops = gki_candidate_of(candidate);
    return ops ? ops->name : NULL;
}

bool gki_candidate_has_conditionals(const gki_candidate_ops *ops)
{
    return ops->is_copula || ops->conditional;
}

gki_candidate gki_candidate_begin(gkv_density_candidate number)
{
    return (gki_candidate){.ops = candidates[number], .number = number};
}

void gki_candidate_end(gki_candidate *candidate)
{
    if (candidate->model)
        candidate->ops->free(candidate->model);
    free(candidate->calibration);
    candidate->model = NULL;
    candidate->calibration = NULL;
}
