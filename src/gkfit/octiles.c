/* The octile method: estimates in closed form from octiles. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkfit/sorted_sample.h"

static const double z_3_4 = 0.67448975019608174320, z_7_8 = 1.15034938037600820736;

gkv_status gkv_gk_from_octiles(const double e[7], double c, double margin, gkv_gk *out)
{
    GKV_NEED(e);
    GKV_NEED(out);
    if (!(c > 0 && c < 1) || !(margin >= 0 && isfinite(margin)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the octile method needs c between 0 and 1 and a margin ≥ 0, not %g and %g",
                        c, margin);
    for (int i = 0; i < 7; i++)
        if (!isfinite(e[i]))
            return gki_fail(GKV_ERR_DATA, "octile %d is %g; octiles must be finite", i + 1, e[i]);
    const double inner = e[5] - e[1], outer = e[6] - e[0];
    if (!(inner > 0 && outer > 0))
        return gki_fail(GKV_ERR_DATA, "the octiles have no spread: E6 − E2 = %g, E7 − E1 = %g",
                        inner, outer);
    gkv_gk gk = {.a = e[3], .c = c};
    /* c tanh cannot be greater than c. A greater skewness becomes nearly c. */
    const double skew = (e[5] + e[1] - 2.0 * e[3]) / inner;
    gk.g = 2.0 / z_3_4 * atanh(fmax(-0.999, fmin(0.999, skew / c)));
    const double gap = log1p(z_7_8 * z_7_8) - log1p(z_3_4 * z_3_4);
    gk.k = log(outer * z_3_4 / (inner * z_7_8)) / gap;
    gk = gkv_gk_project(&gk, margin);
    gk.b = inner / (2.0 * z_3_4 * pow(1.0 + z_3_4 * z_3_4, gk.k));
    *out = gk;
    return GKV_OK;
}

gkv_status gkv_gk_fit_octiles(size_t n, const double *x, double c, gkv_gk *out)
{
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(out);
    const gkv_gk_sample sample = {.x = x, .n = n, .sorted = true};
    double *scratch = NULL, e[7];
    gki_gk_ties ties;
    gkv_status status = gki_alloc(gki_gk_ties_size(n), sizeof *scratch, &scratch);
    if (status == GKV_OK)
        status = gki_gk_ties_of(&sample, 0, scratch, &ties);
    for (int i = 0; i < 7 && status == GKV_OK; i++)
        e[i] = gki_gk_ties_quantile(&ties, (i + 1) / 8.0);
    free(scratch);
    return status == GKV_OK ? gkv_gk_from_octiles(e, c, 1e-4, out) : status;
}
