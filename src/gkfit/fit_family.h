/* The kernels of fits of the g-and-h and the generalised g-and-h family, and what depends on the
 * family besides. */
#ifndef GKV_GKFIT_FIT_FAMILY_H
#define GKV_GKFIT_FIT_FAMILY_H

#include "gkfit/fit_kernels.h"
#include "gkfit/sorted_sample.h"

/* The kernels of a family; of the g-and-k family those for this processor. */
const gki_gk_fit_kernels *gki_gk_family_kernels(int64_t family);

/* Computes the normal scores z[n] of x[n], which may be z, and log Q'(z) unless log_dq is NULL. */
void gki_gk_fit_inverse(const gkv_gk *gk, size_t n, const double *x, double *z, double *log_dq);

/* Computes x[n] = Q(z), which may be z. */
void gki_gk_fit_forward(const gkv_gk *gk, size_t n, const double *z, double *x);

/* The least k − k_min(g), or h, of fits: that of the settings, or 0 if Q' has no zero at the
 * bound, as in the g-and-h family, so that h = 0 is possible. */
double gki_gk_fit_margin(const gkv_gk_fit_settings *set);

/* The greatest |g| of fits: 100, or 10 in the g-and-h family, in which it is an exponent. */
double gki_gk_fit_most_g(const gkv_gk_fit_settings *set);

/* Computes parameters of the family of the settings from quantiles of the sample: in the g-and-k
 * family from octiles, in the others from letter values. They are valid, with the least k −
 * k_min(g) of fits. *spread becomes the interquartile range in units of that of the normal
 * distribution. */
gkv_status gki_gk_fit_initial(const gkv_gk_fit_settings *set, const gki_gk_ties *ties, gkv_gk *out,
                              double *spread);

#endif
