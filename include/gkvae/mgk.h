/* The multivariate g-and-k distribution: a Gaussian copula with g-and-k margins.
 *
 * x_j = Q(z_j; θ_j) with z ~ N(0,R), where R is a correlation matrix. The log density is
 *
 *     log f(x) = log φ_d(z;R) − Σ_j log Q'_j(z_j),  z_j = Q_j⁻¹(x_j)
 *
 * (Drovandi and Pettitt, Computational Statistics and Data Analysis 55, 2011). A gkv_mgk is more
 * general: z ~ N(m,Σ) with any mean m and any positive definite Σ = LLᵀ. Conditional distributions
 * are therefore of the same type, and can be evaluated, sampled and conditioned like any other. w =
 * L⁻¹(z − m) are independent standard normals, and
 *
 *     log f(x) = −½|w|² − (d/2) log 2π − Σ_j log L_jj − Σ_j log Q'_j(z_j)
 *
 * Fits are in gkvae/mgk_fit.h, mixtures in gkvae/mgk_mixture.h.
 *
 * A gkv_mgk is immutable, so that any number of threads may use it. Results have the same bits on
 * any number of threads. The progress of functions with options (gkvae/run.h) counts rows, without
 * details. After GKV_ERR_INTERRUPTED the rows of unfinished work are undefined. Matrices are
 * row-major.
 *
 * Where a pointer is needed and NULL, functions with a status return GKV_ERR_ARGUMENT, functions
 * that return a number NaN or 0, functions that return a pointer NULL, and other functions do
 * nothing. Arrays of n rows may be NULL if n is 0. */
#ifndef GKVAE_MGK_H
#define GKVAE_MGK_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"
#include "gkvae/run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_mgk gkv_mgk;

/* Creates a distribution with copies of d ≥ 1 margins and of R[d × d]; NULL means the identity. The
 * caller frees *out with gkv_mgk_free. After an error *out is NULL. Returns GKV_ERR_ARGUMENT for a
 * margin that is invalid or not of the g-and-k family, or an R that is not a correlation matrix;
 * GKV_ERR_NUMERIC if R is not positive definite; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_create(size_t d, const gkv_gk *margins,
                                               const double *correlation, gkv_mgk **out);

/* Creates a distribution with z ~ N(mean, covariance). A NULL mean[d] means 0, and a NULL
 * covariance[d × d] the identity. Returns the errors of gkv_mgk_create. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_create_latent(size_t d, const gkv_gk *margins,
                                                      const double *mean, const double *covariance,
                                                      gkv_mgk **out);

/* Creates a distribution with z ~ N(mean, LLᵀ) from the factor L = cholesky[d × d], which is lower
 * triangular with a positive diagonal. A NULL mean[d] means 0. With the margins, mean and factor of
 * a distribution the result is the same distribution, with the same bits of all results: this is
 * how distributions are saved. The caller frees *out. Returns GKV_ERR_ARGUMENT for another factor,
 * a mean that is not finite, and margins as gkv_mgk_create; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_create_from_cholesky(size_t d, const gkv_gk *margins,
                                                             const double *mean,
                                                             const double *cholesky, gkv_mgk **out);

/* Frees a distribution. `mgk` may be NULL. */
GKV_API void gkv_mgk_free(gkv_mgk *mgk);

/* The parts of a distribution. Pointers belong to it. */
GKV_API size_t gkv_mgk_dimensions(const gkv_mgk *mgk);     /* d */
GKV_API const gkv_gk *gkv_mgk_margins(const gkv_mgk *mgk); /* [d] the margins */
GKV_API const double *gkv_mgk_mean(const gkv_mgk *mgk);    /* [d] m */
/* [d × d] L, with zeros above the diagonal */
GKV_API const double *gkv_mgk_cholesky(const gkv_mgk *mgk);

/* Writes Σ = LLᵀ to covariance[d × d]. */
GKV_API void gkv_mgk_covariance(const gkv_mgk *mgk, double *covariance);

/* --- One point ------------------------------------------------------------ */

/* Returns log f(x) of one x[d], and writes L⁻¹(z − m) to w[d], which may be x or NULL. The result
 * is −∞ for x_j = ±∞ and outside a bounded support; w is then undefined. It is NaN if x contains
 * NaN. The relative error is about 1e-13 for a well-conditioned Σ. The function allocates memory
 * only if w is NULL and d > 64. The result is NaN if that fails. */
GKV_API double gkv_mgk_log_pdf(const gkv_mgk *mgk, const double *x, double *w);

/* Computes x_j = Q_j(m_j + (Lε)_j). For ε ~ N(0,I) x is a draw. For ε = w it is the inverse of
 * gkv_mgk_log_pdf. x must not be ε. Does not allocate memory. */
GKV_API void gkv_mgk_transform(const gkv_mgk *mgk, const double *epsilon, double *x);

/* --- Many rows ------------------------------------------------------------ */

/* Writes log f of row i of x[n × d] to log_pdf[i], and, unless w is NULL, L⁻¹(z − m) of the rows to
 * w[n × d]. w must not be x. The result of a row depends on that row only. Up to rounding it is
 * that of gkv_mgk_log_pdf. Returns GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_log_pdf_many(const gkv_mgk *mgk, size_t n, const double *x,
                                                     const gkv_run_options *options,
                                                     double *log_pdf, double *w);

/* Applies gkv_mgk_transform to each row of epsilon[n × d]. x[n × d] may be epsilon. Returns
 * GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_transform_many(const gkv_mgk *mgk, size_t n,
                                                       const double *epsilon,
                                                       const gkv_run_options *options, double *x);

/* Writes draws number first … first + n − 1 of the random sequence of `seed` to x[n × d]. Draw i is
 * a function of seed and i only, so that a sequence may be split over calls. Returns
 * GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_sample(const gkv_mgk *mgk, size_t n, uint64_t seed,
                                               uint64_t first, const gkv_run_options *options,
                                               double *x);

/* The outputs of gkv_mgk_gradient; NULL is skipped. With v = −Σ⁻¹(z − m) − Q''/Q' they are
 *     ∂log f/∂x_j = v_j/Q'_j,            ∂log f/∂θ_j = −v_j ∂_θQ_j/Q'_j − ∂_θ log Q'_j,
 *     ∂log f/∂m = L⁻ᵀw,                  ∂log f/∂L = tril(L⁻ᵀw wᵀ) − diag(1/L_jj).
 * log_pdf and x have a value for each row. The others are weighted sums over the rows. */
typedef struct gkv_mgk_gradients {
    double *log_pdf;  /* [n] log f */
    double *x;        /* [n × d] ∂log f/∂x */
    double *margins;  /* [d × 4] Σ w ∂log f/∂(A, B, g, k) */
    double *mean;     /* [d] Σ w ∂log f/∂m */
    double *cholesky; /* [d × d] Σ w ∂log f/∂L, with zeros above the diagonal */
} gkv_mgk_gradients;

/* Computes gradients of log f at the rows of x[n × d]. NULL weights mean 1. ∂/∂L treats all
 * elements of L as independent. If Σ must remain a correlation matrix, parametrise L by
 * unconstrained rows U_i with L_i = U_i/|U_i|, and use gkv_mgk_row_gradient. Rows outside the
 * support, or not finite, give NaN. Returns GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_gradient(const gkv_mgk *mgk, size_t n, const double *x,
                                                 const double *weights,
                                                 const gkv_run_options *options,
                                                 const gkv_mgk_gradients *out);

/* Replaces the gradient G[d × d] in L by that in the unconstrained rows U[d × d], which is
 * (G_i − (G_i·L_i) L_i)/|U_i| in row i. U is lower triangular without zero rows. */
GKV_API void gkv_mgk_row_gradient(size_t d, const double *rows, double *gradient);

/* --- Margins and conditionals --------------------------------------------- */

/* Creates the marginal distribution of the `count` ≥ 1 different coordinates which[count], in that
 * order. The caller frees *out. Returns GKV_ERR_ARGUMENT for a coordinate that does not exist or
 * occurs twice, and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_marginal(const gkv_mgk *mgk, size_t count,
                                                 const size_t *which, gkv_mgk **out);

/* Creates the conditional distribution of the other coordinates, in ascending order, given that
 * coordinate given[i] is x[i], for i < count < d. Its z is N(m_a + Σ_ab Σ_bb⁻¹(z_b − m_b), Σ_aa −
 * Σ_ab Σ_bb⁻¹ Σ_ba), and its Q are those of the margins. The caller frees *out. Returns
 * GKV_ERR_ARGUMENT for a coordinate that does not exist or occurs twice and for a value that is not
 * finite or outside the support, and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_conditional(const gkv_mgk *mgk, size_t count,
                                                    const size_t *given, const double *x,
                                                    gkv_mgk **out);

/* Replaces every NaN in x[n × d] by a draw from the conditional distribution given the other values
 * of the row. Several NaN in a row are drawn jointly. Row i uses draw first + i of the seed.
 * Returns GKV_ERR_ARGUMENT for a value that is infinite or outside the support, GKV_ERR_INTERRUPTED
 * and GKV_ERR_MEMORY. After an error x is unchanged. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_impute(const gkv_mgk *mgk, size_t n, uint64_t seed,
                                               uint64_t first, const gkv_run_options *options,
                                               double *x);

/* --- The correlation of normal scores ------------------------------------- */

/* Computes the correlation matrix R[d × d] of the normal scores z_ij = Q_j⁻¹(x_ij) over the n ≥ 2
 * rows of x[n × d]. Scores are clamped to the size that the largest score of a sample exceeds in
 * one of ten samples. The result is (1−s)R + sI, where s in [0, 1] is `shrink`, or greater if R is
 * not positive definite otherwise. A constant column counts as independent. `cholesky` [d × d],
 * unless it is NULL, receives the Cholesky factor of R. Returns GKV_ERR_DATA for a value that is
 * not finite; GKV_ERR_ARGUMENT for other n, d or `shrink`, and for margins as gkv_mgk_create;
 * GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_correlation(size_t n, size_t d, const double *x,
                                                    const gkv_gk *margins, double shrink,
                                                    const gkv_run_options *options,
                                                    double *correlation, double *cholesky);

#ifdef __cplusplus
}
#endif
#endif
