/* The generalised g-and-h family: Q = A + B (1 + c tanh(gz/2)) z e^{hz²/2}. The member k holds
 * h. */
#include <math.h>

#include "gk/family.h"
#include "gk/skew.h"
#include "gk/tail.h"
#include "gk/validity.h"

static void ggh_jet(const gkv_gk *gk, gki_wide z, int order, gki_gk_jet *out)
{
    const gki_gk_skew s = gki_gk_skew_tanh(gk->g * z, gk->c, order);
    const gki_gk_tail_part t = gki_gk_tail_exp(z);
    gki_gk_assemble(gk, z, &s, &t, 1 + gk->k * t.M + s.p, order, out);
}

/* Solves the equation without skewness twice: first for y, then for y/T with T at the first
 * solution. */
static gki_wide ggh_start(const gkv_gk *gk, gki_wide y)
{
    const gki_wide half_gs = 0.5L * gk->g * gki_gk_tail_exp_start(y, gk->k);
    return gki_gk_tail_exp_start(y / (1 + gk->c * half_gs / (1 + fabsl(half_gs))), gk->k);
}

static gki_wide ggh_support_end(const gkv_gk *gk)
{
    (void)gk;
    return INFINITY;
}

static double ggh_weight(double z)
{
    return z * z;
}

/* The condition is h > sup (S(v) − 1) g²/(4v²). The bound is proportional to g². */
static double ggh_bound_limit(double g, double c, double *slope)
{
    const double peak = c > 0 ? fmax(0.0, gki_gk_violation_peak(c, INFINITY)) : 0;
    if (slope)
        *slope = peak * 0.5 * g;
    return peak * 0.25 * g * g;
}

static double ggh_bound(double g, double c, double z_max, int *touches)
{
    const double value = isinf(z_max) ? ggh_bound_limit(g, c, NULL)
                         : g == 0 || c == 0
                             ? -1 / (z_max * z_max)
                             : gki_gk_violation_peak(c, 0.5 * fabs(g) * z_max) * 0.25 * g * g;
    *touches = isfinite(z_max) || value > 0;
    return value;
}

const gki_gk_family_ops gki_gk_family_ggh = {
    .name = "generalised g-and-h",
    .short_name = "ggh",
    .tail = "h",
    .jet = ggh_jet,
    .start = ggh_start,
    .support_end = ggh_support_end,
    .weight = ggh_weight,
    .bound = ggh_bound,
    .bound_limit = ggh_bound_limit,
    .free_k = gki_gk_free_weight,
    .floor = ggh_bound_limit,
    .moments_below = gki_gk_tail_exp_moments_below,
};
