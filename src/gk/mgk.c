#include "gkvae/mgk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/cholesky.h"
#include "gk/normal.h"

/* Pivots below this share of their diagonal are rounding, not information. */
static const double least_pivot = 1e-12;

struct gkv_mgk {
    size_t d;
    gkv_gk *margins;
    double *cholesky;
    double half_log_det; /* Σ log L_jj */
};

static gkv_status check_correlation(size_t d, const double *r)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            const double value = r[i * d + j];
            if (!(fabs(value) <= 1.0 + 1e-12) || fabs(value - r[j * d + i]) > 1e-12 ||
                (i == j && fabs(value - 1.0) > 1e-12))
                return gkv_fail(GKV_ERR_ARGUMENT, "not a correlation matrix: element (%zu, %zu) is %g, (%zu, %zu) is %g", i,
                                j, value, j, i, r[j * d + i]);
        }
    return GKV_OK;
}

gkv_status gkv_mgk_create(size_t d, const gkv_gk *margins, const double *correlation, gkv_mgk **out)
{
    *out = NULL;
    if (d < 1)
        return gkv_fail(GKV_ERR_ARGUMENT, "a multivariate g-and-k needs at least one dimension");
    for (size_t j = 0; j < d; j++)
        if (gkv_gk_check(&margins[j]) != GKV_OK)
            return gkv_fail_context(GKV_ERR_ARGUMENT, "margin %zu of %zu", j, d);
    if (correlation)
        GKV_TRY(check_correlation(d, correlation));
    gkv_status status = GKV_OK;
    gkv_mgk *mgk = NULL;
    GKV_TRY_GOTO(gkv_alloc(1, sizeof *mgk, &mgk));
    mgk->d = d;
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *mgk->margins, &mgk->margins));
    GKV_TRY_GOTO(gkv_alloc(d, d * sizeof(double), &mgk->cholesky));
    memcpy(mgk->margins, margins, d * sizeof *margins);
    if (!correlation)
        for (size_t j = 0; j < d; j++)
            mgk->cholesky[j * d + j] = 1.0;
    else if (!gkv_cholesky(d, correlation, least_pivot, mgk->cholesky)) {
        status = gkv_fail(GKV_ERR_NUMERIC, "the %zu × %zu correlation matrix is not positive definite; mix it with the "
                                           "identity (gkv_mgk_correlation does)", d, d);
        goto done;
    }
    for (size_t j = 0; j < d; j++)
        mgk->half_log_det += log(mgk->cholesky[j * d + j]);
    *out = mgk;
    return GKV_OK;
done:
    gkv_mgk_free(mgk);
    return status;
}

void gkv_mgk_free(gkv_mgk *mgk)
{
    if (!mgk)
        return;
    free(mgk->margins);
    free(mgk->cholesky);
    free(mgk);
}

size_t gkv_mgk_dimensions(const gkv_mgk *mgk)
{
    return mgk->d;
}

const gkv_gk *gkv_mgk_margins(const gkv_mgk *mgk)
{
    return mgk->margins;
}

const double *gkv_mgk_cholesky(const gkv_mgk *mgk)
{
    return mgk->cholesky;
}

double gkv_mgk_log_pdf(const gkv_mgk *mgk, const double *x, double *w)
{
    double total = -mgk->half_log_det;
    int outside = 0;
    for (size_t j = 0; j < mgk->d; j++) {
        w[j] = gkv_gk_Q_inverse(&mgk->margins[j], x[j]);
        outside |= isinf(w[j]);
        total -= gkv_gk_log_dQ(&mgk->margins[j], w[j]);
    }
    if (outside)
        return -INFINITY;
    gkv_cholesky_forward(mgk->d, mgk->cholesky, w);
    for (size_t j = 0; j < mgk->d; j++)
        total += gkv_normal_log_pdf(w[j]);
    return total;
}

void gkv_mgk_transform(const gkv_mgk *mgk, const double *epsilon, double *x)
{
    for (size_t i = 0; i < mgk->d; i++) {
        double z = 0.0;
        for (size_t k = 0; k <= i; k++)
            z += mgk->cholesky[i * mgk->d + k] * epsilon[k];
        x[i] = gkv_gk_Q(&mgk->margins[i], z);
    }
}
