/* One sample's fit in the making, and the stages it goes through.
 *
 * In the solvers' units x is (x − centre)/spread, so that bounds and tolerances mean the
 * same for every sample. Their variables are A, B, g and k − k_min(g), or, if `plain`, k. */
#ifndef GKV_GK_FIT_ROOM_H
#define GKV_GK_FIT_ROOM_H

#include "gk/validity.h"
#include "gkfit/fit_kernels.h"
#include "gkfit/sorted_sample.h"
#include "gkvae/gk_fit.h"

enum { GKV_GK_FIT_MESSAGE = 256 };

/* What all fits of a call have in common. */
typedef struct gkv_gk_fit_common {
    const gkv_gk_fit_settings *set;
    const gkv_gk_fit_kernels *kernels;
    gkv_k_min_table edge;
    int threads;
} gkv_gk_fit_common;

typedef struct gkv_gk_task {
    const gkv_gk_sample *sample;
    gkv_gk_fit_result result;
    gkv_status status;
    char message[GKV_GK_FIT_MESSAGE];
    size_t m, rows;                  /* levels; residuals with padding */
    double *x, *z, *ln, *phi;    /* sample quantiles, normal scores, log(1+z²), φ(z) */
    double *noise;                   /* ½ p(1−p)/(n+2) */
    double *weight, *target;         /* 1/q'; x less what its mean is beyond Q: both of the last refresh */
    double *step;                    /* √((n+2)/(p_{i+1} − p_i)): [m + 1] as all, the others' last is 0 */
    double *memory;
    double centre, spread;
    gkv_gk rough, start;             /* the octiles' and the given ones, in the sample's units */
    double v[4], before[4];          /* variables, and those of the pass before */
    double low[4], high[4];          /* their bounds */
    unsigned char fixed[4];          /* by the settings, or pinned */
    unsigned char pinned[4];         /* held because it is at a bound of the settings */
    int plain;                       /* the fourth variable is k */
    int open;                        /* takes part in the next pass */
    double covariance[4][4];         /* of A, B, g, k in the solvers' units */
} gkv_gk_task;

/* k_min(g) and, unless NULL, its slope and curvature. */
double gkv_gk_fit_k_min(const gkv_gk_fit_common *common, double g, double *slope, double *curvature);

/* Parameters in the solvers' units of variables v. */
gkv_gk gkv_gk_fit_gk_of(const gkv_gk_fit_common *common, const gkv_gk_task *task, const double v[4]);

/* Checks settings that do not depend on a sample. */
gkv_status gkv_gk_fit_check_settings(const gkv_gk_fit_settings *set);

/* Sorts, checks and condenses the sample into levels and finds its octile fit; scratch is
 * gkv_gk_ties_size(n) numbers. */
gkv_status gkv_gk_fit_prepare(const gkv_gk_fit_common *common, gkv_gk_task *task, double *scratch);

/* Weights and targets by the task's variables. */
void gkv_gk_fit_refresh(const gkv_gk_fit_common *common, gkv_gk_task *task);

/* Puts the task at `start`, in the sample's units, and opens it. */
gkv_status gkv_gk_fit_begin(const gkv_gk_fit_common *common, gkv_gk_task *task, const gkv_gk *start);

/* Holds what is at a bound of the settings, or, for k, beyond one, there. *changed: 1 if that was
 * anything new, and the task has to be solved again. */
gkv_status gkv_gk_fit_pin(const gkv_gk_fit_common *common, gkv_gk_task *task, int *changed);

/* Lets what was pinned move again. */
void gkv_gk_fit_unpin(const gkv_gk_fit_common *common, gkv_gk_task *task);

/* All passes of the open tasks, which have the same number of rows. */
gkv_status gkv_gk_fit_reweighting_iterations(const gkv_gk_fit_common *common, gkv_gk_task **tasks, size_t count);

/* Least squares at a point, all of it of that point's own q': ψ = Jᵀr, JᵀJ and ½‖r‖². */
typedef struct gkv_gk_equations {
    double psi[4], normal[4][4], cost;
} gkv_gk_equations;

/* At the task's variables; scratch is 5(m + 1) numbers. */
void gkv_gk_fit_equations(const gkv_gk_fit_common *common, gkv_gk_task *task, double *scratch,
                          gkv_gk_equations *out);

/* Whether the settings leave steps for that end of a fit whose passes do not come to rest. */
int gkv_gk_fit_newton_allowed(const gkv_gk_fit_settings *set);

/* That end. GKV_ERR_MEMORY. */
gkv_status gkv_gk_fit_newton(const gkv_gk_fit_common *common, gkv_gk_task *task);

/* The covariance of estimates that come of the equations ψ = 0, S⁻¹ JᵀJ S⁻ᵀ with S = ∂ψ/∂v: it
 * knows that q' was estimated too, as (JᵀJ)⁻¹ does not. In small samples S is noisy; no
 * variance is made less than that of (JᵀJ)⁻¹. GKV_ERR_MEMORY. */
gkv_status gkv_gk_fit_errors(const gkv_gk_fit_common *common, gkv_gk_task *task);

/* The covariance of A, B, g, k from that of the variables: k = k_min(g) + v3. */
void gkv_gk_fit_take_covariance(const gkv_gk_fit_common *common, gkv_gk_task *task, const double *from);

/* χ² of the levels' probabilities about the task's variables, its p-value, and how many parameters
 * are free. GKV_ERR_MEMORY. */
gkv_status gkv_gk_fit_goodness(const gkv_gk_fit_common *common, gkv_gk_task *task);

/* The maximum of the likelihood, from where the task is. */
gkv_status gkv_gk_fit_mle(const gkv_gk_fit_common *common, gkv_gk_task *task);

/* Σ w log f and, unless NULL, its derivatives at gk in the solvers' units. */
double gkv_gk_fit_likelihood(const gkv_gk_fit_common *common, const gkv_gk_task *task, const gkv_gk *gk,
                             gkv_gk_sums *sums);

/* Confidence intervals from estimates and standard errors. */
void gkv_gk_fit_intervals(double confidence, gkv_gk_fit_result *result);

/* Back to the sample's units: estimates, errors, intervals, χ² and what else is asked for. */
gkv_status gkv_gk_fit_conclude(const gkv_gk_fit_common *common, gkv_gk_task *task);

/* All of it for `count` tasks that have their samples, one after the other; common->threads are for
 * what a single fit can share. chosen[count]; scratch is gkv_gk_ties_size(the largest n)
 * numbers. Faults of a sample are the task's status and message; other faults are returned. */
gkv_status gkv_gk_fit_block(const gkv_gk_fit_common *common, gkv_gk_task *tasks, size_t count,
                            gkv_gk_task **chosen, double *scratch);

#endif
