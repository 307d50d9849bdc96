/* The g-and-h family: Q = A + B (e^{gz} − 1)/g · e^{hz²/2}. The member k holds h. */
#include <math.h>

#include "gk/family.h"
#include "gk/skew.h"
#include "gk/tail.h"

static void gh_jet(const gkv_gk *gk, gki_wide z, int order, gki_gk_jet *out)
{
    const gki_gk_skew s = gki_gk_skew_exp(gk->g * z);
    const gki_gk_tail_part t = gki_gk_tail_exp(z);
    gki_gk_assemble(gk, z, &s, &t, s.p + gk->k * t.M, order, out);
}

/* Combines the solutions for g = 0 and for h = 0. For g > 0 both are too large. For g < 0 the
 * solution for g = 0 is too small. */
static gki_wide gh_start(const gkv_gk *gk, gki_wide y)
{
    const gki_wide g = gk->g, h = gk->k, straight = gki_gk_tail_exp_start(y, h);
    if (g == 0)
        return straight;
    if (g > 0)
        return fminl(straight, log1pl(g * y) / g);
    const gki_wide fraction = -g * y; /* y as a fraction of the end of the support for h = 0 */
    if (fraction < 0.9L)
        return fmaxl(straight, 0.5L * (straight - log1pl(-fraction) / -g));
    return h > 0 ? fmaxl(straight, sqrtl(2 * log1pl(fraction) / h)) : 1 / -g;
}

static gki_wide gh_support_end(const gkv_gk *gk)
{
    return gk->k == 0 && gk->g < 0 ? 1 / -(gki_wide)gk->g : INFINITY;
}

/* The condition Q' > 0 is h z² > −P(gz), P(u) = u/(1 − e^{−u}) > 0. It is strongest at |z| = z_max
 * with gz < 0. */
static double gh_bound(double g, double c, double z_max, int *touches)
{
    (void)c;
    *touches = isfinite(z_max);
    return *touches ? -(double)gki_gk_skew_exp(-fabsl((gki_wide)g) * z_max).p / (z_max * z_max) : 0;
}

static double gh_zero_bound(double g, double c, double *slope)
{
    (void)g, (void)c;
    if (slope)
        *slope = 0;
    return 0;
}

static double gh_free_h(double c)
{
    (void)c;
    return 0;
}

/* |Q|^r φ has its maximum near z = r g/(1 − r h), which may be separated from 0 by a wide interval
 * where all is negligible. */
static double gh_reach(const gkv_gk *gk, int r)
{
    return 8 + r * fabs(gk->g) / (1 - r * fmax(0, gk->k));
}

const gki_gk_family_ops gki_gk_family_gh = {
    .name = "g-and-h",
    .short_name = "gh",
    .tail = "h",
    .jet = gh_jet,
    .start = gh_start,
    .support_end = gh_support_end,
    .bound = gh_bound,
    .bound_limit = gh_zero_bound,
    .free_k = gh_free_h,
    .floor = gh_zero_bound,
    .moments_below = gki_gk_tail_exp_moments_below,
    .reach = gh_reach,
    .moments_overflow = true,
};
