/* The g-and-k family: Q = A + B (1 + c tanh(gz/2)) z (1+z²)^k. */
#include <float.h>
#include <math.h>

#include "gk/family.h"
#include "gk/gk_batch_kernels.h"
#include "gk/skew.h"
#include "gk/validity.h"

/* L = log(1+z²), m = 1/(1+z²), h = 1 − m */
static void gk_jet(const gkv_gk *gk, gki_wide z, int order, gki_gk_jet *out)
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
static gki_wide gk_start(const gkv_gk *gk, gki_wide y)
{
    const double zero = 0, one = 1, x = (double)fminl(y, DBL_MAX);
    const gki_gk_columns_d column = {&zero, &one, &gk->g, &gk->k, gk->c};
    double s;
    gki_gk_batch_inverse_d(1, 1, &column, &x, &s, NULL, NULL, NULL);
    return x > DBL_MIN ? s : y;
}

static void gk_forward(const gkv_gk *gk, size_t n, const double *z, double *x)
{
    const gki_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    gki_gk_batch_forward_d(n, 1, &column, z, &(gki_gk_outputs_d){.x = x});
}

static void gk_inverse(const gkv_gk *gk, size_t n, const double *x, double *z, double *log_dq)
{
    const gki_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    gki_gk_batch_inverse_d(n, 1, &column, x, z, log_dq, NULL, NULL);
}

static gki_wide gk_support_end(const gkv_gk *gk)
{
    if (gk->k > -0.5)
        return INFINITY;
    return 1 + (gki_wide)(gk->g > 0 ? gk->c : gk->g < 0 ? -gk->c : 0);
}

static double gk_weight(double z)
{
    return fabs(z) < 1 ? 2 * z * z / (1 + z * z) : 2 - 2 / (1 + z * z);
}

static double gk_bound_limit(double g, double c, double *slope)
{
    double v = 1;
    const double peak = c > 0 ? 0.5 * gki_gk_excess_peak(g, c, INFINITY, &v) : -0.5;
    /* by the envelope theorem the derivative of the maximum is the partial derivative in g */
    if (slope)
        *slope = peak > -0.5 ? peak * 0.5 * g / (v * v + 0.25 * g * g) : 0;
    return fmax(-0.5, peak);
}

static double gk_bound(double g, double c, double z_max, int *touches)
{
    double v;
    const double peak =
        g == 0 || c == 0 ? -0.5 : 0.5 * gki_gk_excess_peak(g, c, 0.5 * fabs(g) * z_max, &v);
    *touches = peak > -0.5;
    return fmax(-0.5, peak);
}

/* The supremum of k_min(g) for c = 0.8 is −0.0593. */
static double gk_free_k(double c)
{
    return c <= GKV_GK_DEFAULT_C ? GKV_GK_FREE_K : gki_gk_free_weight(c);
}

static const char *gk_fault(const gkv_gk *gk)
{
    return gk->k < -0.5 ? "k < −½, and Q decreases in both tails" : NULL;
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
static double gk_floor_of(double g, double c, double *slope)
{
    static const double fade = 1.0 / 128.0;
    double v = 1, psi_slope;
    const double peak = c > 0 ? 0.5 * gki_gk_excess_interior_maximum(g, c, &v) : -INFINITY;
    const double psi = smooth_maximum(fmax(-1.0, (peak + 0.5) / fade), &psi_slope);
    *slope = psi_slope == 0 ? 0 : psi_slope * peak * 0.5 * g / (v * v + 0.25 * g * g);
    return -0.5 + fade * psi;
}

static double gk_moments_below(double k)
{
    (void)k;
    return INFINITY;
}

const gki_gk_family_ops gki_gk_family_gk = {
    .name = "g-and-k",
    .short_name = "gk",
    .tail = "k",
    .batches = true,
    .jet = gk_jet,
    .start = gk_start,
    .forward = gk_forward,
    .inverse = gk_inverse,
    .support_end = gk_support_end,
    .weight = gk_weight,
    .bound = gk_bound,
    .bound_limit = gk_bound_limit,
    .free_k = gk_free_k,
    .fault = gk_fault,
    .floor = gk_floor_of,
    .moments_below = gk_moments_below,
};
