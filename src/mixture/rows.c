/* Densities, transforms and draws of many rows. */
#include "mixture/rows.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "mixture/margin_table.h"

void gkv_mgk_whiten(const gkv_mgk *mgk, size_t rows, double *z)
{
    if (mgk->identity)
        return;
    const size_t d = mgk->d;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            z[i * d + j] -= mgk->mean[j];
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)rows, (int)d, 1.0, mgk->cholesky,
                (int)d, z, (int)d);
}

/* The log density of a row whose z is not that of a point inside: NaN if x has one, else −∞;
 * 0 for an ordinary row. Squares of a z above 1e150 are beyond double. */
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

void gkv_mgk_log_pdf_tile(const gkv_mgk *mgk, const gkv_mgk_table *table, size_t rows, const double *x, double *w, double *log_dq, double *out,
                          size_t stride)
{
    const size_t d = mgk->d;
    if (table)
        gkv_mgk_table_inverse(table, rows, x, w, log_dq);
    else
        gkv_mgk_inverse_rows(&mgk->columns, rows, x, w, log_dq, NULL, NULL);
    double special[GKV_MGK_TILE];
    for (size_t i = 0; i < rows; i++)
        special[i] = special_row(d, x + i * d, w + i * d);
    gkv_mgk_whiten(mgk, rows, w);
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

gkv_status gkv_mgk_log_pdf_many(const gkv_mgk *mgk, size_t n, const double *x, int threads, double *log_pdf,
                                double *w)
{
    const size_t d = mgk->d, tiles = gkv_mgk_tiles(n), room = 2 * GKV_MGK_TILE * d;
    const int used = gkv_mgk_threads(threads, tiles);
    double *scratch = NULL;
    GKV_TRY(gkv_alloc((size_t)used, room * sizeof *scratch, &scratch));
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *mine = scratch + (size_t)omp_get_thread_num() * room;
        const size_t first = t * GKV_MGK_TILE;
        gkv_mgk_log_pdf_tile(mgk, NULL, gkv_mgk_tile_rows(n, t), x + first * d, w ? w + first * d : mine + room / 2, mine,
                             log_pdf + first, 1);
    }
    free(scratch);
    return GKV_OK;
}

/* z = m + Lε, then x = Q(z), for one tile. */
static void transform_tile(const gkv_mgk *mgk, size_t rows, double *z, double *x)
{
    const size_t d = mgk->d;
    if (!mgk->identity) {
        cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)rows, (int)d, 1.0,
                    mgk->cholesky, (int)d, z, (int)d);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < d; j++)
                z[i * d + j] += mgk->mean[j];
    }
    gkv_mgk_forward_rows(&mgk->columns, rows, z, x);
}

/* Normals given, or drawn at (seed, first + row) where `epsilon` is NULL. */
static gkv_status transform(const gkv_mgk *mgk, size_t n, const double *epsilon, uint64_t seed, uint64_t from,
                            int threads, double *x)
{
    const size_t d = mgk->d, tiles = gkv_mgk_tiles(n), room = GKV_MGK_TILE * d;
    const int used = gkv_mgk_threads(threads, tiles);
    double *scratch = NULL;
    GKV_TRY(gkv_alloc((size_t)used, room * sizeof *scratch, &scratch));
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *z = scratch + (size_t)omp_get_thread_num() * room;
        const size_t first = t * GKV_MGK_TILE, rows = gkv_mgk_tile_rows(n, t);
        if (epsilon)
            memcpy(z, epsilon + first * d, rows * d * sizeof *z);
        else
            for (size_t i = 0; i < rows; i++)
                gkv_rng_normal_d(gkv_mgk_draw(seed, from + first + i), d, z + i * d);
        transform_tile(mgk, rows, z, x + first * d);
    }
    free(scratch);
    return GKV_OK;
}

gkv_status gkv_mgk_transform_many(const gkv_mgk *mgk, size_t n, const double *epsilon, int threads, double *x)
{
    return transform(mgk, n, epsilon, 0, 0, threads, x);
}

gkv_status gkv_mgk_sample(const gkv_mgk *mgk, uint64_t seed, uint64_t first, size_t n, int threads, double *x)
{
    return transform(mgk, n, NULL, seed, first, threads, x);
}
