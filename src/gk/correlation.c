/* Normal scores to a correlation matrix that is safely positive definite. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/cholesky.h"
#include "gk/normal.h"
#include "gkvae/mgk.h"

/* Margins fitted elsewhere can give a stray value an absurd z; it may not decide R. */
static double held(double z, double most)
{
    return fmax(-most, fmin(most, z));
}

/* Column means and sums of products of the scores, row by row. */
static gkv_status accumulate(size_t n, size_t d, const double *x, const gkv_gk *margins, double most, double *z,
                             double *mean, double *products)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++) {
            const double value = x[i * d + j];
            if (!isfinite(value))
                return gkv_fail(GKV_ERR_DATA, "normal scores: row %zu, column %zu is %g", i, j, value);
            z[j] = held(gkv_gk_Q_inverse(&margins[j], value), most);
        }
        /* Welford's update: `before` is the deviation from the old mean, z from the new. */
        for (size_t j = 0; j < d; j++) {
            const double before = z[j] - mean[j];
            mean[j] += before / (double)(i + 1);
            z[j] = before;
        }
        const double share = (double)i / (double)(i + 1);
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k <= j; k++)
                products[j * d + k] += share * z[j] * z[k];
    }
    return GKV_OK;
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
    double *memory = NULL;
    GKV_TRY(gkv_alloc(d, (d + 3) * sizeof *memory, &memory));
    double *z = memory, *mean = z + d, *scale = mean + d, *factor = scale + d;
    memset(correlation, 0, d * d * sizeof *correlation);
    const double most = -gkv_normal_quantile(1.0 / (20.0 * (double)n));
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(accumulate(n, d, x, margins, most, z, mean, correlation));
    normalise(d, correlation, scale);
    shrink_by(d, shrink, correlation);
    /* The identity is positive definite, so this ends: by the last step it is reached. */
    for (double repair = 1e-8; !gkv_cholesky(d, correlation, 1e-9, factor); repair *= 10.0)
        shrink_by(d, fmin(1.0, repair), correlation);
    if (cholesky)
        memcpy(cholesky, factor, d * d * sizeof *cholesky);
done:
    free(memory);
    return status;
}
