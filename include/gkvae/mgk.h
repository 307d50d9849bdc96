/* The multivariate g-and-k distribution: a Gaussian copula with g-and-k margins.
 *
 * With z ~ N(0,R), R a correlation matrix, x_j = Q(z_j; θ_j), so that
 *
 *     log f(x) = log φ_d(z;R) − Σ_j log Q'_j(z_j),  z_j = Q_j⁻¹(x_j)
 *
 * (Drovandi and Pettitt, Computational Statistics and Data Analysis 55, 2011). The
 * type is a little wider: z ~ N(m,Σ) with any mean m and any positive definite Σ = LLᵀ.
 * That is what a conditional distribution needs, which is therefore one of the same
 * type, and can be evaluated, drawn from and conditioned again as any other. With
 * w = L⁻¹(z − m), independent standard normals,
 *
 *     log f(x) = −½|w|² − (d/2) log 2π − Σ_j log L_jj − Σ_j log Q'_j(z_j)
 *
 * Fits are in gkvae/mgk_fit.h, mixtures in gkvae/mgk_mixture.h.
 *
 * A gkv_mgk never changes once made, so any number of threads may use one. `threads`
 * counts the threads of a call, 0 standing for one a processor; results are the same, to
 * the bit, on any number of them. Functions with `threads` set OpenBLAS to one thread a
 * call for the whole process, as gkvae/model.h says. Matrices are row-major. */
#ifndef GKVAE_MGK_H
#define GKVAE_MGK_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_mgk gkv_mgk;

/* A copy of d ≥ 1 margins and of R[d × d]; NULL is the identity. The caller frees *out
 * with gkv_mgk_free; it is NULL after a failure. GKV_ERR_ARGUMENT for a margin that is invalid or
 * of another family than g-and-k, or an R that is not a correlation matrix;
 * GKV_ERR_NUMERIC if it is not positive definite; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_create(size_t d, const gkv_gk *margins, const double *correlation,
                                               gkv_mgk **out);

/* The same for z ~ N(mean, covariance), any mean[d] and covariance[d × d]; NULL is 0 and
 * the identity. Errors alike. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_create_latent(size_t d, const gkv_gk *margins, const double *mean,
                                                      const double *covariance, gkv_mgk **out);

/* NULL is fine. */
GKV_API void gkv_mgk_free(gkv_mgk *mgk);

GKV_API size_t gkv_mgk_dimensions(const gkv_mgk *mgk);
GKV_API const gkv_gk *gkv_mgk_margins(const gkv_mgk *mgk);  /* d of them; owned by mgk */
GKV_API const double *gkv_mgk_mean(const gkv_mgk *mgk);     /* m; owned by mgk */
GKV_API const double *gkv_mgk_cholesky(const gkv_mgk *mgk); /* L, zeros above; owned by mgk */
GKV_API void gkv_mgk_covariance(const gkv_mgk *mgk, double *covariance); /* Σ = LLᵀ, d × d */

/* --- One point ----------------------------------------------------------- */

/* log f(x) of one x[d]; w[d] receives L⁻¹(z − m), the independent normals behind x, and
 * may be x or NULL. −∞, and w then meaningless, at x_j = ±∞ and outside a bounded support; NaN if x
 * has one. Relative accuracy about 1e-13 for a well-conditioned Σ. Allocates nothing, but
 * with w NULL room for d > 64 numbers; NaN if there is none. */
GKV_API double gkv_mgk_log_pdf(const gkv_mgk *mgk, const double *x, double *w);

/* x_j = Q_j(m_j + (Lε)_j): for ε ~ N(0,I) a draw, and the inverse of the w above. x must
 * not be ε. Allocates nothing. */
GKV_API void gkv_mgk_transform(const gkv_mgk *mgk, const double *epsilon, double *x);

/* --- Many rows ------------------------------------------------------------ */

/* log_pdf[i] = log f of row i of x[n × d], and w[n × d], unless NULL, L⁻¹(z − m) of each;
 * w must not be x. A row's result is a function of that row, and to rounding that of
 * gkv_mgk_log_pdf. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_log_pdf_many(const gkv_mgk *mgk, size_t n, const double *x, int threads,
                                                     double *log_pdf, double *w);

/* gkv_mgk_transform of each row of epsilon[n × d] to x[n × d], which may be epsilon. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_transform_many(const gkv_mgk *mgk, size_t n, const double *epsilon,
                                                       int threads, double *x);

/* Draws number first … first + n − 1 of the seed's sequence, x[n × d]. Draw i is a pure
 * function of seed and i: asked for alone, or in another split, it is the same. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_sample(const gkv_mgk *mgk, uint64_t seed, uint64_t first, size_t n,
                                               int threads, double *x);

/* Where gkv_mgk_gradient puts what it finds; NULL is skipped. With v = −Σ⁻¹(z − m) − Q''/Q':
 *     ∂log f/∂x_j = v_j/Q'_j,            ∂log f/∂θ_j = −v_j ∂_θQ_j/Q'_j − ∂_θ log Q'_j,
 *     ∂log f/∂m = L⁻ᵀw,                  ∂log f/∂L = tril(L⁻ᵀw wᵀ) − diag(1/L_jj).
 * log_pdf and x are per row, the others sums over the rows, times their weights. */
typedef struct gkv_mgk_gradients {
    double *log_pdf;  /* [n] */
    double *x;        /* [n × d] */
    double *margins;  /* [d × 4], by A, B, g, k */
    double *mean;     /* [d] */
    double *cholesky; /* [d × d], zeros above the diagonal */
} gkv_mgk_gradients;

/* Gradients of log f at the rows of x[n × d] (NULL weights are 1). ∂/∂L takes the elements of
 * L as free. When Σ is to stay a correlation matrix, parametrise L by unconstrained
 * rows U_i, L_i = U_i/|U_i|, whose gradient is (G_i − (G_i·L_i) L_i)/|U_i| with G = ∂/∂L:
 * gkv_mgk_row_gradient. Rows outside the support, or not finite, give NaN. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_gradient(const gkv_mgk *mgk, size_t n, const double *x,
                                                 const double *weights, int threads, const gkv_mgk_gradients *out);

/* gradient[d × d] in the unconstrained rows U (lower triangular, no zero row) of that in L,
 * in place. */
GKV_API void gkv_mgk_row_gradient(size_t d, const double *rows, double *gradient);

/* --- Margins and conditionals --------------------------------------------- */

/* The distribution of the `count` ≥ 1 different coordinates which[], in that order, the
 * others integrated out. GKV_ERR_ARGUMENT for a coordinate that is not there or twice. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_marginal(const gkv_mgk *mgk, size_t count, const size_t *which,
                                                 gkv_mgk **out);

/* The distribution of the other coordinates, in ascending order, given that coordinate
 * given[i] is x[i], for 0 ≤ count < d. Its z are N(m_a + Σ_ab Σ_bb⁻¹(z_b − m_b),
 * Σ_aa − Σ_ab Σ_bb⁻¹ Σ_ba) and its margins' Q as before. GKV_ERR_ARGUMENT as above, or if a
 * value is not finite or outside its support. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_conditional(const gkv_mgk *mgk, size_t count, const size_t *given,
                                                    const double *x, gkv_mgk **out);

/* Replaces every NaN in x[n × d] by a draw from its distribution given the row's other
 * values, jointly where there are several. Row i uses draw first + i of the seed.
 * GKV_ERR_ARGUMENT names a value that is infinite or outside its support, and x is then
 * left as it was; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_impute(const gkv_mgk *mgk, uint64_t seed, uint64_t first, size_t n,
                                               int threads, double *x);

/* --- The correlation of normal scores -------------------------------------- */

/* Normal scores: the correlation matrix, R[d·d], of z_ij = Q_j⁻¹(x_ij) over the n ≥ 2
 * rows of x[n × d], each z held to the size that one value in ten samples exceeds.
 * `shrink` in [0, 1] weighs the identity: (1−s)R + sI; it is raised as far as needed
 * to make R positive definite. A constant column counts as independent. L[d·d], if
 * not NULL, receives the Cholesky factor of R. GKV_ERR_DATA names a value that is
 * not finite; GKV_ERR_ARGUMENT for other n, d or shrink, and for margins as gkv_mgk_create;
 * GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_correlation(size_t n, size_t d, const double *x, const gkv_gk *margins,
                                                    double shrink, int threads, double *correlation,
                                                    double *cholesky);

#ifdef __cplusplus
}
#endif
#endif
