/* The solver for one problem, which is a runner with one lane; the settings of the solvers, and
 * the names of the reasons to stop. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "gkvae/flat.h"
#include "lm/constraints.h"
#include "lm/runner.h"

/* --- Settings ------------------------------------------------------------- */

void gkv_lm_defaults(gkv_lm_settings *settings)
{
    if (!settings)
        return;
    *settings = (gkv_lm_settings){
        .cost_tolerance = 1e-22,
        .step_tolerance = 1e-12,
        .gradient_tolerance = 1e-14,
        .max_iterations = 5000,
        .loss = GKV_LM_SQUARES,
        .loss_scale = 1.0,
        .advanced = {.first_step = 0.1, .max_evaluations = 5000},
    };
}

/* Writes " (problem 7)" to `out` if there is more than one problem, else "". Returns `out`. */
static const char *where_of(char out[32], size_t problem, size_t count)
{
    out[0] = '\0';
    if (count > 1)
        snprintf(out, 32, " (problem %zu)", problem);
    return out;
}

gkv_status gki_lm_check(size_t n, size_t p, size_t count, const gkv_lm_settings *set)
{
    const gkv_lm_advanced *more = &set->advanced;
    char where[32];
    if (!(set->cost_tolerance >= 0 && set->step_tolerance >= 0 && set->gradient_tolerance >= 0))
        return gki_fail(GKV_ERR_ARGUMENT, "least squares: tolerances must be ≥ 0");
    if (!(more->first_step >= 0) || more->max_evaluations < 1)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "least squares: first_step must be ≥ 0 and max_evaluations ≥ 1");
    if (!(more->acceleration >= 0))
        return gki_fail(GKV_ERR_ARGUMENT, "least squares: acceleration must be ≥ 0; 0 disables it");
    if (set->loss < GKV_LM_SQUARES || set->loss > GKV_LM_CAUCHY)
        return gki_fail(GKV_ERR_ARGUMENT, "least squares: there is no loss %d", (int)set->loss);
    if (set->loss != GKV_LM_SQUARES && !(set->loss_scale > 1e-150 && set->loss_scale < 1e150))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "least squares: loss_scale must be positive and of the size of a residual, not %g",
            set->loss_scale);
    for (size_t i = 0; i < p * count; i++) {
        const double low = set->low ? set->low[i] : -INFINITY,
                     high = set->high ? set->high[i] : INFINITY;
        if (!(low <= high) || low == INFINITY || high == -INFINITY)
            return gki_fail(
                GKV_ERR_ARGUMENT,
                "least squares: no value satisfies the bounds %g and %g of parameter %zu%s", low,
                high, i % p, where_of(where, i / p, count));
    }
    for (size_t i = 0; set->weights && i < n * count; i++)
        if (!(set->weights[i] >= 0 && set->weights[i] < INFINITY))
            return gki_fail(
                GKV_ERR_ARGUMENT,
                "least squares: the weight of residual %zu is %g%s; weights must be ≥ 0 and finite",
                i % n, set->weights[i], where_of(where, i / n, count));
    return GKV_OK;
}

const char *gkv_lm_stop_name(gkv_lm_stop stop)
{
    switch (stop) {
    case GKV_LM_COST: return "the cost no longer changes";
    case GKV_LM_STEP: return "the parameters no longer change";
    case GKV_LM_COST_AND_STEP: return "neither cost nor parameters change";
    case GKV_LM_GRADIENT: return "the gradient is zero";
    case GKV_LM_ZERO: return "the residuals are zero";
    case GKV_LM_LIMIT: return "the limit of iterations or evaluations was reached";
    case GKV_LM_NO_PROGRESS: return "no step reduces the cost";
    case GKV_LM_INTERRUPTED: return "the caller asked for the end";
    case GKV_LM_FAULT: return "residuals or derivatives are not finite";
    }
    return "unknown reason";
}

bool gkv_lm_converged(gkv_lm_stop stop)
{
    return stop >= GKV_LM_COST && stop <= GKV_LM_ZERO;
}

/* --- The solver ----------------------------------------------------------- */

struct gkv_lm {
    gki_lm_runner runner; /* with constraints, runner.p is the number of elements of y */
    size_t p;             /* the number of parameters */
    gki_lm_constraints constraints;
    bool *fixed;      /* [p] of the last problem */
    bool constrained; /* whether the last problem had linear equality constraints */
    bool differences; /* whether J is of difference quotients */
    bool solved;      /* whether the runner's triangle is that of J at a solution */
};

/* The caller's functions, which take x. With linear equality constraints the runner works with y
 * instead. */
typedef struct single {
    gkv_lm_residuals *residuals;
    gkv_lm_jacobian *jacobian;
    void *context;
    size_t n;
    gki_lm_constraints *constraints; /* or NULL */
    gki_call call;                   /* of the caller, who sees x in place of y */
} single;

/* The caller's parameters for the variables x of the runner. */
static const double *point_of(const single *one, const double *x)
{
    if (!one->constraints)
        return x;
    gki_lm_constraints_x(one->constraints, x, one->constraints->x);
    return one->constraints->x;
}

static gkv_status single_residuals(void *context, const gkv_lm_group *group, const double *x,
                                   double *r)
{
    (void)group;
    const single *one = context;
    return one->residuals(one->context, point_of(one, x), r);
}

static gkv_status single_jacobian(void *context, const gkv_lm_group *group, const double *x,
                                  double *jacobian)
{
    (void)group;
    const single *one = context;
    GKV_TRY(one->jacobian(one->context, point_of(one, x), jacobian));
    if (one->constraints)
        gki_lm_constraints_jacobian(one->constraints, one->n, jacobian);
    return GKV_OK;
}

static bool single_progress(void *context, const gkv_progress *progress)
{
    const single *one = context;
    gkv_lm_progress details = *(const gkv_lm_progress *)progress->details;
    gkv_progress seen = *progress;
    details.x = point_of(one, details.x);
    seen.details = &details;
    return one->call.options.progress(one->call.options.context, &seen);
}

gkv_status gkv_lm_create(size_t n, size_t p, gkv_lm **out)
{
    GKV_NEED(out);
    *out = NULL;
    gkv_status status = GKV_OK;
    gkv_lm *lm = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *lm, &lm));
    GKV_TRY_GOTO(gki_lm_runner_open(&lm->runner, gki_lm_kernels_single(gki_lm_level()), n, p));
    GKV_TRY_GOTO(gki_lm_constraints_open(&lm->constraints, p));
    GKV_TRY_GOTO(gki_alloc(p, 1, &lm->fixed));
    lm->p = p;
    *out = lm;
    return GKV_OK;
done:
    gkv_lm_free(lm);
    return status;
}

void gkv_lm_free(gkv_lm *lm)
{
    if (!lm)
        return;
    gki_lm_runner_close(&lm->runner);
    gki_lm_constraints_close(&lm->constraints);
    free(lm->fixed);
    free(lm);
}

/* Records the error of a problem that ended with GKV_LM_FAULT. With linear equality constraints the
 * index is that of an element of y, not of a parameter. */
static gkv_status report_fault(gkv_lm *lm, const single *one)
{
    gki_lm_runner *runner = &lm->runner;
    const gki_lm_lane *lane = &runner->lane[0];
    const size_t n = runner->n;
    if (lane->fault == GKV_LM_BAD_RESIDUALS) {
        size_t i = 0;
        while (i < n - 1 && isfinite(runner->fresh[i]))
            i++;
        return gki_fail(GKV_ERR_NUMERIC,
                        "least squares: residual %zu is %g at the start; start at a point where "
                        "the residuals and the sum of their squares are finite",
                        i, runner->fresh[i]);
    }
    if (lane->fault == GKV_LM_BAD_DIFFERENCE)
        return gki_fail(GKV_ERR_NUMERIC,
                        "the derivative in %s %zu cannot be computed at %g: residuals are not "
                        "finite on either side",
                        one->constraints ? "unconstrained direction" : "parameter", lane->index,
                        runner->x[lane->index]);
    if (one->jacobian) {
        /* the factorization has overwritten J; the callback computes it again to find the fault */
        const unsigned long before = gki_failures();
        GKV_TRY(gki_lm_callback_error(
            "derivatives", before,
            one->jacobian(one->context, point_of(one, runner->x), runner->system)));
        for (size_t k = 0; k < n * lm->p; k++)
            if (!isfinite(runner->system[k]) && !lm->fixed[k / n])
                return gki_fail(GKV_ERR_NUMERIC,
                                "the derivative of residual %zu in parameter %zu is not finite at "
                                "a point where the residuals are",
                                k % n, k / n);
    }
    return gki_fail(GKV_ERR_NUMERIC,
                    "the derivatives in %s %zu are too large for a sum of their squares",
                    one->constraints ? "unconstrained direction" : "parameter", lane->index);
}

static gkv_status check(const gkv_lm *lm, const gkv_lm_settings *set, const double *x)
{
    GKV_TRY(gki_lm_check(lm->runner.n, lm->p, 1, set));
    for (size_t j = 0; j < lm->p; j++)
        if (!isfinite(x[j]))
            return gki_fail(GKV_ERR_ARGUMENT,
                            "least squares: parameter %zu of the start is not finite", j);
    if (set->advanced.n_equalities == 0)
        return GKV_OK;
    if (!set->advanced.equalities || set->advanced.n_equalities >= lm->p)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "least squares: n_equalities = %zu combinations need an array `equalities` "
                        "and more than %zu parameters",
                        set->advanced.n_equalities, set->advanced.n_equalities);
    if (set->low || set->high)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "least squares: equality constraints cannot be used together with bounds");
    for (size_t i = 0; i < set->advanced.n_equalities * lm->p; i++)
        if (!isfinite(set->advanced.equalities[i]))
            return gki_fail(GKV_ERR_ARGUMENT,
                            "least squares: coefficient %zu of equality constraint %zu is %g",
                            i % lm->p, i / lm->p, set->advanced.equalities[i]);
    return GKV_OK;
}

gkv_status gkv_lm_solve(gkv_lm *lm, gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian,
                        void *context, const gkv_lm_settings *settings,
                        const gkv_run_options *options, double *x, gkv_lm_result *result)
{
    GKV_NEED(lm);
    GKV_NEED(residuals);
    GKV_NEED(x);
    gkv_lm_settings set;
    if (settings)
        set = *settings;
    else
        gkv_lm_defaults(&set);
    lm->solved = false;
    lm->differences = jacobian == NULL;
    GKV_TRY(check(lm, &set, x));
    for (size_t j = 0; j < lm->p; j++)
        lm->fixed[j] = set.fixed && set.fixed[j];
    lm->constrained = set.advanced.n_equalities > 0;
    single one = {.residuals = residuals,
                  .jacobian = jacobian,
                  .context = context,
                  .n = lm->runner.n,
                  .constraints = lm->constrained ? &lm->constraints : NULL};
    gki_call inner;
    GKV_TRY(gki_call_begin(&one.call, options, set.max_iterations));
    inner = one.call;
    if (inner.options.progress) {
        inner.options.progress = single_progress;
        inner.options.context = &one;
    }
    gki_lm_task task = {.residuals = single_residuals,
                        .jacobian = jacobian ? single_jacobian : NULL,
                        .context = &one,
                        .set = &set,
                        .call = &inner,
                        .reports_steps = true,
                        .count = 1,
                        .x = x,
                        .results = result};
    if (lm->constrained) {
        gki_lm_constraints_start(&lm->constraints, set.advanced.equalities,
                                 set.advanced.n_equalities, set.fixed, x);
        set.fixed = NULL;
        task.x = lm->constraints.y;
    }
    gki_lm_runner_fit(&lm->runner, lm->runner.kernels, lm->runner.n,
                      lm->constrained ? lm->constraints.dimension : lm->p);
    const gkv_status status = gki_lm_run(&lm->runner, &task);
    if (lm->constrained)
        gki_lm_constraints_x(&lm->constraints, lm->constraints.y, x);
    GKV_TRY(status);
    if (lm->runner.lane[0].fault != GKV_LM_NO_FAULT)
        return report_fault(lm, &one);
    lm->solved = true;
    return lm->runner.lane[0].result.stop == GKV_LM_INTERRUPTED
               ? gki_call_end(&inner, "least squares", "steps")
               : GKV_OK;
}

gkv_status gkv_lm_covariance(gkv_lm *lm, double tolerance, double *covariance, size_t *rank)
{
    GKV_NEED(lm);
    GKV_NEED(covariance);
    if (!lm->solved)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "there is no covariance before a solution; call gkv_lm_solve first");
    gki_lm_runner *runner = &lm->runner;
    /* Central differences are accurate to about ε^⅔ = 4e-11 of a column. */
    if (!(tolerance > 0))
        tolerance = lm->differences ? 1e-9 : 1e-12;
    gki_lm_covariance_of(runner->p, 1, runner->triangle, lm->constrained ? NULL : lm->fixed,
                         tolerance, lm->constrained ? lm->constraints.covariance : covariance, rank,
                         runner->work, runner->order);
    if (lm->constrained)
        gki_lm_constraints_covariance(&lm->constraints, covariance);
    return GKV_OK;
}
