/* Triangular factors of small matrices, row-major. */
#ifndef GKV_MGK_CHOLESKY_H
#define GKV_MGK_CHOLESKY_H

#include <stddef.h>

/* a = LLᵀ; L gets zeros above its diagonal and may be a. 1 if every pivot exceeds
 * `least` times its diagonal element, so that a is safely positive definite; else 0. */
int gkv_cholesky(size_t d, const double *a, double least, double *l);

/* v becomes L⁻¹v. */
void gkv_cholesky_forward(size_t d, const double *l, double *v);

/* L⁻¹ of a lower triangular L, of which nothing above the diagonal is read; nor written of `inverse`. */
void gkv_cholesky_invert(size_t d, const double *l, double *inverse);

/* M[n × d], n ≤ d, becomes (T, 0) with T lower triangular, its diagonal ≥ 0, and TTᵀ = MMᵀ: the
 * Cholesky factor of MMᵀ without that product, which would square the condition number. */
void gkv_cholesky_of_rows(size_t n, size_t d, double *m);

/* v[d] becomes the longest axis of Σ = LLᵀ times its standard deviation, by power iteration; scratch[d]. */
void gkv_cholesky_longest_axis(size_t d, const double *l, double *v, double *scratch);

#endif
