/* Adaptive quadrature: integrals over the whole real line of several functions at once. */
#ifndef GKV_NUM_QUADRATURE_H
#define GKV_NUM_QUADRATURE_H

#include <stddef.h>

#include "num/wide.h"

enum { GKV_INTEGRANDS = 10 };

/* Writes the values of the m functions at z to value[m]. `user` is the pointer that the caller of
 * gki_integrate gave. */
typedef void gki_integrand(gki_wide z, const void *user, gki_wide *value);

/* Computes the integral of function i into out[i], for m ≤ GKV_INTEGRANDS functions. `scale` is the
 * shortest length on which the functions vary, at least 1e-18. Each function must decrease at least
 * as fast as a normal density on either side, at the latest beyond ±extent; where it is negligible
 * from there on, the integral ends. The method is adaptive Gauss–Kronrod quadrature with 15 points
 * (Piessens et al., QUADPACK, 1983). Returns the largest estimated error relative to the integral
 * of the function's absolute value, or NaN or ∞ if a function is not finite. */
double gki_integrate(gki_integrand *integrand, const void *user, size_t m, double scale,
                     double extent, gki_wide *out);

/* The normal density φ(z), also where it underflows a double. */
gki_wide gki_normal_pdf_wide(gki_wide z);

#endif
