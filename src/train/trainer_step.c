/* One training step: rows forward and backward, parts of the gradient, Adam. */
#include <math.h>
#include <string.h>

#include <omp.h>

#include "nn/nn_kernels.h"
#include "train/trainer.h"

static const double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;

/* After this many steps in a row that were not finite the trainer returns to the last
 * good state with half the learning rate, and after that many returns it gives up. */
enum { BAD_STEPS_MAX = 5, ROLLBACKS_MAX = 5 };

double gkv_trainer_decay(const gkv_trainer *trainer, uint64_t step)
{
    return 0.5 * (1 + cos(3.14159265358979323846 * ((double)step / (double)trainer->steps)));
}

gkv_step_report gkv_trainer_schedule(const gkv_trainer *trainer, uint64_t step)
{
    const gkv_train_settings *settings = &trainer->model->settings.train;
    const double warmup = settings->kl_warmup * (double)trainer->epoch_steps;
    return (gkv_step_report){
        .learning_rate = settings->learning_rate * trainer->state.rate_factor * gkv_trainer_decay(trainer, step),
        .kl_weight = settings->kl_weight * (warmup > 0 ? fmin(1, (double)(step + 1) / warmup) : 1)};
}

bool gkv_trainer_epoch_is_open(const gkv_trainer *trainer)
{
    const gkv_train_state *state = &trainer->state;
    return state->step > 0 && state->step % trainer->epoch_steps == 0 && state->epoch_images > 0;
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

static void fetch_image(const gkv_trainer *trainer, size_t i, double augmented, gkv_real *x)
{
    if (augmented > 0)
        gkv_images_fetch_augmented(&trainer->train, i, trainer->state.step, augmented,
                                trainer->augmented + (size_t)omp_get_thread_num() * trainer->model->pixels, x);
    else
        gkv_images_fetch(&trainer->train, i, trainer->state.step, x);
}

/* Images [first, first + count) of the batch that begins at `start`, a share of them bent, and, if it is asked for, the
 * noise of their draws. */
static void fetch_images(const gkv_trainer *trainer, size_t start, size_t first, size_t count, double augmented,
                         bool noise)
{
    const gkv_model *model = trainer->model;
    const gkv_workspace *ws = &trainer->ws;
    const uint32_t *images = trainer->shuffled + start;
    for (size_t i = first; i < first + count; i++)
        fetch_image(trainer, images[i], augmented, gkv_at(ws, model->x, i));
    gkv_profile_mark(ws->profile, GKV_BENCH_DATA);
    for (size_t i = first; i < first + count && noise; i++)
        gkv_rng_normal(gkv_rng_at(model->settings.train.seed, GKV_STREAM_POSTERIOR, trainer->state.step,
                                  gkv_images_index(&trainer->train, images[i])),
                       ws->draws * model->d, gkv_at(ws, model->posterior.u, i * ws->draws));
    gkv_profile_mark(ws->profile, GKV_BENCH_NOISE);
    for (size_t r = first * ws->draws; model->base->classes > 0 && r < (first + count) * ws->draws; r++) {
        const uint32_t place = gkv_images_index(&trainer->train, images[r / ws->draws]);
        *gkv_at(ws, model->label, r) = (gkv_real)(1 + gkv_dataset_labels(trainer->dataset)[place]);
    }
}

/* Whether this epoch is one of the last train.fine_tune_epochs. */
static bool polishes(const gkv_trainer *trainer, uint64_t epoch)
{
    const gkv_train_settings *settings = &trainer->model->settings.train;
    return trainer->fine_tuner && epoch + (uint64_t)settings->fine_tune_epochs >= (uint64_t)settings->epochs;
}

/* The same images forward and backward. */
static void pass_images(gkv_trainer *trainer, size_t start, size_t first, size_t count, uint64_t epoch,
                        const gkv_objective *objective)
{
    gkv_workspace *ws = &trainer->ws;
    uint32_t place[GKV_TILE_ROWS];
    for (size_t i = 0; i < count; i++)
        place[i] = gkv_images_index(&trainer->train, trainer->shuffled[start + first + i]);
    if (polishes(trainer, epoch)) {
        gkv_fine_tuner_pass(trainer->fine_tuner, omp_get_thread_num(), ws, first, count, place, epoch, objective);
        return;
    }
    if (objective->chosen) {
        gkv_resampler_pass(trainer->resampler, omp_get_thread_num(), ws, first, count, place, trainer->state.step,
                           objective);
        return;
    }
    gkv_pass_forward(trainer->model, ws, first * ws->draws, count * ws->draws);
    gkv_pass_backward(trainer->model, ws, first * ws->draws, count * ws->draws, objective);
}

/* Draws the weights of linear layers in the chunk towards 0, beside Adam and not through its moments
 * (Loshchilov & Hutter, ICLR 2019). */
static void decay_chunk(const gkv_trainer *trainer, size_t first, size_t count, double rate)
{
    const gkv_params *params = &trainer->model->params;
    const gkv_real keep = (gkv_real)(1 - rate * trainer->model->settings.train.weight_decay);
    for (size_t p = 0; p < params->count; p++) {
        const gkv_param *param = &params->list[p];
        if (!param->packed)
            continue;
        const size_t end = param->offset + param->size;
        const size_t from = param->offset > first ? param->offset : first, to = end < first + count ? end : first + count;
#pragma omp simd
        for (size_t i = from; i < to; i++)
            params->values[i] *= keep;
    }
}

static void move_chunk(gkv_trainer *trainer, size_t first, double scale, double rate)
{
    const gkv_params *params = &trainer->model->params;
    const size_t count = params->trainable - first < GKV_TRAINER_CHUNK ? params->trainable - first : GKV_TRAINER_CHUNK;
    const double t = (double)trainer->state.updates + 1;
    const double correction = sqrt(1 - pow(adam_beta2, t));
    if (trainer->model->settings.train.weight_decay > 0)
        decay_chunk(trainer, first, count, rate);
    gkv_nn_kernels_get()->adam(count, (gkv_real)scale, (gkv_real)(rate * correction / (1 - pow(adam_beta1, t))),
                               (gkv_real)adam_beta1, (gkv_real)adam_beta2, (gkv_real)(adam_epsilon * correction),
                               params->grads + first, params->m + first, params->v + first,
                               params->values + first);
}

static void average_chunk(const gkv_trainer *trainer, size_t first)
{
    const gkv_params *params = &trainer->model->params;
    const size_t end = params->trainable - first < GKV_TRAINER_CHUNK ? params->trainable : first + GKV_TRAINER_CHUNK;
    /* The first steps count more, so that the average forgets the initial weights. */
    const double t = (double)trainer->state.updates;
    const gkv_real keep = (gkv_real)fmin(trainer->model->settings.train.ema, (1 + t) / (10 + t));
    const gkv_real *values = params->values;
    gkv_real *average = trainer->ema;
#pragma omp simd
    for (size_t i = first; i < end; i++)
        average[i] += (1 - keep) * (values[i] - average[i]);
}

/* Sums the images' losses in order, each the mean of its draws'. */
static void sum_losses(const gkv_trainer *trainer, size_t rows, const gkv_objective *objective, gkv_step_report *report)
{
    const gkv_model *model = trainer->model;
    const double draws = (double)trainer->ws.draws;
    for (size_t r = 0; r < rows && objective->chosen; r++) {
        report->reconstruction += trainer->resampler->seen[2 * r];
        report->kl += trainer->resampler->seen[2 * r + 1];
    }
    for (size_t r = 0; r < rows && !objective->chosen; r++) {
        const double reconstruction = (double)*gkv_at(&trainer->ws, model->reconstruction, r);
        const double kl = (double)*gkv_at(&trainer->ws, model->posterior.log_q, r) -
                          gkv_pass_log_prior(model, &trainer->ws, r);
        report->reconstruction += reconstruction / draws;
        report->kl += kl / draws;
    }
    report->loss = report->reconstruction + report->kl;
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
    const size_t start = (size_t)(trainer->state.step % trainer->epoch_steps) * trainer->batch;
    const size_t left = trainer->train.count - start, images = left < trainer->batch ? left : trainer->batch;
    const bool early = epoch < (uint64_t)model->settings.train.elbo_epochs;
    const size_t draws = early || trainer->resampler ? 1 : (size_t)model->settings.train.samples, rows = images * draws;
    const size_t tile = draws < GKV_TILE_ROWS ? GKV_TILE_ROWS / draws : 1; /* images of one */
    ws->draws = draws;
    shuffle_for(trainer, epoch);
    if (gkv_trainer_refit_due(trainer, trainer->state.step))
        gkv_trainer_drop_codes(trainer); /* each refit's are its own */
    *report = gkv_trainer_schedule(trainer, trainer->state.step);
    report->images = images;
    /* It falls with the learning rate, so that the last epochs see the data as it is. */
    const double augmented = model->settings.train.augmentation * gkv_trainer_decay(trainer, trainer->state.step);
    const gkv_objective objective = {.kl_weight = report->kl_weight,
                                     .free_bits = model->settings.train.free_bits,
                                     .path = model->settings.train.gradient == GKV_GRADIENT_PATH_DERIVATIVE,
                                     .iwae = !early && model->settings.train.objective == GKV_BOUND_IWAE,
                                     .chosen = !early && trainer->resampler};
    const long tiles = (long)((images + tile - 1) / tile);
    const long parts = (long)gkv_pass_parts(model), pieces = (long)gkv_workspace_pack_pieces(ws);
    const long chunks = (long)((params->trainable + GKV_TRAINER_CHUNK - 1) / GKV_TRAINER_CHUNK);
    const gkv_base *base = model->base;
    const long stats = gkv_trainer_uses_stats(trainer, images) ? (long)base->ops->stats_parts(base) : 0;
    double *squares = trainer->squares;
    double scale = 1.0 / (double)images;
#pragma omp parallel num_threads(trainer->threads)
    {
        gkv_profile_begin(ws->profile);
        /* Weights are packed once for all rows. */
#pragma omp for schedule(dynamic, 1)
        for (long p = 0; p < pieces; p++) {
            gkv_workspace_pack(ws, (size_t)p);
            gkv_profile_mark(ws->profile, GKV_BENCH_GEMM_FORWARD);
        }
        gkv_profile_mark(ws->profile, GKV_BENCH_WAITING);
        /* Images are independent … */
#pragma omp for schedule(dynamic, 1)
        for (long t = 0; t < tiles; t++) {
            const size_t first = (size_t)t * tile, count = images - first < tile ? images - first : tile;
            fetch_images(trainer, start, first, count, augmented, !objective.chosen);
            pass_images(trainer, start, first, count, epoch, &objective);
        }
        gkv_profile_mark(ws->profile, GKV_BENCH_WAITING);
        /* … and so are parts of the gradient, given all rows … */
#pragma omp for schedule(dynamic, 1)
        for (long p = 0; p < parts; p++)
            gkv_pass_gradient(model, ws, rows, (size_t)p);
        gkv_profile_mark(ws->profile, GKV_BENCH_WAITING);
        /* … and pieces of the optimiser's work, given the gradient's norm. */
#pragma omp for schedule(static)
        for (long c = 0; c < chunks; c++) {
            const size_t first = (size_t)c * GKV_TRAINER_CHUNK;
            const size_t count = params->trainable - first < GKV_TRAINER_CHUNK ? params->trainable - first : GKV_TRAINER_CHUNK;
            squares[c] = gkv_nn_kernels_get()->sum_squares(count, params->grads + first);
            gkv_profile_mark(ws->profile, GKV_BENCH_OPTIMISER);
        }
        gkv_profile_mark(ws->profile, GKV_BENCH_WAITING);
#pragma omp single
        {
            double total = 0;
            for (long c = 0; c < chunks; c++)
                total += squares[c];
            sum_losses(trainer, rows, &objective, report);
            report->gradient_norm = sqrt(total) * scale;
            report->skipped = !isfinite(report->loss) || !isfinite(report->gradient_norm);
            const double clip = model->settings.train.clip_norm;
            if (clip > 0 && report->gradient_norm > clip)
                scale *= clip / report->gradient_norm;
            gkv_profile_mark(ws->profile, GKV_BENCH_LOSS);
        }
        gkv_profile_mark(ws->profile, GKV_BENCH_WAITING);
        if (!report->skipped) {
#pragma omp for schedule(static)
            for (long c = 0; c < chunks; c++) {
                move_chunk(trainer, (size_t)c * GKV_TRAINER_CHUNK, scale, report->learning_rate);
                if (trainer->ema)
                    average_chunk(trainer, (size_t)c * GKV_TRAINER_CHUNK);
                gkv_profile_mark(ws->profile, GKV_BENCH_OPTIMISER);
            }
#pragma omp for schedule(dynamic, 1)
            for (long p = 0; p < stats; p++) {
                base->ops->stats(base, ws, draws > 1 ? &model->share : NULL, rows, (size_t)p, trainer->store.stats);
                gkv_profile_mark(ws->profile, GKV_BENCH_BASE);
            }
        }
        gkv_profile_mark(ws->profile, GKV_BENCH_WAITING);
    }
    gkv_status status = GKV_OK;
    if (report->skipped) {
        status = count_bad_step(trainer);
    } else {
        gkv_trainer_keep_codes(trainer, images);
        model->base->ops->project(model->base, params);
        if (trainer->ema) { /* an average of valid bases need not be one: see base/base.h */
            gkv_params average = *params;
            average.values = trainer->ema;
            model->base->ops->project(model->base, &average);
        }
        trainer->state.updates++;
        trainer->state.skipped_in_row = 0;
        trainer->state.loss += report->loss;
        trainer->state.reconstruction += report->reconstruction;
        trainer->state.kl += report->kl;
        trainer->state.gradient_norm += report->gradient_norm;
        trainer->state.epoch_images += images;
        trainer->state.epoch_updates++;
    }
    trainer->state.step++;
    return status;
}
