/* Nonlinear least squares: minimize ½ Σ w_i ρ(r_i(x)²) for n residuals of p parameters,
 * by the Levenberg–Marquardt method; optionally within bounds, with some parameters, or
 * linear combinations of them, held where they start.
 *
 * The method is Moré's (Lecture Notes in Mathematics 630, 1978), MINPACK's: each step
 * minimizes ‖J d + r‖ over a region ‖D d‖ ≤ radius in which the linear model is trusted,
 * by solving min ‖J d + r‖² + λ‖D d‖² through QR for the λ that belongs to the radius; JᵀJ is
 * never formed. D is the largest norm each column of J has had, which makes the method
 * indifferent to the units of the parameters. The radius follows the ratio of actual
 * to predicted reduction. A step may be bent by its geodesic acceleration (Transtrum and
 * Sethna, arXiv:1201.5885), which follows narrow curved valleys. Parameters at a bound that
 * the gradient pushes against are held there; what would leave the box in a step goes to its
 * edge, and the step of the others is solved for anew.
 *
 * Convergence is decided by MINPACK's tests, but not by the cost as long as that is all
 * rounding: reductions that the cost cannot show are taken on trust while the predicted
 * ones go on falling, so that solutions are exact to the last digits that the data give.
 *
 * Many small problems of one size at once: gkvae/lm_batch.h, which gives the same bits. */
#ifndef GKVAE_LM_H
#define GKVAE_LM_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes r[0 … n−1] at x[0 … p−1]. NaN or infinite residuals say "not here": the
 * step is rejected and a shorter one tried. A status that is not GKV_OK ends the
 * solution and is returned by gkv_lm_solve, whose message then says so, unless a failed call of
 * this library within the callback left another. x is within the bounds. */
typedef gkv_status gkv_lm_residuals(void *user, const double *x, double *r);

/* Writes J, column by column: jacobian[j·n + i] = ∂r_i/∂x_j. x is where residuals were last
 * asked for, and were finite. Neither callback knows of weights or losses: they are applied
 * to what it wrote. */
typedef gkv_status gkv_lm_jacobian(void *user, const double *x, double *jacobian);

/* Why a solution ended. The first five are convergence; the first four are MINPACK's. */
typedef enum gkv_lm_stop {
    GKV_LM_COST = 1,     /* the predicted relative reduction is ≤ cost_tolerance, and the actual one too as
                            far as rounding shows it; or steps beneath that rounding no longer fall (info 1) */
    GKV_LM_STEP,         /* the step is ≤ step_tolerance of x, both scaled by the columns of J (info 2) */
    GKV_LM_COST_AND_STEP,/* both (info 3) */
    GKV_LM_GRADIENT,     /* |cosine| between r and every free column of J ≤ gradient_tolerance (info 4) */
    GKV_LM_ZERO,         /* the residuals are 0, or no more than x's own rounding makes them */
    GKV_LM_LIMIT,        /* max_iterations or max_evaluations was reached */
    GKV_LM_NO_PROGRESS,  /* no step, however short, reduces the cost */
    GKV_LM_ASKED,        /* the monitor asked for it */
    GKV_LM_FAULT         /* in a batch: this problem could not be begun, or its J is not finite */
} gkv_lm_stop;

/* ρ(s) of a squared residual, here for a loss_scale of 1; for a scale c it is c² ρ(s/c²). Near 0
 * each is s. Rows of J and r are scaled by √(w ρ'), so that the gradient is that of the loss and
 * the curvature that of reweighted least squares. A weight counts residuals: 2 is the same
 * residual twice. To weigh by known variances under a loss, divide the residuals by
 * their standard deviations instead. */
typedef enum gkv_lm_loss {
    GKV_LM_SQUARES,      /* ρ = s: least squares */
    GKV_LM_HUBER,        /* s up to 1, then 2√s − 1 */
    GKV_LM_SOFT_L1,      /* 2(√(1+s) − 1) */
    GKV_LM_CAUCHY        /* log(1+s) */
} gkv_lm_loss;

/* Where a solution stands; see gkv_lm_monitor. */
typedef struct gkv_lm_progress {
    int iterations, accepted, residual_evaluations, jacobian_evaluations;
    double cost;         /* at x */
    double gradient;     /* the largest |cosine| between r and a free column of J */
    double step;         /* length of the last step tried, relative to x, both scaled by the columns of J;
                            0 before the first */
    double damping;      /* λ of that step; 0 if it was Gauss and Newton's */
    const double *x;     /* [p]; valid during the call */
} gkv_lm_progress;

/* Called after the start and after every step tried. Anything but 0 ends the solution
 * with GKV_LM_ASKED and the best x so far. */
typedef int gkv_lm_monitor(void *user, const gkv_lm_progress *progress);

typedef struct gkv_lm_settings {
    double cost_tolerance;     /* 1e-22; MINPACK's ftol; ≥ 0 */
    double step_tolerance;     /* 1e-12; xtol; ≥ 0 */
    double gradient_tolerance; /* 1e-14; gtol; ≥ 0 */
    double first_step;         /* 0.1: the first radius, in units of ‖D x‖, or of ‖r‖ if x is 0; small is
                                  cautious; 0 is no limit */
    double acceleration;       /* 0: none. Else the most that twice the scaled acceleration may be of
                                  the scaled step; 0.75 is usual. Costs one more evaluation a step */
    int max_iterations;        /* 5000: accepted and rejected steps; ≥ 0: with 0, x stays, and its J is taken */
    int max_evaluations;       /* 5000: of the residuals, those for differences included; ≥ 1. No
                                  step is begun once it is reached; one that was begun, and J at its
                                  end, may exceed it, as the start and its J do */
    gkv_lm_loss loss;          /* GKV_LM_SQUARES */
    double loss_scale;         /* 1: the residual at which the loss begins to bend; > 0 */
    const double *weights;     /* n weights w_i ≥ 0 of the squared residuals; NULL is 1; not owned */
    const double *low, *high;  /* p bounds each, or NULL for none; ±∞ is none; not owned */
    const unsigned char *fixed;/* p: 1 holds a parameter at its start; NULL holds none; not owned */
    const double *held;        /* n_held × p, row-major: linear combinations Σ held[i,j] x_j that keep
                                  the value they start with, to rounding; not together with bounds;
                                  not owned */
    size_t n_held;             /* 0; < p */
    gkv_lm_monitor *monitor;   /* NULL */
    void *monitor_user;
} gkv_lm_settings;

typedef struct gkv_lm_result {
    gkv_lm_stop stop;
    int iterations;            /* steps tried */
    int accepted;              /* steps taken */
    int residual_evaluations;
    int jacobian_evaluations;
    double cost_before;        /* ½ Σ w ρ at the start */
    double cost_after;         /* and at the x returned: never more, and the least found, to rounding */
} gkv_lm_result;

/* Memory for problems of one size. One thread at a time; reusable. */
typedef struct gkv_lm gkv_lm;

/* Fills in the defaults that stand beside the settings. */
GKV_API void gkv_lm_defaults(gkv_lm_settings *settings);

/* A workspace for n residuals of p parameters, n ≥ p ≥ 1; about 2np + 8n + 8p² numbers. Nothing later
 * allocates. The caller frees *out, which is NULL after a failure, with gkv_lm_free.
 * GKV_ERR_ARGUMENT for other sizes, and those that overflow; GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_create(size_t n, size_t p, gkv_lm **out);

/* NULL is fine. */
GKV_API void gkv_lm_free(gkv_lm *lm);

/* Minimizes from x (p numbers, moved into the bounds first) and leaves the best x
 * found there, also when it fails. `jacobian` NULL takes differences: one-sided ones,
 * and central ones to go on from where those have converged. J is taken at the
 * solution too, for covariances; where it is at fault it is asked for once more at the same
 * x, to name the place. `settings` NULL takes the defaults; `result` may be NULL; `user` is handed
 * to the callbacks. Accuracy: docs/lm.md has NIST's and MINPACK's problems. GKV_OK whenever it
 * stopped for a reason in gkv_lm_stop, also without convergence: ask gkv_lm_converged.
 * GKV_ERR_ARGUMENT for settings out of range, an x that is not finite, bounds that cross;
 * GKV_ERR_NUMERIC if the residuals at the start, or J anywhere, are not finite; what a
 * callback returned. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_solve(gkv_lm *lm, gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian,
                                             void *user, double *x, const gkv_lm_settings *settings,
                                             gkv_lm_result *result);

/* Of the last solution's J (weights and loss applied), at the x it returned, bounds
 * ignored: (JᵀJ)⁻¹ in covariance[p·p], and its numerical rank in *rank (may be NULL),
 * judged on columns of unit norm at a relative `tolerance` (0 takes 1e-12). Parameters
 * that the data do not determine, which are all that change along any direction in which no
 * residual does, get an infinite variance and zero covariances; those
 * that were fixed get zeros, and do not count in the rank. For residuals of unknown scale
 * multiply by 2·cost/(n − number of free parameters). GKV_ERR_ARGUMENT if nothing has
 * been solved yet. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_covariance(gkv_lm *lm, double tolerance, double *covariance, size_t *rank);

/* The reason in words, as in "the cost no longer changes"; never NULL. */
GKV_API const char *gkv_lm_stop_name(gkv_lm_stop stop);

/* 1 for the reasons that are convergence, else 0. */
GKV_API int gkv_lm_converged(gkv_lm_stop stop);

#ifdef __cplusplus
}
#endif
#endif
