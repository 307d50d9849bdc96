#include "vae/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "nn/kernels.h"

static const double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;

/* After this many steps in a row that were not finite the trainer returns to the last
 * good state with half the learning rate, and after that many returns it gives up. */
enum { BAD_STEPS_MAX = 5, ROLLBACKS_MAX = 5 };

/* Elements of a stretch that one task of the optimiser takes. */
enum { CHUNK = 16384 };

/* --- Create and free ------------------------------------------------------------ */

/* Splits the images at random, by the seed, so that a file sorted by label is fine. */
static gkv_status split_images(gkv_trainer *trainer)
{
    const gkv_settings *settings = &trainer->model->settings;
    const size_t count = gkv_dataset_count(trainer->dataset);
    const size_t held_out = (size_t)settings->data.validation;
    if (held_out >= count)
        return gkv_fail(GKV_ERR_CONFIG, "data.validation is %zu, but the training set has %zu images: none would be "
                        "left to train on", held_out, count);
    GKV_TRY(gkv_alloc(count, sizeof *trainer->split, &trainer->split));
    GKV_TRY(gkv_alloc(count - held_out, sizeof *trainer->shuffled, &trainer->shuffled));
    const uint64_t seed = settings->train.seed;
    gkv_rng_permutation(gkv_rng_at(seed, GKV_STREAM_VALIDATION_SPLIT, 0, 0), (uint32_t)count, trainer->split);
    gkv_binarization mode;
    GKV_TRY(gkv_binarization_parse(settings->data.binarization, &mode));
    trainer->train = (gkv_images){.dataset = trainer->dataset, .order = trainer->split, .count = count - held_out,
                                  .mode = mode, .seed = seed, .fixed_step = GKV_FIXED_TRAIN,
                                  .every_visit = mode == GKV_BINARIZE_DYNAMIC};
    trainer->validation = trainer->train;
    trainer->validation.order = trainer->split + trainer->train.count;
    trainer->validation.count = held_out;
    trainer->validation.every_visit = false;
    return GKV_OK;
}

gkv_status gkv_trainer_create(const gkv_settings *settings, gkv_dataset *dataset, gkv_trainer **out)
{
    gkv_trainer *trainer = NULL;
    double *mean = NULL;
    gkv_status status = gkv_alloc(1, sizeof *trainer, &trainer);
    if (status != GKV_OK) {
        gkv_dataset_free(dataset);
        goto done;
    }
    trainer->dataset = dataset;
    trainer->shuffled_epoch = UINT64_MAX;
    trainer->threads = gkv_thread_count(settings);
    const size_t height = gkv_dataset_height(dataset), width = gkv_dataset_width(dataset);
    GKV_TRY_GOTO(gkv_alloc(height * width, sizeof *mean, &mean));
    GKV_TRY_GOTO(gkv_dataset_mean(dataset, 0, gkv_dataset_count(dataset), mean));
    GKV_TRY_GOTO(gkv_model_create(settings, height, width, mean, &trainer->model));
    GKV_TRY_GOTO(split_images(trainer));
    const gkv_params *params = &trainer->model->params;
    GKV_TRY_GOTO(gkv_workspace_create(&trainer->model->plan, (size_t)settings->train.batch, true, params,
                                      &trainer->ws));
    GKV_TRY_GOTO(gkv_alloc(4 * params->total, sizeof *trainer->good, &trainer->good));
    GKV_TRY_GOTO(gkv_alloc(params->trainable / CHUNK + 1, sizeof *trainer->squares, &trainer->squares));
    if (settings->train.ema > 0) {
        GKV_TRY_GOTO(gkv_alloc(params->total, sizeof *trainer->ema, &trainer->ema));
        memcpy(trainer->ema, params->values, params->total * sizeof *trainer->ema);
    }
    const uint64_t batch = (uint64_t)settings->train.batch, count = trainer->train.count;
    trainer->epoch_steps = (count + batch - 1) / batch;
    trainer->steps = trainer->epoch_steps * (uint64_t)settings->train.epochs;
    trainer->state.rate_factor = 1;
    trainer->state.best = INFINITY;
    gkv_trainer_mark_good(trainer);
done:
    free(mean);
    if (status != GKV_OK) {
        gkv_trainer_free(trainer);
        trainer = NULL;
    }
    *out = trainer;
    return status;
}

void gkv_trainer_free(gkv_trainer *trainer)
{
    if (!trainer)
        return;
    gkv_model_free(trainer->model);
    gkv_dataset_free(trainer->dataset);
    gkv_workspace_free(&trainer->ws);
    free(trainer->split);
    free(trainer->shuffled);
    free(trainer->ema);
    free(trainer->good);
    free(trainer->squares);
    free(trainer);
}

/* --- One step --------------------------------------------------------------------- */

static double learning_rate_at(const gkv_trainer *trainer)
{
    const double done = (double)trainer->state.step / (double)trainer->steps;
    return trainer->model->settings.train.learning_rate * trainer->state.rate_factor * 0.5 *
           (1 + cos(3.14159265358979323846 * done));
}

static double kl_weight_at(const gkv_trainer *trainer)
{
    const double warmup = trainer->model->settings.train.kl_warmup * (double)trainer->epoch_steps;
    return warmup > 0 ? fmin(1, (double)(trainer->state.step + 1) / warmup) : 1;
}

/* The order of this epoch's images: a function of seed and epoch alone. */
static void shuffle_for(gkv_trainer *trainer, uint64_t epoch)
{
    if (trainer->shuffled_epoch == epoch)
        return;
    gkv_rng_permutation(gkv_rng_at(trainer->model->settings.train.seed, GKV_STREAM_SHUFFLE, epoch, 0),
                        (uint32_t)trainer->train.count, trainer->shuffled);
    trainer->shuffled_epoch = epoch;
}

static void fetch_rows(const gkv_trainer *trainer, size_t start, size_t first, size_t count)
{
    const gkv_model *model = trainer->model;
    for (size_t r = first; r < first + count; r++) {
        const uint32_t i = trainer->shuffled[start + r];
        gkv_images_fetch(&trainer->train, i, trainer->state.step, gkv_at(&trainer->ws, model->x, r));
        gkv_rng_normal(gkv_rng_at(model->settings.train.seed, GKV_STREAM_POSTERIOR, trainer->state.step,
                                  gkv_images_place(&trainer->train, i)),
                       model->d, gkv_at(&trainer->ws, model->posterior.u, r));
    }
}

static void move_chunk(gkv_trainer *trainer, size_t first, double scale, double rate)
{
    const gkv_params *params = &trainer->model->params;
    const size_t count = params->trainable - first < CHUNK ? params->trainable - first : CHUNK;
    const double t = (double)trainer->state.updates + 1;
    const double correction = sqrt(1 - pow(adam_beta2, t));
    gkv_nn_kernels_get()->adam(count, (gkv_real)scale, (gkv_real)(rate * correction / (1 - pow(adam_beta1, t))),
                               (gkv_real)adam_beta1, (gkv_real)adam_beta2, (gkv_real)(adam_epsilon * correction),
                               params->grads + first, params->m + first, params->v + first,
                               params->values + first);
}

static void average_chunk(const gkv_trainer *trainer, size_t first)
{
    const gkv_params *params = &trainer->model->params;
    const size_t end = params->trainable - first < CHUNK ? params->trainable : first + CHUNK;
    /* The first steps count more, so that the average forgets the initial weights. */
    const double t = (double)trainer->state.updates;
    const gkv_real keep = (gkv_real)fmin(trainer->model->settings.train.ema, (1 + t) / (10 + t));
    for (size_t i = first; i < end; i++)
        trainer->ema[i] += (1 - keep) * (params->values[i] - trainer->ema[i]);
}

/* Sums the rows' losses in order. */
static void sum_losses(const gkv_trainer *trainer, size_t rows, gkv_step_report *report)
{
    const gkv_model *model = trainer->model;
    for (size_t r = 0; r < rows; r++) {
        const double reconstruction = (double)*gkv_at(&trainer->ws, model->reconstruction, r);
        const double kl = (double)*gkv_at(&trainer->ws, model->posterior.log_q, r) -
                          gkv_pass_log_prior(model, &trainer->ws, r);
        report->reconstruction += reconstruction;
        report->kl += kl;
    }
    report->loss = report->reconstruction + report->kl;
}

/* The stretches that a rollback brings back: values, moments, and the average, if any. */
static size_t stretches_of(const gkv_trainer *trainer, gkv_real *stretches[4])
{
    const gkv_params *params = &trainer->model->params;
    stretches[0] = params->values, stretches[1] = params->m, stretches[2] = params->v, stretches[3] = trainer->ema;
    return trainer->ema ? 4 : 3;
}

void gkv_trainer_mark_good(gkv_trainer *trainer)
{
    gkv_real *stretches[4];
    const size_t count = stretches_of(trainer, stretches), total = trainer->model->params.total;
    for (size_t i = 0; i < count; i++)
        memcpy(trainer->good + i * total, stretches[i], total * sizeof *trainer->good);
}

void gkv_trainer_return_to_good(gkv_trainer *trainer)
{
    gkv_real *stretches[4];
    const size_t count = stretches_of(trainer, stretches), total = trainer->model->params.total;
    for (size_t i = 0; i < count; i++)
        memcpy(stretches[i], trainer->good + i * total, total * sizeof *trainer->good);
    trainer->state.skipped_in_row = 0;
}

static gkv_status count_bad_step(gkv_trainer *trainer)
{
    gkv_train_state *state = &trainer->state;
    state->skipped++;
    if (++state->skipped_in_row < BAD_STEPS_MAX)
        return GKV_OK;
    if (state->rollbacks >= ROLLBACKS_MAX)
        return gkv_fail(GKV_ERR_NUMERIC, "step %llu: loss or gradient is not finite, after %d returns to the last "
                        "good state at ever lower learning rates; try a lower train.learning_rate or train.clip_norm",
                        (unsigned long long)state->step, ROLLBACKS_MAX);
    gkv_trainer_return_to_good(trainer);
    state->rollbacks++;
    state->rate_factor /= 2;
    return GKV_OK;
}

gkv_status gkv_trainer_step(gkv_trainer *trainer, gkv_step_report *report)
{
    gkv_model *model = trainer->model;
    const gkv_params *params = &model->params;
    gkv_workspace *ws = &trainer->ws;
    const uint64_t epoch = trainer->state.step / trainer->epoch_steps;
    const size_t start = (size_t)(trainer->state.step % trainer->epoch_steps) * ws->rows;
    const size_t left = trainer->train.count - start, rows = left < ws->rows ? left : ws->rows;
    shuffle_for(trainer, epoch);
    *report = (gkv_step_report){.images = rows, .kl_weight = kl_weight_at(trainer),
                                .learning_rate = learning_rate_at(trainer)};
    const long tiles = (long)((rows + GKV_TILE_ROWS - 1) / GKV_TILE_ROWS);
    const long parts = (long)gkv_pass_parts(model);
    const long chunks = (long)((params->trainable + CHUNK - 1) / CHUNK);
    double *squares = trainer->squares;
    double scale = 1.0 / (double)rows;
#pragma omp parallel num_threads(trainer->threads)
    {
        /* Rows are independent … */
#pragma omp for schedule(dynamic, 1)
        for (long t = 0; t < tiles; t++) {
            const size_t first = (size_t)t * GKV_TILE_ROWS;
            const size_t count = rows - first < GKV_TILE_ROWS ? rows - first : GKV_TILE_ROWS;
            fetch_rows(trainer, start, first, count);
            gkv_pass_forward(model, ws, first, count);
            gkv_pass_backward(model, ws, first, count, report->kl_weight);
        }
        /* … and so are parts of the gradient, given all rows … */
#pragma omp for schedule(dynamic, 1)
        for (long p = 0; p < parts; p++)
            gkv_pass_gradient(model, ws, rows, (size_t)p);
        /* … and pieces of the optimiser's work, given the gradient's norm. */
#pragma omp for schedule(static)
        for (long c = 0; c < chunks; c++) {
            const size_t first = (size_t)c * CHUNK;
            const size_t count = params->trainable - first < CHUNK ? params->trainable - first : CHUNK;
            squares[c] = gkv_nn_kernels_get()->sum_squares(count, params->grads + first);
        }
#pragma omp single
        {
            double total = 0;
            for (long c = 0; c < chunks; c++)
                total += squares[c];
            sum_losses(trainer, rows, report);
            report->gradient_norm = sqrt(total) * scale;
            report->skipped = !isfinite(report->loss) || !isfinite(report->gradient_norm);
            const double clip = model->settings.train.clip_norm;
            if (clip > 0 && report->gradient_norm > clip)
                scale *= clip / report->gradient_norm;
        }
        if (!report->skipped) {
#pragma omp for schedule(static)
            for (long c = 0; c < chunks; c++) {
                move_chunk(trainer, (size_t)c * CHUNK, scale, report->learning_rate);
                if (trainer->ema)
                    average_chunk(trainer, (size_t)c * CHUNK);
            }
        }
    }
    gkv_status status = GKV_OK;
    if (report->skipped) {
        status = count_bad_step(trainer);
    } else {
        model->base->ops->project(model->base, params);
        trainer->state.updates++;
        trainer->state.skipped_in_row = 0;
        trainer->state.loss += report->loss;
        trainer->state.reconstruction += report->reconstruction;
        trainer->state.kl += report->kl;
        trainer->state.gradient_norm += report->gradient_norm;
        trainer->state.epoch_images += rows;
        trainer->state.epoch_updates++;
    }
    trainer->state.step++;
    return status;
}

/* --- Between epochs ----------------------------------------------------------------- */

gkv_params gkv_trainer_eval_params(const gkv_trainer *trainer)
{
    gkv_params params = trainer->model->params;
    if (trainer->ema) {
        params.values = trainer->ema;
        /* What the optimiser does not move is not averaged either. */
        memcpy(trainer->ema + params.trainable, trainer->model->params.values + params.trainable,
               (params.total - params.trainable) * sizeof *trainer->ema);
    }
    return params;
}

gkv_status gkv_trainer_validate(gkv_trainer *trainer, double out[3])
{
    const size_t count = trainer->validation.count;
    out[0] = out[1] = out[2] = NAN;
    if (count == 0)
        return GKV_OK;
    const gkv_params params = gkv_trainer_eval_params(trainer);
    const gkv_estimate_job job = {.model = trainer->model, .params = &params, .images = &trainer->validation,
                                  .samples = 1, .seed = trainer->model->settings.train.seed,
                                  .threads = trainer->threads};
    gkv_estimates estimates;
    GKV_TRY(gkv_estimates_create(count, &estimates));
    const gkv_status status = gkv_estimate(&job, &estimates);
    if (status == GKV_OK) {
        out[1] = out[2] = 0;
        for (size_t i = 0; i < count; i++) {
            out[1] += estimates.reconstruction[i] / (double)count;
            out[2] += estimates.kl[i] / (double)count;
        }
        out[0] = out[1] + out[2];
    }
    gkv_estimates_free(&estimates);
    return status;
}

bool gkv_trainer_refit_due(const gkv_trainer *trainer, uint64_t epoch)
{
    const gkv_settings *settings = &trainer->model->settings;
    return trainer->model->base->ops->refit && strcmp(settings->model.base_fit, "lm") == 0 &&
           epoch % (uint64_t)settings->train.refit_every == 0 && trainer->train.count > 1;
}

gkv_status gkv_trainer_refit(gkv_trainer *trainer, gkv_base_refit_report *report)
{
    gkv_model *model = trainer->model;
    const double began = omp_get_wtime();
    const size_t d = model->d;
    gkv_base_codes codes = {0};
    gkv_real *fit = NULL, *held_out = NULL;
    gkv_status status = GKV_OK;

    /* Other images at each refit: this step's permutation of them. */
    uint32_t *order = NULL;
    const size_t count = trainer->train.count;
    GKV_TRY_GOTO(gkv_alloc(count, sizeof *order, &order));
    const uint64_t seed = model->settings.train.seed, step = trainer->state.step;
    gkv_rng_permutation(gkv_rng_at(seed, GKV_STREAM_REFIT, step, UINT32_MAX), (uint32_t)count, order);
    for (size_t i = 0; i < count; i++)
        order[i] = trainer->split[order[i]];
    gkv_images chosen = trainer->train, judges = trainer->validation;
    chosen.order = order;
    const size_t wished = (size_t)model->settings.train.refit_codes;
    chosen.count = wished < count ? wished : count;
    if (judges.count == 0) { /* without validation images, a fifth of the codes judges */
        judges = chosen;
        judges.count = chosen.count / 5;
        chosen.count -= judges.count;
        judges.order = chosen.order + chosen.count;
    }
    if (chosen.count < 100 || judges.count < 1) {
        status = gkv_fail(GKV_ERR_CONFIG, "%zu codes are too few to refit the base to; set model.base_fit = grad or "
                          "fixed, or train on more images", chosen.count);
        goto done;
    }
    GKV_TRY_GOTO(gkv_alloc(chosen.count * d, sizeof *fit, &fit));
    GKV_TRY_GOTO(gkv_alloc(judges.count * d, sizeof *held_out, &held_out));
    gkv_estimate_job job = {.model = model, .params = &model->params, .images = &chosen, .seed = seed,
                            .threads = trainer->threads};
    GKV_TRY_GOTO(gkv_codes(&job, GKV_STREAM_REFIT, step, &(gkv_codes_out){.eps = fit}));
    job.images = &judges;
    GKV_TRY_GOTO(gkv_codes(&job, GKV_STREAM_REFIT, step, &(gkv_codes_out){.eps = held_out}));
    codes = (gkv_base_codes){fit, held_out, chosen.count, judges.count};
    GKV_TRY_GOTO(model->base->ops->refit(model->base, &model->params, &codes, trainer->state.refits == 0,
                                         model->settings.train.refit_damping, trainer->threads, report));
    trainer->state.refits++;
    report->seconds = omp_get_wtime() - began;
done:
    free(order);
    free(fit);
    free(held_out);
    return status;
}
