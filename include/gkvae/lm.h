/* Nonlinear least squares by the Levenberg–Marquardt method: minimizes ½ Σ w_i ρ(r_i(x)²) for n
 * residuals of p parameters. Parameters may have bounds or be fixed. Linear combinations of
 * parameters may be constrained to their values at the start.
 *
 * The method is that of Moré (Lecture Notes in Mathematics 630, 1978) and MINPACK. Each step
 * minimizes ‖J d + r‖ over the trust region ‖D d‖ ≤ radius. It solves min ‖J d + r‖² + λ‖D d‖² by
 * QR for the λ that belongs to the radius, and never forms JᵀJ. D contains the largest norm that
 * each column of J has had, so that the method does not depend on the units of the parameters. The
 * radius follows the ratio of actual to predicted reduction. Geodesic acceleration (Transtrum and
 * Sethna, arXiv:1201.5885) optionally corrects a step, and helps in narrow curved valleys. A
 * parameter at a bound stays there if the cost decreases beyond the bound. A parameter that a step
 * would move beyond a bound moves to the bound, and the step of the other parameters is computed
 * again.
 *
 * Convergence is decided by MINPACK's tests, with one change. Where rounding hides the reduction of
 * the cost, steps are accepted as long as the predicted reductions decrease. Solutions are
 * therefore accurate to the last digits that the data determine.
 *
 * gkvae/lm_batch.h solves many small problems of one size, with the same bits. */
#ifndef GKVAE_LM_H
#define GKVAE_LM_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The callbacks. `context` is that of gkv_lm_solve.
 *
 * Writes r[0 … n−1] at x[0 … p−1]. x is within the bounds. If a residual is NaN or infinite, the
 * solver rejects the step and tries a shorter one. If the callback returns an error, gkv_lm_solve
 * ends and returns it. The message is that of a failed call of this library within the callback, if
 * there was one. Otherwise it names the callback and the error. */
typedef gkv_status gkv_lm_residuals(void *context, const double *x, double *r);

/* Writes J, column-major: jacobian[j·n + i] = ∂r_i/∂x_j. x is the point of the last call of the
 * residuals, and they were finite there. The solver applies weights and losses to the results of
 * both callbacks. */
typedef gkv_status gkv_lm_jacobian(void *context, const double *x, double *jacobian);

/* Why a solution ended. The first five reasons mean convergence. The first four are MINPACK's info
 * 1 … 4. */
typedef enum gkv_lm_stop {
    /* the predicted relative reduction of the cost is ≤ cost_tolerance, and so is the actual one as
     * far as rounding shows it; or rounding hides the reductions, and the predictions no longer
     * decrease */
    GKV_LM_COST = 1,
    /* the step is ≤ step_tolerance relative to x, in the norm of the columns of J */
    GKV_LM_STEP,
    GKV_LM_COST_AND_STEP, /* both of these conditions hold */
    /* |cosine| ≤ gradient_tolerance between r and every column of J whose parameter may change */
    GKV_LM_GRADIENT,
    /* the residuals are 0, or not greater than the rounding of x makes them */
    GKV_LM_ZERO,
    GKV_LM_LIMIT,       /* max_iterations or max_evaluations was reached */
    GKV_LM_NO_PROGRESS, /* no step reduces the cost, however short it is */
    GKV_LM_INTERRUPTED, /* stopped by the caller */
    /* in a batch: the start or its residuals are not finite, or J is not finite */
    GKV_LM_FAULT
} gkv_lm_stop;

/* The loss ρ(s) of a squared residual s, for a loss_scale of 1. For a scale c the loss is c²
 * ρ(s/c²). Near 0 every loss is about s. The solver scales rows of J and r by √(w ρ'). This gives
 * the gradient of the loss, and the curvature of iteratively reweighted least squares. A weight
 * counts residuals: weight 2 means the same residual twice. If residuals have known variances and
 * the loss is not GKV_LM_SQUARES, divide them by their standard deviations instead. */
typedef enum gkv_lm_loss {
    GKV_LM_SQUARES, /* s: least squares */
    GKV_LM_HUBER,   /* s for s ≤ 1, else 2√s − 1 */
    GKV_LM_SOFT_L1, /* 2(√(1+s) − 1) */
    GKV_LM_CAUCHY   /* log(1+s) */
} gkv_lm_loss;

/* The state of a solution: gkv_progress.details of gkv_lm_solve. */
typedef struct gkv_lm_progress {
    size_t iterations;           /* steps tried so far */
    size_t accepted;             /* steps accepted so far */
    size_t residual_evaluations; /* calls of the residuals so far */
    size_t jacobian_evaluations; /* Jacobians computed so far */
    double cost;                 /* the cost at x */
    /* the largest |cosine| between r and a column of J whose parameter may change */
    double gradient;
    /* the length of the last step tried relative to x, in the norm of the columns of J; 0 before
     * the first step */
    double step;
    double damping;  /* λ of the last step tried; 0 for a Gauss–Newton step */
    const double *x; /* [p]; valid during the call */
} gkv_lm_progress;

/* Settings that are rarely changed. Comments begin with the default. */
typedef struct gkv_lm_advanced {
    /* 0.1; ≥ 0; the first radius relative to ‖D x‖, or to ‖r‖ if x is 0; a small value is cautious,
     * and 0 means no limit */
    double first_step;
    /* 0; ≥ 0; the greatest accepted ratio of twice the scaled geodesic acceleration to the scaled
     * step; 0 disables the acceleration, and 0.75 is usual; it takes one more evaluation for each
     * step */
    double acceleration;
    /* 5000; ≥ 1; the limit of evaluations of the residuals, including those for differences; the
     * solver begins no step after the limit, but the start, a step that has begun, and J at its end
     * may exceed it */
    size_t max_evaluations;
    /* NULL; linear equality constraints, n_equalities × p, row-major: the combinations
     * Σ equalities[i,j] x_j keep their values at the start up to rounding; cannot be used together
     * with bounds */
    const double *equalities;
    size_t n_equalities; /* 0; < p; the number of these constraints */
} gkv_lm_advanced;

/* The settings. Comments begin with the default. The pointers are not owned. */
typedef struct gkv_lm_settings {
    double cost_tolerance;     /* 1e-22; ≥ 0; MINPACK's ftol */
    double step_tolerance;     /* 1e-12; ≥ 0; MINPACK's xtol */
    double gradient_tolerance; /* 1e-14; ≥ 0; MINPACK's gtol */
    /* 5000; the limit of accepted plus rejected steps; with 0 x does not change, and J is computed
     * at x */
    size_t max_iterations;
    gkv_lm_loss loss; /* GKV_LM_SQUARES; the loss function */
    /* 1; > 0; the residual at which the loss starts to differ from the square */
    double loss_scale;
    /* NULL; the n weights w_i ≥ 0 of the squared residuals; NULL means 1 */
    const double *weights;
    const double *low, *high; /* NULL; p lower and p upper bounds; NULL and ±∞ mean no bound */
    /* NULL; p flags: true means that a parameter keeps its start; NULL means that none does */
    const bool *fixed;
    gkv_lm_advanced advanced;
} gkv_lm_settings;

typedef struct gkv_lm_result {
    gkv_lm_stop stop;            /* why the solution ended */
    size_t iterations;           /* the number of steps tried */
    size_t accepted;             /* the number of steps accepted */
    size_t residual_evaluations; /* the number of calls of the residuals */
    size_t jacobian_evaluations; /* the number of Jacobians computed */
    double cost_before;          /* ½ Σ w ρ at the start */
    /* ½ Σ w ρ at the returned x; up to rounding, it is the least cost found */
    double cost_after;
} gkv_lm_result;

/* A workspace for problems of one size. It is reusable. Only one thread may use it at a time. */
typedef struct gkv_lm gkv_lm;

/* Sets all settings to their defaults. Does nothing for NULL. */
GKV_API void gkv_lm_defaults(gkv_lm_settings *settings);

/* Creates a workspace for n residuals of p parameters, n ≥ p ≥ 1. It has about 2np + 8n + 8p²
 * doubles. The other functions do not allocate memory. The caller frees *out with gkv_lm_free.
 * After an error *out is NULL. Returns GKV_ERR_ARGUMENT for other sizes and for sizes that
 * overflow, and GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_create(size_t n, size_t p, gkv_lm **out);

/* Frees a workspace. `lm` may be NULL. */
GKV_API void gkv_lm_free(gkv_lm *lm);

/* Minimizes the cost from the start x[p], and writes the best x found to x[p], also after an error.
 * The solver first moves the start into the bounds.
 *
 * If `jacobian` is NULL, the solver uses differences. They are one-sided until the solution
 * converges, and central from there on. J is also computed at the solution, for covariances. If J
 * is not finite, the solver calls `jacobian` once more at the same x, to find the element for the
 * message. NULL settings are the defaults. `result` may be NULL. `context` is the first argument of
 * the callbacks, and may be NULL. docs/lm.md documents the accuracy on the problems of NIST and
 * MINPACK.
 *
 * The solver reports its progress after the start and after every step tried: `done` is the number
 * of steps, `total` is max_iterations, and `details` a gkv_lm_progress. It uses one thread.
 *
 * Returns GKV_OK if the solution ended for a reason in gkv_lm_stop, also without convergence;
 * gkv_lm_converged distinguishes them. Returns GKV_ERR_INTERRUPTED if the options asked for the
 * end; x and *result are then those of the best point so far, with GKV_LM_INTERRUPTED. Returns
 * GKV_ERR_ARGUMENT for settings out of range, a start that is not finite, contradictory bounds and
 * NULL; GKV_ERR_NUMERIC if the residuals at the start, or J, are not finite; and the error of a
 * callback. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_solve(gkv_lm *lm, gkv_lm_residuals *residuals,
                                             gkv_lm_jacobian *jacobian, void *context,
                                             const gkv_lm_settings *settings,
                                             const gkv_run_options *options, double *x,
                                             gkv_lm_result *result);

/* Computes (JᵀJ)⁻¹ into covariance[p × p], and the numerical rank of J into *rank, which may be
 * NULL. J is that of the last solution, at the x it returned, with weights and loss applied. Bounds
 * are ignored.
 *
 * The rank is decided on columns scaled to unit norm, with the relative `tolerance`; 0 means 1e-12,
 * or 1e-9 if J is of differences. A parameter that changes along a direction in which no residual
 * changes is not determined by the data. Its variance is ∞, and its covariances are 0. Fixed
 * parameters have variance and covariances 0, and do not count in the rank. If the scale of the
 * residuals is unknown, multiply the covariance by 2·cost/(n − number of parameters that are not
 * fixed).
 *
 * Returns GKV_ERR_ARGUMENT if no problem has been solved, and for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_covariance(gkv_lm *lm, double tolerance, double *covariance,
                                                  size_t *rank);

/* Returns a description of the reason, as in "the cost no longer changes". It is never NULL. */
GKV_API const char *gkv_lm_stop_name(gkv_lm_stop stop);

/* Whether the reason is convergence. */
GKV_API bool gkv_lm_converged(gkv_lm_stop stop);

#ifdef __cplusplus
}
#endif
#endif
