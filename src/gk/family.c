#include "gk/family.h"

#include <math.h>

#include "core/error.h"

static const gkv_gk_family_ops *const table[GKV_GK_FAMILIES] = {
    [GKV_GK_FAMILY_GK] = &gkv_gk_family_gk,
    [GKV_GK_FAMILY_GH] = &gkv_gk_family_gh,
    [GKV_GK_FAMILY_GGH] = &gkv_gk_family_ggh,
};

const gkv_gk_family_ops *gkv_gk_family_of(int64_t family)
{
    return family >= 0 && family < GKV_GK_FAMILIES ? table[family] : NULL;
}

const char *gkv_gk_family_name(int64_t family)
{
    const gkv_gk_family_ops *ops = gkv_gk_family_of(family);
    return ops ? ops->name : "unknown";
}

double gkv_gk_scale(const gkv_gk *gk)
{
    return fmin(1.0, 1.0 / fabs(gk->g));
}

gkv_gk_jet gkv_gk_jet_at(const gkv_gk *gk, gkv_wide z, int order)
{
    gkv_gk_jet jet = {.lambda = NAN, .rho = NAN};
    const gkv_gk_family_ops *ops = gkv_gk_family_of(gk->family);
    if (ops)
        ops->jet(gk, z, order, &jet);
    return jet;
}

gkv_status gkv_gk_check_gk(const gkv_gk *gk, const char *what)
{
    if (gk->family != GKV_GK_FAMILY_GK)
        return gkv_fail(GKV_ERR_ARGUMENT, "%s is for the g-and-k family, not the %s family", what,
                        gkv_gk_family_name(gk->family));
    return gkv_gk_check(gk);
}
