/* Fits of one sample and of many: settings, and blocks of samples shared out to threads. */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/threads.h"
#include "gkfit/fit.h"

/* Samples that a thread has in memory, condensed, at the same time. */
enum { BLOCK = 256 };

void gkv_gk_fit_defaults(gkv_gk_fit_settings *settings)
{
    *settings = (gkv_gk_fit_settings){.c = 0.8,
                                      .margin = 1e-4,
                                      .max_passes = 20,
                                      .pass_tolerance = 1e-3,
                                      .low = {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
                                      .high = {INFINITY, INFINITY, INFINITY, INFINITY},
                                      .confidence = 0.95,
                                      .tail = 0.002,
                                      .max_newton = 100,
                                      .likelihood = 1};
    gkv_lm_defaults(&settings->lm);
    /* A step or two a pass, for q' has to follow: what a pass leaves undone the next one does. */
    settings->lm.cost_tolerance = 1e-3;
    settings->lm.step_tolerance = 1e-8;
    settings->lm.max_iterations = 10;
}

/* A thread's memory. */
typedef struct bench {
    gkv_gk_task *tasks, **chosen;
    double *scratch;
} bench;

/* All fits of a call: blocks of samples, each of which one thread takes from beginning to end. */
typedef struct job {
    const gkv_gk_fit_common *common;
    const gkv_gk_sample *samples;
    size_t count, block;
    int threads;
    bench *benches;
    gkv_gk_fit_result *results;
    gkv_status *statuses;
    size_t first; /* the first sample that could not be fitted */
    gkv_status fault;
    char message[GKV_GK_FIT_MESSAGE];
} job;

static gkv_status job_create(job *j)
{
    size_t most = 0;
    for (size_t i = 0; i < j->count; i++)
        most = j->samples[i].n > most ? j->samples[i].n : most;
    if (most > SIZE_MAX / 64)
        return gkv_fail(GKV_ERR_ARGUMENT, "a sample of %zu values is too large", most);
    GKV_TRY(gkv_alloc((size_t)j->threads, sizeof *j->benches, &j->benches));
    for (int t = 0; t < j->threads; t++) {
        bench *own = &j->benches[t];
        GKV_TRY(gkv_alloc(j->block, sizeof *own->tasks, &own->tasks));
        GKV_TRY(gkv_alloc(j->block, sizeof(gkv_gk_task *), &own->chosen));
        GKV_TRY(gkv_alloc(gkv_gk_ties_size(most), sizeof(double), &own->scratch));
    }
    return GKV_OK;
}

static void job_free(job *j)
{
    for (int t = 0; j->benches && t < j->threads; t++) {
        free(j->benches[t].tasks);
        free(j->benches[t].chosen);
        free(j->benches[t].scratch);
    }
    free(j->benches);
}

/* Of all faults the one of the least index is told, whichever thread was first. */
static void blame(job *j, size_t index, gkv_status status, const char *message)
{
#pragma omp critical(gkv_gk_fit_record_error)
    if (j->fault == GKV_OK || index < j->first) {
        j->first = index;
        j->fault = status;
        snprintf(j->message, sizeof j->message, "%s", message);
    }
}

static void fit_one_block(job *j, size_t begin)
{
    const bench *own = &j->benches[j->threads > 1 ? omp_get_thread_num() : 0];
    const size_t size = j->count - begin < j->block ? j->count - begin : j->block;
    memset(own->tasks, 0, size * sizeof *own->tasks);
    for (size_t i = 0; i < size; i++)
        own->tasks[i].sample = &j->samples[begin + i];
    const gkv_status status = gkv_gk_fit_block(j->common, own->tasks, size, own->chosen, own->scratch);
    if (status != GKV_OK)
        blame(j, begin, status, gkv_error_message());
    for (size_t i = 0; i < size; i++) {
        gkv_gk_task *task = &own->tasks[i];
        free(task->memory);
        if (task->status == GKV_OK && status == GKV_OK)
            j->results[begin + i] = task->result;
        else if (task->status != GKV_OK)
            blame(j, begin + i, task->status, task->message);
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
    return j->count == 1 ? gkv_fail(j->fault, "%s", j->message)
                         : gkv_fail(j->fault, "sample %zu of %zu: %s", j->first + 1, j->count, j->message);
}

gkv_status gkv_gk_fit_many(const gkv_gk_sample *samples, size_t count, const gkv_gk_fit_settings *settings, int threads,
                           gkv_gk_fit_result *results, gkv_status *statuses)
{
    gkv_gk_fit_settings set;
    if (settings)
        set = *settings;
    else
        gkv_gk_fit_defaults(&set);
    if (count > 0)
        memset(results, 0, count * sizeof *results);
    gkv_status status = gkv_gk_fit_check_settings(&set);
    if (status == GKV_OK)
        status = gkv_threads_check(threads, "a fit");
    for (size_t i = 0; statuses && i < count; i++)
        statuses[i] = status;
    if (status != GKV_OK || count == 0)
        return status;
    const size_t all = (size_t)gkv_threads(threads);
    const size_t used = count < all ? count : all, share = (count + used - 1) / used;
    gkv_gk_fit_common common = {.set = &set, .kernels = gkv_gk_fit_kernels_get(), .threads = used > 1 ? 1 : (int)all};
    gkv_k_min_table_fill(set.c, &common.edge);
    job j = {.common = &common, .samples = samples, .count = count, .block = share < BLOCK ? share : BLOCK,
             .threads = (int)used, .results = results, .statuses = statuses};
    status = fit_all(&j);
    job_free(&j);
    return status;
}

gkv_status gkv_gk_fit(const double *x, size_t n, const gkv_gk_fit_settings *settings, gkv_gk_fit_result *result)
{
    return gkv_gk_fit_many(&(gkv_gk_sample){.x = x, .n = n}, 1, settings, 1, result, NULL);
}

gkv_status gkv_gk_fit_sorted(const double *x, size_t n, const gkv_gk_fit_settings *settings, gkv_gk_fit_result *result)
{
    return gkv_gk_fit_many(&(gkv_gk_sample){.x = x, .n = n, .sorted = 1}, 1, settings, 1, result, NULL);
}
