/* The generalised g-and-h: Q = A + B (1 + c tanh(gz/2)) z e^{hz²/2}, h in the place of k. */
#include <math.h>

#include "gk/skew.h"
#include "gk/tail.h"
#include "gk/validity.h"

static void jet(const gkv_gk *gk, gkv_wide z, int order, gkv_gk_jet *out)
{
    const gkv_gk_skew s = gkv_gk_skew_tanh(gk->g * z, gk->c, order);
    const gkv_gk_tail_part t = gkv_gk_tail_exp(z);
    gkv_gk_assemble(gk, z, &s, &t, 1 + gk->k * t.M + s.p, order, out);
}

/* As without skewness, with T at a rough s. */
static gkv_wide start(const gkv_gk *gk, gkv_wide y)
{
    const gkv_wide rough = 0.5L * gk->g * gkv_gk_tail_exp_start(y, gk->k);
    return gkv_gk_tail_exp_start(y / (1 + gk->c * rough / (1 + fabsl(rough))), gk->k);
}

static gkv_wide reach(const gkv_gk *gk)
{
    (void)gk;
    return INFINITY;
}

static double weight(double z)
{
    return z * z;
}

/* h > sup (S(v) − 1) g²/(4v²), which is proportional to g². */
static double bound_limit(double g, double c, double *slope)
{
    const double peak = c > 0 ? fmax(0.0, gkv_gk_violation_peak(c, INFINITY)) : 0;
    if (slope)
        *slope = peak * 0.5 * g;
    return peak * 0.25 * g * g;
}

static double bound(double g, double c, double z_max, int *touches)
{
    const double value = isinf(z_max)       ? bound_limit(g, c, NULL)
                         : g == 0 || c == 0 ? -1 / (z_max * z_max)
                                            : gkv_gk_violation_peak(c, 0.5 * fabs(g) * z_max) * 0.25 * g * g;
    *touches = isfinite(z_max) || value > 0;
    return value;
}

const gkv_gk_family_ops gkv_gk_family_ggh = {
    .name = "generalised g-and-h", .jet = jet, .start = start, .reach = reach, .weight = weight,
    .bound = bound, .bound_limit = bound_limit, .floor = bound_limit, .moments_below = gkv_gk_tail_exp_moments_below,
};
