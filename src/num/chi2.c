#define _GNU_SOURCE /* lgamma_r: lgamma itself writes a global */
#include "num/chi2.h"

#include <float.h>
#include <math.h>

/* x^a e^(−x)/Γ(a). For large a the three large logarithms would cancel; Stirling's
 * series leaves a·(t − log(1+t)), t = x/a − 1, which does not. */
static double front(double a, double x)
{
    if (a < 200.0) {
        int sign = 0;
        return exp(a * log(x) - x - lgamma_r(a, &sign));
    }
    const double t = (x - a) / a;
    const double stirling = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * a * a)) / (a * a)) / a;
    return exp(a * (log1p(t) - t) - stirling) * sqrt(a / 6.28318530717958647693);
}

/* P(a,x) = front · Σ x^i / (a (a+1) … (a+i)) */
static double lower_series(double a, double x)
{
    double term = 1.0 / a, sum = term;
    for (double i = a + 1.0; term > sum * DBL_EPSILON; i += 1.0) {
        term *= x / i;
        sum += term;
    }
    return sum * front(a, x);
}

/* Q(a,x) = front / (x+1−a − 1(1−a)/(x+3−a − 2(2−a)/(x+5−a − …))), by Lentz's method. */
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
    return value * front(a, x);
}

double gkv_gamma_upper(double a, double x)
{
    if (isnan(a) || isnan(x) || !(a > 0))
        return NAN;
    if (x <= 0)
        return 1.0;
    if (isinf(x))
        return 0.0;
    return x < a + 1.0 ? 1.0 - lower_series(a, x) : upper_fraction(a, x);
}

double gkv_chi2_upper(double x, double dof)
{
    return gkv_gamma_upper(0.5 * dof, 0.5 * x);
}
