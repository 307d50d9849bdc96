/* The flat function of gkvae/flat.h for least squares. */
#include "core/error.h"
#include "gkvae/flat.h"

gkv_status gkv_flat_lm_solve(size_t n, size_t p, gkv_lm_residuals *residuals,
                             gkv_lm_jacobian *jacobian, void *context, const double *weights,
                             const double *low, const double *high, const bool *fixed,
                             gkv_lm_loss loss, double loss_scale, size_t max_iterations, double *x,
                             double *covariance, double *cost, size_t *iterations, bool *converged)
{
    gkv_lm *lm = NULL;
    gkv_lm_settings settings;
    gkv_lm_result result;
    gkv_status status = GKV_OK;
    gkv_lm_defaults(&settings);
    settings.weights = weights;
    settings.low = low;
    settings.high = high;
    settings.fixed = fixed;
    settings.loss = loss;
    settings.loss_scale = loss_scale;
    settings.max_iterations = max_iterations;
    GKV_TRY_GOTO(gkv_lm_create(n, p, &lm));
    GKV_TRY_GOTO(gkv_lm_solve(lm, residuals, jacobian, context, &settings, NULL, x, &result));
    if (covariance)
        GKV_TRY_GOTO(gkv_lm_covariance(lm, 0, covariance, NULL));
    if (cost)
        *cost = result.cost_after;
    if (iterations)
        *iterations = result.iterations;
    if (converged)
        *converged = gkv_lm_converged(result.stop);
done:
    gkv_lm_free(lm);
    return status;
}
