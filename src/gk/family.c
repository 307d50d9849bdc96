/* The families of quantile functions, and the table of them (gk/family.h). The member k of the
 * g-and-h families holds h. */
#include <float.h>
#include <math.h>

#include "core/error.h"
#include "gk/family.h"
#include "gk/gk_batch_kernels.h"
#include "gk/skew.h"
#include "gk/tail.h"
#include "gk/validity.h"

/* --- The g-and-k family --------------------------------------------------- */

/* Q = A + B (1 + c tanh(gz/2)) z (1+z²)^k */

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
    .jet = gk_jet,
    .start = gk_start,
    .support_end = gk_support_end,
    .weight = gk_weight,
    .bound = gk_bound,
    .bound_limit = gk_bound_limit,
    .floor = gk_floor_of,
    .moments_below = gk_moments_below,
};

/* --- The g-and-h family --------------------------------------------------- */

/* Q = A + B (e^{gz} − 1)/g · e^{hz²/2} */

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

const gki_gk_family_ops gki_gk_family_gh = {
    .name = "g-and-h",
    .jet = gh_jet,
    .start = gh_start,
    .support_end = gh_support_end,
    .bound = gh_bound,
    .bound_limit = gh_zero_bound,
    .floor = gh_zero_bound,
    .moments_below = gki_gk_tail_exp_moments_below,
};

/* --- The generalised g-and-h family --------------------------------------- */

/* Q = A + B (1 + c tanh(gz/2)) z e^{hz²/2} */

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
    .jet = ggh_jet,
    .start = ggh_start,
    .support_end = ggh_support_end,
    .weight = ggh_weight,
    .bound = ggh_bound,
    .bound_limit = ggh_bound_limit,
    .floor = ggh_bound_limit,
    .moments_below = gki_gk_tail_exp_moments_below,
};

/* --- The table ------------------------------------------------------------ */

static const gki_gk_family_ops *const table[GKV_GK_FAMILIES] = {
    [GKV_GK_FAMILY_GK] = &gki_gk_family_gk,
    [GKV_GK_FAMILY_GH] = &gki_gk_family_gh,
    [GKV_GK_FAMILY_GGH] = &gki_gk_family_ggh,
};

const gki_gk_family_ops *gki_gk_family_of(int64_t family)
{
    return family >= 0 && family < GKV_GK_FAMILIES ? table[family] : NULL;
}

const char *gkv_gk_family_name(int64_t family)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(family);
    return ops ? ops->name : "unknown";
}

double gki_gk_scale(const gkv_gk *gk)
{
    return fmin(1.0, 1.0 / fabs(gk->g));
}

gki_gk_jet gki_gk_jet_at(const gkv_gk *gk, gki_wide z, int order)
{
    gki_gk_jet jet = {.lambda = NAN, .rho = NAN};
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    if (ops)
        ops->jet(gk, z, order, &jet);
    return jet;
}

gkv_status gki_gk_check_gk(const gkv_gk *gk, const char *what)
{
    if (gk->family != GKV_GK_FAMILY_GK)
        return gki_fail(GKV_ERR_ARGUMENT, "%s is for the g-and-k family, not the %s family", what,
                        gkv_gk_family_name(gk->family));
    return gkv_gk_check(gk);
}
