/* Settings of the solvers: defaults and checks; the names of the reasons to stop. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "core/error.h"
#include "lm/runner.h"

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
        return gki_fail(GKV_ERR_ARGUMENT,
                        "least squares: loss_scale must be positive and of the size of a residual, "
                        "not %g",
                        set->loss_scale);
    for (size_t i = 0; i < p * count; i++) {
        const double low = set->low ? set->low[i] : -INFINITY,
                     high = set->high ? set->high[i] : INFINITY;
        if (!(low <= high) || low == INFINITY || high == -INFINITY)
            return gki_fail(GKV_ERR_ARGUMENT,
                            "least squares: no value satisfies the bounds %g and %g of parameter "
                            "%zu%s",
                            low, high, i % p, where_of(where, i / p, count));
    }
    for (size_t i = 0; set->weights && i < n * count; i++)
        if (!(set->weights[i] >= 0 && set->weights[i] < INFINITY))
            return gki_fail(
                GKV_ERR_ARGUMENT,
                "least squares: the weight of residual %zu is %g%s; weights must be ≥ 0 "
                "and finite",
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
