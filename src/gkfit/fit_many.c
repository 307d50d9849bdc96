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
#include "gkfit/c_fit.h"
#include "gkfit/fit.h"
#include "gkfit/fit_family.h"
#include "num/constants.h"

/* --- A block -------------------------------------------------------------- */

/* A given start, with the octile estimates of parameters that are NaN and not fixed. */
static gkv_gk complete_start(const gki_gk_fit_common *common, const gki_gk_task *task,
                             const gkv_gk *given)
{
    const gkv_gk own = gki_gk_fit_clamped_start(common, task);
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
        status = gki_gk_fit_begin_at_octiles(common, task); /* the mle itself tries the start */
    else if (status == GKV_OK && set->method != GKV_GK_OCTILES)
        status = gki_gk_fit_begin(common, task, &task->start);
    gki_gk_fit_record(task, status);
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
                gki_gk_fit_record(&tasks[i], gki_gk_fit_pin(common, &tasks[i], &changed));
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

static gkv_status finish_lm(const gki_gk_fit_common *common, gki_gk_task *task)
{
    bool replaced = false;
    GKV_TRY(gki_gk_fit_replace(common, task, &replaced));
    return task->result.converged && !task->result.at_bound && !replaced
               ? gki_gk_fit_errors(common, task)
               : GKV_OK;
}

/* Estimates c after the fit with that of the settings. */
static gkv_status finish_with_c(const gki_gk_fit_common *common, gki_gk_task *task)
{
    gki_gk_with_c own;
    gki_gk_with_c_begin(common, &own);
    GKV_TRY(gki_gk_estimate_c(&own, task));
    return gki_gk_fit_conclude(&own.common, task);
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
        status =
            common->set->free_c ? finish_with_c(common, task) : gki_gk_fit_conclude(common, task);
    gki_gk_fit_record(task, status);
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
        if (!common->set->advanced.one_start)
            GKV_TRY(gki_gk_fit_restart(common, tasks, count, chosen));
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
    gkv_remedy remedy;                /* and its remedy */
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
static void record_error(job *j, size_t index, gkv_status status, const char *message,
                         gkv_remedy remedy)
{
#pragma omp critical(gki_gk_fit_record_error)
    if (j->fault == GKV_OK || index < j->first) {
        j->first = index;
        j->fault = status;
        snprintf(j->message, sizeof j->message, "%s", message);
        j->remedy = remedy;
    }
}

/* Takes the results of the block of `size` samples from `begin` on, and frees the memory of its
 * tasks. `status` is that of the block. */
static void take_block(job *j, size_t begin, size_t size, gkv_status status, gki_gk_task *tasks)
{
    if (status != GKV_OK)
        record_error(j, begin, status, gkv_error_message(), gkv_error_remedy());
    for (size_t i = 0; i < size; i++) {
        gki_gk_task *task = &tasks[i];
        free(task->memory);
        free(task->data.memory);
        if (task->status == GKV_OK && status == GKV_OK)
            j->results[begin + i] = task->result;
        else if (task->status != GKV_OK)
            record_error(j, begin + i, task->status, task->message, task->remedy);
        if (j->statuses)
            j->statuses[begin + i] = status == GKV_OK ? task->status : status;
    }
}

static gkv_status fail_first(const job *j)
{
    if (j->fault == GKV_OK)
        return GKV_OK;
    return j->count == 1 ? gki_fail_remedy(j->fault, j->remedy, "%s", j->message)
                         : gki_fail_remedy(j->fault, j->remedy, "sample %zu of %zu: %s",
                                           j->first + 1, j->count, j->message);
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
    common.kernels = gki_gk_fit_family_of(set.family)->kernels();
    common.table.family = set.family;
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
