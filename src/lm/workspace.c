#include "lm/workspace.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"

void gkv_lm_defaults(gkv_lm_settings *settings)
{
    *settings = (gkv_lm_settings){
        .cost_tolerance = 1e-14,
        .step_tolerance = 1e-12,
        .gradient_tolerance = 1e-12,
        .damping = 1e-3,
        .first_step = 1.0,
        .max_iterations = 500,
        .max_evaluations = 5000,
    };
}

gkv_status gkv_lm_create(size_t n, size_t p, gkv_lm **out)
{
    *out = NULL;
    if (p < 1 || n < p)
        return gkv_fail(GKV_ERR_ARGUMENT, "least squares need at least as many residuals as parameters, and one: "
                                          "%zu residuals, %zu parameters", n, p);
    if (n > SIZE_MAX / sizeof(double) / 4 / p)
        return gkv_fail(GKV_ERR_ARGUMENT, "a least-squares problem of %zu residuals and %zu parameters is too large", n,
                        p);
    gkv_status status = GKV_OK;
    gkv_lm *lm = NULL;
    GKV_TRY_GOTO(gkv_alloc(1, sizeof *lm, &lm));
    lm->n = n;
    lm->p = p;
    GKV_TRY_GOTO(gkv_alloc(2 * n * p + 3 * n + 7 * p + p * (p + 3), sizeof(double), &lm->memory));
    GKV_TRY_GOTO(gkv_alloc(2 * p, sizeof(size_t), &lm->pivot));
    double *next = lm->memory;
    lm->jacobian = next, next += n * p;
    lm->factor = next, next += n * p;
    lm->residual = next, next += n;
    lm->trial_residual = next, next += n;
    lm->rotated = next, next += n;
    lm->trial = next, next += p;
    lm->scale = next, next += p;
    lm->step = next, next += p;
    lm->damping = next, next += p;
    lm->free_step = next, next += p;
    lm->norms = next, next += 2 * p;
    lm->work = next;
    lm->free = lm->pivot + p;
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
    free(lm->memory);
    free(lm->pivot);
    free(lm);
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
    }
    return "unknown reason";
}

int gkv_lm_converged(gkv_lm_stop stop)
{
    return stop >= GKV_LM_COST && stop <= GKV_LM_ZERO;
}
