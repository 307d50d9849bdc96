/* The Fisher information, E s sᵀ over the normal score. */
#include <math.h>

#include "core/error.h"
#include "gk/family.h"
#include "num/quadrature.h"
#include "gk/score.h"
#include "gkvae/gk_moments.h"

static void products(gkv_wide z, const void *user, gkv_wide *value)
{
    const gkv_gk *gk = user;
    const gkv_gk_jet at = gkv_gk_jet_at(gk, z, 1);
    const gkv_wide weight = gkv_normal_pdf_wide(z);
    gkv_wide s[GKV_GK_PARAMETERS];
    gkv_gk_score_wide(gk, &at, z, s);
    for (int i = 0, place = 0; i < GKV_GK_PARAMETERS; i++)
        for (int j = i; j < GKV_GK_PARAMETERS; j++)
            value[place++] = weight == 0 ? 0 : s[i] * s[j] * weight;
}

gkv_status gkv_gk_information(const gkv_gk *gk, double information[4][4])
{
    for (int i = 0; i < 16; i++)
        information[i / 4][i % 4] = NAN;
    GKV_TRY(gkv_gk_check(gk));
    /* In units of B, whose square may be more than a number holds. */
    gkv_gk unit = *gk;
    unit.a = 0.0;
    unit.b = 1.0;
    gkv_wide value[GKV_INTEGRANDS];
    const double error = gkv_integrate(products, &unit, GKV_INTEGRANDS, gkv_gk_scale(gk), value);
    for (int i = 0, place = 0; i < GKV_GK_PARAMETERS; i++)
        for (int j = i; j < GKV_GK_PARAMETERS; j++) {
            const gkv_wide by_i = i < 2 ? gk->b : 1, by_j = j < 2 ? gk->b : 1;
            information[i][j] = information[j][i] = (double)(value[place++] / by_i / by_j);
        }
    if (!(error <= 1e-8))
        return gkv_fail(GKV_ERR_NUMERIC, "the Fisher information of a %s with g = %g and k = %g is known to %.1e only; it "
                                         "is near the bound of validity, where it grows without end",
                        gkv_gk_family_name(gk->family), gk->g, gk->k, error);
    return GKV_OK;
}
