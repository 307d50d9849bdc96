/* Integrals over the whole line of several functions at once. */
#ifndef GKV_GK_QUADRATURE_H
#define GKV_GK_QUADRATURE_H

#include <stddef.h>

#include "gk/family.h"

enum { GKV_GK_INTEGRANDS = 10 };

/* Writes its m values at z. */
typedef void gkv_gk_integrand(gkv_wide z, const void *user, gkv_wide *value);

/* out[i] = ∫ of the i-th of m ≤ GKV_GK_INTEGRANDS functions, which are smooth on scales
 * from `scale` up and fall off on either side like a normal density at last. Returns the
 * largest estimated error in units of ∫|·|; NaN or ∞ if what is integrated is. */
double gkv_gk_integrate(gkv_gk_integrand *integrand, const void *user, size_t m, double scale, gkv_wide *out);

/* 1/|g|, or 1 if that is more: the scale of functions of z and gz. */
double gkv_gk_scale(const gkv_gk *gk);

/* φ(z), far past what a double holds. */
gkv_wide gkv_gk_phi(gkv_wide z);

#endif
