/* The memory of the fit of a mixture, and its data: order, spread and noise. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "num/sort.h"
#include "mixture/em.h"

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
    const double fraction = em->set->advanced.least_scale, nearly_equal = 1e-6;
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
    out->least_rows = set->shrink == 0 && !set->independent
                          ? fmax(set->advanced.least_rows, (double)d + 1.0)
                          : set->advanced.least_rows;
    GKV_TRY(gki_mgk_mixture_alloc(out->count, d, &out->now));
    GKV_TRY(gki_mgk_mixture_alloc(out->count, d, &out->before));
    GKV_TRY(gki_alloc(out->count, sizeof *out->tables, &out->tables));
    GKV_TRY(gki_alloc(out->count, sizeof *out->floats, &out->floats));
    GKV_TRY(gki_alloc(out->count, sizeof *out->rest, &out->rest));
    GKV_TRY(gki_alloc(out->count, sizeof *out->pause, &out->pause));
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
        gkv_mgk_free(em->now->components[k]);
        gki_em_replace(em, k, NULL, NULL);
        em->now->weights[k] = 0.0;
        em->rest[k] = em->pause[k] = 0;
    }
}

void gki_em_free(gki_em *em)
{
    gkv_mgk_mixture_free(em->now);
    gkv_mgk_mixture_free(em->before);
    for (size_t k = 0; em->tables && k < em->count; k++)
        gki_mgk_table_free(em->tables[k]);
    for (size_t k = 0; em->floats && k < em->count; k++)
        gki_mgk_float_free(&em->floats[k]);
    rows_free(&em->fit);
    rows_free(&em->held_out);
    free(em->tables);
    free(em->floats);
    free(em->rest);
    free(em->pause);
    free(em->support);
    free(em->support_row);
    free(em->support_weight);
    free(em->centre);
    free(em->scale);
    free(em->least_b);
    free(em->columns);
    free(em->order);
}
