/* Fits of one sample and of many. Blocks of samples are distributed over threads. The stages of a
 * block are: set up, solve, restart if the result is doubtful, apply the bounds of the settings,
 * conclude. */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkfit/ascend.h"
#include "gkfit/fit.h"
#include "gkfit/fit_family.h"
#include "num/constants.h"
#include "num/special.h"

/* --- A block -------------------------------------------------------------- */

/* Records the status of a task. Messages belong to a thread, so that the task keeps a copy of its
 * message. */
static void record_status(gki_gk_task *task, gkv_status status)
{
    task->status = status;
    if (status == GKV_OK)
        return;
    task->open = false;
    snprintf(task->message, sizeof task->message, "%s", gkv_error_message());
}

/* The octile estimate as a start, with |g| at most 6. A large g of the octiles is uncertain, and a
 * g that is much too large is a bad start. */
static gkv_gk clamped_start(const gki_gk_fit_common *common, const gkv_gk *initial)
{
    gkv_gk start = *initial;
    start.g = fmax(-6.0, fmin(6.0, start.g));
    start.k = gkv_gk_project(&start, gki_gk_fit_margin(common->set)).k;
    return start;
}

/* The starts of restarts: the octile estimate; little skewness and light tails, in case the octiles
 * overestimate them; and the maximum of the likelihood of the levels. */
enum { AT_OCTILES, AT_LIGHT_TAILS, AT_LIKELIHOOD_MAXIMUM, STARTS };

/* Begins a task at a start, without its fixed parameters, which keep their values. */
static gkv_status begin(const gki_gk_fit_common *common, gki_gk_task *task, gkv_gk start)
{
    const bool *fixed = common->set->fixed;
    const gkv_gk *given = &task->start;
    start.a = fixed[0] ? given->a : start.a;
    start.b = fixed[1] ? given->b : start.b;
    start.g = fixed[2] ? given->g : start.g;
    start.k = fixed[3] ? given->k : start.k;
    task->result.reweightings = task->result.iterations = 0;
    return gki_gk_fit_begin(common, task, &start);
}

static gkv_gk light_start(const gki_gk_fit_common *common, const gki_gk_task *task)
{
    gkv_gk start = clamped_start(common, &task->initial);
    start.b = task->spread;
    start.g = copysign(0.1, start.g);
    start.k = 0.1;
    return start;
}

/* Begins a task again at another start. */
static gkv_status restart(const gki_gk_fit_common *common, gki_gk_task *task, int way)
{
    gkv_gk start =
        way == AT_LIGHT_TAILS ? light_start(common, task) : clamped_start(common, &task->initial);
    if (way == AT_LIKELIHOOD_MAXIMUM)
        GKV_TRY(gki_gk_levels_maximum(common, task, &start, &task->levels_maximum));
    return begin(common, task, start);
}

/* A given start, with the octile estimates of parameters that are NaN and not fixed. */
static gkv_gk complete_start(const gki_gk_fit_common *common, const gki_gk_task *task,
                             const gkv_gk *given)
{
    const gkv_gk own = clamped_start(common, &task->initial);
    const double members[] = {own.a, own.b, own.g, own.k};
    gkv_gk start = given ? *given : own;
    double *const places[] = {&start.a, &start.b, &start.g, &start.k};
    for (int j = 0; j < 4; j++)
        if (isnan(*places[j]) && !common->set->fixed[j])
            *places[j] = members[j];
    return start;
}

static void set_up(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch)
{
    const gkv_gk_fit_settings *set = common->set;
    gkv_status status = gki_gk_fit_prepare(common, task, scratch);
    const gkv_gk *given = task->sample->start ? task->sample->start : set->start;
    if (status == GKV_OK)
        task->start = complete_start(common, task, given);
    if (status == GKV_OK && !given &&
        (set->fixed[0] || set->fixed[1] || set->fixed[2] || set->fixed[3]))
        status = gki_fail(GKV_ERR_ARGUMENT,
                          "fixed parameters need a start, which contains their values");
    if (status == GKV_OK && set->method == GKV_GK_MLE && set->advanced.start_competes)
        status = restart(common, task, AT_OCTILES); /* the mle itself tries the start */
    else if (status == GKV_OK && set->method != GKV_GK_OCTILES)
        status = gki_gk_fit_begin(common, task, &task->start);
    record_status(task, status);
}

/* A p-value of χ² below this makes a fit doubtful. */
static const double unlikely = 1e-4;

/* The upper probability of a χ² of residuals of m levels. A residual stands for s = n/m values and
 * has the excess kurtosis 6/s, so that χ² has a variance that is 1 + 3/s times that of normal
 * residuals. */
static double upper_probability(double chi2, double m, double n)
{
    const double freedom = m - 4.0;
    return gki_chi2_upper(freedom + (chi2 - freedom) / sqrt(1.0 + 3.0 * m / n), freedom);
}

/* Whether a fit is doubtful: it did not converge, |g| is so large that tanh is a step, or its χ² is
 * unlikely. */
static int needs_restart(const gki_gk_task *task)
{
    const gkv_gk_fit_result *result = &task->result;
    return task->status == GKV_OK &&
           (!result->converged || (!task->fixed[2] && fabs(task->v[2]) > 50.0) ||
            (!task->confirmed && upper_probability(2.0 * result->cost_after, (double)task->m,
                                                   result->total) < unlikely));
}

/* A solution is confirmed if the levels are at most this less likely than at the maximum of their
 * likelihood. Two efficient estimates differ by less. */
static const double near_maximum = 2.0;

/* Confirms doubtful solutions whose χ² is unlikely because the distribution is not that of the
 * data. The maximum of the likelihood of the levels is sought from the solution, and from light
 * tails, which takes less time than restarts. */
static gkv_status confirm(const gki_gk_fit_common *common, gki_gk_task *task)
{
    double value = 0.0, here = 0.0, other = 0.0;
    gki_gk_task light = *task; /* shares the arrays of the task */
    gkv_gk at;
    if (!needs_restart(task) || !task->result.converged)
        return GKV_OK;
    GKV_TRY(gki_gk_levels_likelihood(common, task, &value));
    GKV_TRY(gki_gk_levels_maximum(common, task, &at, &here));
    GKV_TRY(begin(common, &light, light_start(common, task)));
    GKV_TRY(gki_gk_levels_maximum(common, &light, &at, &other));
    task->levels_maximum = fmax(here, other);
    task->confirmed = value >= task->levels_maximum - near_maximum;
    return GKV_OK;
}

/* Of two fits of one sample, keeps the one with the greater likelihood of the levels, in `second`.
 * A fit that has not converged must be better by 3 than one that has. The result counts the
 * iterations of both. */
static gkv_status keep_better(const gki_gk_fit_common *common, const gki_gk_task *first,
                              gki_gk_task *second)
{
    const size_t reweightings = first->result.reweightings + second->result.reweightings;
    const size_t iterations = first->result.iterations + second->result.iterations;
    const double lead = 1e-3 + 3.0 * (first->result.converged - second->result.converged);
    const double most = second->levels_maximum;
    double one = 0.0, other = -INFINITY;
    if (second->status == GKV_ERR_MEMORY) /* the first fit is no answer to that */
        return gki_fail(GKV_ERR_MEMORY, "%s", second->message);
    GKV_TRY(gki_gk_levels_likelihood(common, first, &one));
    if (second->status == GKV_OK)
        GKV_TRY(gki_gk_levels_likelihood(common, second, &other));
    if (!(other > one + lead))
        *second = *first;
    second->result.cost_before = first->result.cost_before;
    second->result.reweightings = reweightings;
    second->result.iterations = iterations;
    second->levels_maximum = fmax(most, fmax(one, other));
    return GKV_OK;
}

/* Whether a task restarts at this start. A fit that began at the octiles does not restart there. A
 * start that competes is compared with the octiles always. */
static int wants_restart(const gki_gk_fit_common *common, const gki_gk_task *task, int way)
{
    const bool given = task->sample->start || common->set->start;
    const bool competes = common->set->advanced.start_competes;
    if (way == AT_OCTILES && (!given || (competes && common->set->method == GKV_GK_MLE)))
        return 0;
    if (way == AT_OCTILES && competes && task->status == GKV_OK)
        return 1;
    return needs_restart(task);
}

/* Restarts the doubtful fits at another start. */
static gkv_status restart_doubtful(const gki_gk_fit_common *common, gki_gk_task *tasks,
                                   size_t count, gki_gk_task **chosen, int way)
{
    size_t again = 0;
    for (size_t i = 0; i < count; i++)
        again += (size_t)wants_restart(common, &tasks[i], way);
    if (again == 0)
        return GKV_OK;
    gki_gk_task *first = NULL;
    GKV_TRY(gki_alloc(again, sizeof *first, &first));
    again = 0;
    for (size_t i = 0; i < count; i++)
        if (wants_restart(common, &tasks[i], way)) {
            first[again++] = tasks[i];
            record_status(&tasks[i], restart(common, &tasks[i], way));
        }
    gkv_status status = gki_gk_fit_solve(common, tasks, count, chosen);
    for (size_t i = 0, j = 0; i < count && j < again && status == GKV_OK; i++)
        if (tasks[i].sample == first[j].sample)
            status = keep_better(common, &first[j++], &tasks[i]);
    free(first);
    return status;
}

/* Fixes parameters at the bounds of the settings that they have reached, and fits the others
 * again. */
static gkv_status respect_bounds(const gki_gk_fit_common *common, gki_gk_task *tasks, size_t count,
                                 gki_gk_task **chosen)
{
    for (int round = 0; round < 4; round++) {
        int any = 0;
        for (size_t i = 0; i < count; i++) {
            bool changed = false;
            if (tasks[i].status == GKV_OK)
                record_status(&tasks[i], gki_gk_fit_pin(common, &tasks[i], &changed));
            tasks[i].open = changed && tasks[i].status == GKV_OK;
            if (tasks[i].open)
                any = 1, tasks[i].result.reweightings = 0;
        }
        if (!any)
            break;
        GKV_TRY(gki_gk_fit_solve(common, tasks, count, chosen));
    }
    return GKV_OK;
}

/* Whether the levels are far less likely than at the maximum of their likelihood, if that is known.
 * Neither solutions of the equations nor maxima of the likelihood of all values are as bad as this,
 * even if the distribution of the data is no g-and-k, unless the solution is spurious, or outliers
 * have distorted the likelihood. */
static gkv_status far_from_levels(const gki_gk_fit_common *common, const gki_gk_task *task,
                                  bool *far)
{
    double value = 0.0;
    *far = false;
    if (!(task->levels_maximum > -INFINITY))
        return GKV_OK;
    GKV_TRY(gki_gk_levels_likelihood(common, task, &value));
    *far = value < task->levels_maximum - 10.0 - 0.2 * task->result.total;
    return GKV_OK;
}

/* For a small sample of a density that changes abruptly, the least-squares equations may have no
 * solution near likely parameters. The estimates are then those of maximum likelihood, unless
 * outliers have distorted them, or the χ² of the quantiles is unlikely. They also replace a
 * spurious solution. */
static gkv_status mle_fallback(const gki_gk_fit_common *common, gki_gk_task *task, bool *replaced)
{
    gki_gk_task other = *task; /* shares the arrays of the task */
    bool distorted = false;
    GKV_TRY(gki_gk_fit_mle(common, &other));
    GKV_TRY(gki_gk_fit_goodness(common, &other));
    GKV_TRY(far_from_levels(common, &other, &distorted));
    *replaced = other.result.converged && !distorted &&
                (task->result.converged || other.result.p_value >= unlikely);
    if (!*replaced)
        return GKV_OK;
    *task = other;
    task->result.method = GKV_GK_MLE;
    return GKV_OK;
}

static gkv_status finish_lm(const gki_gk_fit_common *common, gki_gk_task *task)
{
    bool spurious = false, replaced = false;
    GKV_TRY(far_from_levels(common, task, &spurious));
    if ((spurious || !task->result.converged) && gki_gk_fit_newton_allowed(common->set))
        GKV_TRY(mle_fallback(common, task, &replaced));
    return task->result.converged && !task->result.at_bound && !replaced
               ? gki_gk_fit_errors(common, task)
               : GKV_OK;
}

static void finish(const gki_gk_fit_common *common, gki_gk_task *task)
{
    if (task->status != GKV_OK)
        return;
    gkv_status status = GKV_OK;
    if (common->set->method == GKV_GK_MLE)
        status = gki_gk_fit_mle(common, task);
    else if (common->set->method == GKV_GK_LM)
        status = finish_lm(common, task);
    if (status == GKV_OK)
        status = gki_gk_fit_conclude(common, task);
    record_status(task, status);
}

/* Fits `count` samples. chosen[count] and `scratch` are work space; `scratch` has
 * gki_gk_ties_size(the largest n) elements. tasks[count] become the fits, also after an error; the
 * caller frees their members `memory` and `data.memory`. Errors of a sample become the status and
 * message of its task. The function returns other errors. */
static gkv_status fit_block(const gki_gk_fit_common *common, const gkv_gk_sample *samples,
                            size_t count, gki_gk_task *tasks, gki_gk_task **chosen, double *scratch)
{
    for (size_t i = 0; i < count; i++) {
        tasks[i] = (gki_gk_task){.sample = &samples[i], .levels_maximum = -INFINITY};
        set_up(common, &tasks[i], scratch);
    }
    if (common->set->method != GKV_GK_OCTILES) {
        GKV_TRY(gki_gk_fit_solve(common, tasks, count, chosen));
        for (size_t i = 0; i < count && !common->set->advanced.one_start; i++)
            GKV_TRY(confirm(common, &tasks[i]));
        for (int way = 0; way < STARTS && !common->set->advanced.one_start; way++)
            GKV_TRY(restart_doubtful(common, tasks, count, chosen, way));
        GKV_TRY(respect_bounds(common, tasks, count, chosen));
    }
    for (size_t i = 0; i < count; i++)
        finish(common, &tasks[i]);
    return GKV_OK;
}

/* --- The public functions ------------------------------------------------- */

enum { BLOCK = 256 }; /* the greatest number of samples that a thread fits together */

void gkv_gk_fit_defaults(gkv_gk_fit_settings *settings)
{
    if (!settings)
        return;
    *settings = (gkv_gk_fit_settings){
        .method = GKV_GK_LM,
        .c = GKV_GK_DEFAULT_C,
        .confidence = 0.95,
        .tail = 0.002,
        .low = {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
        .high = {INFINITY, INFINITY, INFINITY, INFINITY},
        .likelihood = true,
        .advanced =
            {.margin = 1e-4,
             .max_reweightings = 20,
             .reweighting_tolerance = 1e-3,
             .loss = GKV_LM_SQUARES,
             .loss_scale = 1.0,
             /* An iteration needs one or two steps only, because the next one changes q'. */
             .cost_tolerance = 1e-3,
             .step_tolerance = 1e-8,
             .max_steps = 10,
             .max_newton = 500},
    };
}

/* The work space of a thread. */
typedef struct workspace {
    gki_gk_task *tasks, **chosen;
    double *scratch;
} workspace;

/* All fits of a call. One thread fits all samples of a block. */
typedef struct job {
    const gki_gk_fit_common *common;
    const gkv_gk_sample *samples;
    size_t count; /* the number of samples */
    size_t block; /* the number of samples of a block */
    int threads;
    workspace *workspaces; /* one for each thread */
    gkv_gk_fit_result *results;
    gkv_status *statuses;             /* or NULL */
    size_t first;                     /* the first sample that could not be fitted */
    gkv_status fault;                 /* its status */
    char message[GKV_GK_FIT_MESSAGE]; /* and its message */
} job;

static gkv_status job_create(job *j)
{
    size_t most = 0;
    for (size_t i = 0; i < j->count; i++)
        most = j->samples[i].n > most ? j->samples[i].n : most;
    if (most > SIZE_MAX / 64)
        return gki_fail(GKV_ERR_ARGUMENT, "a sample of %zu values is too large", most);
    GKV_TRY(gki_alloc((size_t)j->threads, sizeof *j->workspaces, &j->workspaces));
    for (int t = 0; t < j->threads; t++) {
        workspace *own = &j->workspaces[t];
        GKV_TRY(gki_alloc(j->block, sizeof *own->tasks, &own->tasks));
        GKV_TRY(gki_alloc(j->block, sizeof(gki_gk_task *), &own->chosen));
        GKV_TRY(gki_alloc(gki_gk_ties_size(most), sizeof(double), &own->scratch));
    }
    return GKV_OK;
}

static void job_free(job *j)
{
    for (int t = 0; j->workspaces && t < j->threads; t++) {
        free(j->workspaces[t].tasks);
        free(j->workspaces[t].chosen);
        free(j->workspaces[t].scratch);
    }
    free(j->workspaces);
    *j = (job){0};
}

/* Records an error. The error of the sample with the least index is kept, independent of the order
 * of the threads. */
static void record_error(job *j, size_t index, gkv_status status, const char *message)
{
#pragma omp critical(gki_gk_fit_record_error)
    if (j->fault == GKV_OK || index < j->first) {
        j->first = index;
        j->fault = status;
        snprintf(j->message, sizeof j->message, "%s", message);
    }
}

/* Takes the results of the block of `size` samples from `begin` on, and frees the memory of its
 * tasks. `status` is that of the block. */
static void take_block(job *j, size_t begin, size_t size, gkv_status status, gki_gk_task *tasks)
{
    if (status != GKV_OK)
        record_error(j, begin, status, gkv_error_message());
    for (size_t i = 0; i < size; i++) {
        gki_gk_task *task = &tasks[i];
        free(task->memory);
        free(task->data.memory);
        if (task->status == GKV_OK && status == GKV_OK)
            j->results[begin + i] = task->result;
        else if (task->status != GKV_OK)
            record_error(j, begin + i, task->status, task->message);
        if (j->statuses)
            j->statuses[begin + i] = status == GKV_OK ? task->status : status;
    }
}

static gkv_status fail_first(const job *j)
{
    if (j->fault == GKV_OK)
        return GKV_OK;
    return j->count == 1
               ? gki_fail(j->fault, "%s", j->message)
               : gki_fail(j->fault, "sample %zu of %zu: %s", j->first + 1, j->count, j->message);
}

/* Sets the statuses of all samples. */
static void put_statuses(const job *j, gkv_status status)
{
    for (size_t i = 0; j->statuses && i < j->count; i++)
        j->statuses[i] = status;
}

gkv_status gkv_gk_fit_many(size_t count, const gkv_gk_sample *samples,
                           const gkv_gk_fit_settings *settings, const gkv_run_options *options,
                           gkv_gk_fit_result *results, gkv_status *statuses)
{
    gkv_gk_fit_settings set;
    gki_gk_fit_common common = {.set = &set};
    job j = {.common = &common,
             .samples = samples,
             .count = count,
             .results = results,
             .statuses = statuses};
    gki_call call;
    gkv_status status = GKV_OK;
    if (count > 0) {
        GKV_NEED(samples);
        GKV_NEED(results);
        memset(results, 0, count * sizeof *results);
    }
    gkv_gk_fit_defaults(&set);
    if (settings)
        set = *settings;
    GKV_TRY_GOTO(gki_gk_fit_check_settings(&set));
    GKV_TRY_GOTO(gki_call_begin(&call, options, count));
    if (count == 0)
        return GKV_OK;
    const size_t all = (size_t)gki_call_threads(&call, 0);
    const size_t used = count < all ? count : all, per_thread = (count + used - 1) / used;
    common.threads = used > 1 ? 1 : (int)all;
    common.kernels = gki_gk_family_kernels(set.family);
    gki_k_min_table_fill(set.c, &common.table);
    common.corner = gki_gk_corner_of(&common);
    j.block = per_thread < BLOCK ? per_thread : BLOCK;
    j.threads = (int)used;
    GKV_TRY_GOTO(job_create(&j));
    put_statuses(&j, GKV_ERR_INTERRUPTED); /* of blocks that are not begun */
#pragma omp parallel for schedule(dynamic, 1) num_threads(j.threads) if (j.threads > 1)
    for (size_t begin = 0; begin < count; begin += j.block) {
        const workspace *own = &j.workspaces[j.threads > 1 ? omp_get_thread_num() : 0];
        const size_t size = count - begin < j.block ? count - begin : j.block;
        if (gki_call_stopped(&call))
            continue;
        take_block(&j, begin, size,
                   fit_block(&common, samples + begin, size, own->tasks, own->chosen, own->scratch),
                   own->tasks);
        gki_call_advance(&call, size);
    }
    status = gki_call_end(&call, "a fit", "samples");
    if (status == GKV_OK)
        status = fail_first(&j);
    job_free(&j);
    return status;
done:
    put_statuses(&j, status);
    job_free(&j);
    return status;
}

gkv_status gkv_gk_fit(size_t n, const double *x, const gkv_gk_fit_settings *settings,
                      gkv_gk_fit_result *result)
{
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(result);
    return gkv_gk_fit_many(1, &(gkv_gk_sample){.n = n, .x = x}, settings,
                           &(gkv_run_options){.threads = 1}, result, NULL);
}

gkv_status gkv_gk_fit_sorted(size_t n, const double *x, const gkv_gk_fit_settings *settings,
                             gkv_gk_fit_result *result)
{
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(result);
    return gkv_gk_fit_many(1, &(gkv_gk_sample){.n = n, .x = x, .sorted = true}, settings,
                           &(gkv_run_options){.threads = 1}, result, NULL);
}
