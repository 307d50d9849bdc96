/* The start of the fit of a mixture: from clusters, or from another mixture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/clusters.h"
#include "mixture/em.h"

/* --- From clusters -------------------------------------------------------- */

/* Standardises the rows by median and spread, and clamps them to ±5 to limit the effect of
 * outliers. */

static void standardise(const gki_em *em, gki_clusters *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->d; j++) {
            const double off = (em->fit.x[i * s->d + j] - em->centre[j]) / em->scale[j];
            s->rows[i * s->d + j] = fmax(-5.0, fmin(5.0, off));
        }
}

/* Makes a component with normal margins from each cluster. The pooled variance within clusters
 * counts as ten additional rows, so that small clusters get a reasonable width. */
static gkv_status make_components(gki_em *em, const gki_clusters *s)
{
    const size_t d = s->d, width = 2 * d + 2;
    const double few = 10.0;
    double *within = NULL, total = 0.0;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *within, &within));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *margins, &margins));
    for (size_t k = 0; k < s->count; k++) {
        const double *sum = s->sums + k * width;
        total += sum[0];
        for (size_t j = 0; j < d && sum[0] > 0; j++)
            within[j] += fmax(0.0, sum[2 + d + j] - sum[2 + j] * sum[2 + j] / sum[0]);
    }
    for (size_t j = 0; j < d; j++)
        within[j] = fmax(within[j] / total, 0.01);
    for (size_t k = 0; k < s->count; k++) {
        const double *sum = s->sums + k * width;
        for (size_t j = 0; j < d; j++) {
            const double own =
                sum[0] > 0 ? fmax(0.0, sum[2 + d + j] - sum[2 + j] * sum[2 + j] / sum[0]) : 0.0;
            const double variance = (own + few * within[j]) / (sum[0] + few);
            margins[j] =
                (gkv_gk){.a = em->centre[j] + em->scale[j] * s->centres[k * d + j],
                         .b = em->scale[j] * fmax(sqrt(variance), em->set->advanced.least_scale),
                         .c = em->set->advanced.margins.c};
        }
        const size_t at = s->only * s->count + k;
        em->now->weights[at] = (sum[0] + 1.0) / (em->fit.total + (double)em->count);
        GKV_TRY_GOTO(gki_mgk_build(d, margins, NULL, NULL, &em->now->components[at]));
    }
done:
    free(within);
    free(margins);
    return status;
}

gkv_status gki_em_start(gki_em *em)
{
    gki_clusters s = {.n = em->fit.n,
                      .d = em->d,
                      .count = gki_em_per_group(em),
                      .weights = em->fit.weights,
                      .group = em->fit.group,
                      .seed = em->set->seed,
                      .threads = em->threads};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_clusters_create(&s));
    standardise(em, &s);
    for (; s.only * s.count < em->count; s.only++) {
        GKV_TRY_GOTO(gki_clusters_find(&s));
        GKV_TRY_GOTO(make_components(em, &s));
    }
done:
    gki_clusters_free(&s);
    return status;
}

/* --- From a mixture ------------------------------------------------------- */

gkv_status gki_em_resume(gki_em *em, const gkv_mgk_mixture *from)
{
    for (size_t k = 0; k < em->count; k++) {
        const gkv_mgk *part = from->components[k < from->count ? k : 0];
        em->now->weights[k] = k < from->count ? from->weights[k] : 0.0;
        GKV_TRY(gki_mgk_build(em->d, part->margins, part->mean, part->cholesky,
                              &em->now->components[k]));
    }
    return GKV_OK;
}

gkv_status gki_em_reinitialise(gki_em *em, size_t *count)
{
    const gki_mgk_split split = {.per_group = gki_em_per_group(em),
                                 .least_rows = em->set->advanced.least_rows,
                                 .apart = 0.5};
    GKV_TRY(gki_mgk_mixture_reinitialise(em->now, &split, em->fit.weight, count));
    for (size_t k = 0; *count > 0 && k < em->count; k++)
        gki_em_replace(em, k, em->now->components[k], NULL);
    return GKV_OK;
}
