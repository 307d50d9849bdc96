/* Integrals over the whole line of several functions at once. */
#ifndef GKV_NUM_QUADRATURE_H
#define GKV_NUM_QUADRATURE_H

#include <stddef.h>

#include "num/wide.h"

enum { GKV_INTEGRANDS = 10 };

/* Writes its m values at z. */
typedef void gkv_integrand(gkv_wide z, const void *user, gkv_wide *value);

/* out[i] = the integral of the i-th of m ≤ GKV_INTEGRANDS functions. They must be smooth on scales from `scale` up
 * and decrease at least as fast as a normal density on either side. Returns the largest estimated error in units of
 * ∫|·|, or NaN or ∞ if an integrand is not finite. */
double gkv_integrate(gkv_integrand *integrand, const void *user, size_t m, double scale, gkv_wide *out);

/* φ(z), far past what a double holds. */
gkv_wide gkv_normal_pdf_wide(gkv_wide z);

#endif
