/* Student's t distribution and its fit; declared in student_t.h. */
#include "base/student_t.h"

#include <math.h>

#include "num/constants.h"
#include "num/special.h"

double gki_student_constant(double freedom, size_t d)
{
    return gki_log_gamma((freedom + (double)d) / 2) - gki_log_gamma(freedom / 2) -
           0.5 * (double)d * log(freedom * GKV_PI);
}

double gki_student_log_density(const gki_student *m, double x)
{
    const double y = (x - m->location) / m->scale;
    return gki_student_constant(m->freedom, 1) - log(m->scale) -
           0.5 * (m->freedom + 1) * log1p(y * y / m->freedom);
}

/* ψ(x), by the recurrence up to x ≥ 10, where the asymptotic series holds. */
double gki_student_digamma(double x)
{
    double sum = 0;
    for (; x < 10; x++)
        sum -= 1 / x;
    const double square = 1 / (x * x);
    return sum + log(x) - 0.5 / x -
           square *
               (1.0 / 12 -
                square * (1.0 / 120 - square * (1.0 / 252 - square * (1.0 / 240 - square / 132))));
}

/* --- The distribution function -------------------------------------------- */

/* The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by
 * Lentz's method; x < (a + 1)/(a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, f = 1 / (1 - (a + b) * x / (a + 1)), h = f;
    for (int m = 1; m < 500; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int i = 0; i < 2; i++) {
            const double term = i == 0 ? even : odd;
            f = 1 + term * f;
            f = 1 / (fabs(f) < tiny ? tiny : f);
            c = 1 + term / c;
            c = fabs(c) < tiny ? tiny : c;
            h *= c * f;
        }
        if (fabs(c * f - 1) < 1e-15)
            break;
    }
    return h;
}

/* P(T > t) for t ≥ 0: half of I_x(ν/2, ½) at x = ν/(ν+t²). */
double gki_student_upper(double t, double nu)
{
    const double a = nu / 2, b = 0.5, x = nu / (nu + t * t), rest = t * t / (nu + t * t);
    const double front = exp(gki_log_gamma(a + b) - gki_log_gamma(a) - gki_log_gamma(b) +
                             a * log(x) + b * log(rest));
    if (t == 0)
        return 0.5;
    if (x < (a + 1) / (a + b + 2))
        return 0.5 * front * beta_fraction(a, b, x) / a;
    return 0.5 * (1 - front * beta_fraction(b, a, rest) / b);
}

double gki_student_log_upper(double t, double nu)
{
    if (!(t > 0))
        return t == 0 ? -0.69314718055994530942 : NAN;
    const double a = nu / 2, b = 0.5, ratio = nu / t / t, x = ratio / (1 + ratio);
    if (!(x < (a + 1) / (a + b + 2)) || ratio > 1e3)
        return log(gki_student_upper(t, nu));
    /* log x without underflow */
    const double log_x = (t > 1e100 ? log(nu) - 2 * log(t) : log(ratio)) - log1p(ratio);
    return -0.69314718055994530942 + gki_log_gamma(a + b) - gki_log_gamma(a) - gki_log_gamma(b) +
           a * log_x - b * log1p(ratio) + log(beta_fraction(a, b, x) / a);
}

double gki_student_to_normal(double y, double nu)
{
    return isnan(y) ? y : copysign(gki_normal_quantile_log(gki_student_log_upper(fabs(y), nu)), y);
}

/* Newton's method for log P in log t, which is concave there, between bounds that it halves. */
double gki_student_from_normal(double z, double nu)
{
    const double wanted = gki_normal_log_cdf(-fabs(z)), constant = gki_student_constant(nu, 1);
    if (!(z != 0 && isfinite(wanted)))
        return z; /* 0, NaN and ±∞ */
    double low = -80, high = 700, log_t = fmin(log(fabs(z)), high);
    for (int i = 0; i < 200; i++) {
        const double t = exp(log_t), lp = gki_student_log_upper(t, nu), off = lp - wanted;
        if (off > 0)
            low = log_t;
        else
            high = log_t;
        const double square = t < 1e100 ? log1p(t * t / nu) : 2 * log_t - log(nu);
        const double slope = exp(constant - 0.5 * (nu + 1) * square + log_t - lp);
        double next = log_t + off / slope;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        if (fabs(next - log_t) < 1e-15 * fmax(1, fabs(log_t)) ||
            high - low < 1e-14 * fmax(1, fabs(log_t)))
            break;
        log_t = next;
    }
    return copysign(exp(log_t), z);
}

/* --- The fit -------------------------------------------------------------- */

/* One iteration of expectation–maximization. It computes location and scale by weighted moments,
 * then solves log(ν/2) − ψ(ν/2) + 1 + mean(log w − w) + ψ((ν₀+1)/2) − log((ν₀+1)/2) = 0 for ν by
 * bisection. */
static void em_iteration(gki_student *m, const gki_real *x, size_t n, size_t stride)
{
    const double nu = m->freedom;
    double total = 0, mean = 0, squares = 0, logs = 0;
    for (size_t i = 0; i < n; i++) {
        const double y = ((double)x[i * stride] - m->location) / m->scale,
                     w = (nu + 1) / (nu + y * y);
        total += w;
        mean += w * (double)x[i * stride];
        logs += log(w) - w;
    }
    mean /= total;
    for (size_t i = 0; i < n; i++) {
        const double value = (double)x[i * stride], y = (value - m->location) / m->scale;
        squares += (nu + 1) / (nu + y * y) * (value - mean) * (value - mean);
    }
    m->location = mean;
    /* Σw in place of n converges faster (Kent, Tyler and Vardi 1994) */
    m->scale = sqrt(squares / total);
    const double given =
        1 + logs / (double)n + gki_student_digamma((nu + 1) / 2) - log((nu + 1) / 2);
    double low = log(gki_student_least_freedom), high = log(gki_student_most_freedom);
    for (int i = 0; i < 60; i++) {
        const double middle = 0.5 * (low + high), half = 0.5 * exp(middle);
        if (log(half) - gki_student_digamma(half) + given > 0)
            low = middle;
        else
            high = middle;
    }
    m->freedom = exp(0.5 * (low + high));
}

gki_student gki_student_fit(gki_student m, const gki_real *x, size_t n, size_t stride, bool first)
{
    enum { ITERATIONS = 60 };
    if (first) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < n; i++)
            mean += (double)x[i * stride] / (double)n;
        for (size_t i = 0; i < n; i++)
            squares += ((double)x[i * stride] - mean) * ((double)x[i * stride] - mean) / (double)n;
        if (squares > 0)
            m = (gki_student){mean, sqrt(squares), 30};
    }
    for (int i = 0; i < ITERATIONS; i++) {
        gki_student next = m;
        em_iteration(&next, x, n, stride);
        if (!(next.scale > gki_student_least_scale && isfinite(next.scale) &&
              isfinite(next.location)))
            break;
        const bool converged = fabs(next.location - m.location) < 1e-5 * m.scale &&
                               fabs(next.scale - m.scale) < 1e-5 * m.scale &&
                               fabs(log(next.freedom / m.freedom)) < 1e-3;
        m = next;
        if (converged)
            break;
    }
    return m;
}
