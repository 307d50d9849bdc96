/* The M-step of a mixture from sufficient statistics. */
#include "mixture/online.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

gki_online_layout gki_online_layout_of(size_t d, int dependent, int shaped)
{
    gki_online_layout at = {.d = d, .sum = 1, .square = 1 + d, .dependent = dependent};
    at.size = at.square + (dependent ? d * d : d);
    if (shaped) {
        at.cells = at.size;
        at.size += d * GKV_ONLINE_CELLS;
    }
    if (shaped && dependent) {
        at.coupling = at.size;
        at.size += d * GKV_ONLINE_CELLS;
    }
    return at;
}

/* The least weight of a component. */
static const double least_weight = 1e-6;

/* The distance of each half of a split component from the old location, in standard deviations. It
 * is so small that the density hardly changes. The next M-steps separate the halves if the data
 * support that. */
static const double apart = 0.1;

static double rows_of(const gki_online_stats *stats, size_t k)
{
    return stats->values[k * stats->at.size];
}

/* The data of an M-step. */
typedef struct maximize_job {
    const gkv_mgk_mixture *old;
    const gki_online_stats *stats;
    gki_shape_prior prior;
    double *rows; /* [count] the rows that each component will represent */
    double total, forgetting;
} maximize_job;

static gkv_status maximize_component(const void *job, size_t k, gkv_gk *margins, double *scratch,
                                     gkv_mgk_mixture *to)
{
    const maximize_job *it = job;
    const gkv_mgk *old = it->old->components[k];
    const double n = rows_of(it->stats, k), fraction = n / it->rows[k],
                 weight = it->old->weights[k];
    double *r = scratch, *l = it->stats->at.dependent ? scratch + old->d * old->d : NULL;
    to->weights[k] = weight + it->forgetting * (fmax(n / it->total, least_weight) - weight);
    if (!(n > 1))
        return gki_mgk_build_waypoint(old->d, old->margins, NULL, old->cholesky,
                                      &to->components[k]);
    gki_online_step_margins(it->stats, k, old->margins, fraction, &it->prior, margins);
    if (l) {
        gki_online_correlation(it->stats, k, r);
        gki_mgk_correlation_between(old, fraction, r);
        gki_mgk_correlation_factor(old->d, r, l);
    }
    return gki_mgk_build_waypoint(old->d, margins, NULL, l, &to->components[k]);
}

gkv_status gki_online_maximize(const gkv_mgk_mixture *old, const gki_online_stats *stats,
                               double forgetting, int threads, gkv_mgk_mixture **out)
{
    const size_t d = old->d, count = old->count;
    maximize_job job = {.old = old, .stats = stats, .forgetting = forgetting};
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    for (size_t k = 0; k < count; k++)
        job.total += rows_of(stats, k);
    if (!(job.total > 0))
        return GKV_OK;
    GKV_TRY_GOTO(gki_alloc(count * d, sizeof *margins, &margins));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *job.rows, &job.rows));
    for (size_t k = 0; k < count; k++) {
        job.rows[k] = rows_of(stats, k) + (1 / forgetting - 1) * old->weights[k] * job.total;
        memcpy(margins + k * d, old->components[k]->margins, d * sizeof *margins);
    }
    job.prior = gki_shape_prior_of_rows(count, d, margins, job.rows);
    status = gki_mgk_mixture_make(count, d, maximize_component, &job, 2 * d * d, threads, out);
done:
    free(margins);
    free(job.rows);
    return status;
}

gkv_status gki_online_reinitialise(gkv_mgk_mixture *mixture, const gki_online_stats *stats,
                                   size_t per_group, double forgetting, size_t *count)
{
    const gki_mgk_split split = {
        .per_group = per_group, .least_rows = GKV_ONLINE_LEAST_ROWS, .apart = apart};
    double *rows = NULL, window = 0; /* window: the rows that the mixture represents */
    GKV_TRY(gki_alloc(mixture->count, sizeof *rows, &rows));
    for (size_t k = 0; k < mixture->count; k++)
        window += rows_of(stats, k) / forgetting;
    for (size_t k = 0; k < mixture->count; k++)
        rows[k] = mixture->weights[k] * window;
    const gkv_status status = gki_mgk_mixture_reinitialise(mixture, &split, rows, count);
    free(rows);
    return status;
}
