/* The table of the families, and what works on any of them (gk/family.h). */
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

bool gki_gk_has_batches(int64_t family)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(family);
    return ops && ops->batches;
}

const char *gkv_gk_family_name(int64_t family)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(family);
    return ops ? ops->name : "unknown";
}

const char *gkv_gk_family_short_name(int64_t family)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(family);
    return ops ? ops->short_name : NULL;
}

const char *gkv_gk_family_parameter(int64_t family, size_t i)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(family);
    switch (ops ? i : SIZE_MAX) {
    case GKV_GK_A: return "A";
    case GKV_GK_B: return "B";
    case GKV_GK_G: return "g";
    case GKV_GK_K: return ops->tail;
    case GKV_GK_C: return ops->weight ? "c" : NULL;
    default: return NULL;
    }
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
    if (!gki_gk_has_batches(gk->family))
        return gki_fail(GKV_ERR_ARGUMENT, "%s is for the g-and-k family, not the %s family", what,
                        gkv_gk_family_name(gk->family));
    return gkv_gk_check(gk);
}
