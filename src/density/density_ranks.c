/* The fit of a density by several ranks; declared in table_density.h.
 *
 * A candidate of a fold is fitted by one rank. A mixture is fitted by the same rank in all folds,
 * because the first one chooses its number of components; so is the flow in the first fold and to
 * all rows, which may continue its training. */
#include <stdlib.h>

#include "core/memory.h"
#include "density/table_density.h"
#include "mixture/mixture.h"

/* The rank that fits a candidate; −1: every rank does. */
static int owner_of(const gki_density_job *job, size_t fold, int64_t candidate)
{
    const size_t flow = fold <= 1 ? 1 : fold + 1; /* 0 and 2 are the mixtures */
    const size_t place = candidate == GKV_DENSITY_GK_MIXTURE       ? 0
                         : candidate == GKV_DENSITY_NORMAL_MIXTURE ? 2
                                                                   : flow;
    return candidate == GKV_DENSITY_COPULA ? -1 : (int)(place % (size_t)gkv_dist_size(job->dist));
}

bool gki_density_owns(const gki_density_job *job, size_t fold, int64_t candidate)
{
    const int owner = owner_of(job, fold, candidate);
    return owner < 0 || owner == gkv_dist_rank(job->dist);
}

gkv_status gki_density_share_fold(const gki_density_job *job, size_t fold, size_t n,
                                  gkv_density *density, double *const main[GKV_DENSITY_CANDIDATES])
{
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info *info = &density->list[c].info;
        const int owner = owner_of(job, fold, c);
        if (owner < 0 || gkv_dist_size(job->dist) == 1)
            continue;
        GKV_TRY(gkv_dist_broadcast(job->dist, owner, sizeof *info, info));
        if (main[c])
            GKV_TRY(gkv_dist_broadcast(job->dist, owner, n * sizeof *main[c], main[c]));
    }
    return GKV_OK;
}

/* Gives the weights of the flow to all ranks. */
static gkv_status share_flow(const gki_density_job *job, int owner, gkv_density *density)
{
    const gki_table_flow_spec spec = gki_density_flow_spec(job, density->d);
    gki_table_flow **flow = &density->list[GKV_DENSITY_FLOW].flow;
    gkv_status status = GKV_OK;
    if (!*flow) {
        status = gki_table_flow_create(&spec, flow);
        gki_density_set_flow(density, &spec);
    }
    GKV_TRY(gkv_dist_agree(job->dist, status));
    return gkv_dist_broadcast(job->dist, owner, (*flow)->params.total * sizeof(gki_real),
                              (*flow)->params.values);
}

gkv_status gki_density_share_fit(const gki_density_job *job, gkv_density *density)
{
    double *const nothing[GKV_DENSITY_CANDIDATES] = {NULL};
    if (gkv_dist_size(job->dist) == 1)
        return GKV_OK;
    GKV_TRY(gki_density_share_fold(job, 0, 0, density, nothing));
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gki_candidate *candidate = &density->list[c];
        const int owner = owner_of(job, 0, c);
        if (owner < 0 || !candidate->info.fitted)
            continue;
        if (c == GKV_DENSITY_FLOW)
            GKV_TRY(share_flow(job, owner, density));
        else
            GKV_TRY(gki_mgk_mixture_share(job->dist, owner, &candidate->mixture));
    }
    return GKV_OK;
}
