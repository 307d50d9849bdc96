/* The g-and-k family: Q = A + B (1 + c tanh(gz/2)) z (1+z²)^k. */
#include <float.h>
#include <math.h>

#include "gk/gk_batch_kernels.h"
#include "gk/skew.h"
#include "gk/validity.h"

/* L = log(1+z²), m = 1/(1+z²), h = 1 − m */
static void jet(const gkv_gk *gk, gki_wide z, int order, gki_gk_jet *out)
{
    const gki_gk_skew s = gki_gk_skew_tanh(gk->g * z, gk->c, order);
    const gki_wide k = gk->k, m = 1 / (1 + z * z), h = fabsl(z) < 1 ? z * z * m : 1 - m;
    const gki_gk_tail_part t = {
        .L = fabsl(z) < 0x1p40L ? log1pl(z * z) : 2 * logl(fabsl(z)),
        .L1 = 2 * z * m,
        .L2 = 2 * m * (m - h),
        .M = 2 * h,
        .M1 = 4 * z * m * m,
        .M2 = 4 * m * m * (1 - 4 * h),
    };
    /* Both forms are sums of terms of one sign, so that the tail is accurate also for k = −½ and
     * large |z|. */
    const gki_wide tail = k >= 0 ? 1 + 2 * k * h : (1 + 2 * k) - 2 * k * m;
    gki_gk_assemble(gk, z, &s, &t, tail + s.p, order, out);
}

/* The root that the kernels compute in double. One step of the caller makes it accurate to full
 * precision. */
static gki_wide start(const gkv_gk *gk, gki_wide y)
{
    const double zero = 0, one = 1, x = (double)fminl(y, DBL_MAX);
    const gki_gk_columns_d column = {&zero, &one, &gk->g, &gk->k, gk->c};
    double s;
    gki_gk_batch_inverse_d(1, 1, &column, &x, &s, NULL, NULL, NULL);
    return x > DBL_MIN ? s : y;
}

static gki_wide support_end(const gkv_gk *gk)
{
    if (gk->k > -0.5)
        return INFINITY;
    return 1 + (gki_wide)(gk->g > 0 ? gk->c : gk->g < 0 ? -gk->c : 0);
}

static double weight(double z)
{
    return fabs(z) < 1 ? 2 * z * z / (1 + z * z) : 2 - 2 / (1 + z * z);
}

static double bound_limit(double g, double c, double *slope)
{
    double v = 1;
    const double peak = c > 0 ? 0.5 * gki_gk_excess_peak(g, c, INFINITY, &v) : -0.5;
    /* by the envelope theorem the derivative of the maximum is the partial derivative in g */
    if (slope)
        *slope = peak > -0.5 ? peak * 0.5 * g / (v * v + 0.25 * g * g) : 0;
    return fmax(-0.5, peak);
}

static double bound(double g, double c, double z_max, int *touches)
{
    double v;
    const double peak =
        g == 0 || c == 0 ? -0.5 : 0.5 * gki_gk_excess_peak(g, c, 0.5 * fabs(g) * z_max, &v);
    *touches = peak > -0.5;
    return fmax(-0.5, peak);
}

/* e^(−1/t) for t > 0, else 0: all derivatives at 0 are 0. *slope becomes the derivative. */
static double flat_exponential(double t, double *slope)
{
    const double value = t > 1e-3 ? exp(-1 / t) : 0;
    *slope = value > 0 ? value / (t * t) : 0;
    return value;
}

/* A smooth ψ(t) ≥ max(0, t): ψ(t) = t for t ≥ 1, ψ(t) = 1 for t ≤ −1, and ψ(t) = 1 − (1−t)
 * step(½(1+t)) between them. step is the smooth step from 0 to 1. *slope becomes the derivative. */
static double smooth_maximum(double t, double *slope)
{
    *slope = t >= 1 ? 1 : 0;
    if (fabs(t) >= 1)
        return t >= 1 ? t : 1;
    double up_slope, down_slope;
    const double up = flat_exponential(0.5 * (1 + t), &up_slope);
    const double down = flat_exponential(0.5 * (1 - t), &down_slope);
    const double step = up / (up + down);
    const double step_slope =
        0.5 * (up_slope * down + up * down_slope) / ((up + down) * (up + down));
    *slope = step - (1 - t) * step_slope;
    return 1 - (1 - t) * step;
}

/* A smooth function of g above the bound. Half the interior maximum is smooth in g, also where it
 * is a little below −½. There smooth_maximum joins it to a constant. */
static double floor_of(double g, double c, double *slope)
{
    static const double fade = 1.0 / 128.0;
    double v = 1, psi_slope;
    const double peak = c > 0 ? 0.5 * gki_gk_excess_interior_maximum(g, c, &v) : -INFINITY;
    const double psi = smooth_maximum(fmax(-1.0, (peak + 0.5) / fade), &psi_slope);
    *slope = psi_slope == 0 ? 0 : psi_slope * peak * 0.5 * g / (v * v + 0.25 * g * g);
    return -0.5 + fade * psi;
}

static double moments_below(double k)
{
    (void)k;
    return INFINITY;
}

const gki_gk_family_ops gki_gk_family_gk = {
    .name = "g-and-k",
    .jet = jet,
    .start = start,
    .support_end = support_end,
    .weight = weight,
    .bound = bound,
    .bound_limit = bound_limit,
    .floor = floor_of,
    .moments_below = moments_below,
};
