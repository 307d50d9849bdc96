/* The likelihood of the sample quantiles that the lm method fits. It decides between solutions of
 * the equations of lm. Unlike that of all values it is not affected by outliers, and it takes less
 * time in large samples. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkfit/fit.h"

/* Makes a task whose sample are the quantiles of another task; each stands for the observations
 * that are nearer to its level than to another one. `values` has 2m elements. */
static void take_levels(const gki_gk_task *task, double *values, gkv_gk_sample *sample,
                        gki_gk_task *out)
{
    const size_t m = task->m;
    const double scale = task->result.total + 2.0;
    double *x = values, *w = values + m;
    for (size_t i = 0; i < m; i++) {
        const double below = scale / (task->step[i] * task->step[i]);
        const double above = scale / (task->step[i + 1] * task->step[i + 1]);
        x[i] = task->centre + task->spread * task->x[i];
        w[i] =
            task->result.total * ((i == 0 ? 1.0 : 0.5) * below + (i == m - 1 ? 1.0 : 0.5) * above);
    }
    *sample = (gkv_gk_sample){.n = m, .x = x, .weights = w, .sorted = true};
    *out = *task;
    out->sample = sample;
    out->data.count = 0; /* the levels are points, also those of intervals */
}

gkv_status gki_gk_levels_likelihood(const gki_gk_fit_common *common, const gki_gk_task *task,
                                    double *value)
{
    double *values = NULL;
    gkv_gk_sample sample;
    gki_gk_task levels;
    GKV_TRY(gki_alloc(2 * task->m, sizeof *values, &values));
    take_levels(task, values, &sample, &levels);
    const gkv_gk gk = gki_gk_fit_gk_of(common, &levels, levels.v);
    *value = gki_gk_fit_likelihood(common, &levels, &gk, NULL);
    free(values);
    return GKV_OK;
}

gkv_status gki_gk_levels_maximum(const gki_gk_fit_common *common, const gki_gk_task *task,
                                 gkv_gk *at, double *value)
{
    double *values = NULL;
    gkv_gk_sample sample;
    gki_gk_task levels;
    GKV_TRY(gki_alloc(2 * task->m, sizeof *values, &values));
    take_levels(task, values, &sample, &levels);
    const gkv_status status = gki_gk_fit_mle(common, &levels);
    *value = levels.result.log_likelihood;
    *at = gki_gk_fit_gk_of(common, &levels, levels.v);
    at->a = task->centre + task->spread * at->a;
    at->b *= task->spread;
    free(values);
    return status;
}
