/* Densities, probabilities and quantiles. z is carried beyond double precision: rounded,
 * its error would come out z²-fold in a tail probability. */
#include <math.h>

#include "gk/family.h"
#include "num/special.h"

static gkv_wide log_pdf(const gkv_gk *gk, double x)
{
    const gkv_wide z = gkv_gk_Q_inverse_wide(gk, x);
    if (isinf(z))
        return -INFINITY;
    const gkv_gk_jet at = gkv_gk_jet_at(gk, z, 0);
    return gkv_gk_log_phi(z) - gkv_gk_log_dQ_wide(gk, &at);
}

double gkv_gk_log_pdf(const gkv_gk *gk, double x)
{
    return (double)log_pdf(gk, x);
}

double gkv_gk_pdf(const gkv_gk *gk, double x)
{
    return (double)expl(log_pdf(gk, x));
}

/* What z lost when it was rounded to *rounded; 0 if it is not finite. */
static double rest(gkv_wide z, double *rounded)
{
    *rounded = (double)z;
    return isfinite(*rounded) ? (double)(z - *rounded) : 0.0;
}

static double cdf_at(gkv_wide z)
{
    double rounded;
    const double low = rest(z, &rounded);
    return gkv_normal_cdf_pair(rounded, low);
}

static double log_cdf_at(gkv_wide z)
{
    double rounded;
    const double low = rest(z, &rounded);
    return gkv_normal_log_cdf_pair(rounded, low);
}

double gkv_gk_cdf(const gkv_gk *gk, double x)
{
    return cdf_at(gkv_gk_Q_inverse_wide(gk, x));
}

double gkv_gk_cdf_upper(const gkv_gk *gk, double x)
{
    return cdf_at(-gkv_gk_Q_inverse_wide(gk, x));
}

double gkv_gk_log_cdf(const gkv_gk *gk, double x)
{
    return log_cdf_at(gkv_gk_Q_inverse_wide(gk, x));
}

double gkv_gk_log_cdf_upper(const gkv_gk *gk, double x)
{
    return log_cdf_at(-gkv_gk_Q_inverse_wide(gk, x));
}

static double quantile(const gkv_gk *gk, double p, double side, double (*score)(double p, double *low))
{
    double low;
    const double z = score(p, &low);
    return (double)gkv_gk_Q_wide(gk, side * ((gkv_wide)z + low));
}

double gkv_gk_quantile(const gkv_gk *gk, double p)
{
    return quantile(gk, p, 1, gkv_normal_quantile_pair);
}

double gkv_gk_quantile_upper(const gkv_gk *gk, double p)
{
    return quantile(gk, p, -1, gkv_normal_quantile_pair);
}

double gkv_gk_quantile_log(const gkv_gk *gk, double log_p)
{
    return quantile(gk, log_p, 1, gkv_normal_quantile_log_pair);
}

double gkv_gk_quantile_log_upper(const gkv_gk *gk, double log_p)
{
    return quantile(gk, log_p, -1, gkv_normal_quantile_log_pair);
}
