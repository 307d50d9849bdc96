/* Fits of the generalised g-and-h family. */
#include "gk/family.h"
#include "gkfit/fit_family.h"

/* h_min(g)/g² */
static double ggh_unit(double c)
{
    return gki_gk_family_ggh.bound_limit(1.0, c, NULL);
}

static bool ggh_has_pole(double c)
{
    return ggh_unit(c) > 0;
}

static void ggh_k_min(size_t n, double c, const double *g, double *k_min, double *slope,
                      double *curvature)
{
    gki_gk_fit_square_bound(ggh_unit(c), n, g, k_min, slope, curvature);
}

const gki_gk_fit_family gki_gk_fit_family_ggh = {
    .kernels = gki_gk_scalar_kernels,
    .most_g = 100.0,
    .start_g = 1.0,
    .corner_k = -INFINITY,
    .has_pole = ggh_has_pole,
    .k_min = ggh_k_min,
    .set_scale = gki_gk_fit_scale_by_quartiles,
    .letters = {.g = gki_gk_letter_g_tanh,
                .skew = gki_gk_letter_skew_tanh,
                .tail = gki_gk_letter_tail_exp},
};
