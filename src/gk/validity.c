/* When is Q increasing? For g z < 0 and v = |g z|/2, Q' > 0 says
 *     2k > (S(v) − 1)(1 + 1/z²),   1/z² = g²/(4v²),
 * and k ≥ −½ covers the rest: the bound is a maximum over one variable. */
#include <math.h>

#include "core/error.h"
#include "gk/validity.h"
#include "gkvae/gk.h"

/* For v < ½, S(v) ≤ v(1 + tanh v) < 1 and both factors rise: the maximum is never
 * there. Beyond 40, S is 0 and the product has all but reached its limit −1. */
static const double v_least = 0.5, v_most = 40.0;
enum { GRID = 96 };

static double excess(double v, double g, double c)
{
    const double e = exp(-2.0 * v), share = 2.0 * e / (1.0 + e); /* 1 − tanh v */
    const double sech2 = share * (2.0 - share);
    const double S = c * v * sech2 / ((1.0 - c) + c * share);
    return (S - 1.0) * (1.0 + 0.25 * g * g / (v * v));
}

/* Golden-section search; the function is smooth, so half the digits of v give
 * all the digits of its maximum. */
static double peak(double low, double high, double g, double c, double *at)
{
    const double golden = 0.61803398874989484820;
    double left = high - golden * (high - low), right = low + golden * (high - low);
    double f_left = excess(left, g, c), f_right = excess(right, g, c);
    while (high - low > 1e-7 * high) {
        if (f_left > f_right) {
            high = right, right = left, f_right = f_left;
            left = high - golden * (high - low), f_left = excess(left, g, c);
        } else {
            low = left, left = right, f_left = f_right;
            right = low + golden * (high - low), f_right = excess(right, g, c);
        }
    }
    *at = f_left > f_right ? left : right;
    return fmax(f_left, f_right);
}

/* The maximum over v_least ≤ v ≤ v_end, bracketed on a geometric grid. */
static double supremum(double g, double c, double v_end, double *at)
{
    const double ratio = pow(v_end / v_least, 1.0 / (GRID - 1));
    double v = v_least, best = -INFINITY, best_v = v_least;
    for (int i = 0; i < GRID; i++, v *= ratio) {
        const double value = excess(v, g, c);
        if (value > best)
            best = value, best_v = v;
    }
    double refined_v = best_v;
    const double refined = peak(fmax(v_least, best_v / ratio), fmin(v_end, best_v * ratio), g, c, &refined_v);
    *at = refined >= best ? refined_v : best_v;
    return fmax(refined, best);
}

double gkv_gk_k_min_limit(double g, double c, double *slope)
{
    if (slope)
        *slope = 0.0;
    if (isnan(g) || isnan(c) || c < 0)
        return NAN;
    if (c == 0)
        return -0.5;
    if (c >= 1)
        return INFINITY;
    double v = 1.0;
    const double bound = 0.5 * supremum(g, c, v_most, &v);
    if (bound <= -0.5)
        return -0.5;
    /* By the envelope theorem only the explicit g counts. */
    if (slope)
        *slope = bound * 0.5 * g / (v * v + 0.25 * g * g);
    return bound;
}

double gkv_gk_k_min(double g, double c)
{
    return g == 0 && c >= 0 ? -0.5 : gkv_gk_k_min_limit(g, c, NULL);
}

double gkv_gk_k_min_within(double g, double c, double z_max)
{
    if (isnan(g) || isnan(c) || isnan(z_max) || c < 0)
        return NAN;
    if (g == 0 || c == 0 || z_max <= 0)
        return -0.5;
    if (c >= 1)
        return gkv_gk_k_min(g, c);
    const double v_end = fmin(v_most, 0.5 * fabs(g) * z_max);
    double v = v_end;
    /* To the left of v_least the function rises, so its end is its maximum. */
    const double bound = 0.5 * (v_end <= v_least ? excess(v_end, g, c) : supremum(g, c, v_end, &v));
    return fmax(-0.5, bound);
}

/* The conditions that do not concern k's bound; NULL if they hold. */
static const char *basic_fault(const gkv_gk *gk)
{
    if (!isfinite(gk->a) || !isfinite(gk->b) || !isfinite(gk->g) || !isfinite(gk->k) || !isfinite(gk->c))
        return "a parameter is not finite";
    if (!(gk->b > 0))
        return "the scale B must be above 0";
    if (gk->c < 0)
        return "c must not be negative";
    if (gk->c >= 1 && gk->g != 0)
        return "c must be below 1 unless g = 0";
    if (gk->k < -0.5)
        return "k < −½, where Q turns back in both tails";
    return NULL;
}

/* At a bound that is a maximum inside, Q' touches zero: k must exceed it. At the
 * bound −½ it need not. */
static int above_bound(double k, double bound)
{
    return k > bound || (bound <= -0.5 && k >= bound);
}

/* For 0 ≤ c < c* and k ≥ 0 there is nothing to search. */
static int surely_valid(const gkv_gk *gk)
{
    return gk->k >= 0 && gk->c < 0.8335565596009648;
}

int gkv_gk_is_valid(const gkv_gk *gk)
{
    return !basic_fault(gk) && (surely_valid(gk) || above_bound(gk->k, gkv_gk_k_min(gk->g, gk->c)));
}

int gkv_gk_is_valid_within(const gkv_gk *gk, double z_max)
{
    return !basic_fault(gk) &&
           (surely_valid(gk) || above_bound(gk->k, gkv_gk_k_min_within(gk->g, gk->c, z_max)));
}

gkv_status gkv_gk_check(const gkv_gk *gk)
{
    const char *fault = basic_fault(gk);
    if (fault)
        return gkv_fail(GKV_ERR_ARGUMENT, "not a g-and-k distribution: %s (A = %g, B = %g, g = %g, k = %g, c = %g)",
                        fault, gk->a, gk->b, gk->g, gk->k, gk->c);
    if (surely_valid(gk))
        return GKV_OK;
    const double bound = gkv_gk_k_min(gk->g, gk->c);
    if (!above_bound(gk->k, bound))
        return gkv_fail(GKV_ERR_ARGUMENT,
                        "not a g-and-k distribution: k = %.10g is not above %.10g, the least k for g = %g and c = %g; "
                        "its quantile function is not increasing",
                        gk->k, bound, gk->g, gk->c);
    return GKV_OK;
}

gkv_gk gkv_gk_project(const gkv_gk *gk, double margin)
{
    const gkv_gk standard = gkv_gk_standard();
    gkv_gk near = {
        .a = isfinite(gk->a) ? gk->a : standard.a,
        .b = isfinite(gk->b) ? fmax(gk->b, 1e-8) : standard.b,
        .g = isfinite(gk->g) ? fmax(-1e3, fmin(1e3, gk->g)) : standard.g,
        .k = isfinite(gk->k) ? gk->k : standard.k,
        .c = gk->c >= 0 && gk->c < 1 ? gk->c : standard.c,
    };
    if (surely_valid(&near) && margin == 0)
        return near;
    /* A hair above, so that rounding cannot turn the bound itself into a fault. */
    const double least = gkv_gk_k_min_limit(near.g, near.c, NULL) + fmax(margin, 1e-9);
    near.k = fmax(near.k, least);
    return near;
}
