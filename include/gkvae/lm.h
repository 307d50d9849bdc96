/* Nonlinear least squares: minimize ½‖r(x)‖² for n residuals of p parameters,
 * by the Levenberg–Marquardt method, with optional bounds low ≤ x ≤ high.
 *
 * Each step solves min ‖J d + r‖² + λ‖D d‖² by QR with column pivoting; JᵀJ is
 * never formed. D is the scaling of Moré (Lecture Notes in Mathematics 630, 1978):
 * the largest norm each column of J has had, which makes the method indifferent to
 * the units of the parameters. λ follows Nielsen (IMM-REP-1999-05), with a
 * faster fall: it changes with the ratio of actual to predicted reduction. Convergence is decided
 * by MINPACK's four tests. Parameters at a bound that the gradient pushes against
 * are held there; other steps that leave the box are cut back to it. */
#ifndef GKVAE_LM_H
#define GKVAE_LM_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes r[0 … n−1] at x[0 … p−1]. NaN or infinite residuals say "not here": the
 * step is rejected and a shorter one tried. A status that is not GKV_OK ends the
 * solution and is returned by gkv_lm_solve. x is within the bounds. */
typedef gkv_status gkv_lm_residuals(void *user, const double *x, double *r);

/* Writes J, column by column: jacobian[j·n + i] = ∂r_i/∂x_j. Called only where the
 * residuals were finite. */
typedef gkv_status gkv_lm_jacobian(void *user, const double *x, double *jacobian);

/* Why a solution ended. The first five are convergence. */
typedef enum gkv_lm_stop {
    GKV_LM_COST = 1,     /* relative reductions, actual and predicted, ≤ cost_tolerance */
    GKV_LM_STEP,         /* the scaled step is ≤ step_tolerance of the scaled x */
    GKV_LM_COST_AND_STEP,/* both */
    GKV_LM_GRADIENT,     /* |cosine| between r and every free column of J ≤ gradient_tolerance */
    GKV_LM_ZERO,         /* the residuals are 0, or the rounding of the first ones */
    GKV_LM_LIMIT,        /* max_iterations or max_evaluations was reached */
    GKV_LM_NO_PROGRESS   /* no step, however short, reduces the cost */
} gkv_lm_stop;

typedef struct gkv_lm_settings {
    double cost_tolerance;     /* 1e-14; MINPACK's ftol; ≥ 0 */
    double step_tolerance;     /* 1e-12; xtol; ≥ 0 */
    double gradient_tolerance; /* 1e-12; gtol; ≥ 0 */
    double damping;            /* 1e-3: the first λ; large is cautious; > 0 */
    double first_step;         /* 1: the first step's most, ‖D d‖ ≤ first_step·‖D x‖; 0 is no limit */
    int max_iterations;        /* 500: accepted and rejected steps */
    int max_evaluations;       /* 5000: of the residuals, those for differences included */
    const double *low, *high;  /* p bounds each, or NULL for none; ±∞ is none; not owned */
} gkv_lm_settings;

typedef struct gkv_lm_result {
    gkv_lm_stop stop;
    int iterations;            /* steps tried */
    int accepted;              /* steps taken */
    int residual_evaluations;
    int jacobian_evaluations;
    double cost_before;        /* ½‖r‖² at the start */
    double cost_after;         /* and at the x returned: never more */
} gkv_lm_result;

/* Memory for problems of one size. One thread at a time; reusable. */
typedef struct gkv_lm gkv_lm;

GKV_API void gkv_lm_defaults(gkv_lm_settings *settings);

/* A workspace for n ≥ p ≥ 1; about 2np + p² numbers. Nothing later allocates.
 * GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_create(size_t n, size_t p, gkv_lm **out);

GKV_API void gkv_lm_free(gkv_lm *lm);

/* Minimizes from x (p numbers, moved into the bounds first) and leaves the best x
 * found there, also when it fails. `jacobian` NULL takes differences, forward or
 * backward. `settings` NULL takes the defaults; `result` may be NULL.
 * GKV_OK whenever it stopped for a reason in gkv_lm_stop, also without
 * convergence. GKV_ERR_ARGUMENT; GKV_ERR_NUMERIC if the residuals at the start, or
 * J anywhere, are not finite; what a callback returned. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_solve(gkv_lm *lm, gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian,
                                             void *user, double *x, const gkv_lm_settings *settings,
                                             gkv_lm_result *result);

/* Of the last solution's J, at the x it returned, bounds ignored: (JᵀJ)⁻¹ in
 * covariance[p·p], and its numerical rank in *rank (may be NULL), judged on
 * columns of unit norm at a relative `tolerance` (0 takes 1e-12). Parameters that
 * the data do not determine get an infinite variance and zero covariances. For
 * residuals of unknown scale multiply by 2·cost/(n−p). GKV_ERR_ARGUMENT if nothing
 * has been solved yet. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_covariance(gkv_lm *lm, double tolerance, double *covariance, size_t *rank);

/* The reason in words, as in "the cost no longer changes"; never NULL. */
GKV_API const char *gkv_lm_stop_name(gkv_lm_stop stop);

/* 1 for the reasons that are convergence. */
GKV_API int gkv_lm_converged(gkv_lm_stop stop);

#ifdef __cplusplus
}
#endif
#endif
