/* How lanes take up problems and end them. */
#include <math.h>

#include "lm/runner.h"

/* Moves the next problem into a lane: its start, bounds and weights. */
static void load(gkv_lm_runner *d, const gkv_lm_task *task, size_t l, size_t problem)
{
    const gkv_lm_settings *set = task->set;
    const size_t lanes = d->kernels->lanes, p = d->p;
    d->group.problem[l] = problem;
    d->lane[l] = (gkv_lm_lane){.state = GKV_LM_START, .cost = INFINITY, .trusted = INFINITY,
                                .result = {.cost_before = INFINITY}};
    for (size_t j = 0; j < p; j++) {
        const size_t at = j * lanes + l, from = problem * p + j;
        const int fixed = set->fixed && set->fixed[from];
        d->fixed[at] = fixed;
        d->low[at] = set->low && !fixed ? set->low[from] : -INFINITY;
        d->high[at] = set->high && !fixed ? set->high[from] : INFINITY;
        d->x[at] = d->point[at] = larger(d->low[at], smaller(d->high[at], task->x[from]));
        d->scale[at] = 0.0;
        if (!isfinite(task->x[from]))
            d->lane[l].fault = GKV_LM_BAD_START;
    }
    for (size_t i = 0; i < d->n && set->weights; i++)
        d->weights[i * lanes + l] = set->weights[problem * d->n + i];
    if (d->lane[l].fault)
        d->lane[l].result.stop = GKV_LM_FAULT;
}

void gkv_lm_unload(gkv_lm_runner *d, gkv_lm_task *task, size_t l)
{
    const gkv_lm_lane *lane = &d->lane[l];
    const size_t lanes = d->kernels->lanes, p = d->p, problem = d->group.problem[l];
    if (lane->fault != GKV_LM_BAD_START)
        for (size_t j = 0; j < p; j++)
            task->x[problem * p + j] = d->x[j * lanes + l];
    if (task->results) {
        task->results[problem] = lane->result;
        task->results[problem].cost_after = lane->cost;
    }
    if (task->covariances) {
        double *covariance = task->covariances + problem * p * p;
        if (lane->fault || !lane->result.stop)
            for (size_t i = 0; i < p * p; i++)
                covariance[i] = NAN;
        else
            gkv_lm_covariance_of(p, lanes, d->triangle + l, task->set->fixed ? task->set->fixed + problem * p : NULL,
                                 0.0, covariance, NULL, d->work, d->order);
    }
}

void gkv_lm_refill(gkv_lm_runner *d, gkv_lm_task *task, size_t l)
{
    do {
        if (d->lane[l].state != GKV_LM_IDLE)
            gkv_lm_unload(d, task, l);
        const size_t problem = atomic_fetch_add(&task->next, 1);
        if (problem >= task->count) {
            d->lane[l].state = GKV_LM_IDLE;
            d->lane[l].wants_jacobian = d->lane[l].wants_step = 0;
            return;
        }
        load(d, task, l, problem);
    } while (d->lane[l].result.stop);
}
