/* Order statistics of uniform draws: the r-th smallest of n has the distribution Beta(r, n + 1 −
 * r). */
#define _GNU_SOURCE /* lgamma_r; lgamma writes the global variable signgam */
#include <float.h>
#include <math.h>

#include "gkvae/gk_fit.h"
#include "num/constants.h"
#include "num/special.h"

/* log Γ(z) − ((z − ½) log z − z + ½ log 2π), which is Stirling's series for large z. */
static double stirling(double z)
{
    if (z >= 15.0)
        return (1.0 / 12.0 -
                (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * z * z)) / (z * z)) / (z * z)) /
               z;
    int sign = 0;
    return lgamma_r(z, &sign) - ((z - 0.5) * log(z) - z + GKV_HALF_LOG_2PI);
}

/* log(x^a (1−x)^b/B(a,b)). It is written relative to its maximum at x₀ = a/(a+b), because
 * logarithms would cancel for large a and b. */
static double log_prefactor(double a, double b, double x, double y)
{
    const double sum = a + b, off = x * b - y * a, s = off / a, t = -off / b; /* a s + b t = 0 */
    return a * (log1p(s) - s) + b * (log1p(t) - t) +
           0.5 * log(a * (b / sum) / 6.28318530717958647693) - stirling(a) - stirling(b) +
           stirling(sum);
}

/* I_x(a,b) = prefactor/a · Σ (a+b)…(a+b+m−1)/((a+1)…(a+m)) x^m for x ≤ ½. All terms are positive. A
 * small multiple of √a terms is enough, unless x is far from the distribution's mass. */
static double series(double a, double b, double x, double prefactor)
{
    double term = 1.0, sum = 1.0;
    for (double m = 0.0; term > 0.25 * DBL_EPSILON * sum; m += 1.0) {
        term *= (a + b + m) / (a + 1.0 + m) * x;
        sum += term;
    }
    return prefactor / a * sum;
}

/* I_x(a,b) at the logit t of x, and its derivative in t. */
static double beta_cdf(double a, double b, double t, double *slope)
{
    const double x = 1.0 / (1.0 + exp(-t)), y = 1.0 / (1.0 + exp(t));
    *slope = exp(log_prefactor(a, b, x, y));
    if (*slope < 1e-280)
        return x * b > y * a ? 1.0 : 0.0;
    return x <= 0.5 ? series(a, b, x, *slope) : 1.0 - series(b, a, y, *slope);
}

double gkv_gk_order_level(double n, double r, double p)
{
    const double a = r, b = n + 1.0 - r;
    if (!(a > 0 && b > 0 && isfinite(n) && p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p;
    /* Newton's method in the logit, inside a bracket. The distribution of the logit is nearly
     * normal. */
    double low = -700.0, high = 700.0, slope;
    double t =
        fmax(-600.0, fmin(600.0, log(a / b) + gki_normal_quantile(p) * sqrt(1.0 / a + 1.0 / b)));
    for (int step = 0; step < 200; step++) {
        const double off = beta_cdf(a, b, t, &slope) - p;
        *(off > 0 ? &high : &low) = t;
        double next = slope > 0 ? t - off / slope : NAN;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        const double moved = fabs(next - t);
        t = next;
        if (moved <= 1e-14 * fmax(1.0, fabs(t)))
            break;
    }
    return 1.0 / (1.0 + exp(-t));
}
