/* z = Q⁻¹(x), one at a time, in double.
 *
 * For s = |z| and t = log s the equation is
 *     F(t) = t + k log(1+s²) + log T(s) − log|y| = 0,   y = (x−A)/B,
 * with F' = R/T > 0: increasing, and nearly linear in both tails. Newton's steps
 * are kept inside a bracket; when they do not shrink it, it is halved. */
#include <float.h>
#include <math.h>

#include "gk/terms.h"
#include "gkvae/gk.h"

enum { MAX_STEPS = 200, TRUSTED_STEPS = 12 };

/* The two straight lines that F approaches, with T at its value for the larger. */
static double starting_t(const gkv_gk *gk, double log_y)
{
    const double far = (log_y - log1p(gk->g > 0 ? gk->c : gk->g < 0 ? -gk->c : 0.0)) / fmax(1.0 + 2.0 * gk->k, 0.02);
    return log_y < 0 ? log_y : fmax(0.0, far);
}

double gkv_gk_Q_inverse(const gkv_gk *gk, double x)
{
    const double offset = x - gk->a;
    if (isnan(x) || offset == 0 || isinf(offset))
        return offset;
    /* On the negative side z and g change sign together. */
    gkv_gk half = *gk;
    half.g = offset < 0 ? -gk->g : gk->g;
    const double y = fabs(offset) / gk->b;
    const double log_y = y >= DBL_MIN && y <= DBL_MAX ? log(y) : log(fabs(offset)) - log(gk->b);

    double low = -745.0, high = 709.0, t = fmin(fmax(starting_t(&half, log_y), low), high);
    for (int step = 0; step < MAX_STEPS; step++) {
        const gkv_gk_terms at = gkv_gk_terms_at(&half, exp(t));
        const double F = t + half.k * at.ln + log(at.T) - log_y;
        if (F > 0)
            high = t;
        else
            low = t;
        double next = t - F * at.T / at.R;
        if (!(next > low && next < high) || (step > TRUSTED_STEPS && step % 2))
            next = 0.5 * (low + high);
        const double moved = fabs(next - t);
        t = next;
        if (moved <= 1e-9 || high - low <= 1e-14 * (1.0 + fabs(t)))
            break;
    }
    if (709.0 - t < 1e-6)
        return copysign(INFINITY, offset); /* outside the support, or beyond what a double holds */

    /* One more step on the ratio itself, free of the rounding of large logarithms. */
    double s = exp(t);
    const gkv_gk_terms at = gkv_gk_terms_at(&half, s);
    const double ratio = s / y * at.T * gkv_gk_power(s, half.k);
    const double step = log(ratio) * at.T / at.R;
    if (fabs(step) < 1e-6)
        s -= s * step;
    return copysign(s, offset);
}
