/* The public functions for fits of one sample and of many. Blocks of samples are distributed over
 * threads. */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/threads.h"
#include "gkfit/fit.h"
#include "num/constants.h"

enum { BLOCK = 256 }; /* the greatest number of samples that a thread fits together */

void gkv_gk_fit_defaults(gkv_gk_fit_settings *settings)
{
    *settings = (gkv_gk_fit_settings){.c = GKV_GK_DEFAULT_C,
                                      .margin = 1e-4,
                                      .max_reweightings = 20,
                                      .reweighting_tolerance = 1e-3,
                                      .low = {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
                                      .high = {INFINITY, INFINITY, INFINITY, INFINITY},
                                      .confidence = 0.95,
                                      .tail = 0.002,
                                      .max_newton = 100,
                                      .likelihood = 1};
    gkv_lm_defaults(&settings->lm);
    /* A reweighting iteration needs one or two LM steps only, because the next iteration changes
     * q'. */
    settings->lm.cost_tolerance = 1e-3;
    settings->lm.step_tolerance = 1e-8;
    settings->lm.max_iterations = 10;
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

static void fit_one_block(job *j, size_t begin)
{
    const workspace *own = &j->workspaces[j->threads > 1 ? omp_get_thread_num() : 0];
    const size_t size = j->count - begin < j->block ? j->count - begin : j->block;
    memset(own->tasks, 0, size * sizeof *own->tasks);
    for (size_t i = 0; i < size; i++)
        own->tasks[i].sample = &j->samples[begin + i];
    const gkv_status status =
        gki_gk_fit_block(j->common, own->tasks, size, own->chosen, own->scratch);
    if (status != GKV_OK)
        record_error(j, begin, status, gkv_error_message());
    for (size_t i = 0; i < size; i++) {
        gki_gk_task *task = &own->tasks[i];
        free(task->memory);
        if (task->status == GKV_OK && status == GKV_OK)
            j->results[begin + i] = task->result;
        else if (task->status != GKV_OK)
            record_error(j, begin + i, task->status, task->message);
        if (j->statuses)
            j->statuses[begin + i] = status == GKV_OK ? task->status : status;
    }
}

static gkv_status fit_all(job *j)
{
    GKV_TRY(job_create(j));
    const size_t blocks = (j->count + j->block - 1) / j->block;
#pragma omp parallel for schedule(dynamic, 1) num_threads(j->threads) if (j->threads > 1)
    for (size_t b = 0; b < blocks; b++)
        fit_one_block(j, b * j->block);
    if (j->fault == GKV_OK)
        return GKV_OK;
    return j->count == 1
               ? gki_fail(j->fault, "%s", j->message)
               : gki_fail(j->fault, "sample %zu of %zu: %s", j->first + 1, j->count, j->message);
}

gkv_status gkv_gk_fit_many(const gkv_gk_sample *samples, size_t count,
                           const gkv_gk_fit_settings *settings, int threads,
                           gkv_gk_fit_result *results, gkv_status *statuses)
{
    gkv_gk_fit_settings set;
    if (settings)
        set = *settings;
    else
        gkv_gk_fit_defaults(&set);
    if (count > 0)
        memset(results, 0, count * sizeof *results);
    gkv_status status = gki_gk_fit_check_settings(&set);
    if (status == GKV_OK)
        status = gki_threads_check(threads, "a fit");
    for (size_t i = 0; statuses && i < count; i++)
        statuses[i] = status;
    if (status != GKV_OK || count == 0)
        return status;
    const size_t all = (size_t)gki_threads(threads);
    const size_t used = count < all ? count : all, per_thread = (count + used - 1) / used;
    gki_gk_fit_common common = {
        .set = &set, .kernels = gki_gk_fit_kernels_get(), .threads = used > 1 ? 1 : (int)all};
    gki_k_min_table_fill(set.c, &common.table);
    job j = {.common = &common,
             .samples = samples,
             .count = count,
             .block = per_thread < BLOCK ? per_thread : BLOCK,
             .threads = (int)used,
             .results = results,
             .statuses = statuses};
    status = fit_all(&j);
    job_free(&j);
    return status;
}

gkv_status gkv_gk_fit(const double *x, size_t n, const gkv_gk_fit_settings *settings,
                      gkv_gk_fit_result *result)
{
    return gkv_gk_fit_many(&(gkv_gk_sample){.x = x, .n = n}, 1, settings, 1, result, NULL);
}

gkv_status gkv_gk_fit_sorted(const double *x, size_t n, const gkv_gk_fit_settings *settings,
                             gkv_gk_fit_result *result)
{
    return gkv_gk_fit_many(&(gkv_gk_sample){.x = x, .n = n, .sorted = 1}, 1, settings, 1, result,
                           NULL);
}
