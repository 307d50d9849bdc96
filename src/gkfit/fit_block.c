/* The order of things for a block of samples: set up, solve, begin again where that ended
 * suspiciously, respect bounds, conclude. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "num/special.h"
#include "gkfit/fit.h"

/* Messages are a thread's own: the task carries its own to where they are wanted. */
static void note(gkv_gk_task *task, gkv_status status)
{
    task->status = status;
    if (status == GKV_OK)
        return;
    task->open = 0;
    snprintf(task->message, sizeof task->message, "%s", gkv_error_message());
}

/* The octiles' g is uncertain where it is large, and a far larger one a poor place to begin. */
static gkv_gk gentle(const gkv_gk *rough, double margin)
{
    gkv_gk start = *rough;
    start.g = fmax(-6.0, fmin(6.0, start.g));
    start.k = gkv_gk_project(&start, margin).k;
    return start;
}

static void set_up(const gkv_gk_fit_common *common, gkv_gk_task *task, double *scratch)
{
    const gkv_gk_fit_settings *set = common->set;
    gkv_status status = gkv_gk_fit_prepare(common, task, scratch);
    const gkv_gk *given = task->sample->start ? task->sample->start : set->start;
    task->start = given ? *given : gentle(&task->rough, set->margin);
    if (status == GKV_OK && !given && (set->fixed[0] || set->fixed[1] || set->fixed[2] || set->fixed[3]))
        status = gkv_fail(GKV_ERR_ARGUMENT, "parameters to be held need a start that says at what");
    if (status == GKV_OK && set->method != GKV_GK_OCTILES)
        status = gkv_gk_fit_begin(common, task, &task->start);
    note(task, status);
}

/* All passes of the open tasks, those with equally many rows together. */
static gkv_status solve(const gkv_gk_fit_common *common, gkv_gk_task *tasks, size_t count, gkv_gk_task **chosen)
{
    for (size_t rows = SIZE_MAX;;) {
        size_t most = 0, picked = 0;
        for (size_t i = 0; i < count; i++)
            if (tasks[i].open && tasks[i].rows < rows && tasks[i].rows > most)
                most = tasks[i].rows;
        if (most == 0)
            return GKV_OK;
        for (size_t i = 0; i < count; i++)
            if (tasks[i].open && tasks[i].rows == most)
                chosen[picked++] = &tasks[i];
        GKV_TRY(gkv_gk_fit_reweighting_iterations(common, chosen, picked));
        rows = most;
    }
}

/* So bad a χ² has one sample in thousands. */
static const double unlikely = 1e-4;

/* A fit that did not come to rest, ran off to where tanh is a step, or is so far off that
 * one sample in thousands would be. */
static int suspicious(const gkv_gk_task *task)
{
    const gkv_gk_fit_result *result = &task->result;
    return task->status == GKV_OK && (!result->converged || (!task->fixed[2] && fabs(task->v[2]) > 50.0) ||
                                      gkv_chi2_upper(2.0 * result->cost_after, (double)task->m - 4.0) < unlikely);
}

/* Where a fit can begin again: at the octiles; at none of the skewness and little of the tails
 * that they may have misjudged; where the likelihood is greatest. */
enum { AT_OCTILES, AT_PLAIN, AT_LIKELIEST, WAYS };

static gkv_status likeliest(const gkv_gk_fit_common *common, const gkv_gk_task *task, gkv_gk *start)
{
    gkv_gk_task climber = *task; /* lends its arrays, which a mle does not use */
    GKV_TRY(gkv_gk_fit_mle(common, &climber));
    *start = gkv_gk_fit_gk_of(common, &climber, climber.v);
    start->a = task->centre + task->spread * start->a;
    start->b *= task->spread;
    return GKV_OK;
}

/* Another start for a task that has tried its own; what is held keeps its value. */
static gkv_status begin_again(const gkv_gk_fit_common *common, gkv_gk_task *task, int way)
{
    const unsigned char *fixed = common->set->fixed;
    const gkv_gk *held = &task->start;
    gkv_gk start = gentle(&task->rough, common->set->margin);
    if (way == AT_PLAIN)
        start = (gkv_gk){.a = start.a, .b = task->spread, .g = copysign(0.1, start.g), .k = 0.1, .c = start.c};
    else if (way == AT_LIKELIEST)
        GKV_TRY(likeliest(common, task, &start));
    start.a = fixed[0] ? held->a : start.a;
    start.b = fixed[1] ? held->b : start.b;
    start.g = fixed[2] ? held->g : start.g;
    start.k = fixed[3] ? held->k : start.k;
    task->result.passes = task->result.iterations = 0;
    return gkv_gk_fit_begin(common, task, &start);
}

/* Of two fits of one sample the likelier, if need be by more than chance for one that has not
 * come to rest; with the labour of both. */
static void keep_better(const gkv_gk_fit_common *common, const gkv_gk_task *first, gkv_gk_task *second)
{
    const gkv_gk one = gkv_gk_fit_gk_of(common, first, first->v), other = gkv_gk_fit_gk_of(common, second, second->v);
    const int passes = first->result.passes + second->result.passes;
    const int iterations = first->result.iterations + second->result.iterations;
    const double lead = 3.0 * (first->result.converged - second->result.converged);
    if (second->status != GKV_OK || !(gkv_gk_fit_likelihood(common, second, &other, NULL) >
                                      gkv_gk_fit_likelihood(common, first, &one, NULL) + lead))
        *second = *first;
    second->result.cost_before = first->result.cost_before;
    second->result.passes = passes;
    second->result.iterations = iterations;
}

/* The octiles are of use only to those that did not begin there, and the likelihood, which
 * costs most, is for those that have not come to rest at all. */
static int wants_again(const gkv_gk_fit_common *common, const gkv_gk_task *task, int way)
{
    if (way == AT_OCTILES && !task->sample->start && !common->set->start)
        return 0;
    return suspicious(task) && (way != AT_LIKELIEST || !task->result.converged);
}

/* Suspicious fits begin again elsewhere. */
static gkv_status try_again(const gkv_gk_fit_common *common, gkv_gk_task *tasks, size_t count, gkv_gk_task **chosen,
                            int way)
{
    size_t again = 0;
    for (size_t i = 0; i < count; i++)
        again += (size_t)wants_again(common, &tasks[i], way);
    if (again == 0)
        return GKV_OK;
    gkv_gk_task *first = NULL;
    GKV_TRY(gkv_alloc(again, sizeof *first, &first));
    again = 0;
    for (size_t i = 0; i < count; i++)
        if (wants_again(common, &tasks[i], way)) {
            first[again++] = tasks[i];
            note(&tasks[i], begin_again(common, &tasks[i], way));
        }
    const gkv_status status = solve(common, tasks, count, chosen);
    for (size_t i = 0, j = 0; i < count && j < again && status == GKV_OK; i++)
        if (tasks[i].sample == first[j].sample)
            keep_better(common, &first[j++], &tasks[i]);
    free(first);
    return status;
}

/* What reached the settings' bounds stays there, and the rest is fitted once more. */
static gkv_status respect_bounds(const gkv_gk_fit_common *common, gkv_gk_task *tasks, size_t count,
                                 gkv_gk_task **chosen)
{
    for (int round = 0; round < 4; round++) {
        int any = 0;
        for (size_t i = 0; i < count; i++) {
            int changed = 0;
            if (tasks[i].status == GKV_OK)
                note(&tasks[i], gkv_gk_fit_pin(common, &tasks[i], &changed));
            tasks[i].open = changed && tasks[i].status == GKV_OK;
            if (tasks[i].open)
                any = 1, tasks[i].result.passes = 0;
        }
        if (!any)
            break;
        GKV_TRY(solve(common, tasks, count, chosen));
    }
    return GKV_OK;
}

/* In a small sample of a density that changes abruptly, the equations of least squares may have no
 * solution where the data are likely. The likelihood has its maximum there; it is taken unless
 * the quantiles, which wild values do not bend, speak against it. */
static gkv_status fall_back(const gkv_gk_fit_common *common, gkv_gk_task *task)
{
    gkv_gk_task other = *task; /* its arrays are work space */
    GKV_TRY(gkv_gk_fit_mle(common, &other));
    GKV_TRY(gkv_gk_fit_goodness(common, &other));
    if (!other.result.converged || other.result.p_value < unlikely)
        return GKV_OK;
    *task = other;
    task->result.method = GKV_GK_MLE;
    return GKV_OK;
}

static void finish(const gkv_gk_fit_common *common, gkv_gk_task *task)
{
    if (task->status != GKV_OK)
        return;
    gkv_status status = GKV_OK;
    if (common->set->method == GKV_GK_MLE)
        status = gkv_gk_fit_mle(common, task);
    else if (common->set->method == GKV_GK_LM && task->result.converged && !task->result.at_bound)
        status = gkv_gk_fit_errors(common, task);
    else if (common->set->method == GKV_GK_LM && !task->result.converged && gkv_gk_fit_newton_allowed(common->set))
        status = fall_back(common, task);
    if (status == GKV_OK)
        status = gkv_gk_fit_conclude(common, task);
    note(task, status);
}

gkv_status gkv_gk_fit_block(const gkv_gk_fit_common *common, gkv_gk_task *tasks, size_t count,
                            gkv_gk_task **chosen, double *scratch)
{
    for (size_t i = 0; i < count; i++)
        set_up(common, &tasks[i], scratch);
    if (common->set->method != GKV_GK_OCTILES) {
        GKV_TRY(solve(common, tasks, count, chosen));
        for (int way = 0; way < WAYS && !common->set->one_start; way++)
            GKV_TRY(try_again(common, tasks, count, chosen, way));
        GKV_TRY(respect_bounds(common, tasks, count, chosen));
    }
    for (size_t i = 0; i < count; i++)
        finish(common, &tasks[i]);
    return GKV_OK;
}
