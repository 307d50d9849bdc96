/* Densities of tables: the structure, log densities and draws; declared in gkvae/density.h and
 * table_density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"
#include "density/table_density.h"

/* BLOCK: the rows that are evaluated at once; TILE: of a task. */
enum { BLOCK = 8192, TILE = 512 };

/* --- The structure -------------------------------------------------------- */

gkv_status gki_density_alloc(size_t d, const char *const *names, gkv_density **out)
{
    gkv_density *density = NULL;
    char text[GKV_COLUMN_TEXT];
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *density, &density));
    density->d = d;
    density->chosen = GKV_DENSITY_CHOSEN;
    for (int c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        density->candidates[c] = gki_candidate_begin((gkv_density_candidate)c);
    GKV_TRY_GOTO(gki_alloc(d, sizeof *density->names, &density->names));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *density->margins, &density->margins));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *density->margin_info, &density->margin_info));
    for (size_t j = 0; j < d; j++)
        GKV_TRY_GOTO(
            gki_strdup(names ? names[j] : gki_column_text(text, NULL, j), &density->names[j]));
    *out = density;
    return GKV_OK;
done:
    gkv_density_free(density);
    return status;
}

void gkv_density_free(gkv_density *density)
{
    if (!density)
        return;
    for (size_t j = 0; density->names && j < density->d; j++)
        free(density->names[j]);
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        gki_candidate_end(&density->candidates[c]);
    gki_copula_free(density->copula);
    free(density->names);
    free(density->margins);
    free(density->margin_info);
    free(density);
}

size_t gkv_density_dimensions(const gkv_density *density)
{
    return density ? density->d : 0;
}

size_t gkv_density_rows(const gkv_density *density)
{
    return density ? density->n : 0;
}

const char *gkv_density_name(const gkv_density *density, size_t column)
{
    return density && column < density->d ? density->names[column] : NULL;
}

int64_t gkv_density_chosen(const gkv_density *density)
{
    return density ? density->chosen : -1;
}

gkv_status gkv_density_get_margin(const gkv_density *density, size_t column,
                                  gkv_density_margin_info *info)
{
    GKV_NEED(density);
    GKV_NEED(info);
    if (column >= density->d)
        return gki_fail(GKV_ERR_ARGUMENT, "gkv_density_get_margin: there is no column %zu of %zu",
                        column, density->d);
    *info = density->margin_info[column];
    return GKV_OK;
}

gkv_status gkv_density_get_candidate(const gkv_density *density, int64_t candidate,
                                     gkv_density_candidate_info *info)
{
    GKV_NEED(density);
    GKV_NEED(info);
    if (candidate == GKV_DENSITY_CHOSEN)
        candidate = density->chosen;
    if (candidate < 0 || candidate >= GKV_DENSITY_CANDIDATES)
        return gki_fail(GKV_ERR_ARGUMENT, "gkv_density_get_candidate: there is no candidate %lld",
                        (long long)candidate);
    *info = density->candidates[candidate].info;
    return GKV_OK;
}

gkv_status gki_density_candidate(const gkv_density *density, int64_t *candidate,
                                 const char *function)
{
    if (*candidate == GKV_DENSITY_CHOSEN)
        *candidate = density->chosen;
    if (*candidate < 0 || *candidate >= GKV_DENSITY_CANDIDATES)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: there is no candidate %lld", function,
                        (long long)*candidate);
    return density->candidates[*candidate].info.fitted
               ? GKV_OK
               : gki_fail(GKV_ERR_ARGUMENT, "%s: the density has no %s", function,
                          density->candidates[*candidate].ops->name);
}

/* --- Scores --------------------------------------------------------------- */

/* Scores of rows with the sum of the log derivatives of each row. One task is a tile of rows. */
static gkv_status score_tile(const gkv_density *density, size_t count, const double *x, double *z,
                             double *log_slope)
{
    double in[TILE], out[TILE], slope[TILE];
    for (size_t j = 0; j < density->d; j++) {
        for (size_t i = 0; i < count; i++)
            in[i] = x[i * density->d + j];
        GKV_TRY(gki_margin_scores(&density->margins[j], count, in, out, slope));
        for (size_t i = 0; i < count; i++) {
            z[i * density->d + j] = out[i];
            if (log_slope)
                log_slope[i * density->d + j] = slope[i];
        }
    }
    return GKV_OK;
}

static gkv_status score_rows(const gkv_density *density, size_t n, const double *x, int threads,
                             double *z, double *log_slope)
{
    const size_t tiles = (n + TILE - 1) / TILE;
    gkv_status all = GKV_OK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (size_t t = 0; t < tiles; t++) {
        const size_t first = t * TILE, count = n - first < TILE ? n - first : TILE;
        const gkv_status status =
            score_tile(density, count, x + first * density->d, z + first * density->d,
                       log_slope ? log_slope + first * density->d : NULL);
        if (status != GKV_OK)
#pragma omp atomic write
            all = status;
    }
    return all == GKV_OK ? GKV_OK : gki_fail(all, "out of memory for the scores of rows");
}

gkv_status gkv_density_scores(const gkv_density *density, size_t n, const double *x,
                              const gkv_run_options *options, double *z, double *log_slope)
{
    GKV_NEED(density);
    GKV_NEED(x || n == 0);
    GKV_NEED(z || n == 0);
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const int threads = gki_call_threads(&call, 0);
    const size_t d = density->d;
    for (size_t first = 0; first < n && !gki_call_stopped(&call); first += BLOCK) {
        const size_t count = n - first < BLOCK ? n - first : BLOCK;
        GKV_TRY(score_rows(density, count, x + first * d, threads, z + first * d,
                           log_slope ? log_slope + first * d : NULL));
        gki_call_advance(&call, count);
    }
    return gki_call_end(&call, "scores", "rows");
}

gkv_status gkv_density_quantiles(const gkv_density *density, size_t column, size_t n,
                                 const double *z, double *x)
{
    GKV_NEED(density);
    GKV_NEED(z || n == 0);
    GKV_NEED(x || n == 0);
    if (column >= density->d)
        return gki_fail(GKV_ERR_ARGUMENT, "gkv_density_quantiles: there is no column %zu of %zu",
                        column, density->d);
    return gki_margin_values(&density->margins[column], n, z, x);
}

/* --- Log densities -------------------------------------------------------- */

/* The parts of a block; `memory` has 2·n·d numbers. */
static gkv_status block_parts(const gkv_density *density, int64_t candidate, size_t n,
                              const double *x, int threads, double *memory, double *unmixed,
                              double *copula)
{
    double *z = memory, *slope = memory + n * density->d;
    const gki_candidate *c = &density->candidates[candidate];
    GKV_TRY(score_rows(density, n, x, threads, z, slope));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < n; i++) {
        double y[GKV_DENSITY_COLUMNS_MAX];
        copula[i] = gki_copula_log_density(density->copula, z + i * density->d, y);
    }
    if (c->ops->is_copula)
        memcpy(unmixed, copula, n * sizeof *unmixed);
    else
        GKV_TRY(c->ops->log_density(c, density, n, c->ops->on_values ? x : z, threads, unmixed));
    for (size_t i = 0; i < n; i++) {
        double sum = 0, finite = 0;
        for (size_t j = 0; j < density->d; j++) {
            sum += slope[i * density->d + j];
            finite += x[i * density->d + j] - x[i * density->d + j];
        }
        const double outside = isnan(finite) ? -INFINITY : 0;
        copula[i] = isnan(sum) ? NAN : outside < 0 ? outside : copula[i] + sum;
        unmixed[i] = isnan(sum) ? NAN : outside < 0 ? outside : unmixed[i];
        if (!c->ops->on_values && outside == 0)
            unmixed[i] += sum;
    }
    return GKV_OK;
}

static size_t block_of(size_t n)
{
    return n < BLOCK ? n : BLOCK;
}

gkv_status gki_density_parts(const gkv_density *density, int64_t candidate, size_t n,
                             const double *x, int threads, double *unmixed, double *copula)
{
    double *memory = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_alloc(2 * block_of(n) * density->d, sizeof *memory, &memory));
    for (size_t first = 0; first < n && status == GKV_OK; first += BLOCK)
        status = block_parts(density, candidate, block_of(n - first), x + first * density->d,
                             threads, memory, unmixed + first, copula + first);
    free(memory);
    return status;
}

double gki_density_mixed(double copula_share, double unmixed, double copula)
{
    if (!(copula_share > 0))
        return unmixed;
    if (isnan(unmixed) && !isnan(copula))
        unmixed = -INFINITY; /* a flow that overflows far out */
    const double a = log1p(-copula_share) + unmixed, b = log(copula_share) + copula;
    const double most = fmax(a, b), least = fmin(a, b);
    return most == -INFINITY ? most : most + log1p(exp(least - most));
}

gkv_status gkv_density_log_density(const gkv_density *density, int64_t candidate, size_t n,
                                   const double *x, const gkv_run_options *options,
                                   double *log_density)
{
    GKV_NEED(density);
    GKV_NEED(x || n == 0);
    GKV_NEED(log_density || n == 0);
    GKV_TRY(gki_density_candidate(density, &candidate, __func__));
    gki_call call;
    double *copula = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_call_begin(&call, options, n));
    GKV_TRY(gki_alloc(block_of(n), sizeof *copula, &copula));
    const double copula_share = density->candidates[candidate].info.copula_share;
    for (size_t first = 0; first < n && !gki_call_stopped(&call); first += BLOCK) {
        const size_t count = block_of(n - first);
        double *unmixed = log_density + first;
        GKV_TRY_GOTO(gki_density_parts(density, candidate, count, x + first * density->d,
                                       gki_call_threads(&call, 0), unmixed, copula));
        for (size_t i = 0; i < count; i++)
            unmixed[i] = gki_density_mixed(copula_share, unmixed[i], copula[i]);
        gki_call_advance(&call, count);
    }
    status = gki_call_end(&call, "the log density", "rows");
done:
    free(copula);
    return status;
}

/* --- p-values ------------------------------------------------------------- */

gkv_status gkv_density_p_values(const gkv_density *density, int64_t candidate, size_t n,
                                const double *log_density, double *p)
{
    GKV_NEED(density);
    GKV_NEED(log_density || n == 0);
    GKV_NEED(p || n == 0);
    GKV_TRY(gki_density_candidate(density, &candidate, __func__));
    const gki_candidate *fitted = &density->candidates[candidate];
    if (fitted->n_calibration == 0)
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "gkv_density_p_values: a conditional or marginal density has no held-out rows");
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = fitted->n_calibration; /* the number of values ≤ log_density[i] */
        while (low < high) {
            const size_t middle = (low + high) / 2;
            if (fitted->calibration[middle] <= log_density[i])
                low = middle + 1;
            else
                high = middle;
        }
        p[i] =
            isnan(log_density[i]) ? NAN : (double)(1 + low) / (double)(1 + fitted->n_calibration);
    }
    return GKV_OK;
}
