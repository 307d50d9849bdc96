/* Gaussians N(μ, P⁻¹) by their precision P, of which only the lower triangle is ever read.
 *
 * P = VᵀV with V lower triangular, a Cholesky factorization from the last row up: then
 * L = V⁻¹ is lower triangular too, and LLᵀ = P⁻¹, so that one factorization gives both the
 * factor of the covariance and the solution of P δ = g. Row-major, in double. */
#ifndef GKV_VAE_GAUSSIAN_H
#define GKV_VAE_GAUSSIAN_H

#include <stdbool.h>
#include <stddef.h>

/* P's lower triangle becomes V's; what is above stays. False, P then being spoilt, if it is
 * not finite or not safely positive definite. */
bool gkv_precision_factor(size_t d, double *p);

/* g becomes δ with VᵀV δ = g. */
void gkv_precision_solve(size_t d, const double *v, double *g);

#endif
