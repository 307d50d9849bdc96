/* Densities, transforms and draws of many rows of a copula distribution, and densities and scores
 * in float. */
#include "mixture/rows.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "core/real.h"
#include "core/rng.h"
#include "core/threads.h"
#include "gk/gk_batch_kernels.h"
#include "mixture/margin_table.h"
#include "num/linalg.h"
#include "num/product.h"

/* --- Margins -------------------------------------------------------------- */

int gki_mgk_threads(int asked, size_t parts)
{
    const size_t threads = (size_t)gki_threads(asked);
    return (int)(threads < parts ? threads : parts > 0 ? parts : 1);
}

gkv_status gki_mgk_columns_create(size_t d, const gkv_gk *margins, gki_mgk_columns *out)
{
    *out = (gki_mgk_columns){.d = d};
    GKV_TRY(gki_alloc(d, 4 * sizeof(double), &out->memory));
    out->a = out->memory;
    out->b = out->a + d;
    out->g = out->b + d;
    out->k = out->g + d;
    gki_mgk_columns_set(out, margins);
    return GKV_OK;
}

void gki_mgk_columns_set(gki_mgk_columns *columns, const gkv_gk *margins)
{
    columns->margins = margins;
    columns->one_c = columns->normal = 1;
    for (size_t j = 0; j < columns->d; j++) {
        columns->a[j] = margins[j].a;
        columns->b[j] = margins[j].b;
        columns->g[j] = margins[j].g;
        columns->k[j] = margins[j].k;
        columns->one_c &= margins[j].c == margins[0].c;
        columns->normal &= margins[j].g == 0 && margins[j].k == 0;
    }
}

void gki_mgk_columns_free(gki_mgk_columns *columns)
{
    free(columns->memory);
    *columns = (gki_mgk_columns){0};
}

/* Q⁻¹ of normal margins. */
static void normal_inverse(const gki_mgk_columns *columns, size_t rows, const double *x, double *z,
                           double *log_dq, double *dq, double *ratio)
{
    const size_t d = columns->d;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++) {
            const size_t index = i * d + j;
            z[index] = (x[index] - columns->a[j]) / columns->b[j];
            if (dq)
                dq[index] = columns->b[j];
            if (ratio)
                ratio[index] = 0.0;
        }
    for (size_t j = 0; j < d && log_dq; j++) {
        const double log_b = log(columns->b[j]);
        for (size_t i = 0; i < rows; i++)
            log_dq[i * d + j] = log_b;
    }
}

/* Computes one column at a time, for columns with different c. */
static void inverse_by_column(const gki_mgk_columns *columns, size_t rows, const double *x,
                              double *z, double *log_dq, double *dq, double *ratio)
{
    const size_t d = columns->d;
    double in[GKV_MGK_TILE], out[4][GKV_MGK_TILE];
    double *const results[4] = {z, log_dq, dq, ratio};
    for (size_t j = 0; j < d; j++) {
        const gkv_gk *m = &columns->margins[j];
        const gki_gk_columns_d one = {&m->a, &m->b, &m->g, &m->k, m->c};
        for (size_t i = 0; i < rows; i++)
            in[i] = x[i * d + j];
        gki_gk_batch_inverse_d(rows, 1, &one, in, out[0], out[1], out[2], out[3]);
        for (int o = 0; o < 4; o++)
            for (size_t i = 0; i < rows && results[o]; i++)
                results[o][i * d + j] = out[o][i];
    }
}

void gki_mgk_inverse_rows(const gki_mgk_columns *columns, size_t rows, const double *x, double *z,
                          double *log_dq, double *dq, double *ratio)
{
    if (columns->normal) {
        normal_inverse(columns, rows, x, z, log_dq, dq, ratio);
        return;
    }
    if (!columns->one_c) {
        inverse_by_column(columns, rows, x, z, log_dq, dq, ratio);
        return;
    }
    const gki_gk_columns_d all = {columns->a, columns->b, columns->g, columns->k,
                                  columns->margins[0].c};
    gki_gk_batch_inverse_d(rows, columns->d, &all, x, z, log_dq, dq, ratio);
}

void gki_mgk_forward_rows(const gki_mgk_columns *columns, size_t rows, const double *z, double *x)
{
    const size_t d = columns->d;
    if (columns->one_c) {
        const gki_gk_columns_d all = {columns->a, columns->b, columns->g, columns->k,
                                      columns->margins[0].c};
        gki_gk_batch_forward_d(rows, d, &all, z, &(gki_gk_outputs_d){.x = x});
        return;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = gkv_gk_Q(&columns->margins[j], z[i * d + j]);
}

/* --- The distribution ----------------------------------------------------- */

void gki_mgk_whiten(const gkv_mgk *mgk, size_t rows, double *z)
{
    if (mgk->identity)
        return;
    const size_t d = mgk->d;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            z[i * d + j] -= mgk->mean[j];
    gki_multiply_upper_d(rows, d, mgk->whitener, z);
}

/* Returns 0 for a row whose z are all below 1e150 in size, so that their squares do not overflow.
 * Otherwise sets z to 0 and returns the log density of the row: NaN if x contains NaN, else −∞. */
static double special_row(size_t d, const double *x, double *z)
{
    int far = 0;
    for (size_t j = 0; j < d; j++)
        far |= !(fabs(z[j]) < 1e150);
    if (!far)
        return 0.0;
    double value = -INFINITY;
    for (size_t j = 0; j < d; j++) {
        if (isnan(x[j]))
            value = NAN;
        z[j] = 0.0;
    }
    return value;
}

void gki_mgk_log_pdf_tile(const gkv_mgk *mgk, const gki_mgk_table *table, size_t rows,
                          const double *x, double *w, double *log_dq, double *out, size_t stride)
{
    const size_t d = mgk->d;
    if (table)
        gki_mgk_table_inverse(table, rows, x, w, log_dq);
    else
        gki_mgk_inverse_rows(&mgk->columns, rows, x, w, log_dq, NULL, NULL);
    double special[GKV_MGK_TILE];
    for (size_t i = 0; i < rows; i++)
        special[i] = special_row(d, x + i * d, w + i * d);
    gki_mgk_whiten(mgk, rows, w);
    for (size_t i = 0; i < rows; i++) {
        const double *wi = w + i * d, *li = log_dq + i * d;
        double squares = 0.0, logs = 0.0;
        for (size_t j = 0; j < d; j++) {
            squares += wi[j] * wi[j];
            logs += li[j];
        }
        out[i * stride] = special[i] == 0 ? mgk->constant - 0.5 * squares - logs : special[i];
    }
}

gkv_status gkv_mgk_log_pdf_many(const gkv_mgk *mgk, size_t n, const double *x,
                                const gkv_run_options *options, double *log_pdf, double *w)
{
    GKV_NEED(mgk);
    if (n > 0) {
        GKV_NEED(x);
        GKV_NEED(log_pdf);
    }
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mgk->d, tiles = gki_mgk_tiles(n), size = 2 * GKV_MGK_TILE * d;
    const int used = gki_mgk_threads(call.options.threads, tiles);
    double *scratch = NULL;
    GKV_TRY(gki_alloc((size_t)used, size * sizeof *scratch, &scratch));
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *mine = scratch + (size_t)omp_get_thread_num() * size;
        const size_t first = t * GKV_MGK_TILE, rows = gki_mgk_tile_rows(n, t);
        if (gki_call_stopped(&call))
            continue;
        gki_mgk_log_pdf_tile(mgk, NULL, rows, x + first * d, w ? w + first * d : mine + size / 2,
                             mine, log_pdf + first, 1);
        gki_call_advance(&call, rows);
    }
    free(scratch);
    return gki_call_end(&call, "a density", "rows");
}

/* z = m + Lε, then x = Q(z), for one tile. `upper` is Lᵀ. */
static void transform_tile(const gkv_mgk *mgk, const double *upper, size_t rows, double *z,
                           double *x)
{
    const size_t d = mgk->d;
    if (!mgk->identity) {
        gki_multiply_upper_d(rows, d, upper, z);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < d; j++)
                z[i * d + j] += mgk->mean[j];
    }
    gki_mgk_forward_rows(&mgk->columns, rows, z, x);
}

/* Transforms the normals epsilon[n × d], or, if it is NULL, the normals of draws from … from + n −
 * 1 of the seed. */
static gkv_status transform(const gkv_mgk *mgk, size_t n, const double *epsilon, uint64_t seed,
                            uint64_t from, const gkv_run_options *options, double *x)
{
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mgk->d, tiles = gki_mgk_tiles(n), size = GKV_MGK_TILE * d;
    const int used = gki_mgk_threads(call.options.threads, tiles);
    double *scratch = NULL, *upper = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc((size_t)used, size * sizeof *scratch, &scratch));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *upper, &upper));
    gki_transpose(d, d, mgk->cholesky, upper);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *z = scratch + (size_t)omp_get_thread_num() * size;
        const size_t first = t * GKV_MGK_TILE, rows = gki_mgk_tile_rows(n, t);
        if (gki_call_stopped(&call))
            continue;
        if (epsilon)
            memcpy(z, epsilon + first * d, rows * d * sizeof *z);
        else
            for (size_t i = 0; i < rows; i++)
                gki_rng_normal_d(gki_mgk_draw(seed, from + first + i), d, z + i * d);
        transform_tile(mgk, upper, rows, z, x + first * d);
        gki_call_advance(&call, rows);
    }
done:
    free(scratch);
    free(upper);
    return status == GKV_OK ? gki_call_end(&call, "a transform", "rows") : status;
}

gkv_status gkv_mgk_transform_many(const gkv_mgk *mgk, size_t n, const double *epsilon,
                                  const gkv_run_options *options, double *x)
{
    GKV_NEED(mgk);
    if (n > 0) {
        GKV_NEED(epsilon);
        GKV_NEED(x);
    }
    return transform(mgk, n, epsilon, 0, 0, options, x);
}

gkv_status gkv_mgk_sample(const gkv_mgk *mgk, size_t n, uint64_t seed, uint64_t first,
                          const gkv_run_options *options, double *x)
{
    GKV_NEED(mgk);
    if (n > 0)
        GKV_NEED(x);
    return transform(mgk, n, NULL, seed, first, options, x);
}

/* --- In float ------------------------------------------------------------- */

/* The float functions are not a second form of the double ones, and core/both_types.h is not for
 * them. They read parameters that are rounded once, clamp scores, need neither the means nor the
 * derivatives, and add squares in lanes. */

static gkv_status float_create(size_t d, const gki_mgk_columns *columns, gki_mgk_float *out)
{
    *out = (gki_mgk_float){.d = d, .normal = columns->normal, .c = (float)columns->margins[0].c};
    GKV_TRY(gki_alloc(d, (4 + d) * sizeof *out->a, &out->a));
    out->b = out->a + d;
    out->g = out->b + d;
    out->k = out->g + d;
    out->whitener = out->k + d;
    double log_b = 0.0;
    for (size_t j = 0; j < d; j++) {
        out->a[j] = (float)columns->a[j];
        out->b[j] = (float)columns->b[j];
        out->g[j] = (float)columns->g[j];
        out->k[j] = (float)columns->k[j];
        log_b += log(columns->b[j]);
    }
    out->log_b = (float)log_b;
    return GKV_OK;
}

gkv_status gki_mgk_float_of_columns(const gki_mgk_columns *columns, gki_mgk_float *out)
{
    return float_create(columns->d, columns, out);
}

gkv_status gki_mgk_float_create(const gkv_mgk *mgk, gki_mgk_float *out)
{
    const size_t d = mgk->d;
    GKV_TRY(float_create(d, &mgk->columns, out));
    out->constant = mgk->constant;
    for (size_t i = 0; i < d * d; i++)
        out->whitener[i] = (float)mgk->whitener[i];
    return GKV_OK;
}

void gki_mgk_float_free(gki_mgk_float *part)
{
    free(part->a);
    *part = (gki_mgk_float){0};
}

void gki_mgk_float_scores(const gki_mgk_float *part, size_t rows, const float *x, float *z,
                          float *log_dq, float *scratch)
{
    const size_t d = part->d;
    const float most = 1e15F;
    if (part->normal) {
        for (size_t i = 0; i < rows; i++, x += d, z += d) {
#pragma omp simd
            for (size_t j = 0; j < d; j++)
                z[j] = (x[j] - part->a[j]) / part->b[j];
            log_dq[i] = part->log_b;
        }
        return;
    }
    const gki_gk_columns_f columns = {part->a, part->b, part->g, part->k, part->c};
    gki_gk_batch_inverse_f(rows, d, &columns, x, z, scratch, NULL, NULL);
    for (size_t i = 0; i < rows; i++, z += d, scratch += d) {
        float sum = 0.0F;
        for (size_t j = 0; j < d; j++) {
            sum += scratch[j];
            z[j] = z[j] > most ? most : z[j] < -most ? -most : z[j];
        }
        log_dq[i] = sum;
    }
}

/* Σ w², in a fixed order that suits vectors of any width. */
static float sum_squares(size_t d, const float *w)
{
    enum { LANES = 16 };
    float sums[LANES] = {0}, sum = 0.0F;
    size_t j = 0;
    for (; j + LANES <= d; j += LANES)
        for (size_t i = 0; i < LANES; i++)
            sums[i] += w[j + i] * w[j + i];
    for (; j < d; j++)
        sum += w[j] * w[j];
    for (size_t i = 0; i < LANES; i++)
        sum += sums[i];
    return sum;
}

void gki_mgk_float_log_pdf(const gki_mgk_float *part, size_t rows, const float *x, float *scratch,
                           double *out, size_t stride)
{
    const size_t d = part->d;
    float *z = scratch, *spare = scratch + rows * d, log_dq[GKV_MGK_TILE];
    gki_mgk_float_scores(part, rows, x, z, log_dq, spare);
    gki_multiply_upper_f(rows, d, part->whitener, z); /* z becomes w */
    for (size_t i = 0; i < rows; i++)
        out[i * stride] =
            part->constant - 0.5 * (double)sum_squares(d, z + i * d) - (double)log_dq[i];
}
