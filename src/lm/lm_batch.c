/* The solver for many problems. Each thread has a runner, and all runners take problems from one
 * task. */
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "lm/runner.h"

struct gkv_lm_batch {
    size_t n, p;
    int threads;
    gki_simd level;
    gki_lm_runner *runners; /* one for each thread */
};

static gki_simd chosen = GKV_SIMD_LEVELS; /* GKV_SIMD_LEVELS: the CPU decides */

void gki_lm_use(gki_simd level)
{
    chosen = level;
}

gki_simd gki_lm_level(void)
{
    return chosen == GKV_SIMD_LEVELS ? gki_simd_level() : chosen;
}

size_t gkv_lm_lanes(void)
{
    return gki_lm_kernels_of(gki_lm_level())->lanes;
}

const gki_lm_kernels *gki_lm_kernels_for(gki_simd level, size_t count)
{
    if (count <= 1)
        return gki_lm_kernels_single(level);
    gki_simd least = GKV_SIMD_PORTABLE;
    while (least < level && gki_lm_kernels_of(least)->lanes < count)
        least++;
    return gki_lm_kernels_of(least);
}

gkv_status gkv_lm_batch_create(size_t n, size_t p, const gkv_run_options *options,
                               gkv_lm_batch **out)
{
    gki_call call;
    GKV_NEED(out);
    *out = NULL;
    GKV_TRY(gki_call_begin(&call, options, 0));
    gkv_status status = GKV_OK;
    gkv_lm_batch *batch = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *batch, &batch));
    batch->n = n;
    batch->p = p;
    batch->level = gki_lm_level();
    batch->threads = gki_call_threads(&call, 0);
    GKV_TRY_GOTO(gki_alloc((size_t)batch->threads, sizeof *batch->runners, &batch->runners));
    for (int i = 0; i < batch->threads; i++)
        GKV_TRY_GOTO(gki_lm_runner_open(&batch->runners[i], gki_lm_kernels_of(batch->level), n, p));
    *out = batch;
    return GKV_OK;
done:
    gkv_lm_batch_free(batch);
    return status;
}

void gkv_lm_batch_free(gkv_lm_batch *batch)
{
    if (!batch)
        return;
    for (int i = 0; batch->runners && i < batch->threads; i++)
        gki_lm_runner_close(&batch->runners[i]);
    free(batch->runners);
    free(batch);
}

gkv_status gkv_lm_batch_solve(gkv_lm_batch *batch, size_t count, gkv_lm_batch_residuals *residuals,
                              gkv_lm_batch_jacobian *jacobian, void *context,
                              const gkv_lm_settings *settings, const gkv_run_options *options,
                              double *x, gkv_lm_result *results, double *covariances)
{
    gkv_lm_settings set;
    gki_call call;
    GKV_NEED(batch);
    GKV_NEED(residuals);
    if (count > 0)
        GKV_NEED(x);
    if (settings)
        set = *settings;
    else
        gkv_lm_defaults(&set);
    if (set.advanced.equalities || set.advanced.n_equalities)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a batch of least-squares problems does not support equality constraints");
    GKV_TRY(gki_call_begin(&call, options, count));
    GKV_TRY(gki_lm_check(batch->n, batch->p, count, &set));
    gki_lm_task task = {.residuals = residuals,
                        .jacobian = jacobian,
                        .context = context,
                        .set = &set,
                        .call = &call,
                        .count = count,
                        .x = x,
                        .results = results,
                        .covariances = covariances};
    const size_t all = (size_t)batch->threads, per_thread = count / all + (count % all > 0);
    const gki_lm_kernels *kernels = gki_lm_kernels_for(batch->level, per_thread);
    const size_t groups = count / kernels->lanes + (count % kernels->lanes > 0);
    const int threads = groups < (size_t)batch->threads ? (int)groups : batch->threads;
    gkv_status status = GKV_OK;
    char message[1024] = "";
    if (threads == 0)
        return GKV_OK;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int i = 0; i < threads; i++) {
        gki_lm_runner_fit(&batch->runners[i], kernels, batch->n, batch->p);
        const gkv_status own = gki_lm_run(&batch->runners[i], &task);
#pragma omp critical(gki_lm_batch_status)
        if (own != GKV_OK && status == GKV_OK) {
            /* each thread has its own message; the caller's thread gets a copy */
            status = own;
            snprintf(message, sizeof message, "%s", gkv_error_message());
        }
    }
    return status == GKV_OK ? gki_call_end(&call, "a batch of least-squares problems", "problems")
                            : gki_fail(status, "%s", message);
}
