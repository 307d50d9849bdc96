/* z = Q⁻¹(x), one at a time.
 *
 * For s = |z| and t = log s the equation is
 *     F(t) = t + Λ(s) − log|y| = 0,   y = (x−A)/B,   F' = ρ > 0:
 * increasing, and nearly linear in the tails. Halley's steps are kept inside a bracket;
 * when they do not shrink it, it is halved, in log s. */
#include <float.h>
#include <math.h>

#include "gk/family.h"
#include "gkvae/gk.h"

enum { MAX_STEPS = 400, TRUSTED_STEPS = 10 };

/* A step this small leaves an error of its cube. */
static const gkv_wide settled = 1e-7L;

static gkv_wide solve(const gkv_gk *gk, gkv_wide y)
{
    const gkv_gk_family_ops *ops = gkv_gk_family_of(gk->family);
    if (!ops)
        return NAN;
    if (y >= ops->reach(gk))
        return INFINITY;
    gkv_wide low = LDBL_MIN, high = LDBL_MAX / 4, s = ops->start(gk, y);
    for (int step = 0; step < MAX_STEPS; step++) {
        if (!(s > low && s < high) || (step > TRUSTED_STEPS && step % 2))
            s = sqrtl(low) * sqrtl(high);
        gkv_gk_jet at;
        ops->jet(gk, s, 0, &at);
        const gkv_wide first = logl(s / y), F = first + at.lambda;
        if (fabsl(F) <= 0.5L * LDBL_EPSILON * fabsl(first) || high - low <= 4 * LDBL_EPSILON * high)
            break; /* nothing but rounding is left */
        if (F > 0)
            high = s;
        else
            low = s;
        const gkv_wide bend = s * at.rho_z / at.rho, newton = -F / at.rho;
        const gkv_wide move = newton / fmaxl(0.5L, 1 + 0.5L * newton * bend);
        s *= expl(fmaxl(-50, fminl(50, move)));
        if (fabsl(move) * (1 + fabsl(bend)) <= settled)
            break;
    }
    return s > DBL_MAX ? INFINITY : s; /* beyond what a double holds */
}

gkv_wide gkv_gk_Q_inverse_wide(const gkv_gk *gk, double x)
{
    const gkv_wide offset = (gkv_wide)x - gk->a;
    if (isnan(x) || offset == 0 || isinf(offset))
        return offset;
    /* On the negative side z and g change sign together. */
    gkv_gk half = *gk;
    half.g = offset < 0 ? -gk->g : gk->g;
    return copysignl(solve(&half, fabsl(offset) / gk->b), offset);
}

double gkv_gk_Q_inverse(const gkv_gk *gk, double x)
{
    return (double)gkv_gk_Q_inverse_wide(gk, x);
}
