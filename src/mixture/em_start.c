/* Where the fit of a mixture begins: clusters of rows standardised by median and spread and held to
 * ±5, so that no wild value has a say, as normal components; by group if the rows have groups. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "mixture/clusters.h"
#include "mixture/em.h"

static void standardise(const gkv_em *em, gkv_clusters *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->d; j++) {
            const double off = (em->fit.x[i * s->d + j] - em->centre[j]) / em->scale[j];
            s->rows[i * s->d + j] = fmax(-5.0, fmin(5.0, off));
        }
}

/* Normal margins of each cluster. The variance within clusters, all together, counts for ten
 * rows, so that small clusters get a decent width. */
static gkv_status make_components(gkv_em *em, const gkv_clusters *s)
{
    const size_t d = s->d, width = 2 * d + 2;
    const double few = 10.0;
    double *within = NULL, total = 0.0;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *within, &within));
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *margins, &margins));
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
            const double own = sum[0] > 0 ? fmax(0.0, sum[2 + d + j] - sum[2 + j] * sum[2 + j] / sum[0]) : 0.0;
            const double variance = (own + few * within[j]) / (sum[0] + few);
            margins[j] = (gkv_gk){.a = em->centre[j] + em->scale[j] * s->centres[k * d + j],
                                  .b = em->scale[j] * fmax(sqrt(variance), em->set->least_scale),
                                  .c = em->set->margins.c};
        }
        const size_t at = s->only * s->count + k;
        em->pi[at] = (sum[0] + 1.0) / (em->fit.total + (double)em->count);
        GKV_TRY_GOTO(gkv_mgk_build(d, margins, NULL, NULL, &em->parts[at]));
    }
done:
    free(within);
    free(margins);
    return status;
}

gkv_status gkv_em_start(gkv_em *em)
{
    gkv_clusters s = {.n = em->fit.n, .d = em->d, .count = gkv_em_per_group(em), .weights = em->fit.weights,
                      .group = em->fit.group, .seed = em->set->seed, .threads = em->threads};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_clusters_create(&s));
    standardise(em, &s);
    for (; s.only * s.count < em->count; s.only++) {
        GKV_TRY_GOTO(gkv_clusters_find(&s));
        GKV_TRY_GOTO(make_components(em, &s));
    }
done:
    gkv_clusters_free(&s);
    return status;
}
