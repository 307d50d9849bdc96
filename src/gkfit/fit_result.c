/* What follows from the estimates. */
#include <math.h>

#include "gkfit/fit.h"
#include "num/special.h"

/* B's interval is that of its logarithm: it stays above 0 and suits its skewed scatter. */
void gkv_gk_fit_intervals(double confidence, gkv_gk_fit_result *result)
{
    const double z = gkv_normal_quantile(0.5 + 0.5 * confidence);
    const double value[4] = {result->gk.a, result->gk.b, result->gk.g, result->gk.k};
    for (int j = 0; j < 4; j++) {
        result->low[j] = value[j] - z * result->se[j];
        result->high[j] = value[j] + z * result->se[j];
    }
    const double factor = exp(z * result->se[GKV_GK_B] / result->gk.b);
    result->low[GKV_GK_B] = result->gk.b / factor;
    result->high[GKV_GK_B] = result->gk.b * factor;
}

/* Which parameters are at an end of what is allowed. k's is relative to k_min(g), unless it is one
 * of the settings'. */
static void bounds(const gkv_gk_fit_common *common, const gkv_gk_task *task, gkv_gk_fit_result *result)
{
    for (int j = 0; j < 4; j++) {
        const int by_settings = j == 3 && task->pinned[j];
        const double value = task->v[j], low = by_settings ? common->set->low[j] : task->low[j];
        const double high = by_settings ? common->set->high[j] : task->high[j];
        result->bound[j] = common->set->fixed[j] ? 0 : value <= low ? -1 : value >= high ? 1 : 0;
    }
}

static void estimates(const gkv_gk_fit_common *common, const gkv_gk_task *task, gkv_gk_fit_result *result)
{
    const gkv_gk_fit_settings *set = common->set;
    const double unit[4] = {task->spread, task->spread, 1.0, 1.0};
    result->gk = gkv_gk_fit_gk_of(common, task, task->v);
    result->gk.a = set->fixed[0] ? task->start.a : task->centre + task->spread * result->gk.a;
    result->gk.b = set->fixed[1] ? task->start.b : task->spread * result->gk.b;
    for (int i = 0; i < 4; i++) {
        result->se[i] = unit[i] * sqrt(task->covariance[i][i]); /* first: a square may overflow */
        for (int j = 0; j < 4; j++)
            result->covariance[i][j] = task->covariance[i][j] * unit[i] * unit[j];
    }
    result->levels = task->m;
}

/* The closed form has neither errors nor χ². */
static void octile_estimates(gkv_gk_task *task, gkv_gk_fit_result *result)
{
    result->gk = task->rough;
    result->parameters = 4;
    result->converged = 1;
    result->chi2 = result->p_value = NAN;
    for (int j = 0; j < 4; j++)
        result->se[j] = NAN;
}

gkv_status gkv_gk_fit_conclude(const gkv_gk_fit_common *common, gkv_gk_task *task)
{
    const gkv_gk_fit_settings *set = common->set;
    gkv_gk_fit_result *result = &task->result;
    if (result->method == GKV_GK_OCTILES)
        octile_estimates(task, result);
    else {
        estimates(common, task, result);
        bounds(common, task, result);
        GKV_TRY(gkv_gk_fit_goodness(common, task));
    }
    gkv_gk_fit_intervals(set->confidence, result);
    gkv_gk scaled = result->gk;
    scaled.a = (result->gk.a - task->centre) / task->spread;
    scaled.b = result->gk.b / task->spread;
    if (!set->likelihood)
        result->log_likelihood = NAN;
    else if (result->method != GKV_GK_MLE)
        result->log_likelihood = gkv_gk_fit_likelihood(common, task, &scaled, NULL);
    result->aic = 2.0 * (double)result->parameters - 2.0 * result->log_likelihood;
    result->bic = (double)result->parameters * log(result->total) - 2.0 * result->log_likelihood;
    result->anderson_darling = NAN;
    return set->anderson_darling ? gkv_gk_anderson_darling(&result->gk, task->sample, &result->anderson_darling, NULL)
                                 : GKV_OK;
}
