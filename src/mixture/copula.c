/* The multivariate g-and-k distribution: creation, and functions of one point. */
#include "gkvae/mgk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/real.h"
#include "gk/family.h"
#include "gkfit/fit.h"
#include "num/linalg.h"
#include "mixture/rows.h"
#include "num/constants.h"

/* A pivot that is less than this fraction of its diagonal element is rounding error. */
static const double least_pivot = 1e-12;

gkv_status gki_mgk_check_margins(size_t d, const gkv_gk *margins)
{
    if (d < 1)
        return gki_fail(GKV_ERR_ARGUMENT, "a multivariate g-and-k needs at least one dimension");
    for (size_t j = 0; j < d; j++)
        if (gki_gk_check_gk(&margins[j], "a multivariate distribution") != GKV_OK)
            return gki_fail_context(GKV_ERR_ARGUMENT, "margin %zu of %zu", j + 1, d);
    return GKV_OK;
}

gkv_status gki_mgk_check_fit(const gkv_gk_fit_settings *settings)
{
    if (!gki_gk_has_batches(settings->family))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "the margins of a multivariate fit are of the g-and-k family, not of the %s family",
            gkv_gk_family_name(settings->family));
    if (settings->free_c)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the margins of a multivariate fit share one c, which is not estimated");
    return gki_gk_fit_check_settings(settings);
}

static gkv_status check_correlation(size_t d, const double *r)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            const double value = r[i * d + j];
            if (!(fabs(value) <= 1.0 + 1e-12) || fabs(value - r[j * d + i]) > 1e-12 ||
                (i == j && fabs(value - 1.0) > 1e-12))
                return gki_fail(
                    GKV_ERR_ARGUMENT,
                    "not a correlation matrix: element (%zu, %zu) is %g, (%zu, %zu) is %g", i, j,
                    value, j, i, r[j * d + i]);
        }
    return GKV_OK;
}

static gkv_status check_mean(size_t d, const double *mean)
{
    for (size_t i = 0; i < d && mean; i++)
        if (!isfinite(mean[i]))
            return gki_fail(GKV_ERR_ARGUMENT, "element %zu of the mean of z is %g", i, mean[i]);
    return GKV_OK;
}

static gkv_status check_covariance(size_t d, const double *covariance)
{
    for (size_t i = 0; i < d && covariance; i++)
        for (size_t j = 0; j <= i; j++) {
            const double a = covariance[i * d + j], b = covariance[j * d + i];
            if (!isfinite(a) ||
                fabs(a - b) > 1e-12 * sqrt(covariance[i * d + i] * covariance[j * d + j]))
                return gki_fail(
                    GKV_ERR_ARGUMENT,
                    "not a covariance matrix: element (%zu, %zu) is %g, (%zu, %zu) is %g", i, j, a,
                    j, i, b);
        }
    return GKV_OK;
}

gkv_status gki_mgk_build_waypoint(size_t d, const gkv_gk *margins, const double *mean,
                                  const double *cholesky, gkv_mgk **out)
{
    *out = NULL;
    gkv_status status = GKV_OK;
    gkv_mgk *mgk = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *mgk, &mgk));
    mgk->d = d;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *mgk->margins, &mgk->margins));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *mgk->mean, &mgk->mean));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *mgk->cholesky, &mgk->cholesky));
    memcpy(mgk->margins, margins, d * sizeof *margins);
    GKV_TRY_GOTO(gki_mgk_columns_create(d, mgk->margins, &mgk->columns));
    if (mean)
        memcpy(mgk->mean, mean, d * sizeof *mean);
    if (cholesky)
        memcpy(mgk->cholesky, cholesky, d * d * sizeof *cholesky);
    else
        for (size_t j = 0; j < d; j++)
            mgk->cholesky[j * d + j] = 1.0;
    mgk->identity = 1;
    mgk->constant = -(double)d * GKV_HALF_LOG_2PI;
    for (size_t i = 0; i < d; i++) {
        mgk->constant -= log(mgk->cholesky[i * d + i]);
        mgk->identity &= mgk->mean[i] == 0;
        for (size_t j = 0; j <= i; j++)
            mgk->identity &= mgk->cholesky[i * d + j] == (i == j ? 1.0 : 0.0);
    }
    *out = mgk;
    return GKV_OK;
done:
    gkv_mgk_free(mgk);
    return status;
}

gkv_status gki_mgk_build(size_t d, const gkv_gk *margins, const double *mean,
                         const double *cholesky, gkv_mgk **out)
{
    gkv_mgk *mgk = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_mgk_build_waypoint(d, margins, mean, cholesky, &mgk));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *mgk->whitener, &mgk->whitener));
    if (mgk->identity)
        memcpy(mgk->whitener, mgk->cholesky, d * d * sizeof *mgk->whitener);
    else
        gki_cholesky_whitener(d, mgk->cholesky, mgk->whitener);
    *out = mgk;
    return GKV_OK;
done:
    gkv_mgk_free(mgk);
    return status;
}

static gkv_status build_from_covariance(size_t d, const gkv_gk *margins, const double *mean,
                                        const double *covariance, gkv_mgk **out)
{
    if (!covariance)
        return gki_mgk_build(d, margins, mean, NULL, out);
    double *factor = NULL;
    gkv_status status = gki_alloc(d, d * sizeof *factor, &factor);
    if (status != GKV_OK)
        return status;
    if (gki_cholesky(d, covariance, least_pivot, factor))
        status = gki_mgk_build(d, margins, mean, factor, out);
    else
        status = gki_fail(GKV_ERR_NUMERIC,
                          "the %zu × %zu matrix is not positive definite; mix it with the identity "
                          "(gkv_mgk_correlation does)",
                          d, d);
    free(factor);
    return status;
}

gkv_status gkv_mgk_create(size_t d, const gkv_gk *margins, const double *correlation, gkv_mgk **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(margins);
    GKV_TRY(gki_mgk_check_margins(d, margins));
    if (correlation)
        GKV_TRY(check_correlation(d, correlation));
    return build_from_covariance(d, margins, NULL, correlation, out);
}

gkv_status gkv_mgk_create_latent(size_t d, const gkv_gk *margins, const double *mean,
                                 const double *covariance, gkv_mgk **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(margins);
    GKV_TRY(gki_mgk_check_margins(d, margins));
    GKV_TRY(check_mean(d, mean));
    GKV_TRY(check_covariance(d, covariance));
    return build_from_covariance(d, margins, mean, covariance, out);
}

gkv_status gkv_mgk_create_from_cholesky(size_t d, const gkv_gk *margins, const double *mean,
                                        const double *cholesky, gkv_mgk **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(margins);
    GKV_NEED(cholesky);
    GKV_TRY(gki_mgk_check_margins(d, margins));
    GKV_TRY(check_mean(d, mean));
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            const double value = cholesky[i * d + j];
            if (j > i ? value != 0 : !isfinite(value) || (i == j && !(value > 0)))
                return gki_fail(GKV_ERR_ARGUMENT,
                                "not a lower triangular factor with a positive diagonal: element "
                                "(%zu, %zu) is %g",
                                i, j, value);
        }
    return gki_mgk_build(d, margins, mean, cholesky, out);
}

void gkv_mgk_free(gkv_mgk *mgk)
{
    if (!mgk)
        return;
    gki_mgk_columns_free(&mgk->columns);
    free(mgk->margins);
    free(mgk->mean);
    free(mgk->cholesky);
    free(mgk->whitener);
    free(mgk);
}

size_t gkv_mgk_dimensions(const gkv_mgk *mgk)
{
    return mgk ? mgk->d : 0;
}

const gkv_gk *gkv_mgk_margins(const gkv_mgk *mgk)
{
    return mgk ? mgk->margins : NULL;
}

const double *gkv_mgk_mean(const gkv_mgk *mgk)
{
    return mgk ? mgk->mean : NULL;
}

const double *gkv_mgk_cholesky(const gkv_mgk *mgk)
{
    return mgk ? mgk->cholesky : NULL;
}

void gkv_mgk_covariance(const gkv_mgk *mgk, double *covariance)
{
    if (!mgk || !covariance)
        return;
    const size_t d = mgk->d;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t k = 0; k <= j; k++)
                sum += mgk->cholesky[i * d + k] * mgk->cholesky[j * d + k];
            covariance[i * d + j] = covariance[j * d + i] = sum;
        }
}

static double log_pdf(const gkv_mgk *mgk, const double *x, double *w)
{
    double total = mgk->constant;
    int outside = 0, unknown = 0;
    for (size_t j = 0; j < mgk->d; j++) {
        const double z = gkv_gk_Q_inverse(&mgk->margins[j], x[j]);
        outside |= isinf(x[j]) || isinf(z);
        unknown |= isnan(x[j]) || (isnan(z) && !isinf(x[j]));
        total -= gkv_gk_log_dQ(&mgk->margins[j], z);
        w[j] = z - mgk->mean[j];
    }
    if (unknown)
        return NAN;
    if (outside)
        return -INFINITY;
    gki_cholesky_forward(mgk->d, mgk->cholesky, w);
    for (size_t j = 0; j < mgk->d; j++)
        total -= 0.5 * w[j] * w[j];
    return total;
}

double gkv_mgk_log_pdf(const gkv_mgk *mgk, const double *x, double *w)
{
    if (!mgk || !x)
        return NAN;
    enum { FEW = 64 };
    double few[FEW], *more = NULL;
    if (w)
        return log_pdf(mgk, x, w);
    if (mgk->d <= FEW)
        return log_pdf(mgk, x, few);
    if (gki_alloc(mgk->d, sizeof *more, &more) != GKV_OK)
        return NAN;
    const double value = log_pdf(mgk, x, more);
    free(more);
    return value;
}

void gkv_mgk_transform(const gkv_mgk *mgk, const double *epsilon, double *x)
{
    if (!mgk || !epsilon || !x)
        return;
    for (size_t i = 0; i < mgk->d; i++) {
        double z = mgk->mean[i];
        for (size_t k = 0; k <= i; k++)
            z += mgk->cholesky[i * mgk->d + k] * epsilon[k];
        x[i] = gkv_gk_Q(&mgk->margins[i], z);
    }
}
