/* One training step: pack the weights, pass all images forward and backward, reduce the gradient,
 * update the weights. */
#include <math.h>
#include <string.h>

#include <omp.h>

#include "nn/adamw.h"
#include "num/constants.h"
#include "train/trainer_kinds.h"

/* BAD_STEPS_MAX: after so many skipped steps in a row the trainer returns to the last good
 * state with half the learning rate. ROLLBACKS_MAX: it gives up after so many returns. */
enum { BAD_STEPS_MAX = 5, ROLLBACKS_MAX = 5 };

double gki_trainer_decay(const gki_trainer *trainer, uint64_t step)
{
    const uint64_t start = trainer->state.schedule_start;
    return 0.5 * (1 + cos(GKV_PI * ((double)(step - start) / (double)(trainer->steps - start))));
}

gki_step_report gki_trainer_schedule(const gki_trainer *trainer, uint64_t step)
{
    const gkv_train_settings *settings = &trainer->model->settings.train;
    const double warmup = settings->kl_warmup * (double)trainer->epoch_steps;
    return (gki_step_report){
        .learning_rate =
            settings->learning_rate * trainer->state.rate_factor * gki_trainer_decay(trainer, step),
        .kl_weight = settings->kl_weight * (warmup > 0 ? fmin(1, (double)(step + 1) / warmup) : 1)};
}

bool gki_trainer_epoch_is_open(const gki_trainer *trainer)
{
    const gki_train_state *state = &trainer->state;
    return state->step > 0 && state->step % trainer->epoch_steps == 0 && state->epoch_images > 0;
}

/* Shuffles the images for an epoch. The order depends on the seed and the epoch only. */
static void shuffle_for(gki_trainer *trainer, uint64_t epoch)
{
    if (trainer->shuffled_epoch == epoch)
        return;
    gki_rng_permutation(
        gki_rng_at(trainer->model->settings.train.seed, GKV_STREAM_SHUFFLE, epoch, 0),
        (uint32_t)trainer->train.count, trainer->shuffled);
    trainer->shuffled_epoch = epoch;
}

static void fetch_image(const gki_trainer *trainer, size_t i, double augmentation, gki_real *x)
{
    if (augmentation > 0)
        gki_images_fetch_augmented(
            &trainer->train, i, trainer->state.step, augmentation,
            trainer->augmented + (size_t)omp_get_thread_num() * trainer->model->values, x);
    else
        gki_images_fetch(&trainer->train, i, trainer->state.step, x);
}

/* --- Passes --------------------------------------------------------------- */

/* Fetches images [first, first + count) of the batch, their labels and, if the kind needs it, the
 * noise of their draws. */
static void fetch_images(const gki_trainer *trainer, const gki_train_step *step, size_t first,
                         size_t count, const uint32_t *index)
{
    const gkv_model *model = trainer->model;
    const gki_workspace *ws = &trainer->ws;
    for (size_t i = first; i < first + count; i++)
        fetch_image(trainer, step->batch[i], step->augmentation, gki_at(ws, model->x, i));
    gki_profile_mark(ws->profile, GKV_BENCH_DATA);
    for (size_t i = first; i < first + count && step->kind->needs_noise; i++)
        gki_rng_normal(gki_rng_at(model->settings.train.seed, GKV_STREAM_POSTERIOR,
                                  trainer->state.step, index[i - first]),
                       ws->draws * model->d, gki_at(ws, model->posterior.u, i * ws->draws));
    gki_profile_mark(ws->profile, GKV_BENCH_NOISE);
    for (size_t r = first * ws->draws; model->base->classes > 0 && r < (first + count) * ws->draws;
         r++)
        *gki_at(ws, model->label, r) =
            (gki_real)(1 + gkv_dataset_labels(trainer->dataset)[index[r / ws->draws - first]]);
}

/* The images are independent of each other. */
static void pass_tile(gki_trainer *trainer, const gki_train_step *step, size_t tile)
{
    const size_t first = tile * step->tile,
                 count = step->images - first < step->tile ? step->images - first : step->tile;
    uint32_t index[GKV_TILE_ROWS];
    for (size_t i = 0; i < count; i++)
        index[i] = gki_images_index(&trainer->train, step->batch[first + i]);
    fetch_images(trainer, step, first, count, index);
    step->kind->pass(trainer, step, first, count, index);
}

/* --- Phases of a step, each run by all threads ---------------------------- */

/* Waits for all threads, and with a team for those of all ranks. */
static void meet(const gki_trainer *trainer)
{
#pragma omp barrier
    if (trainer->team) {
#pragma omp master
        gki_team_meet(trainer->team);
#pragma omp barrier
    }
    gki_profile_mark(trainer->ws.profile, GKV_BENCH_WAITING);
}

typedef void step_task(gki_trainer *trainer, const gki_train_step *step, size_t task);

/* Does the tasks of a phase, on whatever thread is free, and waits for the end of all. */
static void do_tasks(gki_trainer *trainer, const gki_train_step *step, gki_team_phase phase,
                     long count, step_task *task)
{
    if (trainer->team) {
        for (long t; (t = gki_team_take(trainer->team, phase)) < count;)
            task(trainer, step, (size_t)t);
    } else {
#pragma omp for schedule(dynamic, 1) nowait
        for (long t = 0; t < count; t++)
            task(trainer, step, (size_t)t);
    }
    meet(trainer);
}

/* The weights are packed once for all rows. */
static void pack_piece(gki_trainer *trainer, const gki_train_step *step, size_t piece)
{
    (void)step;
    gki_workspace_pack(&trainer->ws, piece);
    gki_profile_mark(trainer->ws.profile, GKV_BENCH_GEMM_FORWARD);
}

/* Adds the images of this rank to a bucket that the rank before has sent. */
static void add_to_bucket(gki_trainer *trainer, const gki_train_step *step, size_t bucket)
{
    gki_workspace *ws = &trainer->ws;
    const gki_shard_bucket *b = &trainer->ranks->buckets[bucket];
#pragma omp for schedule(dynamic, 1)
    for (size_t p = b->first_part; p < b->first_part + b->parts; p++)
        if (step->images > 0 && gki_shard_continues(trainer->model, p))
            gki_pass_gradient(trainer->model, ws, step->rows, p);
}

static void add_statistics(gki_trainer *trainer, const gki_train_step *step, size_t part)
{
    const gki_workspace *ws = &trainer->ws;
    gki_base_stats_add(trainer->ranks ? trainer->ranks->stats_sums : trainer->store.stats, ws,
                       ws->draws > 1 ? &trainer->model->draw_weight : NULL, step->rows, part);
    gki_profile_mark(ws->profile, GKV_BENCH_BASE);
}

/* Computes the gradient with the other ranks. The master thread alone sends and receives. */
static void reduce_over_ranks(gki_trainer *trainer, const gki_train_step *step)
{
    gki_ranks *ranks = trainer->ranks;
    const size_t buckets = ranks->bucket_count + (step->stats_parts > 0);
#pragma omp master
    {
        gki_ranks_exchange_rows(ranks, &trainer->ws, &step->exchange);
        gki_ranks_begin(ranks, &step->exchange);
    }
    for (size_t b = 0; b < buckets; b++) {
#pragma omp master
        gki_ranks_receive(ranks, b);
#pragma omp barrier
        if (b < ranks->bucket_count)
            add_to_bucket(trainer, step, b);
        else
            do_tasks(trainer, step, GKI_TEAM_STATISTICS, step->stats_parts, add_statistics);
#pragma omp master
        gki_ranks_send(ranks, b);
    }
#pragma omp master
    gki_ranks_end(ranks);
#pragma omp barrier
    gki_profile_mark(trainer->ws.profile, GKV_BENCH_WAITING);
    /* sums that are not chains, from the rows of all images; they overwrite parts of buckets */
#pragma omp for schedule(dynamic, 1)
    for (long p = 0; p < step->parts; p++)
        if (!gki_shard_continues(trainer->model, (size_t)p))
            gki_pass_gradient(trainer->model, &ranks->batch, step->all_images * ranks->batch.draws,
                              (size_t)p);
}

static void add_gradient(gki_trainer *trainer, const gki_train_step *step, size_t part)
{
    gki_pass_gradient(trainer->model, &trainer->ws, step->rows, part);
}

/* The parts of the gradient are independent, given all rows, and so are the sums of squares of its
 * chunks. */
static void reduce_gradient(gki_trainer *trainer, const gki_train_step *step)
{
    const gki_params *params = &trainer->model->params;
    if (trainer->ranks)
        reduce_over_ranks(trainer, step);
    else
        do_tasks(trainer, step, GKI_TEAM_GRADIENT, step->parts, add_gradient);
#pragma omp for schedule(static)
    for (long c = step->first_chunk; c < step->end_chunk; c++) {
        trainer->squares[c] = gki_adamw_squares(params, (size_t)c);
        gki_profile_mark(trainer->ws.profile, GKV_BENCH_OPTIMISER);
    }
    if (trainer->ranks) {
#pragma omp master
        gki_ranks_share_squares(trainer->ranks, trainer->squares);
    }
    meet(trainer);
}

/* Sums the losses and the norm of the gradient in a fixed order, and clips the gradient. One thread
 * runs this. */
static void reduce_losses(const gki_trainer *trainer, gki_train_step *step, gki_step_report *report)
{
    const double clip = trainer->model->settings.train.clip_norm;
    double total = 0;
    for (long c = 0; c < step->chunks; c++)
        total += trainer->squares[c];
    step->kind->add_losses(trainer, step, report);
    report->loss = report->reconstruction + report->kl;
    report->gradient_norm = sqrt(total) * step->scale;
    report->skipped = !isfinite(report->loss) || !isfinite(report->gradient_norm);
    if (clip > 0 && report->gradient_norm > clip)
        step->scale *= clip / report->gradient_norm;
    if (trainer->team)
        gki_team_prepare_next(trainer->team);
    gki_profile_mark(trainer->ws.profile, GKV_BENCH_LOSS);
}

/* Updates the chunks [first, end). */
static void update_chunks(gki_trainer *trainer, const gki_adamw *adamw, long first, long end)
{
#pragma omp for schedule(static) nowait
    for (long c = first; c < end; c++) {
        gki_adamw_update(&trainer->model->params, (size_t)c, adamw);
        gki_profile_mark(trainer->ws.profile, GKV_BENCH_OPTIMISER);
    }
}

/* Updates the parameters of the base that are in another rank's part, whose average project()
 * needs. Their values come from that rank too. */
static void update_base(const gki_trainer *trainer, const gki_adamw *adamw)
{
    const gki_params *params = &trainer->model->params;
    const gki_param_range base = trainer->model->tensors.base;
    size_t own = 0, count = 0;
    gki_ranks_part(trainer->ranks, trainer->ranks->rank, &own, &count);
    for (gki_param_id id = base.first; id < base.end; id++) {
        const gki_param *param = &params->list[id];
        const size_t first = param->offset, end = first + param->size;
        if (!param->trainable)
            continue;
        if (first < own)
            gki_adamw_update_elements(params, first, end < own ? end : own, adamw);
        if (end > own + count)
            gki_adamw_update_elements(params, first > own + count ? first : own + count, end,
                                      adamw);
    }
}

/* Updates this rank's part and gives it to the others, piece by piece. */
static void update_part(gki_trainer *trainer, const gki_adamw *adamw)
{
    for (int piece = 0; piece < GKI_RANKS_PIECES; piece++) {
        long first = 0, end = 0;
        gki_ranks_piece(trainer->ranks, piece, &first, &end);
        update_chunks(trainer, adamw, first, end);
#pragma omp barrier
#pragma omp master
        {
            if (piece == 0)
                update_base(trainer, adamw);
            gki_ranks_give_values(trainer->ranks, piece);
        }
    }
#pragma omp master
    gki_ranks_end_values(trainer->ranks);
#pragma omp barrier
}

/* Updates the weights and their average, and accumulates the base's sufficient statistics. */
static void update_weights(gki_trainer *trainer, const gki_train_step *step, double learning_rate)
{
    const gkv_train_settings *settings = &trainer->model->settings.train;
    const gki_adamw adamw = {.rate = learning_rate,
                             .weight_decay = settings->weight_decay,
                             .scale = step->scale,
                             .updates = trainer->state.updates,
                             .average = trainer->ema,
                             .average_decay = settings->ema};
    if (trainer->ranks) {
        update_part(trainer, &adamw);
        return;
    }
    update_chunks(trainer, &adamw, step->first_chunk, step->end_chunk);
    do_tasks(trainer, step, GKI_TEAM_STATISTICS, step->stats_parts, add_statistics);
}

/* --- The step ------------------------------------------------------------- */

static gkv_status count_bad_step(gki_trainer *trainer)
{
    gki_train_state *state = &trainer->state;
    state->skipped++;
    if (++state->skipped_in_row < BAD_STEPS_MAX)
        return GKV_OK;
    if (state->rollbacks >= ROLLBACKS_MAX)
        return gki_fail(
            GKV_ERR_NUMERIC,
            "step %llu: loss or gradient is not finite, after %d returns to the last good state at "
            "ever lower learning rates; try a lower train.learning_rate or train.clip_norm",
            (unsigned long long)state->step, ROLLBACKS_MAX);
    gki_trainer_return_to_good(trainer);
    state->rollbacks++;
    state->rate_factor /= 2;
    return GKV_OK;
}

/* Reduces a step to the images of this rank. Kinds of steps that pass groups of images of a tile
 * together have whole tiles. */
static void take_share(gki_trainer *trainer, gki_train_step *step)
{
    gki_ranks *ranks = trainer->ranks;
    gki_ranks_divide(ranks, step->all_images, gki_step_kind_has_groups(step->kind) ? step->tile : 1,
                     trainer->ws.draws);
    step->images = ranks->images;
    step->rows = step->images * trainer->ws.draws;
    step->batch += ranks->shard.first;
    trainer->ws.shard = &ranks->shard;
    if (trainer->resampler)
        trainer->resampler->before = ranks->shard.first;
    step->exchange = (gki_ranks_exchange){
        .codes = gki_trainer_keeps_codes(trainer, step->all_images),
        .losses = gki_step_kind_resamples(step->kind) ? trainer->resampler->losses : NULL,
        .stats = step->stats_parts > 0 ? trainer->store.stats : NULL};
}

/* Each rank updates its chunks. */
static void divide_chunks(const gki_trainer *trainer, gki_train_step *step)
{
    gkv_dist *dist = trainer->dist;
    size_t first = 0, count = 0;
    gkv_dist_range((size_t)step->chunks, 1, gkv_dist_rank(dist), gkv_dist_size(dist), &first,
                   &count);
    step->first_chunk = (long)first;
    step->end_chunk = (long)(first + count);
}

static gki_train_step step_of(gki_trainer *trainer, const gki_step_report *report)
{
    const gkv_model *model = trainer->model;
    const gkv_train_settings *settings = &model->settings.train;
    const uint64_t epoch = trainer->state.step / trainer->epoch_steps;
    const bool elbo_only = epoch < (uint64_t)settings->elbo_epochs;
    const size_t start = (size_t)(trainer->state.step % trainer->epoch_steps) * trainer->batch;
    const size_t left = trainer->train.count - start,
                 images = left < trainer->batch ? left : trainer->batch;
    const size_t draws = trainer->ws.draws, most = gki_model_tile(model),
                 tile = draws < most ? most / draws : 1;
    gki_train_step step = {.kind = gki_step_kind_of(trainer, epoch),
                           .epoch = epoch,
                           .batch = trainer->shuffled + start,
                           .all_images = images,
                           .images = images,
                           .rows = images * draws,
                           .tile = tile,
                           .scale = 1.0 / (double)images};
    /* Augmentation decreases with the learning rate, so that the last epochs see unchanged
     * images. */
    step.augmentation = settings->augmentation * gki_trainer_decay(trainer, trainer->state.step);
    step.objective =
        (gki_objective){.kl_weight = report->kl_weight,
                        .free_bits = settings->free_bits,
                        .path_derivative = settings->gradient == GKV_GRADIENT_PATH_DERIVATIVE,
                        .iwae = !elbo_only && settings->objective == GKV_BOUND_IWAE,
                        .resampled = gki_step_kind_resamples(step.kind)};
    if (gki_trainer_uses_stats(trainer, images))
        step.stats_parts = (long)gki_base_stats_parts(trainer->store.stats);
    if (trainer->ranks)
        take_share(trainer, &step);
    step.tiles = (long)((step.images + tile - 1) / tile);
    step.parts = (long)gki_pass_parts(model);
    step.pieces = (long)gki_workspace_pack_pieces(&trainer->ws);
    step.chunks = (long)gki_adamw_chunks(&model->params);
    divide_chunks(trainer, &step);
    return step;
}

/* The number of draws of an image. The resampler has the others in its own workspaces. */
static size_t draws_of(const gki_trainer *trainer, uint64_t epoch)
{
    const gkv_train_settings *settings = &trainer->model->settings.train;
    return epoch < (uint64_t)settings->elbo_epochs || trainer->resampler
               ? 1
               : (size_t)settings->samples;
}

/* Makes the parameters of the base valid. The average of valid ones may be invalid. */
static void project(const gki_trainer *trainer)
{
    const gki_base *base = trainer->model->base;
    gki_params average = trainer->model->params;
    base->ops->project(base, &average);
    average.values = trainer->ema;
    if (trainer->ema)
        base->ops->project(base, &average);
}

/* Completes a step that updated the weights. */
static void finish_good_step(gki_trainer *trainer, const gki_step_report *report)
{
    gki_train_state *state = &trainer->state;
    if (trainer->ranks && gki_trainer_uses_stats(trainer, report->images))
        gki_ranks_take_stats(trainer->ranks, trainer->store.stats);
    gki_trainer_keep_codes(trainer, report->images);
    if (gki_trainer_leads(trainer))
        project(trainer);
    gki_trainer_meet(trainer);
    state->updates++;
    state->skipped_in_row = 0;
    state->loss += report->loss;
    state->reconstruction += report->reconstruction;
    state->kl += report->kl;
    state->gradient_norm += report->gradient_norm;
    state->epoch_images += report->images;
    state->epoch_updates++;
}

gkv_status gki_trainer_step(gki_trainer *trainer, gki_step_report *report)
{
    const uint64_t epoch = trainer->state.step / trainer->epoch_steps;
    gki_workspace *ws = &trainer->ws;
    ws->draws = draws_of(trainer, epoch);
    shuffle_for(trainer, epoch);
    if (gki_trainer_refit_due(trainer, trainer->state.step))
        gki_trainer_drop_codes(trainer); /* codes of before the last refit are not used again */
    *report = gki_trainer_schedule(trainer, trainer->state.step);
    gki_train_step step = step_of(trainer, report);
    report->images = step.all_images;
    if (trainer->team)
        gki_team_begin_step(trainer->team, trainer->stop);
    if (trainer->ranks)
        trainer->ranks->stop = trainer->stop;
#pragma omp parallel num_threads(trainer->threads)
    {
        gki_profile_begin(ws->profile);
        do_tasks(trainer, &step, GKI_TEAM_PACKING, step.pieces, pack_piece);
        do_tasks(trainer, &step, GKI_TEAM_PASSES, step.tiles, pass_tile);
        reduce_gradient(trainer, &step);
#pragma omp single
        reduce_losses(trainer, &step, report);
        gki_profile_mark(ws->profile, GKV_BENCH_WAITING);
        if (!report->skipped)
            update_weights(trainer, &step, report->learning_rate);
    }
    if (trainer->team)
        trainer->stop = gki_team_end_step(trainer->team);
    if (trainer->ranks)
        trainer->stop = trainer->ranks->stop;
    if (trainer->ranks && trainer->ranks->status != GKV_OK)
        return trainer->ranks->status;
    gkv_status status = GKV_OK;
    if (report->skipped)
        status = count_bad_step(trainer);
    else
        finish_good_step(trainer, report);
    trainer->state.step++;
    return status;
}
