/* Is Q increasing, why not, and what is the nearest that is. */
#include <math.h>

#include "core/error.h"
#include "gk/family.h"
#include "gkvae/gk.h"

/* From 0 to here S(v) < 1 for all v, so that k ≥ 0 is always valid. */
static const double c_star = 0.8335565596009648;

/* The conditions that do not concern k's bound; NULL if they hold. */
static const char *basic_fault(const gkv_gk *gk)
{
    const gkv_gk_family_ops *ops = gkv_gk_family_of(gk->family);
    if (!ops)
        return "there is no such family";
    if (!isfinite(gk->a) || !isfinite(gk->b) || !isfinite(gk->g) || !isfinite(gk->k) || !isfinite(gk->c))
        return "a parameter is not finite";
    if (!(gk->b > 0))
        return "the scale B must be above 0";
    if (ops->weight && gk->c < 0)
        return "c must not be negative";
    if (ops->weight && gk->c >= 1 && gk->g != 0)
        return "c must be below 1 unless g = 0";
    return NULL;
}

static int above_bound(const gkv_gk *gk, double z_max, double *bound)
{
    const gkv_gk_family_ops *ops = gkv_gk_family_of(gk->family);
    if (gk->k >= 0 && (!ops->weight || gk->g == 0 || gk->c < c_star))
        return 1; /* nothing to search for */
    int touches;
    *bound = ops->bound(gk->g, gk->c, fmax(z_max, 1e-100), &touches);
    return gk->k > *bound || (!touches && gk->k >= *bound);
}

int gkv_gk_is_valid_within(const gkv_gk *gk, double z_max)
{
    double bound;
    return !basic_fault(gk) && !isnan(z_max) && above_bound(gk, z_max, &bound);
}

int gkv_gk_is_valid(const gkv_gk *gk)
{
    return gkv_gk_is_valid_within(gk, INFINITY);
}

gkv_status gkv_gk_check(const gkv_gk *gk)
{
    const char *name = gkv_gk_family_name(gk->family), *fault = basic_fault(gk);
    if (!fault && gk->family == GKV_GK_FAMILY_GK && gk->k < -0.5)
        fault = "k < −½, where Q turns back in both tails";
    if (!gkv_gk_family_of(gk->family))
        return gkv_fail(GKV_ERR_ARGUMENT, "there is no such family of distributions as %lld", (long long)gk->family);
    if (fault)
        return gkv_fail(GKV_ERR_ARGUMENT, "not a %s distribution: %s (A = %g, B = %g, g = %g, k = %g, c = %g)", name,
                        fault, gk->a, gk->b, gk->g, gk->k, gk->c);
    double bound;
    if (above_bound(gk, INFINITY, &bound))
        return GKV_OK;
    const char k = gk->family == GKV_GK_FAMILY_GK ? 'k' : 'h';
    const int digits = fabs(gk->k - bound) > 1e-8 * fabs(bound) ? 10 : 17; /* as many as tell them apart */
    return gkv_fail(GKV_ERR_ARGUMENT,
                    "not a %s distribution: %c = %.*g is not above %.*g, the least %c for g = %g and c = %g; its "
                    "quantile function is not increasing",
                    name, k, digits, gk->k, digits, bound, k, gk->g, gk->c);
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
        .family = gkv_gk_family_of(gk->family) ? gk->family : standard.family,
    };
    if (near.k >= margin && near.c < c_star)
        return near;
    /* A hair above, so that rounding cannot turn the bound itself into a fault. */
    const double bound = gkv_gk_family_of(near.family)->bound_limit(near.g, near.c, NULL);
    near.k = fmax(near.k, bound + fmax(margin, 1e-9 * (1.0 + fabs(bound))));
    return near;
}
