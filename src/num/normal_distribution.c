#include "num/normal_distribution.h"

#include <math.h>

#define HALF_LOG_2PI 0.91893853320467274178
#define SQRT_HALF 0.70710678118654752440
#define SQRT_HALF_LOW (-4.8336466567264567e-17) /* 1/√2 − SQRT_HALF */
#define TWO_OVER_SQRT_PI 1.12837916709551257390
#define SQRT_2PI 2.50662827463100050242

double gkv_normal_log_pdf(double z)
{
    return -0.5 * z * z - HALF_LOG_2PI;
}

/* erfc(w), w = −z/√2, where the rounding of w would be magnified z²-fold: the
 * lost part of w is recovered by fma and put back by erfc's derivative. */
double gkv_normal_cdf(double z)
{
    const double w = -z * SQRT_HALF;
    if (!(w > 1.0) || w > 27.5)
        return 0.5 * erfc(w);
    const double lost = fma(-z, SQRT_HALF, -w) - z * SQRT_HALF_LOW;
    return 0.5 * (erfc(w) - lost * TWO_OVER_SQRT_PI * exp(-w * w));
}

/* Below, the asymptotic series of Mills' ratio has a term under 2^-53. */
static const double series_below = -20.0;

double gkv_normal_log_cdf(double z)
{
    if (z > 0)
        return log1p(-gkv_normal_cdf(-z));
    if (!(z < series_below))
        return log(gkv_normal_cdf(z));
    const double inverse = 1.0 / (z * z);
    double term = 1.0, sum = 0.0;
    for (int i = 1; i <= 10; i++) {
        term *= -(2.0 * i - 1.0) * inverse;
        sum += term;
    }
    return gkv_normal_log_pdf(z) - log(-z) + log1p(sum);
}

double gkv_normal_cdf_pair(double z, double low)
{
    const double value = gkv_normal_cdf(z);
    return low == 0 ? value : value + low * exp(gkv_normal_log_pdf(z));
}

/* φ/Φ: |z| + 1/|z| far out, where logarithms would cancel. */
static double hazard(double z, double log_cdf)
{
    return z < series_below ? -z - 1.0 / z : exp(gkv_normal_log_pdf(z) - log_cdf);
}

double gkv_normal_log_cdf_pair(double z, double low)
{
    const double value = gkv_normal_log_cdf(z);
    return low == 0 ? value : value + low * hazard(z, value);
}

/* Abramowitz and Stegun 26.2.23, good to 4.5e-4, for the tail of p ≤ ½. */
static double rough_quantile(double log_p)
{
    const double t = sqrt(-2.0 * log_p);
    return (2.515517 + t * (0.802853 + t * 0.010328)) /
               (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
}

/* Two Halley steps take 4.5e-4 to 1e-11 and to below rounding; a third covers the far
 * tail, where the start is worse, and the last is what rounding has left over. */
static double lower_quantile(double p, double *low)
{
    double z = rough_quantile(log(p));
    for (int i = 0;; i++) {
        const double error = (gkv_normal_cdf(z) - p) * SQRT_2PI * exp(0.5 * z * z);
        *low = -error / (1.0 + 0.5 * z * error);
        if (i == 3)
            return z;
        z += *low;
    }
}

/* Near p = ½, in terms of p − ½, so that small quantiles are relatively accurate. */
static double central_quantile(double p)
{
    const double offset = p - 0.5;
    double z = offset * SQRT_2PI;
    for (int i = 0; i < 4; i++) {
        const double error = (0.5 * erf(z * SQRT_HALF) - offset) * SQRT_2PI * exp(0.5 * z * z);
        z -= error / (1.0 + 0.5 * z * error);
    }
    return z;
}

double gkv_normal_quantile_pair(double p, double *low)
{
    *low = 0;
    if (!(p >= 0.0 && p <= 1.0))
        return NAN;
    if (p == 0.0 || p == 1.0)
        return p == 0.0 ? -INFINITY : INFINITY;
    if (p < 1e-300)
        return gkv_normal_quantile_log_pair(log(p), low);
    if (fabs(p - 0.5) < 0.25)
        return central_quantile(p);
    if (p < 0.5)
        return lower_quantile(p, low);
    const double z = lower_quantile(1.0 - p, low);
    *low = -*low;
    return -z;
}

double gkv_normal_quantile_log_pair(double lp, double *low)
{
    *low = 0;
    if (!(lp <= 0.0))
        return NAN;
    if (lp == -INFINITY)
        return -INFINITY;
    if (lp > -0.6931) {
        const double z = gkv_normal_quantile_pair(-expm1(lp), low);
        *low = -*low;
        return -z;
    }
    if (lp > -600.0)
        return gkv_normal_quantile_pair(exp(lp), low);
    /* log Φ is concave and nearly quadratic here: Newton needs no guard. */
    const double root = sqrt(-lp);
    double z = -1.4142135623730950488 * root * sqrt(1.0 + (log(-lp) + 1.2655121234846454) / (2.0 * lp));
    for (int i = 0;; i++) {
        const double value = gkv_normal_log_cdf(z);
        *low = -(value - lp) / hazard(z, value);
        if (i == 4)
            return z;
        z += *low;
    }
}

double gkv_normal_quantile(double p)
{
    double low;
    return gkv_normal_quantile_pair(p, &low);
}

double gkv_normal_quantile_log(double lp)
{
    double low;
    return gkv_normal_quantile_log_pair(lp, &low);
}
