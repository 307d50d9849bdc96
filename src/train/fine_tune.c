/* Semi-amortized fine-tuning (fine_tune.h). trainer_step.c calls gki_fine_tuner_pass(). */
#include "train/fine_tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "num/constants.h"

/* BATCH_IMAGES: the images of a batch, which has fewer if their d × d matrices would have more than
 * BATCH_NUMBERS numbers. POINTS: the gradient samples of an image, and its acceptance samples. */
enum { BATCH_IMAGES = 20, BATCH_NUMBERS = 1 << 20, POINTS = 4 };

gkv_refine_settings gki_fine_tune_refine_settings(const gkv_settings *settings)
{
    gkv_refine_settings out;
    gkv_refine_defaults(&out);
    out.iterations = (size_t)settings->train.fine_tune_iterations;
    out.curvature_samples = (size_t)settings->train.fine_tune_samples;
    out.advanced.gradient_samples = out.advanced.acceptance_samples = POINTS;
    out.seed = settings->train.seed;
    return out;
}

static gkv_status worker_create(const gki_fine_tuner *fine_tuner, const gki_workspace *shared,
                                gki_fine_tuner_worker *worker)
{
    const gkv_model *model = fine_tuner->model;
    const gkv_refine_settings settings = gki_fine_tune_refine_settings(&model->settings);
    GKV_TRY(gki_refine_target_create(model, 1, fine_tuner->batch, &worker->target));
    gki_workspace_share_packed(&worker->target.ws, shared);
    GKV_TRY(gki_refinement_create(&settings, &worker->target.target, fine_tuner->batch,
                                  &worker->refinement));
    worker->refinement.stream = GKV_STREAM_FINE_TUNE;
    return gki_alloc(model->d, sizeof *worker->variance, &worker->variance);
}

gkv_status gki_fine_tuner_create(const gkv_model *model, const gki_workspace *shared, int threads,
                                 gki_fine_tuner **out)
{
    gki_fine_tuner *fine_tuner = NULL;
    gkv_status status = GKV_OK;
    const size_t most = BATCH_NUMBERS / (model->d * model->d);
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *fine_tuner, &fine_tuner));
    *fine_tuner = (gki_fine_tuner){.model = model,
                                   .threads = threads,
                                   .batch = most < 1              ? 1
                                            : most < BATCH_IMAGES ? most
                                                                  : BATCH_IMAGES};
    GKV_TRY_GOTO(gki_alloc((size_t)threads, sizeof *fine_tuner->workers, &fine_tuner->workers));
    for (int t = 0; t < threads; t++)
        GKV_TRY_GOTO(worker_create(fine_tuner, shared, &fine_tuner->workers[t]));
    *out = fine_tuner;
    return GKV_OK;
done:
    gki_fine_tuner_free(fine_tuner);
    return status;
}

void gki_fine_tuner_free(gki_fine_tuner *fine_tuner)
{
    if (!fine_tuner)
        return;
    for (int t = 0; fine_tuner->workers && t < fine_tuner->threads; t++) {
        gki_refine_target_free(&fine_tuner->workers[t].target);
        gki_refinement_free(&fine_tuner->workers[t].refinement);
        free(fine_tuner->workers[t].variance);
    }
    free(fine_tuner->workers);
    free(fine_tuner);
}

/* Refines the Gaussians of `count` images. They start from the encoder's output and σ in the
 * workspace. */
static void refine(const gkv_model *model, gki_fine_tuner_worker *worker, const gki_workspace *ws,
                   size_t first, size_t count, const uint32_t *index, uint64_t epoch)
{
    const gki_posterior *posterior = &model->posterior;
    gki_refine_target *target = &worker->target;
    for (size_t i = 0; i < count; i++) {
        const size_t row = (first + i) * ws->draws;
        memcpy(target->x + i * model->values, gki_at(ws, model->x, first + i),
               model->values * sizeof *target->x);
        if (model->base->classes > 0)
            target->label[i] = *gki_at(ws, model->label, row);
        gki_refinement_begin(&worker->refinement, i, gki_at(ws, posterior->encoded, first + i),
                             gki_at(ws, posterior->sigma, row), NULL, index[i]);
    }
    worker->refinement.noise_step =
        epoch * gki_refinement_noise_count(worker->refinement.settings.iterations);
    gki_refinement_run(&worker->refinement, count);
}

/* Computes z = m + Lu and log q(z) of each draw of an image. */
static void draw(const gkv_model *model, const double *mean, const double *factor,
                 gki_workspace *ws, size_t image)
{
    const gki_posterior *posterior = &model->posterior;
    const size_t d = model->d;
    for (size_t r = image * ws->draws; r < (image + 1) * ws->draws; r++) {
        const gki_real *u = gki_at(ws, posterior->u, r);
        gki_real *z = gki_at(ws, posterior->z, r);
        double log_q = -(double)d * GKV_HALF_LOG_2PI;
        for (size_t j = 0; j < d; j++) {
            double sum = mean[j];
            for (size_t k = 0; k <= j; k++)
                sum += factor[j * d + k] * (double)u[k];
            z[j] = (gki_real)sum;
            log_q -= log(factor[j * d + j]) + (double)u[j] * (double)u[j] / 2;
        }
        *gki_at(ws, posterior->log_q, r) = (gki_real)log_q;
    }
}

static void variances(size_t d, const double *factor, double *out)
{
    for (size_t j = 0; j < d; j++) {
        out[j] = 0;
        for (size_t k = 0; k <= j; k++)
            out[j] += factor[j * d + k] * factor[j * d + k];
    }
}

void gki_fine_tuner_pass(const gki_fine_tuner *fine_tuner, int thread, gki_workspace *ws,
                         size_t first, size_t count, const uint32_t *index, uint64_t epoch,
                         const gki_objective *objective)
{
    const gkv_model *model = fine_tuner->model;
    gki_fine_tuner_worker *worker = &fine_tuner->workers[thread];
    const size_t d = model->d, rows = count * ws->draws, first_row = first * ws->draws;
    gki_pass_encode(model, ws, first, count);
    gki_posterior_forward(&model->posterior, ws, first_row, rows);
    for (size_t from = 0; from < count; from += fine_tuner->batch) {
        const size_t n = count - from < fine_tuner->batch ? count - from : fine_tuner->batch;
        refine(model, worker, ws, first + from, n, index + from, epoch);
        for (size_t i = 0; i < n; i++) {
            const double *mean = worker->refinement.now.mean + i * d,
                         *factor = worker->refinement.now.factor + i * d * d;
            draw(model, mean, factor, ws, first + from + i);
            variances(d, factor, worker->variance);
            gki_posterior_distill(&model->posterior, ws, first + from + i, mean, worker->variance);
        }
    }
    gki_profile_mark(ws->profile, GKV_BENCH_NOISE);
    gki_pass_prior(model, ws, first_row, rows);
    gki_pass_decode(model, ws, first_row, rows);
    gki_pass_likelihood(model, ws, first_row, rows);
    gki_pass_backward_to_z(model, ws, first_row, rows, objective);
    model->encoder->ops->backward(model->encoder, ws, first, count);
}
