/* When is Q increasing? For g z < 0 and v = |g z|/2, Q' > 0 says
 *     k M(z) > S(v) − 1,   S(v) = c v sech²v/(1 − c tanh v),   M = 2z²/(1+z²) or z²,
 * and the other side asks for less: each bound is a maximum over one variable. */
#include <math.h>

#include "gk/family.h"
#include "num/maximize.h"
#include "gk/validity.h"

typedef struct shape {
    double g, c, k;
    double (*weight)(double z);
} shape;

/* 1 − tanh v; sech² v is share·(2 − share). */
static double share_of(double v)
{
    const double e = exp(-2.0 * v);
    return 2.0 * e / (1.0 + e);
}

/* S(v) − 1. For v < ½ it is below 0 and rises. */
static double violation(double v, double c)
{
    const double share = share_of(v);
    return c * v * share * (2.0 - share) / ((1.0 - c) + c * share) - 1.0;
}

static double excess(double v, const void *user)
{
    const shape *s = user;
    return violation(v, s->c) * (1.0 + 0.25 * s->g * s->g / (v * v));
}

static double violation_by_square(double v, const void *user)
{
    return violation(v, ((const shape *)user)->c) / (v * v);
}

/* 1/c at which S(v) = 1 + kM there. */
static double reciprocal_c(double v, const void *user)
{
    const shape *s = user;
    const double share = share_of(v), tau = 1.0 + s->k * s->weight(2.0 * v / fabs(s->g));
    return v * share * (2.0 - share) / tau + 1.0 - share;
}

double gkv_gk_excess_peak(double g, double c, double v_end, double *at)
{
    return gkv_maximize(excess, &(shape){.g = g, .c = c}, v_end, 0, at);
}

double gkv_gk_excess_interior_maximum(double g, double c, double *at)
{
    return gkv_maximize(excess, &(shape){.g = g, .c = c}, INFINITY, 1, at);
}

double gkv_gk_violation_peak(double c, double v_end)
{
    double at;
    const double near = gkv_maximize(violation_by_square, &(shape){.c = c}, v_end, 0, &at);
    return v_end > 40.0 ? fmax(near, -1.0 / (v_end * v_end)) : near; /* out there S is 0 */
}

double gkv_gk_k_min_limit(double g, double c, double *slope)
{
    if (slope)
        *slope = 0.0;
    if (isnan(g) || isnan(c) || c < 0)
        return NAN;
    return c >= 1 ? INFINITY : gkv_gk_family_gk.bound_limit(g, c, slope);
}

static double least_k(const gkv_gk_family_ops *ops, double g, double c, double z_max)
{
    if (!ops || isnan(g) || isnan(c) || isnan(z_max) || (ops->weight && c < 0))
        return NAN;
    int touches;
    if (ops->weight && c >= 1 && g != 0)
        return INFINITY;
    return ops->bound(g, c, fmax(z_max, 1e-100), &touches);
}

double gkv_gk_k_min(double g, double c)
{
    return least_k(&gkv_gk_family_gk, g, c, INFINITY);
}

double gkv_gk_k_min_within(double g, double c, double z_max)
{
    return least_k(&gkv_gk_family_gk, g, c, z_max);
}

double gkv_gk_least_k(const gkv_gk *gk, double z_max)
{
    return least_k(gkv_gk_family_of(gk->family), gk->g, gk->c, z_max);
}

double gkv_gk_c_max_within(const gkv_gk *gk, double z_max)
{
    const gkv_gk_family_ops *ops = gkv_gk_family_of(gk->family);
    /* Without skewness (c = 0) k alone decides. */
    gkv_gk straight = *gk;
    straight.c = 0;
    if (!ops || !gkv_gk_is_valid_within(&straight, z_max))
        return NAN;
    if (!ops->weight || gk->g == 0)
        return INFINITY;
    double at;
    const double end = 0.5 * fabs(gk->g) * fmax(z_max, 1e-100);
    return fmin(1.0, 1.0 / gkv_maximize(reciprocal_c, &(shape){.g = gk->g, .k = gk->k, .weight = ops->weight}, end, 0,
                                         &at));
}

double gkv_gk_c_max(const gkv_gk *gk)
{
    return gkv_gk_c_max_within(gk, INFINITY);
}
