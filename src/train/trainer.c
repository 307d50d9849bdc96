/* The trainer: creation, the state to roll back to, and validation. */
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/adamw.h"
#include "core/threads.h"
#include "data/dataset.h"

/* Splits the images in a random order by the seed, so that files sorted by label work. */
static gkv_status split_images(gki_trainer *trainer)
{
    const gkv_settings *settings = &trainer->model->settings;
    const size_t count = gkv_dataset_count(trainer->dataset);
    const size_t held_out = (size_t)settings->data.validation;
    if (held_out >= count)
        return gki_fail(GKV_ERR_CONFIG,
                        "data.validation is %zu, but the training set has %zu images: none would "
                        "be left to train on",
                        held_out, count);
    GKV_TRY(gki_alloc(count, sizeof *trainer->split, &trainer->split));
    GKV_TRY(gki_alloc(count - held_out, sizeof *trainer->shuffled, &trainer->shuffled));
    const uint64_t seed = settings->train.seed;
    gki_images_split(seed, count, trainer->split);
    const gkv_binarization mode = settings->data.binarization;
    trainer->train = (gki_images){.dataset = trainer->dataset,
                                  .order = trainer->split,
                                  .count = count - held_out,
                                  .mode = mode,
                                  .seed = seed,
                                  .fixed_step = GKV_FIXED_TRAIN,
                                  .every_visit = mode == GKV_BINARIZE_DYNAMIC};
    trainer->validation = trainer->train;
    trainer->validation.order = trainer->split + trainer->train.count;
    trainer->validation.count = held_out;
    trainer->validation.every_visit = false;
    return GKV_OK;
}

/* Checks the labels. A base by class needs them, and they must be among its classes. */
static gkv_status check_labels(const gki_trainer *trainer)
{
    const size_t classes = trainer->model->base->classes,
                 count = gkv_dataset_count(trainer->dataset);
    const uint8_t *labels = gkv_dataset_labels(trainer->dataset);
    if (classes > 0 && !labels)
        return gki_fail(GKV_ERR_CONFIG,
                        "model.base = gk-by-class needs the labels of the training images, and "
                        "there are none; give data.train_labels, or choose another base");
    for (size_t i = 0; classes > 0 && i < count; i++)
        if (labels[i] >= classes)
            return gki_fail(
                GKV_ERR_CONFIG,
                "training image %zu has label %d; raise model.base_classes, which is %zu", i,
                labels[i], classes);
    return GKV_OK;
}

gkv_status gki_trainer_create_helpers(gki_trainer *trainer)
{
    const gkv_train_settings *settings = &trainer->model->settings.train;
    gki_fine_tuner_free(trainer->fine_tuner);
    gki_resampler_free(trainer->resampler);
    trainer->fine_tuner = NULL;
    trainer->resampler = NULL;
    if (settings->fine_tune_epochs > 0)
        GKV_TRY(gki_fine_tuner_create(trainer->model, &trainer->ws, trainer->threads,
                                      &trainer->fine_tuner));
    if (settings->resampling == GKV_RESAMPLING_IMPORTANCE)
        GKV_TRY(gki_resampler_create(trainer->model, &trainer->ws, trainer->threads, trainer->batch,
                                     &trainer->resampler));
    return GKV_OK;
}

gkv_status gki_trainer_create(const gkv_settings *settings, int threads, gkv_dataset *dataset,
                              gki_trainer **out)
{
    gki_trainer *trainer = NULL;
    gkv_settings own = *settings;
    double *mean = NULL;
    gkv_status status = gki_alloc(1, sizeof *trainer, &trainer);
    if (status != GKV_OK) {
        gkv_dataset_free(dataset);
        goto done;
    }
    trainer->dataset = dataset;
    trainer->shuffled_epoch = UINT64_MAX;
    trainer->threads = threads > 0 ? gki_threads(threads) : gki_thread_count(settings);
    const size_t height = gkv_dataset_height(dataset), width = gkv_dataset_width(dataset),
                 values = gki_dataset_values(dataset);
    if (height > GKV_IMAGE_PIXELS_MAX / width) {
        status = gki_fail(GKV_ERR_DATA,
                          "%s: the images have %zu × %zu pixels, and a model takes at most %d in "
                          "all: make the images smaller",
                          gkv_dataset_path(dataset, GKV_IMAGES_FILE), height, width,
                          (int)GKV_IMAGE_PIXELS_MAX);
        goto done;
    }
    GKV_TRY_GOTO(gki_images_check_numbers(settings, dataset));
    GKV_TRY_GOTO(gki_alloc(values, sizeof *mean, &mean));
    GKV_TRY_GOTO(gkv_dataset_mean(dataset, gkv_dataset_count(dataset), 0, mean));
    gki_dataset_identify(dataset, &own.data);
    GKV_TRY_GOTO(gkv_model_create(height, width, gkv_dataset_channels(dataset), mean, &own,
                                  &trainer->model));
    GKV_TRY_GOTO(check_labels(trainer));
    GKV_TRY_GOTO(split_images(trainer));
    const gki_params *params = &trainer->model->params;
    const size_t count = trainer->train.count, wished = (size_t)settings->train.batch;
    const bool one = settings->train.resampling == GKV_RESAMPLING_IMPORTANCE;
    const size_t batch = wished < count ? wished : count,
                 draws = one ? 1 : (size_t)settings->train.samples;
    trainer->batch = batch;
    GKV_TRY_GOTO(
        gki_workspace_create(&trainer->model->plan, batch * draws, true, params, &trainer->ws));
    GKV_TRY_GOTO(gki_workspace_keep_packed(&trainer->ws));
    GKV_TRY_GOTO(gki_alloc(4 * params->total, sizeof *trainer->good, &trainer->good));
    GKV_TRY_GOTO(
        gki_alloc(gki_adamw_chunks(params) + 1, sizeof *trainer->squares, &trainer->squares));
    if (settings->train.augmentation > 0)
        GKV_TRY_GOTO(gki_alloc((size_t)trainer->threads * values, sizeof *trainer->augmented,
                               &trainer->augmented));
    if (settings->train.ema > 0) {
        GKV_TRY_GOTO(gki_alloc(params->total, sizeof *trainer->ema, &trainer->ema));
        memcpy(trainer->ema, params->values, params->total * sizeof *trainer->ema);
    }
    GKV_TRY_GOTO(gki_trainer_create_helpers(trainer));
    trainer->epoch_steps = (count + batch - 1) / batch;
    trainer->steps = trainer->epoch_steps * (uint64_t)settings->train.epochs;
    GKV_TRY_GOTO(gki_trainer_prepare_refits(trainer));
    trainer->state.rate_factor = 1;
    trainer->state.best = INFINITY;
    gki_trainer_mark_good(trainer);
done:
    free(mean);
    if (status != GKV_OK) {
        gki_trainer_free(trainer);
        trainer = NULL;
    }
    *out = trainer;
    return status;
}

void gki_trainer_free(gki_trainer *trainer)
{
    if (!trainer)
        return;
    gki_trainer_leave_team(trainer);
    gki_fine_tuner_free(trainer->fine_tuner);
    gki_resampler_free(trainer->resampler);
    gki_ranks_free(trainer->ranks);
    gkv_model_free(trainer->model);
    gkv_dataset_free(trainer->dataset);
    gki_workspace_free(&trainer->ws);
    free(trainer->split);
    free(trainer->shuffled);
    free(trainer->ema);
    free(trainer->good);
    free(trainer->store.codes);
    free(trainer->store.labels);
    gki_base_stats_free(trainer->store.stats);
    free(trainer->squares);
    free(trainer->augmented);
    free(trainer);
}

/* Lists the arrays that a rollback restores: values, moments, and the average if there is one.
 * Returns their number. */
static size_t arrays_of(const gki_trainer *trainer, gki_real *arrays[4])
{
    const gki_params *params = &trainer->model->params;
    arrays[0] = params->values, arrays[1] = params->m, arrays[2] = params->v,
    arrays[3] = trainer->ema;
    return trainer->ema ? 4 : 3;
}

void gki_trainer_mark_good(gki_trainer *trainer)
{
    gki_real *arrays[4];
    const size_t count = gki_trainer_leads(trainer) ? arrays_of(trainer, arrays) : 0,
                 total = trainer->model->params.total;
    for (size_t i = 0; i < count; i++)
        memcpy(trainer->good + i * total, arrays[i], total * sizeof *trainer->good);
    trainer->good_accepted_refits = trainer->state.accepted_refits;
}

void gki_trainer_return_to_good(gki_trainer *trainer)
{
    gki_real *arrays[4];
    const bool leads = gki_trainer_leads(trainer);
    const size_t count = leads ? arrays_of(trainer, arrays) : 0,
                 total = trainer->model->params.total;
    for (size_t i = 0; i < count; i++)
        memcpy(arrays[i], trainer->good + i * total, total * sizeof *trainer->good);
    trainer->state.skipped_in_row = 0;
    /* if 0, components are equal again, and the next refit needs codes */
    trainer->state.accepted_refits = trainer->good_accepted_refits;
    gki_trainer_drop_codes(trainer); /* they are of other weights */
    if (leads)
        gki_base_stats_clear(trainer->store.stats);
    gki_trainer_meet(trainer);
}

gki_params gki_trainer_eval_params(const gki_trainer *trainer)
{
    gki_params params = trainer->model->params;
    if (trainer->ema) {
        params.values = trainer->ema;
        /* Parameters that the optimiser does not train are not averaged. */
        memcpy(trainer->ema + params.trainable, trainer->model->params.values + params.trainable,
               (params.total - params.trainable) * sizeof *trainer->ema);
    }
    return params;
}

/* Estimates the terms of the held-out images: all of them, or those of this rank. */
static gkv_status estimate(gki_trainer *trainer, gki_call *call, const gki_estimates *all)
{
    gkv_run_options inner = gki_call_inner(call);
    const gki_params params = gki_trainer_eval_params(trainer);
    gkv_dist *dist = trainer->dist;
    gki_images images = trainer->validation;
    gki_call quiet;
    size_t first = 0;
    gkv_dist_range(trainer->validation.count, 1, gkv_dist_rank(dist), gkv_dist_size(dist), &first,
                   &images.count);
    images.order += first;
    if (images.count == 0)
        return GKV_OK;
    GKV_TRY(gki_call_begin(&quiet, &inner, images.count));
    gki_estimates own = {.reconstruction = all->reconstruction + first,
                         .kl = all->kl + first,
                         .nll = all->nll + first,
                         .ess = all->ess + first};
    return gki_estimate(&(gki_estimate_job){.model = trainer->model,
                                            .params = &params,
                                            .images = &images,
                                            .samples = 1,
                                            .seed = trainer->model->settings.train.seed,
                                            .threads = trainer->threads,
                                            .call = &quiet},
                        &own);
}

/* Gives the estimates of each rank to all. If one fails or is stopped, so are all. */
static gkv_status share_estimates(const gki_trainer *trainer, gkv_status status,
                                  const gki_estimates *all)
{
    const size_t count = trainer->validation.count;
    gkv_dist *dist = trainer->dist;
    if (!dist)
        return status;
    GKV_TRY(gkv_dist_agree(dist, status));
    GKV_TRY(gkv_dist_share(dist, count, 1, sizeof *all->kl, all->reconstruction));
    return gkv_dist_share(dist, count, 1, sizeof *all->kl, all->kl);
}

gkv_status gki_trainer_validate(gki_trainer *trainer, gki_call *call, double out[3])
{
    const size_t count = trainer->validation.count;
    out[0] = out[1] = out[2] = NAN;
    if (count == 0)
        return GKV_OK;
    gki_estimates estimates;
    GKV_TRY(gki_estimates_create(count, &estimates));
    const gkv_status status =
        share_estimates(trainer, estimate(trainer, call, &estimates), &estimates);
    if (status == GKV_OK) {
        out[1] = out[2] = 0;
        for (size_t i = 0; i < count; i++) {
            out[1] += estimates.reconstruction[i] / (double)count;
            out[2] += estimates.kl[i] / (double)count;
        }
        out[0] = out[1] + out[2];
    }
    gki_estimates_free(&estimates);
    return status;
}
