/* Linear algebra of small dense matrices: Cholesky factors, precision matrices, factor models, and
 * 4 × 4 systems. Matrices are row-major, in double. */
#ifndef GKV_NUM_LINALG_H
#define GKV_NUM_LINALG_H

#include <stdbool.h>
#include <stddef.h>

/* y += a·x for n elements. */
static inline void gki_axpy(size_t n, double a, const double *x, double *y)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

/* Writes the transpose of from[rows × columns] to to[columns × rows]. */
void gki_transpose(size_t rows, size_t columns, const double *from, double *to);

/* --- Cholesky factors ----------------------------------------------------- */

/* Computes the lower triangular L[d × d] with LLᵀ = a. The function reads the lower triangle of a
 * only and writes zeros above L's diagonal. l may be a. Returns 1 if every pivot exceeds `least`
 * times its diagonal element, that is, if a is safely positive definite. Otherwise returns 0, and l
 * is then incomplete. */
int gki_cholesky(size_t d, const double *a, double least, double *l);

/* Replaces v[d] by L⁻¹v. */
void gki_cholesky_forward(size_t d, const double *l, double *v);

/* Computes the lower triangle of L⁻¹ for a lower triangular L. The function neither reads l nor
 * writes `inverse` above the diagonal. `inverse` must not be l. */
void gki_cholesky_invert(size_t d, const double *l, double *inverse);

/* Computes the upper triangular L⁻ᵀ, with zeros below the diagonal. A row zᵀ times it is (L⁻¹z)ᵀ.
 * `whitener` must not be l. */
void gki_cholesky_whitener(size_t d, const double *l, double *whitener);

/* Replaces X[d × columns] by L⁻¹X. */
void gki_cholesky_forward_rows(size_t d, size_t columns, const double *l, double *x);

/* Replaces M[n × d], n ≤ d, by (T, 0). T is lower triangular with a diagonal ≥ 0, and TTᵀ = MMᵀ. T
 * is thus the Cholesky factor of MMᵀ. The product MMᵀ is not formed, because it would square the
 * condition number. */
void gki_cholesky_of_rows(size_t n, size_t d, double *m);

/* Computes the first principal axis of Σ = LLᵀ, scaled by the standard deviation along it, into
 * v[d]. The method is power iteration. `scratch` has d elements. */
void gki_cholesky_longest_axis(size_t d, const double *l, double *v, double *scratch);

/* --- Precision matrices --------------------------------------------------- */

/* A Gaussian N(μ, P⁻¹) is given by its precision P. All functions read the lower triangle of P
 * only.
 *
 * P = VᵀV with V lower triangular. This is a Cholesky factorization that starts at the last row. L
 * = V⁻¹ is then lower triangular too, and LLᵀ = P⁻¹. One factorization therefore gives both the
 * factor of the covariance and the solution of P δ = g. */

/* Replaces the lower triangle of P[d × d] by that of V. Elements above the diagonal do not change.
 * Returns false if P is not finite or not safely positive definite; the lower triangle is then
 * undefined. */
bool gki_precision_factor(size_t d, double *p);

/* Replaces g[d] by δ, the solution of VᵀV δ = g. */
void gki_precision_solve(size_t d, const double *v, double *g);

/* --- Factor models -------------------------------------------------------- */

/* The number of doubles that gki_low_rank needs as scratch. */
size_t gki_low_rank_scratch(size_t d, size_t rank);

/* Replaces the correlation matrix r[d × d] by the correlation matrix of a factor model, ΛΛᵀ + Ψ,
 * where Λ is d × rank and Ψ is diagonal, 1 ≤ rank < d. The model maximizes the likelihood of normal
 * scores with correlation r. The method is EM (Rubin and Thayer, Psychometrika 47, 1982). It starts
 * from the principal axes of r and makes at most `iterations` iterations. Every Ψ_i is at least
 * 0.01, so that the result is positive definite. */
void gki_low_rank(size_t d, size_t rank, int iterations, double *r, double *scratch);

/* --- 4 × 4 systems -------------------------------------------------------- */

/* These functions solve systems of four unknowns. Unknown i is left out of the system if fixed[i]
 * is not 0; its value is 0. */

/* Computes x = M⁻¹ b for a symmetric M. Returns 0 if M is not positive definite to working
 * precision, else 1. */
int gki_solve4x4_symmetric(double m[4][4], const bool fixed[4], const double b[4], double x[4]);

/* Computes M⁻¹ for a symmetric M. Rows and columns of unknowns that are left out become 0. Returns
 * 0 if M is not positive definite to working precision, else 1. */
int gki_invert4x4_symmetric(double m[4][4], const bool fixed[4], double inverse[4][4]);

/* Computes x = M⁻¹ b for any M by elimination with partial pivoting. Returns 0 if M is singular,
 * else 1. */
int gki_solve4x4(double m[4][4], const bool fixed[4], const double b[4], double x[4]);

#endif
