/* The multivariate g-and-k distribution: z ~ N(0,R) with R a correlation matrix,
 * x_j = Q(z_j; θ_j). A Gaussian copula with g-and-k margins:
 *
 *     log f(x) = log φ_d(z;R) − Σ_j log Q'_j(z_j),  z_j = Q_j⁻¹(x_j)
 *
 * (Drovandi and Pettitt, Computational Statistics and Data Analysis 55, 2011). */
#ifndef GKVAE_MGK_H
#define GKVAE_MGK_H

#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* d margins and the lower Cholesky factor L of R = LLᵀ. Never changes once made, so
 * any number of threads may use one. */
typedef struct gkv_mgk gkv_mgk;

/* A copy of d ≥ 1 margins and of R, d × d row-major; NULL is the identity.
 * GKV_ERR_ARGUMENT for an invalid margin or an R that is not a correlation matrix;
 * GKV_ERR_NUMERIC if it is not positive definite; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_create(size_t d, const gkv_gk *margins, const double *correlation,
                                               gkv_mgk **out);

GKV_API void gkv_mgk_free(gkv_mgk *mgk);

GKV_API size_t gkv_mgk_dimensions(const gkv_mgk *mgk);
GKV_API const gkv_gk *gkv_mgk_margins(const gkv_mgk *mgk);  /* d of them; owned by mgk */
GKV_API const double *gkv_mgk_cholesky(const gkv_mgk *mgk); /* L, row-major, zeros above; owned by mgk */

/* log f(x) of one x[d]; w[d] receives L⁻¹z, the independent normals behind x, and
 * may be x. −∞, and w then meaningless, outside a bounded support. */
GKV_API double gkv_mgk_log_pdf(const gkv_mgk *mgk, const double *x, double *w);

/* x_j = Q_j((Lε)_j): for ε ~ N(0,I) a draw. x must not be ε. */
GKV_API void gkv_mgk_transform(const gkv_mgk *mgk, const double *epsilon, double *x);

/* Normal scores: the correlation matrix, R[d·d], of z_ij = Q_j⁻¹(x_ij) over the n ≥ 2
 * rows of x[n × d], each z held to the size that one value in ten samples exceeds.
 * `shrink` in [0, 1] weighs the identity: (1−s)R + sI; it is raised as far as needed
 * to make R positive definite. A constant column counts as independent. L[d·d], if
 * not NULL, receives the Cholesky factor of R. GKV_ERR_DATA names a value that is
 * not finite; GKV_ERR_ARGUMENT; GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_correlation(size_t n, size_t d, const double *x, const gkv_gk *margins,
                                                    double shrink, double *correlation, double *cholesky);

#ifdef __cplusplus
}
#endif
#endif
