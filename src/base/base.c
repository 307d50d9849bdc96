/* The table of base distributions, and the margins that several of them share. */
#include "base/base.h"

#include <math.h>
#include <string.h>

#include "num/special.h"
#include "gkvae/gk.h"

static const gki_base_ops *const bases[GKV_BASES] = {
    [GKV_BASE_NORMAL] = &gki_base_normal,
    [GKV_BASE_FULL_GAUSSIAN] = &gki_base_full_gaussian,
    [GKV_BASE_STUDENT_T] = &gki_base_student_t,
    [GKV_BASE_GK] = &gki_base_gk,
    [GKV_BASE_GK_COPULA] = &gki_base_gk_copula,
    [GKV_BASE_GAUSSIAN_MIXTURE] = &gki_base_gaussian_mixture,
    [GKV_BASE_GK_MIXTURE] = &gki_base_gk_mixture,
    [GKV_BASE_GK_BY_CLASS] = &gki_base_gk_by_class,
};

const gki_base_ops *gki_base_of(gkv_base_family family)
{
    return bases[family];
}

void gki_base_add_margin(const double margin[5], double sd, double weight, size_t n,
                         const double *x, double *pdf, double *cdf)
{
    const gkv_gk gk = {margin[0], margin[1], margin[2], margin[3], margin[4], 0};
    for (size_t i = 0; i < n; i++) {
        const double z = gkv_gk_Q_inverse(&gk, x[i]) / sd;
        pdf[i] += weight * exp(gki_normal_log_pdf(z) - gkv_gk_log_dQ(&gk, z * sd)) / sd;
        cdf[i] += weight * gki_normal_cdf(z);
    }
}

void gki_base_describe_shapes(size_t n, const gki_real *g, const gki_real *k,
                              gki_base_refit_report *report)
{
    report->g_min = report->k_min = INFINITY;
    report->g_max = report->k_max = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        report->g_min = fmin(report->g_min, (double)g[i]);
        report->g_max = fmax(report->g_max, (double)g[i]);
        report->k_min = fmin(report->k_min, (double)k[i]);
        report->k_max = fmax(report->k_max, (double)k[i]);
    }
}

void gki_base_gk_margin_at(const gki_base *base, const gki_params *params, size_t dimension,
                           size_t n, const double *x, double *pdf, double *cdf)
{
    double margin[5];
    base->ops->margin(base, params, dimension, margin);
    memset(pdf, 0, n * sizeof *pdf);
    memset(cdf, 0, n * sizeof *cdf);
    gki_base_add_margin(margin, 1, 1, n, x, pdf, cdf);
}
