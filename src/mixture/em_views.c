/* The start of the fit of a mixture from clusters of rows in one of several views (mixture/em.h).
 * Outliers decide the clusters of one view, and clamped rows those of another, but each component
 * begins with the medians and quartiles of its rows in every view. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/clusters.h"
#include "mixture/em.h"

enum { QUARTILES = 3 };

/* The clusters of the rows, and their robust moments. */
typedef struct members {
    size_t count;
    uint32_t *of;      /* [n] the cluster of each row */
    double *total;     /* [count] Σ w */
    double *cumulated; /* [d × count] scratch */
    double *quartiles; /* [d × count × 3] */
    double *within;    /* [d] the pooled variance within clusters */
    gkv_gk *margins;   /* [d] of a component */
} members;

static gkv_status members_create(size_t n, size_t d, size_t count, members *out)
{
    *out = (members){.count = count};
    GKV_TRY(gki_alloc(n, sizeof *out->of, &out->of));
    GKV_TRY(gki_alloc(count, sizeof *out->total, &out->total));
    GKV_TRY(gki_alloc(d, count * sizeof *out->cumulated, &out->cumulated));
    GKV_TRY(gki_alloc(d, count * QUARTILES * sizeof *out->quartiles, &out->quartiles));
    GKV_TRY(gki_alloc(d, sizeof *out->within, &out->within));
    return gki_alloc(d, sizeof *out->margins, &out->margins);
}

static void members_free(members *m)
{
    free(m->of);
    free(m->total);
    free(m->cumulated);
    free(m->quartiles);
    free(m->within);
    free(m->margins);
}

/* Writes the standardised rows in the view. */
static void look(const gki_em *em, gki_em_view view, gki_clusters *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->d; j++) {
            const double off = (em->fit.x[i * s->d + j] - em->centre[j]) / em->scale[j];
            s->rows[i * s->d + j] = view == GKV_EM_CLAMPED ? fmax(-5.0, fmin(5.0, off))
                                    : view == GKV_EM_PLAIN ? fmax(-1e100, fmin(1e100, off))
                                                           : asinh(off);
        }
}

/* Finds the nearest centre of each row. */
static void assign(const gki_em *em, const gki_clusters *s, members *m)
{
    const int used = gki_mgk_threads(em->threads, gki_mgk_tiles(s->n));
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t i = 0; i < s->n; i++) {
        double best = INFINITY;
        for (size_t k = 0; k < s->count; k++) {
            double square = 0.0;
            for (size_t j = 0; j < s->d; j++) {
                const double off = s->rows[i * s->d + j] - s->centres[k * s->d + j];
                square += off * off;
            }
            if (square < best) {
                best = square;
                m->of[i] = (uint32_t)k;
            }
        }
    }
    for (size_t i = 0; i < s->n; i++)
        m->total[m->of[i]] += gki_clusters_weight(s, i);
}

/* Computes the quartiles of column j in each cluster, in one pass over its sorted values. */
static void find_quartiles(const gki_em *em, size_t j, const members *m)
{
    const size_t n = em->fit.n;
    double *cumulated = m->cumulated + j * m->count;
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = em->order[j * n + i], k = m->of[row];
        const double before = cumulated[k],
                     after = before + (em->fit.weights ? em->fit.weights[row] : 1.0);
        cumulated[k] = after;
        for (size_t q = 0; q < QUARTILES; q++) {
            const double level = 0.25 * (double)(q + 1) * m->total[k];
            if (before <= level && level < after)
                m->quartiles[(j * m->count + k) * QUARTILES + q] = em->columns[j * n + row];
        }
    }
}

/* The variance of column j in cluster k, from its quartiles. */
static double variance_of(const members *m, size_t j, size_t k)
{
    const double *q = m->quartiles + (j * m->count + k) * QUARTILES;
    return (q[2] - q[0]) / 1.349 * ((q[2] - q[0]) / 1.349);
}

/* The least number of rows of a cluster that becomes a component. With fewer rows it is a few
 * outliers, unless all clusters are small. */
static double least_rows_of(const gki_em *em)
{
    return fmin(em->least_rows, em->fit.total / (2.0 * (double)em->count));
}

/* Makes a component with normal margins from each cluster. The pooled variance within clusters
 * counts as ten additional rows, so that small clusters get a reasonable width. */
static gkv_status make_components(gki_em *em, const members *m)
{
    const double few = 10.0, least_rows = least_rows_of(em);
    for (size_t j = 0; j < em->d; j++)
        for (size_t k = 0; k < m->count; k++)
            m->within[j] += m->total[k] / em->fit.total * variance_of(m, j, k);
    for (size_t k = 0; k < m->count; k++) {
        for (size_t j = 0; j < em->d; j++) {
            const double *q = m->quartiles + (j * m->count + k) * QUARTILES;
            const double variance =
                (m->total[k] * variance_of(m, j, k) + few * m->within[j]) / (m->total[k] + few);
            m->margins[j] = (gkv_gk){.a = m->total[k] > 0 ? q[1] : em->centre[j],
                                     .b = fmax(sqrt(variance), em->least_b[j]),
                                     .c = em->set->advanced.margins.c};
        }
        em->now->weights[k] = m->total[k] < least_rows
                                  ? 0.0
                                  : (m->total[k] + 1.0) / (em->fit.total + (double)em->count);
        GKV_TRY(gki_mgk_build(em->d, m->margins, NULL, NULL, &em->now->components[k]));
    }
    return GKV_OK;
}

gkv_status gki_em_start_view(gki_em *em, gki_em_view view, bool seeds_only, uint64_t seed)
{
    gki_clusters s = {.n = em->fit.n,
                      .d = em->d,
                      .count = em->count,
                      .weights = em->fit.weights,
                      .seed = seed,
                      .threads = em->threads};
    members m = {0};
    const int used = gki_mgk_threads(em->threads, em->d);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_clusters_create(&s));
    GKV_TRY_GOTO(members_create(s.n, s.d, s.count, &m));
    look(em, view, &s);
    GKV_TRY_GOTO(seeds_only ? gki_clusters_seed(&s) : gki_clusters_find(&s));
    assign(em, &s, &m);
#pragma omp parallel for schedule(dynamic, 1) num_threads(used)
    for (size_t j = 0; j < em->d; j++)
        find_quartiles(em, j, &m);
    GKV_TRY_GOTO(make_components(em, &m));
done:
    gki_clusters_free(&s);
    members_free(&m);
    return status;
}
