/* The flat functions of gkvae/flat.h for least squares. */
#include <stdlib.h>

#include "core/memory.h"
#include "gkvae/flat.h"
#include "gkvae/lm_batch.h"

static void put_result(double *numbers, const gkv_lm_result *r)
{
    if (!numbers)
        return;
    numbers[GKV_FLAT_LM_STOP] = r->stop;
    numbers[GKV_FLAT_LM_ITERATIONS] = (double)r->iterations;
    numbers[GKV_FLAT_LM_ACCEPTED] = (double)r->accepted;
    numbers[GKV_FLAT_LM_RESIDUAL_EVALUATIONS] = (double)r->residual_evaluations;
    numbers[GKV_FLAT_LM_JACOBIAN_EVALUATIONS] = (double)r->jacobian_evaluations;
    numbers[GKV_FLAT_LM_COST_BEFORE] = r->cost_before;
    numbers[GKV_FLAT_LM_COST_AFTER] = r->cost_after;
}

static gkv_lm_settings settings_of(const double *weights, const double *low, const double *high,
                                   const bool *fixed, gkv_lm_loss loss, double loss_scale,
                                   const double *tolerances, size_t max_iterations)
{
    gkv_lm_settings settings;
    gkv_lm_defaults(&settings);
    settings.weights = weights;
    settings.low = low;
    settings.high = high;
    settings.fixed = fixed;
    settings.loss = loss;
    settings.loss_scale = loss_scale;
    settings.max_iterations = max_iterations;
    if (tolerances) {
        settings.cost_tolerance = tolerances[0];
        settings.step_tolerance = tolerances[1];
        settings.gradient_tolerance = tolerances[2];
    }
    return settings;
}

/* Solves one problem in a workspace of its own. */
static gkv_status solve(size_t n, size_t p, gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian,
                        void *context, const gkv_lm_settings *settings, double *x,
                        double *covariance, gkv_lm_result *result)
{
    gkv_lm *lm = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_lm_create(n, p, &lm));
    GKV_TRY_GOTO(gkv_lm_solve(lm, residuals, jacobian, context, settings, NULL, x, result));
    if (covariance)
        GKV_TRY_GOTO(gkv_lm_covariance(lm, 0, covariance, NULL));
done:
    gkv_lm_free(lm);
    return status;
}

gkv_status gkv_flat_lm_solve(size_t n, size_t p, gkv_lm_residuals *residuals,
                             gkv_lm_jacobian *jacobian, void *context, const double *weights,
                             const double *low, const double *high, const bool *fixed,
                             gkv_lm_loss loss, double loss_scale, size_t max_iterations, double *x,
                             double *covariance, double *cost, size_t *iterations, bool *converged)
{
    gkv_lm_result result;
    const gkv_lm_settings settings =
        settings_of(weights, low, high, fixed, loss, loss_scale, NULL, max_iterations);
    GKV_TRY(solve(n, p, residuals, jacobian, context, &settings, x, covariance, &result));
    if (cost)
        *cost = result.cost_after;
    if (iterations)
        *iterations = result.iterations;
    if (converged)
        *converged = gkv_lm_converged(result.stop);
    return GKV_OK;
}

gkv_status gkv_flat_lm_minimize(size_t n, size_t p, gkv_lm_residuals *residuals,
                                gkv_lm_jacobian *jacobian, void *context, const double *weights,
                                const double *low, const double *high, const bool *fixed,
                                gkv_lm_loss loss, double loss_scale, const double *tolerances,
                                size_t max_iterations, double acceleration, double *x,
                                double *covariance, double numbers[GKV_FLAT_LM_NUMBERS])
{
    gkv_lm_result result;
    gkv_lm_settings settings =
        settings_of(weights, low, high, fixed, loss, loss_scale, tolerances, max_iterations);
    settings.advanced.acceleration = acceleration;
    settings.advanced.max_evaluations = SIZE_MAX; /* max_iterations is the limit */
    GKV_TRY(solve(n, p, residuals, jacobian, context, &settings, x, covariance, &result));
    put_result(numbers, &result);
    return GKV_OK;
}

/* --- Many problems -------------------------------------------------------- */

typedef struct flat_batch {
    gkv_flat_batch_callback *residuals, *jacobian;
    void *context;
} flat_batch;

static gkv_status batch_residuals(void *context, const gkv_lm_group *group, const double *x,
                                  double *r)
{
    const flat_batch *it = context;
    return it->residuals(it->context, group->lanes, group->problem, group->active, x, r);
}

static gkv_status batch_jacobian(void *context, const gkv_lm_group *group, const double *x,
                                 double *jacobian)
{
    const flat_batch *it = context;
    return it->jacobian(it->context, group->lanes, group->problem, group->active, x, jacobian);
}

gkv_status gkv_flat_lm_batch(size_t count, size_t n, size_t p, gkv_flat_batch_callback *residuals,
                             gkv_flat_batch_callback *jacobian, void *context,
                             const double *weights, const double *low, const double *high,
                             const bool *fixed, gkv_lm_loss loss, double loss_scale,
                             const double *tolerances, size_t max_iterations, int threads,
                             double *x, double *covariances, double *numbers)
{
    flat_batch it = {residuals, jacobian, context};
    gkv_lm_batch *batch = NULL;
    gkv_lm_result *results = NULL;
    gkv_status status = GKV_OK;
    GKV_NEED(residuals);
    GKV_NEED(x);
    gkv_lm_settings settings =
        settings_of(weights, low, high, fixed, loss, loss_scale, tolerances, max_iterations);
    settings.advanced.max_evaluations = SIZE_MAX;
    GKV_TRY_GOTO(gki_alloc(count, sizeof *results, &results));
    GKV_TRY_GOTO(gkv_lm_batch_create(n, p, &(gkv_run_options){.threads = threads}, &batch));
    status = gkv_lm_batch_solve(batch, count, batch_residuals, jacobian ? batch_jacobian : NULL,
                                &it, &settings, NULL, x, results, covariances);
    for (size_t i = 0; numbers && i < count; i++)
        put_result(numbers + i * GKV_FLAT_LM_NUMBERS, &results[i]);
done:
    gkv_lm_batch_free(batch);
    free(results);
    return status;
}
