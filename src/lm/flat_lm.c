/* The flat functions of gkvae/flat.h for least squares. */
#include <stdlib.h>

#include "core/flat_settings.h"
#include "core/memory.h"
#include "gkvae/flat.h"
#include "gkvae/lm_batch.h"

const char *gkv_flat_lm_name(size_t i)
{
    static const char *const names[] = {
        "stop",        "iterations", "accepted", "residual_evaluations", "jacobian_evaluations",
        "cost_before", "cost_after"};
    _Static_assert(sizeof names / sizeof *names == GKV_FLAT_LM_NUMBERS, "a name for each number");
    return GKV_FLAT_NAME(names, i);
}

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

/* --- Settings ------------------------------------------------------------- */

static void lm_defaults(void *values)
{
    gkv_lm_settings *defaults = values;
    gkv_lm_defaults(defaults);
    defaults->advanced.max_evaluations = SIZE_MAX; /* max_iterations is the limit */
}

#define AT(member) offsetof(gkv_lm_settings, member)

static const gki_flat_row lm_rows[] = {
    {"loss", GKV_FLAT_CHOICE, AT(loss), "squares, huber, soft_l1, cauchy"},
    {"loss_scale", GKV_FLAT_NUMBER, AT(loss_scale), NULL},
    {"cost_tolerance", GKV_FLAT_NUMBER, AT(cost_tolerance), NULL},
    {"step_tolerance", GKV_FLAT_NUMBER, AT(step_tolerance), NULL},
    {"gradient_tolerance", GKV_FLAT_NUMBER, AT(gradient_tolerance), NULL},
    {"max_iterations", GKV_FLAT_SIZE, AT(max_iterations), NULL},
    {"first_step", GKV_FLAT_NUMBER, AT(advanced.first_step), NULL},
    {"acceleration", GKV_FLAT_NUMBER, AT(advanced.acceleration), NULL},
    {"max_evaluations", GKV_FLAT_SIZE, AT(advanced.max_evaluations), NULL},
};

static const gki_flat_kind lm_kind = {"least squares", lm_rows, sizeof lm_rows / sizeof *lm_rows,
                                      sizeof(gkv_lm_settings), lm_defaults};

gkv_status gkv_flat_lm_settings(gkv_flat_settings **out)
{
    GKV_NEED(out);
    return gki_flat_settings_create(&lm_kind, out);
}

static gkv_status take_settings(const char *function, const gkv_flat_settings *settings,
                                const double *weights, const double *low, const double *high,
                                const bool *fixed, gkv_lm_settings *out)
{
    GKV_TRY(gki_flat_settings_copy(function, &lm_kind, settings, out));
    out->weights = weights;
    out->low = low;
    out->high = high;
    out->fixed = fixed;
    return GKV_OK;
}

/* --- One problem ---------------------------------------------------------- */

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
                             const gkv_flat_settings *settings, double *x, double *covariance,
                             double numbers[GKV_FLAT_LM_NUMBERS])
{
    gkv_lm_settings set;
    gkv_lm_result result;
    gki_flat_nan(covariance, p * p);
    gki_flat_nan(numbers, GKV_FLAT_LM_NUMBERS);
    GKV_NEED(residuals);
    GKV_NEED(x);
    GKV_TRY(take_settings(__func__, settings, weights, low, high, fixed, &set));
    const gkv_status status =
        solve(n, p, residuals, jacobian, context, &set, x, covariance, &result);
    if (status != GKV_OK)
        gki_flat_nan(covariance, p * p);
    else
        put_result(numbers, &result);
    return status;
}

/* --- Many problems -------------------------------------------------------- */

typedef struct flat_batch {
    gkv_flat_batch_callback *residuals, *jacobian;
    void *context;
} flat_batch;

static gkv_status batch_residuals(void *context, const gkv_lm_group *group, const double *x,
                                  double *r)
{
    const flat_batch *functions = context;
    return functions->residuals(functions->context, group->lanes, group->problem, group->active, x,
                                r);
}

static gkv_status batch_jacobian(void *context, const gkv_lm_group *group, const double *x,
                                 double *jacobian)
{
    const flat_batch *functions = context;
    return functions->jacobian(functions->context, group->lanes, group->problem, group->active, x,
                               jacobian);
}

gkv_status gkv_flat_lm_solve_many(size_t count, size_t n, size_t p,
                                  gkv_flat_batch_callback *residuals,
                                  gkv_flat_batch_callback *jacobian, void *context,
                                  const double *weights, const double *low, const double *high,
                                  const bool *fixed, const gkv_flat_settings *settings, int threads,
                                  double *x, double *covariances, double *numbers)
{
    flat_batch functions = {residuals, jacobian, context};
    gkv_lm_settings set;
    gkv_lm_batch *batch = NULL;
    gkv_lm_result *results = NULL;
    gkv_status status = GKV_OK;
    gki_flat_nan(covariances, count * p * p);
    gki_flat_nan(numbers, count * GKV_FLAT_LM_NUMBERS);
    GKV_NEED(residuals);
    GKV_NEED(x);
    GKV_TRY(take_settings(__func__, settings, weights, low, high, fixed, &set));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *results, &results));
    GKV_TRY_GOTO(gkv_lm_batch_create(n, p, &(gkv_run_options){.threads = threads}, &batch));
    status = gkv_lm_batch_solve(batch, count, batch_residuals, jacobian ? batch_jacobian : NULL,
                                &functions, &set, NULL, x, results, covariances);
    if (status != GKV_OK)
        gki_flat_nan(covariances, count * p * p);
    for (size_t i = 0; status == GKV_OK && numbers && i < count; i++)
        put_result(numbers + i * GKV_FLAT_LM_NUMBERS, &results[i]);
done:
    gkv_lm_batch_free(batch);
    free(results);
    return status;
}
