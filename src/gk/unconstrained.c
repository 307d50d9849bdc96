/* The unconstrained transform: a smooth map from four real numbers to valid parameters, and its
 * inverse. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "gk/family.h"

/* k is above the floor by at least this much, so that rounding cannot make k equal to its bound. */
static const double sliver = 1e-9;

static const double most = 700.0; /* e^700 does not overflow */

static double clamp(double u)
{
    return isnan(u) ? 0.0 : fmax(-most, fmin(most, u));
}

/* The infimum of k over u₃, and its derivative in g. */
static double floor_at(const gki_gk_family_ops *ops, double g, double c, double *slope)
{
    const double least = ops->floor(g, c, slope);
    const double factor = least > 0 ? 1.0 + sliver : least < 0 ? 1.0 - sliver : 0.0;
    *slope *= factor;
    return least * factor + sliver;
}

static gkv_status check_family(const gki_gk_family_ops *ops, int64_t family, double c)
{
    if (!ops)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no family of distributions with number %lld",
                        (long long)family);
    if (ops->weight && !(c >= 0 && c < 1))
        return gki_fail(GKV_ERR_ARGUMENT, "c must be in [0, 1) to be valid for every g, not %g", c);
    return GKV_OK;
}

gkv_status gkv_gk_from_unconstrained(int64_t family, double c, const double u[4], gkv_gk *gk,
                                     double jacobian[4][4])
{
    GKV_NEED(u);
    GKV_NEED(gk);
    const gki_gk_family_ops *ops = gki_gk_family_of(family);
    GKV_TRY(check_family(ops, family, c));
    if (!isfinite(u[0]) || !isfinite(u[2]))
        return gki_fail(GKV_ERR_ARGUMENT, "A = u0 = %g and g = u2 = %g must be finite", u[0], u[2]);
    const double log_b = clamp(u[1]), rise = clamp(u[3]);
    double slope;
    const double least = floor_at(ops, u[2], c, &slope);
    const double above = rise > 0 ? rise + log1p(exp(-rise)) : log1p(exp(rise));
    *gk = (gkv_gk){
        .a = u[0], .b = exp(log_b), .g = u[2], .k = least + above, .c = c, .family = family};
    if (jacobian) {
        memset(jacobian, 0, 16 * sizeof(double));
        jacobian[GKV_GK_A][GKV_GK_A] = 1.0;
        jacobian[GKV_GK_B][GKV_GK_B] = fabs(u[1]) <= most ? gk->b : 0.0;
        jacobian[GKV_GK_G][GKV_GK_G] = 1.0;
        jacobian[GKV_GK_K][GKV_GK_G] = slope;
        jacobian[GKV_GK_K][GKV_GK_K] = fabs(u[3]) <= most ? 1.0 / (1.0 + exp(-rise)) : 0.0;
    }
    return GKV_OK;
}

gkv_status gkv_gk_to_unconstrained(const gkv_gk *gk, double u[4])
{
    GKV_NEED(gk);
    GKV_NEED(u);
    GKV_TRY(gkv_gk_check(gk));
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    GKV_TRY(check_family(ops, gk->family, gk->c));
    double slope;
    const double least = floor_at(ops, gk->g, gk->c, &slope), above = gk->k - least;
    if (!(above > 0))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "k = %.10g is not above %.10g, the infimum of k in the unconstrained "
            "transform for g = %g and c = %g; gkv_gk_project with a margin of 1/64 raises k "
            "enough",
            gk->k, least, gk->g, gk->c);
    u[GKV_GK_A] = gk->a;
    u[GKV_GK_B] = log(gk->b);
    u[GKV_GK_G] = gk->g;
    u[GKV_GK_K] = above > 30 ? above + log1p(-exp(-above)) : log(expm1(above));
    return GKV_OK;
}
