/* The M-step of a mixture from sufficient statistics. */
#include "mixture/online.h"

#include <math.h>
#include <omp.h>
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

/* Makes component k after a fraction of its step. margins[d] and r[2d × d] are scratch. */
static gkv_status step_component(const gkv_mgk *old, const gki_online_stats *stats, size_t k,
                                 double fraction, const gki_shape_prior *prior, gkv_gk *margins,
                                 double *r, gkv_mgk **out)
{
    const size_t d = old->d;
    if (!(rows_of(stats, k) > 1))
        return gki_mgk_build(d, old->margins, NULL, old->cholesky, out);
    gki_online_step_margins(stats, k, old->margins, fraction, prior, margins);
    if (!stats->at.dependent)
        return gki_mgk_build(d, margins, NULL, NULL, out);
    gki_online_correlation(stats, k, r);
    gki_mgk_correlation_between(old, fraction, r);
    gki_mgk_correlation_factor(d, r, r + d * d);
    return gki_mgk_build(d, margins, NULL, r + d * d, out);
}

gkv_status gki_online_maximize(const gkv_mgk_mixture *old, const gki_online_stats *stats,
                               double forgetting, int threads, gkv_mgk_mixture **out)
{
    const size_t d = old->d, count = old->count;
    const int used = gki_mgk_threads(threads, count);
    gkv_mgk_mixture *fresh = NULL;
    gkv_gk *margins = NULL;
    double *rows = NULL, *scratch = NULL, total = 0;
    gkv_status status = GKV_OK;
    *out = NULL;
    for (size_t k = 0; k < count; k++)
        total += rows_of(stats, k);
    if (!(total > 0))
        return GKV_OK;
    GKV_TRY_GOTO(gki_mgk_mixture_alloc(count, d, &fresh));
    GKV_TRY_GOTO(
        gki_alloc(count > (size_t)used ? count : (size_t)used, d * sizeof *margins, &margins));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *rows, &rows));
    GKV_TRY_GOTO(gki_alloc((size_t)used * d, 2 * d * sizeof *scratch, &scratch));
    for (size_t k = 0; k < count; k++) {
        rows[k] = rows_of(stats, k) + (1 / forgetting - 1) * old->weights[k] * total;
        memcpy(margins + k * d, old->components[k]->margins, d * sizeof *margins);
    }
    const gki_shape_prior prior = gki_shape_prior_of_rows(count, d, margins, rows);
    int failed = 0;
#pragma omp parallel for schedule(static) num_threads(used) reduction(+ : failed)
    for (size_t k = 0; k < count; k++) {
        const size_t thread = (size_t)omp_get_thread_num();
        const double n = rows_of(stats, k);
        fresh->weights[k] =
            old->weights[k] + forgetting * (fmax(n / total, least_weight) - old->weights[k]);
        failed +=
            step_component(old->components[k], stats, k, n / rows[k], &prior, margins + thread * d,
                           scratch + thread * 2 * d * d, &fresh->components[k]) != GKV_OK;
    }
    if (failed > 0)
        GKV_TRY_GOTO(
            gki_fail(GKV_ERR_MEMORY, "out of memory for a mixture of %zu components", count));
    *out = fresh;
    fresh = NULL;
done:
    gkv_mgk_mixture_free(fresh);
    free(margins);
    free(rows);
    free(scratch);
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
