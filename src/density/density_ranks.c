/* The fit of a density by several ranks; declared in table_density.h.
 *
 * A candidate of a fold is fitted by one rank. A mixture is fitted by the same rank in all folds,
 * because the first one chooses its number of components; so is the flow in the first fold and to
 * all rows, which may continue its training. */
#include "density/table_density.h"

/* The rank that fits a candidate, or would fit the copula. */
static int owner_of(const gki_density_job *job, size_t fold, int64_t candidate)
{
    const gki_candidate_ops *ops = gki_candidate_of(candidate);
    const size_t further = ops->ranks_by_fold && fold > 1 ? fold : 0;
    return (int)((ops->rank + further) % (size_t)gkv_dist_size(job->dist));
}

bool gki_density_counts(const gki_density_job *job, size_t fold, int64_t candidate)
{
    return owner_of(job, fold, candidate) == gkv_dist_rank(job->dist);
}

bool gki_density_fits(const gki_density_job *job, size_t fold, int64_t candidate)
{
    return gki_candidate_of(candidate)->is_copula || gki_density_counts(job, fold, candidate);
}

gkv_status gki_density_share_fold(const gki_density_job *job, size_t fold, size_t n,
                                  gkv_density *density,
                                  double *const unmixed[GKV_DENSITY_CANDIDATES])
{
    if (gkv_dist_size(job->dist) == 1)
        return GKV_OK;
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gki_candidate *candidate = &density->candidates[c];
        const int owner = owner_of(job, fold, candidate->number);
        if (candidate->ops->is_copula)
            continue;
        GKV_TRY(gkv_dist_broadcast(job->dist, owner, sizeof candidate->info, &candidate->info));
        if (unmixed[c])
            GKV_TRY(gkv_dist_broadcast(job->dist, owner, n * sizeof *unmixed[c], unmixed[c]));
    }
    return GKV_OK;
}

gkv_status gki_density_share_fit(const gki_density_job *job, gkv_density *density)
{
    double *const nothing[GKV_DENSITY_CANDIDATES] = {NULL};
    if (gkv_dist_size(job->dist) == 1)
        return GKV_OK;
    GKV_TRY(gki_density_share_fold(job, 0, 0, density, nothing));
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gki_candidate *candidate = &density->candidates[c];
        const int owner = owner_of(job, 0, candidate->number);
        if (candidate->ops->share && candidate->info.fitted)
            GKV_TRY(candidate->ops->share(job, owner, density, candidate));
    }
    return GKV_OK;
}
