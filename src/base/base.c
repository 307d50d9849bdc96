/* The table of base distributions, and the margins that several of them share. */
#include "base/base.h"

#include <math.h>
#include <string.h>

#include "num/special.h"
#include "gkvae/gk.h"

static const gkv_base_ops *const bases[GKV_BASES] = {
    [GKV_BASE_NORMAL] = &gkv_base_normal,
    [GKV_BASE_FULL_GAUSSIAN] = &gkv_base_full_gaussian,
    [GKV_BASE_STUDENT_T] = &gkv_base_student_t,
    [GKV_BASE_GK] = &gkv_base_gk,
    [GKV_BASE_GK_COPULA] = &gkv_base_gk_copula,
    [GKV_BASE_GAUSSIAN_MIXTURE] = &gkv_base_gaussian_mixture,
    [GKV_BASE_GK_MIXTURE] = &gkv_base_gk_mixture,
    [GKV_BASE_GK_BY_CLASS] = &gkv_base_gk_by_class,
};

const gkv_base_ops *gkv_base_of(gkv_base_family family)
{
    return bases[family];
}

void gkv_base_add_margin(const double margin[5], double sd, double weight, size_t n, const double *x, double *pdf,
                         double *cdf)
{
    const gkv_gk gk = {margin[0], margin[1], margin[2], margin[3], margin[4], 0};
    for (size_t i = 0; i < n; i++) {
        const double z = gkv_gk_Q_inverse(&gk, x[i]) / sd;
        pdf[i] += weight * exp(gkv_normal_log_pdf(z) - gkv_gk_log_dQ(&gk, z * sd)) / sd;
        cdf[i] += weight * gkv_normal_cdf(z);
    }
}

void gkv_base_gk_margin_at(const gkv_base *base, const gkv_params *params, size_t dimension, size_t n, const double *x,
                           double *pdf, double *cdf)
{
    double margin[5];
    base->ops->margin(base, params, dimension, margin);
    memset(pdf, 0, n * sizeof *pdf);
    memset(cdf, 0, n * sizeof *cdf);
    gkv_base_add_margin(margin, 1, 1, n, x, pdf, cdf);
}
