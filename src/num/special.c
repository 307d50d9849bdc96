#define _GNU_SOURCE /* lgamma_r; lgamma writes the global variable signgam */
#include "num/special.h"

#include <float.h>
#include <math.h>

#include "num/constants.h"

#define SQRT_HALF 0.70710678118654752440
#define SQRT_HALF_LOW (-4.8336466567264567e-17) /* 1/√2 − SQRT_HALF */
#define TWO_OVER_SQRT_PI 1.12837916709551257390
#define SQRT_2PI 2.50662827463100050242

double gki_normal_log_pdf(double z)
{
    return -0.5 * z * z - GKV_HALF_LOG_2PI;
}

/* Φ(z) = ½ erfc(w), w = −z/√2. The rounding error of w would be magnified by the factor z². fma
 * recovers the part of w that rounding loses, and a first-order term in the derivative of erfc adds
 * its effect. */
double gki_normal_cdf(double z)
{
    const double w = -z * SQRT_HALF;
    if (!(w > 1.0) || w > 27.5)
        return 0.5 * erfc(w);
    const double lost = fma(-z, SQRT_HALF, -w) - z * SQRT_HALF_LOW;
    return 0.5 * (erfc(w) - lost * TWO_OVER_SQRT_PI * exp(-w * w));
}

/* Below this z, the asymptotic series of Mills' ratio has a term smaller than 2^-53. */
static const double series_below = -20.0;

double gki_normal_log_cdf(double z)
{
    if (z > 0)
        return log1p(-gki_normal_cdf(-z));
    if (!(z < series_below))
        return log(gki_normal_cdf(z));
    const double inverse = 1.0 / (z * z);
    double term = 1.0, sum = 0.0;
    for (int i = 1; i <= 10; i++) {
        term *= -(2.0 * i - 1.0) * inverse;
        sum += term;
    }
    return gki_normal_log_pdf(z) - log(-z) + log1p(sum);
}

double gki_normal_cdf_pair(double z, double low)
{
    const double value = gki_normal_cdf(z);
    return low == 0 ? value : value + low * exp(gki_normal_log_pdf(z));
}

/* φ/Φ. In the far tail it is |z| + 1/|z| to first order; the difference of the logarithms would
 * cancel there. */
static double hazard(double z, double log_cdf)
{
    return z < series_below ? -z - 1.0 / z : exp(gki_normal_log_pdf(z) - log_cdf);
}

double gki_normal_log_cdf_pair(double z, double low)
{
    const double value = gki_normal_log_cdf(z);
    return low == 0 ? value : value + low * hazard(z, value);
}

/* An approximation of Φ⁻¹(p) for p ≤ ½ with an error below 4.5e-4 (Abramowitz and Stegun
 * 26.2.23). */
static double initial_quantile(double log_p)
{
    const double t = sqrt(-2.0 * log_p);
    return (2.515517 + t * (0.802853 + t * 0.010328)) /
               (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
           t;
}

/* Two Halley steps reduce the error from 4.5e-4 to 1e-11 and then below rounding. A third step
 * serves the far tail, where the initial value is worse. The last step is not applied: it is the
 * correction *low. */
static double lower_quantile(double p, double *low)
{
    double z = initial_quantile(log(p));
    for (int i = 0;; i++) {
        const double error = (gki_normal_cdf(z) - p) * SQRT_2PI * exp(0.5 * z * z);
        *low = -error / (1.0 + 0.5 * z * error);
        if (i == 3)
            return z;
        z += *low;
    }
}

/* Φ⁻¹(p) near p = ½. It works with p − ½, so that quantiles near 0 have a small relative error. */
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

double gki_normal_quantile_pair(double p, double *low)
{
    *low = 0;
    if (!(p >= 0.0 && p <= 1.0))
        return NAN;
    if (p == 0.0 || p == 1.0)
        return p == 0.0 ? -INFINITY : INFINITY;
    if (p < 1e-300)
        return gki_normal_quantile_log_pair(log(p), low);
    if (fabs(p - 0.5) < 0.25)
        return central_quantile(p);
    if (p < 0.5)
        return lower_quantile(p, low);
    const double z = lower_quantile(1.0 - p, low);
    *low = -*low;
    return -z;
}

double gki_normal_quantile_log_pair(double lp, double *low)
{
    *low = 0;
    if (!(lp <= 0.0))
        return NAN;
    if (lp == -INFINITY)
        return -INFINITY;
    if (lp > -0.6931) {
        const double z = gki_normal_quantile_pair(-expm1(lp), low);
        *low = -*low;
        return -z;
    }
    if (lp > -600.0)
        return gki_normal_quantile_pair(exp(lp), low);
    /* log Φ is concave and nearly quadratic here, so that Newton's method converges without
     * safeguards. */
    const double root = sqrt(-lp);
    double z =
        -1.4142135623730950488 * root * sqrt(1.0 + (log(-lp) + 1.2655121234846454) / (2.0 * lp));
    for (int i = 0;; i++) {
        const double value = gki_normal_log_cdf(z);
        *low = -(value - lp) / hazard(z, value);
        if (i == 4)
            return z;
        z += *low;
    }
}

double gki_normal_quantile(double p)
{
    double low;
    return gki_normal_quantile_pair(p, &low);
}

double gki_normal_quantile_log(double lp)
{
    double low;
    return gki_normal_quantile_log_pair(lp, &low);
}

/* --- The chi-squared distribution ----------------------------------------- */

double gki_log_gamma(double x)
{
    int sign = 0;
    return lgamma_r(x, &sign);
}

/* x^a e^(−x)/Γ(a). For large a the logarithms of the three factors would cancel. Stirling's series
 * gives a·(log(1+t) − t) with t = x/a − 1 instead, without cancellation. */
static double prefactor(double a, double x)
{
    if (a < 200.0)
        return exp(a * log(x) - x - gki_log_gamma(a));
    const double t = (x - a) / a;
    const double stirling = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * a * a)) / (a * a)) / a;
    return exp(a * (log1p(t) - t) - stirling) * sqrt(a / 6.28318530717958647693);
}

/* P(a,x) = prefactor · Σ x^i / (a (a+1) … (a+i)) */
static double lower_series(double a, double x)
{
    double term = 1.0 / a, sum = term;
    for (double i = a + 1.0; term > sum * DBL_EPSILON; i += 1.0) {
        term *= x / i;
        sum += term;
    }
    return sum * prefactor(a, x);
}

/* Q(a,x) = prefactor / (x+1−a − 1(1−a)/(x+3−a − 2(2−a)/(x+5−a − …))), by Lentz's method. */
static double upper_fraction(double a, double x)
{
    double b = x + 1.0 - a, c = 1e300, d = 1.0 / b, value = d;
    for (double i = 1.0; i < 1e7; i += 1.0) {
        const double numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / (b + numerator * d);
        c = b + numerator / c;
        const double change = c * d;
        value *= change;
        if (fabs(change - 1.0) < 2.0 * DBL_EPSILON)
            break;
    }
    return value * prefactor(a, x);
}

double gki_gamma_upper(double a, double x)
{
    if (isnan(a) || isnan(x) || !(a > 0))
        return NAN;
    if (x <= 0)
        return 1.0;
    if (isinf(x))
        return 0.0;
    return x < a + 1.0 ? 1.0 - lower_series(a, x) : upper_fraction(a, x);
}

double gki_chi2_upper(double x, double dof)
{
    return gki_gamma_upper(0.5 * dof, 0.5 * x);
}
