/* Fits of the g-and-k family. */
#include "gkfit/fit_family.h"

static bool gk_has_pole(double c)
{
    (void)c;
    return true;
}

static void gk_set_scale(gkv_gk *start)
{
    start->b = gki_gk_fit_scale_of_k(start->k);
}

const gki_gk_fit_family gki_gk_fit_family_gk = {
    .kernels = gki_gk_fit_kernels_get,
    .most_g = 100.0,
    .start_g = 1.0,
    .corner_k = -0.5,
    .has_pole = gk_has_pole,
    .set_scale = gk_set_scale,
};
