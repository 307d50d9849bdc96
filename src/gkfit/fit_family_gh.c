/* Fits of the g-and-h family. */
#include "gkfit/fit_family.h"

static bool gh_has_pole(double c)
{
    (void)c;
    return false;
}

static void gh_k_min(size_t n, double c, const double *g, double *k_min, double *slope,
                     double *curvature)
{
    (void)c;
    gki_gk_fit_square_bound(0.0, n, g, k_min, slope, curvature);
}

const gki_gk_fit_family gki_gk_fit_family_gh = {
    .kernels = gki_gk_scalar_kernels,
    .most_g = 10.0,  /* it is an exponent */
    .start_g = 0.25, /* e^{gz} is far more skewed than 1 + c tanh(gz/2) with the same g */
    .corner_k = -INFINITY,
    .has_pole = gh_has_pole,
    .k_min = gh_k_min,
    .set_scale = gki_gk_fit_scale_by_quartiles,
    .letters = {.g = gki_gk_letter_g_exp,
                .skew = gki_gk_letter_skew_exp,
                .tail = gki_gk_letter_tail_exp},
};
