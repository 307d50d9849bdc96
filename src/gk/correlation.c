/* Normal scores to a correlation matrix that is safely positive definite. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/batch.h"
#include "gk/cholesky.h"
#include "gk/normal.h"
#include "gkvae/mgk.h"

/* The scores z = Q_j⁻¹(x) of one column, less their mean, into column j of scores[n, d].
 * Margins fitted elsewhere can give a stray value an absurd z; `most` keeps it from
 * deciding R. `column` is room for n numbers. */
static gkv_status score_column(size_t n, size_t d, size_t j, const double *x, const gkv_gk *margin, double most,
                               double *column, double *scores)
{
    for (size_t i = 0; i < n; i++) {
        column[i] = x[i * d + j];
        if (!isfinite(column[i]))
            return gkv_fail(GKV_ERR_DATA, "normal scores: row %zu, column %zu is %g", i, j, column[i]);
    }
    const gkv_gk_columns_d one = {&margin->a, &margin->b, &margin->g, &margin->k, margin->c};
    gkv_gk_batch_inverse_d(n, 1, &one, column, column, NULL, NULL, NULL);
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        column[i] = fmax(-most, fmin(most, column[i]));
        mean += (column[i] - mean) / (double)(i + 1);
    }
    for (size_t i = 0; i < n; i++)
        scores[i * d + j] = column[i] - mean;
    return GKV_OK;
}

/* The lower triangle of scoresᵀ·scores. */
static void multiply(size_t n, size_t d, const double *scores, double *products)
{
    for (size_t i = 0; i < n; i++) {
        const double *z = scores + i * d;
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k <= j; k++)
                products[j * d + k] += z[j] * z[k];
    }
}

static void normalise(size_t d, double *r, double *scale)
{
    for (size_t j = 0; j < d; j++)
        scale[j] = r[j * d + j] > 0 ? 1.0 / sqrt(r[j * d + j]) : 0.0;
    for (size_t j = 0; j < d; j++) {
        for (size_t k = 0; k < j; k++) {
            const double value = r[j * d + k] * scale[j] * scale[k];
            r[j * d + k] = r[k * d + j] = fmax(-1.0, fmin(1.0, value));
        }
        r[j * d + j] = 1.0;
    }
}

/* Scales what is off the diagonal by (1 − s). */
static void shrink_by(size_t d, double s, double *r)
{
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < d; k++)
            if (j != k)
                r[j * d + k] *= 1.0 - s;
}

gkv_status gkv_mgk_correlation(size_t n, size_t d, const double *x, const gkv_gk *margins, double shrink,
                               double *correlation, double *cholesky)
{
    if (d < 1 || n < 2 || !(shrink >= 0 && shrink <= 1))
        return gkv_fail(GKV_ERR_ARGUMENT, "normal scores need 2 rows, 1 column and a shrinkage in [0, 1], not %zu, %zu, %g",
                        n, d, shrink);
    for (size_t j = 0; j < d; j++)
        if (gkv_gk_check(&margins[j]) != GKV_OK)
            return gkv_fail_context(GKV_ERR_ARGUMENT, "margin %zu of %zu", j, d);
    double *scores = NULL, *column = NULL, *scale = NULL, *factor = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(n, d * sizeof *scores, &scores));
    GKV_TRY_GOTO(gkv_alloc(n, sizeof *column, &column));
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *scale, &scale));
    GKV_TRY_GOTO(gkv_alloc(d, d * sizeof *factor, &factor));
    memset(correlation, 0, d * d * sizeof *correlation);
    const double most = -gkv_normal_quantile(1.0 / (20.0 * (double)n));
    for (size_t j = 0; j < d; j++)
        GKV_TRY_GOTO(score_column(n, d, j, x, &margins[j], most, column, scores));
    multiply(n, d, scores, correlation);
    normalise(d, correlation, scale);
    shrink_by(d, shrink, correlation);
    /* The identity is positive definite, so this ends: by the last step it is reached. */
    for (double repair = 1e-8; !gkv_cholesky(d, correlation, 1e-9, factor); repair *= 10.0)
        shrink_by(d, fmin(1.0, repair), correlation);
    if (cholesky)
        memcpy(cholesky, factor, d * d * sizeof *cholesky);
done:
    free(scores);
    free(column);
    free(scale);
    free(factor);
    return status;
}
