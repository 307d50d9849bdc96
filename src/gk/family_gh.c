/* Tukey's g-and-h: Q = A + B (e^{gz} − 1)/g · e^{hz²/2}, h in the place of k. */
#include <math.h>

#include "gk/skew.h"
#include "gk/tail.h"

static void jet(const gkv_gk *gk, gkv_wide z, int order, gkv_gk_jet *out)
{
    const gkv_gk_skew s = gkv_gk_skew_exp(gk->g * z);
    const gkv_gk_tail_part t = gkv_gk_tail_exp(z);
    gkv_gk_assemble(gk, z, &s, &t, s.p + gk->k * t.M, order, out);
}

/* With E ≥ 1 both "no skewness" and "no h" give too large an s; with E < 1 the first
 * gives too small a one. */
static gkv_wide start(const gkv_gk *gk, gkv_wide y)
{
    const gkv_wide g = gk->g, h = gk->k, straight = gkv_gk_tail_exp_start(y, h);
    if (g == 0)
        return straight;
    if (g > 0)
        return fminl(straight, log1pl(g * y) / g);
    const gkv_wide reach = -g * y;
    if (reach < 0.9L)
        return fmaxl(straight, 0.5L * (straight - log1pl(-reach) / -g));
    return h > 0 ? fmaxl(straight, sqrtl(2 * log1pl(reach) / h)) : 1 / -g;
}

static gkv_wide reach(const gkv_gk *gk)
{
    return gk->k == 0 && gk->g < 0 ? 1 / -(gkv_wide)gk->g : INFINITY;
}

/* Q' > 0 asks for h z² > −P(gz), P(u) = u/(1 − e^{−u}) > 0: most at the end of the
 * falling side. */
static double bound(double g, double c, double z_max, int *touches)
{
    (void)c;
    *touches = isfinite(z_max);
    return *touches ? -(double)gkv_gk_skew_exp(-fabsl((gkv_wide)g) * z_max).p / (z_max * z_max) : 0;
}

static double nought(double g, double c, double *slope)
{
    (void)g, (void)c;
    if (slope)
        *slope = 0;
    return 0;
}

const gkv_gk_family_ops gkv_gk_family_gh = {
    .name = "g-and-h", .jet = jet, .start = start, .reach = reach, .bound = bound, .bound_limit = nought, .floor = nought,
    .moments_below = gkv_gk_tail_exp_moments_below,
};
