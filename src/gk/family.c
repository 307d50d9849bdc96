#include "gk/family.h"

#include <math.h>

#include "core/error.h"

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
