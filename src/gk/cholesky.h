/* Cholesky's factorization of small matrices, row-major. */
#ifndef GKV_GK_CHOLESKY_H
#define GKV_GK_CHOLESKY_H

#include <stddef.h>

/* a = LLᵀ; L gets zeros above its diagonal and may be a. 1 if every pivot exceeds
 * `least` times its diagonal element, so that a is safely positive definite; else 0. */
int gkv_cholesky(size_t d, const double *a, double least, double *l);

/* v becomes L⁻¹v. */
void gkv_cholesky_forward(size_t d, const double *l, double *v);

#endif
