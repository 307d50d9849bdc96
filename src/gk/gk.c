#include "gkvae/gk.h"

#include <math.h>

#include "gk/normal.h"
#include "gk/terms.h"

gkv_gk gkv_gk_standard(void)
{
    return (gkv_gk){.a = 0.0, .b = 1.0, .g = 0.0, .k = 0.0, .c = 0.8};
}

/* Q at z = ±∞: finite only for k = −½. */
static double Q_at_infinity(const gkv_gk *gk, double z)
{
    if (gk->k > -0.5)
        return z;
    const double skew = gk->g == 0 ? 0.0 : copysign(gk->c, gk->g * z);
    return gk->a + copysign(gk->b * (1.0 + skew), z);
}

double gkv_gk_Q(const gkv_gk *gk, double z)
{
    if (isinf(z))
        return Q_at_infinity(gk, z);
    const gkv_gk_terms t = gkv_gk_terms_at(gk, z);
    return gk->a + gk->b * t.T * z * gkv_gk_power(z, gk->k);
}

double gkv_gk_dQ(const gkv_gk *gk, double z)
{
    const gkv_gk_terms t = gkv_gk_terms_at(gk, z);
    return gk->b * t.R * gkv_gk_power(z, gk->k);
}

double gkv_gk_log_dQ(const gkv_gk *gk, double z)
{
    const gkv_gk_terms t = gkv_gk_terms_at(gk, z);
    return log(gk->b * t.R) + gk->k * t.ln;
}

double gkv_gk_d2Q(const gkv_gk *gk, double z)
{
    const gkv_gk_terms t = gkv_gk_terms_at(gk, z);
    return gk->b * t.R * gkv_gk_power(z, gk->k) * gkv_gk_ratio(gk, &t, z);
}

void gkv_gk_Q_gradient(const gkv_gk *gk, double z, double dq[4], double dlog[4])
{
    const gkv_gk_terms t = gkv_gk_terms_at(gk, z);
    const double half_slope = 0.5 * gk->c * z * t.sech2; /* ∂T/∂g */
    if (dq) {
        const double zW = z * gkv_gk_power(z, gk->k);
        dq[GKV_GK_A] = 1.0;
        dq[GKV_GK_B] = t.T * zW;
        dq[GKV_GK_G] = gk->b * zW * half_slope;
        dq[GKV_GK_K] = gk->b * t.T * zW * t.ln;
    }
    if (dlog) {
        dlog[GKV_GK_A] = 0.0;
        dlog[GKV_GK_B] = 1.0 / gk->b;
        dlog[GKV_GK_G] = half_slope * (1.0 + t.tail - t.gz * t.tanh) / t.R;
        dlog[GKV_GK_K] = t.ln + 2.0 * t.T * t.h / t.R;
    }
}

double gkv_gk_log_pdf(const gkv_gk *gk, double x)
{
    const double z = gkv_gk_Q_inverse(gk, x);
    if (isinf(z))
        return -INFINITY;
    return gkv_normal_log_pdf(z) - gkv_gk_log_dQ(gk, z);
}

double gkv_gk_pdf(const gkv_gk *gk, double x)
{
    return exp(gkv_gk_log_pdf(gk, x));
}

double gkv_gk_dlog_pdf(const gkv_gk *gk, double x)
{
    const double z = gkv_gk_Q_inverse(gk, x);
    const gkv_gk_terms t = gkv_gk_terms_at(gk, z);
    return -(z + gkv_gk_ratio(gk, &t, z)) / (gk->b * t.R * gkv_gk_power(z, gk->k));
}

double gkv_gk_score(const gkv_gk *gk, double x, double score[4])
{
    const double z = gkv_gk_Q_inverse(gk, x);
    const gkv_gk_terms t = gkv_gk_terms_at(gk, z);
    const double slope = gk->b * t.R * gkv_gk_power(z, gk->k);
    const double pull = (z + gkv_gk_ratio(gk, &t, z)) / slope;
    double dq[4], dlog[4];
    gkv_gk_Q_gradient(gk, z, dq, dlog);
    for (int i = 0; i < GKV_GK_PARAMETERS; i++)
        score[i] = pull * dq[i] - dlog[i];
    return gkv_normal_log_pdf(z) - log(gk->b * t.R) - gk->k * t.ln;
}

double gkv_gk_cdf(const gkv_gk *gk, double x)
{
    return gkv_normal_cdf(gkv_gk_Q_inverse(gk, x));
}

double gkv_gk_cdf_upper(const gkv_gk *gk, double x)
{
    return gkv_normal_cdf(-gkv_gk_Q_inverse(gk, x));
}

double gkv_gk_log_cdf(const gkv_gk *gk, double x)
{
    return gkv_normal_log_cdf(gkv_gk_Q_inverse(gk, x));
}

double gkv_gk_log_cdf_upper(const gkv_gk *gk, double x)
{
    return gkv_normal_log_cdf(-gkv_gk_Q_inverse(gk, x));
}

double gkv_gk_quantile(const gkv_gk *gk, double p)
{
    return gkv_gk_Q(gk, gkv_normal_quantile(p));
}

double gkv_gk_quantile_upper(const gkv_gk *gk, double p)
{
    return gkv_gk_Q(gk, -gkv_normal_quantile(p));
}

double gkv_gk_quantile_log(const gkv_gk *gk, double log_p)
{
    return gkv_gk_Q(gk, gkv_normal_quantile_log(log_p));
}

double gkv_gk_quantile_log_upper(const gkv_gk *gk, double log_p)
{
    return gkv_gk_Q(gk, -gkv_normal_quantile_log(log_p));
}
