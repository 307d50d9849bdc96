/* The measurements of app/speed.h: training steps, refits, counts of operations, and matrix
 * products. */
#include "app/speed.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/blas.h"
#include "train/trainer.h"
#include "app/build.h"
#include "gkvae/error.h"

struct gki_bench_training {
    gki_trainer *trainer;
    int most_threads; /* the number of threads for which the trainer has memory */
};

static gkv_status check_threads(int threads, int most)
{
    return threads >= 1 && threads <= most
               ? GKV_OK
               : gki_fail(GKV_ERR_ARGUMENT, "%d threads: give 1 to %d", threads, most);
}

gkv_status gki_bench_training_create(const gkv_settings *settings, gkv_dataset *dataset,
                                     gki_bench_training **out)
{
    gki_bench_training *training = NULL;
    gkv_settings plain = *settings;
    plain.train.fine_tune_epochs = 0;
    *out = NULL;
    gkv_status status = gki_alloc(1, sizeof *training, &training);
    if (status != GKV_OK) {
        gkv_dataset_free(dataset);
        return status;
    }
    training->most_threads = gki_thread_count(&plain);
    status = gki_trainer_create(&plain, training->most_threads, dataset, &training->trainer);
    if (status != GKV_OK)
        gki_bench_training_free(training);
    else
        *out = training;
    return status;
}

void gki_bench_training_free(gki_bench_training *training)
{
    if (!training)
        return;
    gki_trainer_free(training->trainer);
    free(training);
}

gkv_status gki_bench_training_run(gki_bench_training *training, int threads, size_t steps,
                                  double *seconds, gki_bench_profile *out)
{
    gki_trainer *trainer = training->trainer;
    gki_profile profile;
    gki_step_report report;
    GKV_TRY(check_threads(threads, training->most_threads));
    if (steps > trainer->steps - trainer->state.step)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%zu steps: the run has %llu left of %llu; give it more train.epochs",
                        steps, (unsigned long long)(trainer->steps - trainer->state.step),
                        (unsigned long long)trainer->steps);
    GKV_TRY(gki_profile_create(threads, &profile));
    trainer->threads = threads;
    trainer->ws.profile = out ? &profile : NULL;
    gkv_status status = GKV_OK;
    const double began = omp_get_wtime();
    for (size_t i = 0; status == GKV_OK && i < steps; i++)
        status = gki_trainer_step(trainer, &report);
    *seconds = omp_get_wtime() - began;
    trainer->ws.profile = NULL;
    if (out) {
        gki_profile_sum(&profile, out);
        double sum = 0;
        for (int part = 0; part < GKV_BENCH_PARTS; part++)
            sum += out->seconds[part];
        out->seconds[GKV_BENCH_WAITING] += threads * *seconds - sum; /* between steps */
    }
    gki_profile_free(&profile);
    return status;
}

/* --- Refits --------------------------------------------------------------- */

/* The most steps that a benchmark accumulates into sufficient statistics, unless the held-out codes
 * need more. */
enum { MANY_STEPS = 50 };

/* Returns the first step, from this one on, after which a refit is due. */
static uint64_t due_from(const gki_trainer *trainer, uint64_t step)
{
    while (!gki_trainer_refit_due(trainer, step))
        step++;
    return step;
}

/* Returns the number of steps after which the first refit is due. It is one period, up to
 * rounding. */
static uint64_t first_due(const gki_trainer *trainer)
{
    const uint64_t period = (uint64_t)gki_trainer_refit_period(trainer);
    return due_from(trainer, period > 1 ? period - 1 : 1);
}

/* Stores the codes and labels of the first training images, as the last steps of a run before a
 * refit do. */
static gkv_status fresh_codes(gki_trainer *trainer)
{
    const gkv_model *model = trainer->model;
    const double between = fmin(gki_trainer_refit_period(trainer), (double)trainer->epoch_steps) *
                           (double)trainer->batch;
    const size_t capacity = trainer->store.capacity,
                 count = between < (double)capacity ? (size_t)between : capacity;
    gki_images images = trainer->train;
    images.count = count;
    float *x = NULL, *codes = NULL;
    gki_real *row = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(count * model->values, sizeof *x, &x));
    GKV_TRY_GOTO(gki_alloc(count * model->d, sizeof *codes, &codes));
    GKV_TRY_GOTO(gki_alloc(model->values, sizeof *row, &row));
    for (size_t i = 0; i < count; i++) {
        gki_images_fetch(&images, i, 0, row);
        for (size_t k = 0; k < model->values; k++)
            x[i * model->values + k] = (float)row[k];
        if (trainer->store.labels)
            trainer->store.labels[i] =
                (gki_real)(1 + gkv_dataset_labels(trainer->dataset)[gki_images_index(&images, i)]);
    }
    GKV_TRY_GOTO(
        gkv_model_sample_posterior(model, count, x, model->settings.train.seed, 0, NULL, codes));
    GKV_TRY_GOTO(gkv_model_normalise(model, count, codes, NULL, codes));
    for (size_t i = 0; i < count * model->d; i++)
        trainer->store.codes[i] = (gki_real)codes[i];
    trainer->state.codes = count;
    trainer->state.codes_density = NAN; /* unknown: the refit computes it */
done:
    free(x);
    free(codes);
    free(row);
    return status;
}

/* Whether a run has any refit, and whether it has any after the first. */
static bool has_first(const gki_trainer *trainer)
{
    return trainer->store.codes != NULL;
}

static bool has_others(const gki_trainer *trainer)
{
    return has_first(trainer) && (!trainer->store.stats || first_due(trainer) < trainer->steps);
}

/* Does the steps between two refits to statistics, starting from empty statistics. The steps before
 * the first of these refits are skipped. If there are many steps between the two, the first of them
 * are skipped too: the time of a refit does not depend on the number of rows, only on the number of
 * held-out codes, which all are there. */
static gkv_status accumulate_stats(gki_trainer *trainer)
{
    const uint64_t from = due_from(trainer, trainer->state.step), to = due_from(trainer, from + 1);
    const uint64_t held_out = 2 * GKV_STATS_HELD_OUT / trainer->batch + 1,
                   most = held_out > MANY_STEPS ? held_out : MANY_STEPS;
    gki_step_report report;
    if (to > trainer->steps)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the run ends after %llu steps, before its next refit but one; give it "
                        "more train.epochs",
                        (unsigned long long)trainer->steps);
    trainer->state.step = to - from < most ? from : to - most;
    gki_trainer_drop_codes(trainer);
    gki_base_stats_clear(trainer->store.stats);
    while (trainer->state.step < to)
        GKV_TRY(gki_trainer_step(trainer, &report));
    return GKV_OK;
}

static gkv_status refit(gki_trainer *trainer, bool first, double *seconds)
{
    const bool accumulated = trainer->store.stats && !first;
    gki_base_refit_report report = {0};
    if (first)
        trainer->state.refits = trainer->state.accepted_refits = 0;
    gkv_status status = accumulated ? accumulate_stats(trainer) : fresh_codes(trainer);
    if (status == GKV_OK && (!accumulated || gki_trainer_has_codes(trainer)))
        status = gki_trainer_refit(trainer, &report);
    gki_trainer_drop_codes(trainer); /* the next refit needs new codes */
    *seconds = report.seconds;
    if (status == GKV_OK && first && trainer->store.stats && trainer->state.accepted_refits > 0) {
        const uint64_t due = first_due(trainer);
        if (trainer->state.step < due && due < trainer->steps)
            trainer->state.step = due; /* from this step on, a run accumulates statistics */
    }
    return status;
}

gkv_status gki_bench_training_refit(gki_bench_training *training, int threads, bool first,
                                    double *seconds)
{
    gki_trainer *trainer = training->trainer;
    *seconds = 0;
    GKV_TRY(check_threads(threads, training->most_threads));
    if (!(first ? has_first(trainer) : has_others(trainer)))
        return GKV_OK;
    trainer->threads = threads;
    if (!first && trainer->state.accepted_refits == 0) {
        GKV_TRY(refit(trainer, true, seconds));
        *seconds = 0;
        if (trainer->store.stats && trainer->state.accepted_refits == 0)
            return GKV_OK; /* the next refit of a run would be a first one again */
    }
    return refit(trainer, first, seconds);
}

double gki_bench_training_refit_steps(const gki_bench_training *training)
{
    const gki_trainer *trainer = training->trainer;
    if (!has_others(trainer))
        return 0;
    if (!trainer->store.stats)
        return gki_trainer_refit_period(trainer);
    gki_trainer after = *trainer; /* the trainer as it would be after an accepted first refit */
    after.state.accepted_refits = 1;
    const uint64_t due = first_due(&after);
    return (double)(due_from(&after, due + 1) - due);
}

/* --- Counts of operations ------------------------------------------------- */

gkv_model *gki_bench_training_model(gki_bench_training *training)
{
    return training->trainer->model;
}

size_t gki_bench_training_batch(const gki_bench_training *training)
{
    return training->trainer->batch;
}

uint64_t gki_bench_training_epoch_steps(const gki_bench_training *training)
{
    return training->trainer->epoch_steps;
}

void gki_bench_count(const gkv_model *model, gki_bench_operations *operations)
{
    const double draws = (double)model->settings.train.samples;
    operations->encoding = 2 * model->encoder->products;
    const double nets = 2 * (model->flow->products + model->decoder->products),
                 base = 2 * model->base->products;
    operations->sample = nets + base;
    operations->draw = 2 * (model->flow->generated_products + model->decoder->products);
    /* weights, moments and the average are read and written; gradients are read twice */
    const double numbers = model->settings.train.ema > 0 ? 10 : 8;
    operations->updated = numbers * (double)(model->params.trainable * sizeof(gki_real));
    operations->training = 3 * (operations->encoding + draws * nets) + 2 * draws * base -
                           2 * model->encoder->first_products;
}

gkv_status gki_bench_gemm(size_t n, int threads, double *seconds)
{
    GKV_TRY(check_threads(threads, 256));
    if (n < 1 || n > 16384)
        return gki_fail(GKV_ERR_ARGUMENT, "matrices of size %zu: give 1 to 16384", n);
    float *matrices = NULL;
    const size_t size = n * n;
    GKV_TRY(gki_alloc(3 * size, sizeof *matrices, &matrices));
    for (size_t i = 0; i < 2 * size; i++)
        matrices[i] = (float)(i % 17) - 8;
    gkv_status status = GKV_OK;
    memset(matrices + 2 * size, 0, size * sizeof *matrices); /* touches the memory */
    /* A product of a sixty-fourth of the operations starts the threads. */
    GKV_TRY_GOTO(gki_blas_square_product((n + 3) / 4, threads, matrices, matrices + size,
                                         matrices + 2 * size));
    const double began = omp_get_wtime();
    GKV_TRY_GOTO(
        gki_blas_square_product(n, threads, matrices, matrices + size, matrices + 2 * size));
    *seconds = omp_get_wtime() - began;
done:
    free(matrices);
    return status;
}

gkv_status gki_bench_memory(int threads, double *bytes_per_second)
{
    enum { NUMBERS = 1 << 22, ARRAYS = 3, RUNS = 3 };
    GKV_TRY(check_threads(threads, 256));
    double *a = NULL, best = INFINITY;
    GKV_TRY(gki_alloc((size_t)ARRAYS * NUMBERS, sizeof *a, &a));
    double *b = a + NUMBERS, *c = b + NUMBERS;
    for (int run = 0; run <= RUNS; run++) { /* the first one touches the memory */
        const double began = omp_get_wtime();
#pragma omp parallel for simd schedule(static) num_threads(threads)
        for (size_t i = 0; i < NUMBERS; i++)
            a[i] = b[i] + 3 * c[i];
        if (run > 0)
            best = fmin(best, omp_get_wtime() - began);
    }
    *bytes_per_second = (double)ARRAYS * NUMBERS * sizeof *a / best;
    free(a);
    return GKV_OK;
}

/* --- The build ------------------------------------------------------------ */

const char *gki_build_description(void)
{
    static _Thread_local char text[512];
    const char *lines = gkv_build_description(), *kernels = strchr(lines, '\n');
    snprintf(text, sizeof text, "%.*s\nBLAS: %s%s", (int)(kernels - lines), lines,
             gki_blas_description(), kernels);
    return text;
}
