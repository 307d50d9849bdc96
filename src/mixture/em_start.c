/* The memory of the fit of a mixture by EM, its data (their order, spread and noise), and its
 * start: from clusters, from clusters of rows in one of several views, or from another mixture. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/clusters.h"
#include "mixture/em.h"
#include "num/sort.h"

/* --- Memory and data ------------------------------------------------------ */

void gki_em_measure(size_t n, const double *sorted, double *centre, double *scale)
{
    *centre = sorted[n / 2];
    *scale = (sorted[(3 * n) / 4 < n ? (3 * n) / 4 : n - 1] - sorted[n / 4]) / 1.349;
    if (*scale > 0)
        return;
    double mean = 0.0;
    for (size_t i = 0; i < n; i++)
        mean += fabs(sorted[i] - *centre) / (double)n;
    *scale = 1.2533 * mean;
}

/* The spread of a sorted column within its clusters, from the median distance of neighbouring
 * values. It is about the standard deviation of a normal sample, and does not grow with the
 * distances between clusters. Equal values count once. `gaps` has n elements. */
static double local_spread(size_t n, const double *sorted, double *gaps)
{
    const double normal = 0.43;
    size_t count = 0;
    for (size_t i = 1; i < n; i++)
        if (sorted[i] > sorted[i - 1])
            gaps[count++] = sorted[i] - sorted[i - 1];
    gki_sort(count, gaps, NULL, gaps + count);
    return count > 0 ? normal * (double)(count + 1) * gaps[count / 2] : 0.0;
}

/* The least B of a column: a fraction of its spread within clusters, which is not believed below
 * 1e-6 of its whole spread, because rounding may have made values nearly equal. */
static double least_b_of(const gki_em *em, size_t n, const double *sorted, double scale,
                         double *scratch)
{
    const double fraction = em->set->advanced.min_scale, nearly_equal = 1e-6;
    if (em->set->advanced.keep)
        return fraction * scale;
    return fraction * fmax(nearly_equal * scale, fmin(scale, local_spread(n, sorted, scratch)));
}

/* Sorts column j. The row numbers are the weights of gki_sort. `scratch` has 4n elements. */
static void order_column(gki_em *em, size_t j, double *scratch)
{
    const size_t n = em->fit.n;
    double *x = scratch, *rows = scratch + n, *spare = scratch + 2 * n,
           *column = em->columns + j * n;
    for (size_t i = 0; i < n; i++) {
        x[i] = column[i] = em->fit.x[i * em->d + j];
        rows[i] = (double)i;
    }
    gki_sort(n, x, rows, spare);
    for (size_t i = 0; i < n; i++)
        em->order[j * n + i] = (uint32_t)rows[i];
    gki_em_measure(n, x, &em->centre[j], &em->scale[j]);
    em->least_b[j] = least_b_of(em, n, x, em->scale[j], spare);
}

static gkv_status order_columns(gki_em *em)
{
    const size_t n = em->fit.n, d = em->d;
    const int used = gki_mgk_threads(em->threads, d);
    double *scratch = NULL;
    char text[GKV_MGK_COLUMN_TEXT];
    GKV_TRY(gki_alloc((size_t)used * n, 4 * sizeof *scratch, &scratch));
#pragma omp parallel for schedule(dynamic, 1) num_threads(used)
    for (size_t j = 0; j < d; j++)
        order_column(em, j, scratch + (size_t)omp_get_thread_num() * 4 * n);
    free(scratch);
    for (size_t j = 0; j < d; j++)
        if (!(em->scale[j] > 1e-14 * fabs(em->centre[j])))
            return gki_fail(GKV_ERR_DATA, "%s is constant (%g) and has no density; leave it out",
                            gki_mgk_column_text(text, em->set->names, j), em->centre[j]);
    return GKV_OK;
}

/* The log density of the noise at each row: Σ_j of the log Cauchy densities, plus the log
 * weight. */
static void noise_of(const gki_em *em, gki_em_rows *rows)
{
    const size_t d = em->d, tiles = gki_mgk_tiles(rows->n);
    const int used = gki_mgk_threads(em->threads, tiles);
    const double log_pi = 1.1447298858494001741;
    double heights = em->set->advanced.log_noise;
    for (size_t j = 0; j < d; j++)
        heights -= log_pi + log(2.0 * em->scale[j]);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++)
        for (size_t i = t * GKV_MGK_TILE, end = i + gki_mgk_tile_rows(rows->n, t); i < end; i++) {
            rows->log_noise[i] = heights;
            for (size_t j = 0; j < d; j++) {
                const double off = (rows->x[i * d + j] - em->centre[j]) / (2.0 * em->scale[j]);
                rows->log_noise[i] -= fabs(off) < 1e150 ? log1p(off * off) : 2.0 * log(fabs(off));
            }
        }
}

static gkv_status rows_create(gki_em *em, size_t n, const double *x, const double *weights,
                              const uint32_t *group, gki_em_rows *out)
{
    const size_t tiles = gki_mgk_tiles(n), parts = em->count;
    *out = (gki_em_rows){
        .n = n, .x = x, .weights = weights, .group = em->set->advanced.groups > 0 ? group : NULL};
    for (size_t i = 0; i < n; i++)
        out->total += weights ? weights[i] : 1.0;
    GKV_TRY(gki_alloc(n, sizeof *out->log_noise, &out->log_noise));
    GKV_TRY(gki_alloc(n, parts, &out->far));
    GKV_TRY(gki_alloc(tiles, sizeof *out->tiles, &out->tiles));
    GKV_TRY(gki_alloc(tiles, (1 + 2 * parts) * sizeof *out->sums, &out->sums));
    GKV_TRY(gki_alloc(parts, sizeof *out->weight, &out->weight));
    return gki_alloc(parts, sizeof *out->gain, &out->gain);
}

static void rows_free(gki_em_rows *rows)
{
    for (size_t t = 0; rows->tiles && t < gki_mgk_tiles(rows->n); t++) {
        free(rows->tiles[t].component);
        free(rows->tiles[t].responsibility);
    }
    free(rows->tiles);
    free(rows->log_noise);
    free(rows->far);
    free(rows->sums);
    free(rows->weight);
    free(rows->gain);
}

gkv_status gki_em_create(size_t n, size_t d, const double *x, const gkv_mgk_mixture_settings *set,
                         int threads, gki_em *out)
{
    *out = (gki_em){.set = set, .d = d, .threads = threads, .count = set->components};
    /* d rows or fewer have a singular correlation matrix, unless it is shrunk */
    out->min_rows = set->shrink == 0 && !set->independent
                        ? fmax(set->advanced.min_rows, (double)d + 1.0)
                        : set->advanced.min_rows;
    GKV_TRY(gki_mgk_mixture_alloc(out->count, d, &out->mixture));
    GKV_TRY(gki_mgk_mixture_alloc(out->count, d, &out->previous));
    GKV_TRY(gki_alloc(out->count, sizeof *out->tables, &out->tables));
    GKV_TRY(gki_alloc(out->count, sizeof *out->floats, &out->floats));
    GKV_TRY(gki_alloc(out->count, sizeof *out->skips_left, &out->skips_left));
    GKV_TRY(gki_alloc(out->count, sizeof *out->skip_length, &out->skip_length));
    GKV_TRY(gki_alloc(out->count + 1, sizeof *out->support, &out->support));
    GKV_TRY(gki_alloc(d, sizeof *out->centre, &out->centre));
    GKV_TRY(gki_alloc(d, sizeof *out->scale, &out->scale));
    GKV_TRY(gki_alloc(d, sizeof *out->least_b, &out->least_b));
    GKV_TRY(gki_alloc(d, n * sizeof *out->columns, &out->columns));
    GKV_TRY(gki_alloc(d, n * sizeof *out->order, &out->order));
    GKV_TRY(rows_create(out, n, x, set->weights, set->advanced.group, &out->fit));
    GKV_TRY(rows_create(out, set->held_out_rows, set->held_out, NULL, set->advanced.held_out_group,
                        &out->held_out));
    GKV_TRY(order_columns(out));
    noise_of(out, &out->fit);
    noise_of(out, &out->held_out);
    return GKV_OK;
}

void gki_em_clear(gki_em *em)
{
    for (size_t k = 0; k < em->count; k++) {
        gkv_mgk_free(em->mixture->components[k]);
        gki_em_replace(em, k, NULL, NULL);
        em->mixture->weights[k] = 0.0;
        em->skips_left[k] = em->skip_length[k] = 0;
    }
}

void gki_em_free(gki_em *em)
{
    gkv_mgk_mixture_free(em->mixture);
    gkv_mgk_mixture_free(em->previous);
    for (size_t k = 0; em->tables && k < em->count; k++)
        gki_mgk_table_free(em->tables[k]);
    for (size_t k = 0; em->floats && k < em->count; k++)
        gki_mgk_float_free(&em->floats[k]);
    rows_free(&em->fit);
    rows_free(&em->held_out);
    free(em->tables);
    free(em->floats);
    free(em->skips_left);
    free(em->skip_length);
    free(em->support);
    free(em->support_row);
    free(em->support_weight);
    free(em->centre);
    free(em->scale);
    free(em->least_b);
    free(em->columns);
    free(em->order);
}

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
                         .b = em->scale[j] * fmax(sqrt(variance), em->set->advanced.min_scale),
                         .c = em->set->advanced.margins.c};
        }
        const size_t index = s->only * s->count + k;
        em->mixture->weights[index] = (sum[0] + 1.0) / (em->fit.total + (double)em->count);
        GKV_TRY_GOTO(gki_mgk_build(d, margins, NULL, NULL, &em->mixture->components[index]));
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

/* --- Clusters in a view --------------------------------------------------- */

/* Outliers decide the clusters of one view, and clamped rows those of another, but each component
 * begins with the medians and quartiles of its rows in every view. */

enum { QUARTILES = 3 };

/* The clusters of the rows, and their robust moments. */
typedef struct members {
    size_t count;
    uint32_t *cluster; /* [n] the cluster of each row */
    double *total;     /* [count] Σ w */
    double *cumulated; /* [d × count] scratch */
    double *quartiles; /* [d × count × 3] */
    double *within;    /* [d] the pooled variance within clusters */
    gkv_gk *margins;   /* [d] of a component */
} members;

static gkv_status members_create(size_t n, size_t d, size_t count, members *out)
{
    *out = (members){.count = count};
    GKV_TRY(gki_alloc(n, sizeof *out->cluster, &out->cluster));
    GKV_TRY(gki_alloc(count, sizeof *out->total, &out->total));
    GKV_TRY(gki_alloc(d, count * sizeof *out->cumulated, &out->cumulated));
    GKV_TRY(gki_alloc(d, count * QUARTILES * sizeof *out->quartiles, &out->quartiles));
    GKV_TRY(gki_alloc(d, sizeof *out->within, &out->within));
    return gki_alloc(d, sizeof *out->margins, &out->margins);
}

static void members_free(members *m)
{
    free(m->cluster);
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
                m->cluster[i] = (uint32_t)k;
            }
        }
    }
    for (size_t i = 0; i < s->n; i++)
        m->total[m->cluster[i]] += gki_clusters_weight(s, i);
}

/* Computes the quartiles of column j in each cluster, in one pass over its sorted values. */
static void find_quartiles(const gki_em *em, size_t j, const members *m)
{
    const size_t n = em->fit.n;
    double *cumulated = m->cumulated + j * m->count;
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = em->order[j * n + i], k = m->cluster[row];
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
static double min_rows_of(const gki_em *em)
{
    return fmin(em->min_rows, em->fit.total / (2.0 * (double)em->count));
}

/* Makes a component with normal margins from each cluster. The pooled variance within clusters
 * counts as ten additional rows, so that small clusters get a reasonable width. */
static gkv_status make_components_of(gki_em *em, const members *m)
{
    const double few = 10.0, min_rows = min_rows_of(em);
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
        em->mixture->weights[k] = m->total[k] < min_rows
                                      ? 0.0
                                      : (m->total[k] + 1.0) / (em->fit.total + (double)em->count);
        GKV_TRY(gki_mgk_build(em->d, m->margins, NULL, NULL, &em->mixture->components[k]));
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
    GKV_TRY_GOTO(make_components_of(em, &m));
done:
    gki_clusters_free(&s);
    members_free(&m);
    return status;
}

/* --- From a mixture ------------------------------------------------------- */

/* Raises B to the least one. A component that a split has made narrower could not move otherwise,
 * because the likelihood is greater where B is not allowed. */
static void raise_b(const gki_em *em, gkv_mgk *part)
{
    for (size_t j = 0; j < em->d; j++)
        part->margins[j].b = fmax(part->margins[j].b, em->least_b[j]);
    gki_mgk_columns_set(&part->columns, part->margins);
}

gkv_status gki_em_resume(gki_em *em, const gkv_mgk_mixture *from)
{
    for (size_t k = 0; k < em->count; k++) {
        const gkv_mgk *part = from->components[k < from->count ? k : 0];
        em->mixture->weights[k] = k < from->count ? from->weights[k] : 0.0;
        GKV_TRY(gki_mgk_build(em->d, part->margins, part->mean, part->cholesky,
                              &em->mixture->components[k]));
        raise_b(em, em->mixture->components[k]);
    }
    return GKV_OK;
}

gkv_status gki_em_reinitialise(gki_em *em, size_t *count)
{
    const gki_mgk_split split = {
        .per_group = gki_em_per_group(em), .min_rows = em->set->advanced.min_rows, .apart = 0.5};
    GKV_TRY(gki_mgk_mixture_reinitialise(em->mixture, &split, em->fit.weight, count));
    for (size_t k = 0; *count > 0 && k < em->count; k++)
        gki_em_replace(em, k, em->mixture->components[k], NULL);
    return GKV_OK;
}
