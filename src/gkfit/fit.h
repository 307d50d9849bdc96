/* The state of the fit of one sample, and the stages of a fit.
 *
 * The solvers use the units (x − centre)/spread, so that bounds and tolerances have the same
 * meaning for every sample. Their variables are A, B, g and k − k_min(g). If `plain` is 1, the
 * fourth variable is k. */
#ifndef GKV_GKFIT_FIT_H
#define GKV_GKFIT_FIT_H

#include "gk/validity.h"
#include "gkfit/fit_kernels.h"
#include "gkfit/interval_data.h"
#include "gkfit/sorted_sample.h"
#include "gkvae/gk_fit.h"
#include "lm/runner.h"

enum { GKV_GK_FIT_MESSAGE = 256 };

/* The data that all fits of a call share. */
typedef struct gki_gk_fit_common {
    const gkv_gk_fit_settings *set;
    const gki_gk_fit_kernels *kernels;
    gki_k_min_table table; /* k_min(g) for the c of the settings */
    double corner;         /* the g > 0 from which on it is −½, or ∞ */
    int threads;           /* the threads that a single fit may use */
} gki_gk_fit_common;

/* The fit of one sample. All arrays have m + 1 elements; in all but `step` the last one is 0. */
typedef struct gki_gk_task {
    const gkv_gk_sample *sample;
    gkv_gk_fit_result result;
    gkv_status status;                /* GKV_OK, or why the sample could not be fitted */
    char message[GKV_GK_FIT_MESSAGE]; /* the message of that error */
    gkv_remedy remedy;                /* and its remedy */
    size_t m;                         /* the number of levels */
    size_t rows;                      /* the number of residuals including padding */
    double *x;                        /* sample quantiles */
    double *z, *ln, *phi;             /* normal scores of the levels, log(1+z²), φ(z) */
    double *noise;                    /* ½ p(1−p)/(n+2) */
    double *weight;                   /* 1/q' at the last gki_gk_fit_refresh */
    /* x less the difference of its mean and Q, at the last refresh */
    double *target;
    double *step;          /* √((n+2)/(p_{i+1} − p_i)) */
    double *memory;        /* the block of memory of the arrays */
    double centre, spread; /* the units of the solvers */
    /* the scale of the quartiles in the unit `spread`; 1 unless gki_gk_change_unit has changed
     * it */
    double quartiles;
    double mean, deviation; /* the moments of the sample, which outliers decide */
    /* rounded, censored or binned observations in the units of the solvers; without elements if the
     * values are exact */
    gki_gk_interval_data data;
    bool free_c; /* whether c is an estimate, for the test of fit */
    bool tied;   /* whether ties contradict the values' being exact */
    /* the estimate of the octile method, in the units of the sample */
    gkv_gk initial;
    gkv_gk start; /* the start, in the units of the sample */
    /* the variables, and those before the last reweighting iteration */
    double v[4], before[4];
    double low[4], high[4]; /* the bounds of the variables */
    bool fixed[4];          /* 1 for a variable that is fixed by the settings or pinned */
    /* 1 for a variable that is fixed because it is at a bound of the settings */
    bool pinned[4];
    bool plain; /* whether the fourth variable is k */
    /* whether the task takes part in the next reweighting iteration */
    bool open;
    double covariance[4][4]; /* of A, B, g, k in the units of the solvers */
    /* the greatest likelihood of the levels that is known, or −∞; see fit_quantile.c */
    double levels_maximum;
    /* whether the result has the χ² of the variables already */
    bool judged;
    /* whether the solution of the equations is near the maximum of the likelihood of the levels */
    bool confirmed;
    /* whether the sample is the quantiles of another one; see fit_quantile.c */
    bool of_levels;
} gki_gk_task;

/* k_min(g) and, unless they are NULL, its slope and curvature in g. */
double gki_gk_fit_k_min(const gki_gk_fit_common *common, double g, double *slope,
                        double *curvature);

/* The parameters that belong to the variables v, in the units of the solvers. */
gkv_gk gki_gk_fit_gk_of(const gki_gk_fit_common *common, const gki_gk_task *task,
                        const double v[4]);

/* Checks settings that do not depend on a sample. Returns GKV_ERR_ARGUMENT. */
gkv_status gki_gk_fit_check_settings(const gkv_gk_fit_settings *set);

/* Sorts and checks the sample, chooses the levels, and computes the octile estimate. `scratch` has
 * gki_gk_ties_size(n) elements. Allocates task->memory, and task->data.memory for intervals. */
gkv_status gki_gk_fit_prepare(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch);

/* Computes the weights and targets for the current variables of the task. */
void gki_gk_fit_refresh(const gki_gk_fit_common *common, gki_gk_task *task);

/* Sets the variables of the task to `start`, which is in the units of the sample, and opens the
 * task. */
gkv_status gki_gk_fit_begin(const gki_gk_fit_common *common, gki_gk_task *task,
                            const gkv_gk *start);

/* Records the status of a task. Messages belong to a thread, so that the task keeps a copy of its
 * message. */
void gki_gk_fit_record(gki_gk_task *task, gkv_status status);

/* The octile estimate as a start, with |g| at most 6. A large g of the octiles is uncertain, and a
 * g that is much too large is a bad start. */
gkv_gk gki_gk_fit_clamped_start(const gki_gk_fit_common *common, const gki_gk_task *task);

/* Begins a task at this start. Parameters that the settings hold keep their values. */
gkv_status gki_gk_fit_begin_at_octiles(const gki_gk_fit_common *common, gki_gk_task *task);

/* Confirms the doubtful tasks among solved ones, and restarts the others. chosen[count] is work
 * space. Returns GKV_ERR_MEMORY on failure. */
gkv_status gki_gk_fit_restart(const gki_gk_fit_common *common, gki_gk_task *tasks, size_t count,
                              gki_gk_task **chosen);

/* Replaces a solution with k pressed to its bound by that with g = 0; and a spurious solution, or
 * one that has not converged, by the maximum of the likelihood, unless that is no better. *replaced
 * becomes whether it did. */
gkv_status gki_gk_fit_replace(const gki_gk_fit_common *common, gki_gk_task *task, bool *replaced);

/* Fixes variables that are at a bound of the settings, and a k beyond a bound of the settings at
 * this bound. *changed becomes true if a variable was fixed, so that the task must be solved again.
 * */
gkv_status gki_gk_fit_pin(const gki_gk_fit_common *common, gki_gk_task *task, bool *changed);

/* Changes the unit of the solvers, task->spread, to `spread`, in which the arrays of the task are
 * then. Variables and bounds follow with gki_gk_fit_begin. */
void gki_gk_change_unit(gki_gk_task *task, double spread);

/* Undoes gki_gk_fit_pin. */
void gki_gk_fit_unpin(const gki_gk_fit_common *common, gki_gk_task *task);

/* The settings of the solver of a reweighting iteration, without arrays. */
gkv_lm_settings gki_gk_fit_solver_settings(const gkv_gk_fit_settings *set);

/* Solves the open tasks: makes their reweighting iterations, and the Newton fallback of those that
 * do not converge. chosen[count] is work space. */
gkv_status gki_gk_fit_solve(const gki_gk_fit_common *common, gki_gk_task *tasks, size_t count,
                            gki_gk_task **chosen);

/* The least-squares problem at a point, with the q' of that point. */
typedef struct gki_gk_equations {
    double psi[4];       /* ψ = Jᵀr */
    double normal[4][4]; /* JᵀJ */
    double cost;         /* ½‖r‖² */
} gki_gk_equations;

/* Computes the equations at the variables of the task. `scratch` has 5(m + 1) elements. */
void gki_gk_fit_equations(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch,
                          gki_gk_equations *out);

/* Whether max_reweightings allows Newton steps after the reweighting iterations. */
bool gki_gk_fit_newton_allowed(const gkv_gk_fit_settings *set);

/* The Newton fallback: solves ψ = 0 by Newton's method. Returns GKV_ERR_MEMORY on failure. */
gkv_status gki_gk_fit_newton(const gki_gk_fit_common *common, gki_gk_task *task);

/* Computes the covariance of estimates that solve ψ = 0: S⁻¹ JᵀJ S⁻ᵀ with S = ∂ψ/∂v. Unlike (JᵀJ)⁻¹
 * it takes into account that q' is estimated. S is noisy in small samples. Each variance is
 * therefore at least that of (JᵀJ)⁻¹. Returns GKV_ERR_MEMORY on failure. */
gkv_status gki_gk_fit_errors(const gki_gk_fit_common *common, gki_gk_task *task);

/* Computes the covariance of A, B, g, k from the covariance [4 × 4] of the variables, by k =
 * k_min(g) + v[3]. */
void gki_gk_fit_take_covariance(const gki_gk_fit_common *common, gki_gk_task *task,
                                const double *from);

/* Computes χ² from the probabilities of the levels at the task's variables, its p-value, and the
 * number of parameters that are not fixed. Returns GKV_ERR_MEMORY on failure. */
gkv_status gki_gk_fit_goodness(const gki_gk_fit_common *common, gki_gk_task *task);

/* Maximizes the likelihood, starting at the task's variables. */
gkv_status gki_gk_fit_mle(const gki_gk_fit_common *common, gki_gk_task *task);

/* Computes the likelihood of the levels, instead of that of all values, at the variables of the
 * task; and its maximum, which is at *at in the units of the sample. Return GKV_ERR_MEMORY on
 * failure. */
gkv_status gki_gk_levels_likelihood(const gki_gk_fit_common *common, const gki_gk_task *task,
                                    double *value);
gkv_status gki_gk_levels_maximum(const gki_gk_fit_common *common, const gki_gk_task *task,
                                 gkv_gk *maximum, double *value);

/* Returns Σ w log f, and w log P for intervals, at gk, which is in the units of the solvers. If
 * `sums` is not NULL, computes the derivatives too. */
double gki_gk_fit_likelihood(const gki_gk_fit_common *common, const gki_gk_task *task,
                             const gkv_gk *gk, gki_gk_sums *sums);

/* Computes confidence intervals from the estimates and standard errors; and, after the mle, from
 * the profile likelihood in the units of the sample. Does not change the rest of the task. */
void gki_gk_fit_intervals(double confidence, gkv_gk_fit_result *result);
gkv_status gki_gk_fit_profile(const gki_gk_fit_common *common, gki_gk_task *task);

/* Computes the result in the units of the sample: estimates, errors, intervals, χ² and the optional
 * statistics. */
gkv_status gki_gk_fit_conclude(const gki_gk_fit_common *common, gki_gk_task *task);

#endif
