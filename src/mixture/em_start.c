/* The start of the fit of a mixture: from clusters, or from another mixture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/clusters.h"
#include "mixture/em.h"
#include "mixture/mixture.h"
#include "num/linalg.h"

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
        em->pi[at] = (sum[0] + 1.0) / (em->fit.total + (double)em->count);
        GKV_TRY_GOTO(gki_mgk_build(d, margins, NULL, NULL, &em->parts[at]));
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
        const gkv_mgk *part = from->components[k];
        em->pi[k] = from->weights[k];
        GKV_TRY(gki_mgk_build(em->d, part->margins, part->mean, part->cholesky, &em->parts[k]));
    }
    return GKV_OK;
}

/* Makes a copy of a component, moved by `distance` standard deviations along the axis. margins[d]
 * is scratch. */
static gkv_status moved_copy(const gkv_mgk *part, const double *axis, double distance,
                             gkv_gk *margins, gkv_mgk **out)
{
    memcpy(margins, part->margins, part->d * sizeof *margins);
    for (size_t j = 0; j < part->d; j++)
        margins[j].a += distance * axis[j] * margins[j].b;
    return gki_mgk_build(part->d, margins, part->mean, part->cholesky, out);
}

/* Splits component `from` in two halves along its first principal axis. The second half replaces
 * component `to`. */
static gkv_status split(gki_em *em, size_t from, size_t to)
{
    const size_t d = em->d;
    double *axis = NULL;
    gkv_gk *margins = NULL;
    gkv_mgk *halves[2] = {NULL, NULL};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(2 * d, sizeof *axis, &axis));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *margins, &margins));
    gki_cholesky_longest_axis(d, em->parts[from]->cholesky, axis, axis + d);
    GKV_TRY_GOTO(moved_copy(em->parts[from], axis, 0.5, margins, &halves[0]));
    GKV_TRY_GOTO(moved_copy(em->parts[from], axis, -0.5, margins, &halves[1]));
    const size_t index[2] = {from, to};
    for (int i = 0; i < 2; i++) {
        gkv_mgk_free(em->parts[index[i]]);
        gki_em_replace(em, index[i], halves[i], NULL);
        halves[i] = NULL;
    }
    em->fit.weight[from] = em->fit.weight[to] = 0.5 * em->fit.weight[from];
    em->pi[from] = em->pi[to] = 0.5 * (em->pi[from] + em->pi[to]);
done:
    free(axis);
    free(margins);
    gkv_mgk_free(halves[0]);
    gkv_mgk_free(halves[1]);
    return status;
}

gkv_status gki_em_reinitialise(gki_em *em, size_t *count)
{
    const size_t per_group = gki_em_per_group(em);
    *count = 0;
    for (size_t k = 0; k < em->count; k++) {
        if (em->fit.weight[k] >= em->set->advanced.least_rows)
            continue;
        const size_t first = k / per_group * per_group;
        size_t heaviest = first;
        for (size_t other = first; other < first + per_group; other++)
            if (em->fit.weight[other] > em->fit.weight[heaviest])
                heaviest = other;
        /* A component is not split if its halves would be too small. */
        if (em->fit.weight[heaviest] < 4.0 * em->set->advanced.least_rows)
            continue;
        GKV_TRY(split(em, heaviest, k));
        ++*count;
    }
    return GKV_OK;
}
