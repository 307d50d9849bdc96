/* The flat functions of gkvae/flat_model.h: settings, options, training, refinement, targets. */
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkvae/data.h"
#include "gkvae/eval.h"
#include "gkvae/flat_model.h"

/* --- Settings and options ------------------------------------------------- */

gkv_status gkv_flat_settings(gkv_settings **out)
{
    GKV_NEED(out);
    GKV_TRY(gki_alloc(1, sizeof **out, out));
    gkv_settings_defaults(*out);
    return GKV_OK;
}

/* Options and the progress to which they refer, in one block of memory. */
typedef struct flat_options {
    gkv_run_options options; /* the first member: its address is that of the block */
    gki_flat_call call;
} flat_options;

gkv_status gkv_flat_options(int threads, gkv_flat_progress *progress, void *context,
                            gkv_run_options **out)
{
    flat_options *it = NULL;
    GKV_NEED(out);
    *out = NULL;
    GKV_TRY(gki_alloc(1, sizeof *it, &it));
    it->call = (gki_flat_call){progress, context};
    it->options = gki_flat_options(&it->call, threads);
    *out = &it->options;
    return GKV_OK;
}

void gkv_flat_free(void *memory)
{
    free(memory);
}

/* --- Training ------------------------------------------------------------- */

typedef struct flat_training {
    gkv_flat_train_callback *progress;
    void *context;
} flat_training;

static bool train_progress(void *context, const gkv_progress *progress)
{
    const flat_training *it = context;
    const gkv_train_progress *p = progress->details;
    const double numbers[GKV_FLAT_TRAIN_NUMBERS] = {
        [GKV_FLAT_TRAIN_EPOCH] = (double)p->epoch,
        [GKV_FLAT_TRAIN_EPOCHS] = (double)p->epochs,
        [GKV_FLAT_TRAIN_STEP] = (double)p->step,
        [GKV_FLAT_TRAIN_STEPS] = (double)p->steps,
        [GKV_FLAT_TRAIN_EPOCH_STEP] = (double)p->epoch_step,
        [GKV_FLAT_TRAIN_EPOCH_STEPS] = (double)p->epoch_steps,
        [GKV_FLAT_TRAIN_NEG_ELBO] = p->neg_elbo,
        [GKV_FLAT_TRAIN_RECONSTRUCTION] = p->reconstruction,
        [GKV_FLAT_TRAIN_KL] = p->kl,
        [GKV_FLAT_TRAIN_KL_WEIGHT] = p->kl_weight,
        [GKV_FLAT_TRAIN_LEARNING_RATE] = p->learning_rate,
        [GKV_FLAT_TRAIN_IMAGES_PER_SECOND] = p->images_per_second,
        [GKV_FLAT_TRAIN_SECONDS] = p->seconds,
        [GKV_FLAT_TRAIN_SECONDS_LEFT] = p->seconds_left,
        [GKV_FLAT_TRAIN_EPOCH_ENDED] = p->epoch_ended,
        [GKV_FLAT_TRAIN_VALIDATION_NEG_ELBO] = p->validation_neg_elbo,
        [GKV_FLAT_TRAIN_VALIDATION_RECONSTRUCTION] = p->validation_reconstruction,
        [GKV_FLAT_TRAIN_VALIDATION_KL] = p->validation_kl,
        [GKV_FLAT_TRAIN_BEST] = p->best,
        [GKV_FLAT_TRAIN_SKIPPED] = (double)p->skipped,
        [GKV_FLAT_TRAIN_ROLLBACKS] = (double)p->rollbacks};
    return it->progress(it->context, p->warning, numbers);
}

gkv_status gkv_flat_train(const char *folder, gkv_train_start start, const gkv_settings *settings,
                          int threads, gkv_flat_train_callback *progress, void *context,
                          double *result)
{
    flat_training it = {progress, context};
    const gkv_run_options options = {
        .threads = threads, .progress = progress ? train_progress : NULL, .context = &it};
    gkv_train_result r;
    GKV_NEED(folder);
    const gkv_status status = gkv_train(folder, start, settings, &options, &r);
    if (result) {
        const double numbers[GKV_FLAT_RESULT_NUMBERS] = {
            [GKV_FLAT_RESULT_EPOCHS] = (double)r.epochs,
            [GKV_FLAT_RESULT_STEPS] = (double)r.steps,
            [GKV_FLAT_RESULT_SECONDS] = r.seconds,
            [GKV_FLAT_RESULT_REFIT_SECONDS] = r.refit_seconds,
            [GKV_FLAT_RESULT_BEST_VALIDATION] = r.best_validation,
            [GKV_FLAT_RESULT_BEST_EPOCH] = (double)r.best_epoch,
            [GKV_FLAT_RESULT_STOPPED_EARLY] = r.stopped_early,
            [GKV_FLAT_RESULT_SKIPPED] = (double)r.skipped,
            [GKV_FLAT_RESULT_ROLLBACKS] = (double)r.rollbacks};
        memcpy(result, numbers, sizeof numbers);
    }
    return status;
}

gkv_status gkv_flat_stage(const char *folder, int *stage)
{
    gkv_run_stage found = GKV_RUN_NONE;
    GKV_NEED(folder);
    GKV_NEED(stage);
    const gkv_status status = gkv_train_stage(folder, &found);
    *stage = (int)found;
    return status;
}

/* --- Models --------------------------------------------------------------- */

gkv_status gkv_flat_refine(const gkv_model *model, size_t n, const float *images,
                           gkv_refine_mode mode, size_t iterations, size_t curvature_samples,
                           double prior_weight, uint64_t seed, uint64_t first, int threads,
                           gkv_flat_progress *progress, void *context, float *mean, float *factor,
                           double *before, double *after, size_t *accepted)
{
    gki_flat_call call = {progress, context};
    const gkv_run_options options = gki_flat_options(&call, threads);
    const gkv_refined out = {
        .mean = mean, .factor = factor, .before = before, .after = after, .accepted = accepted};
    gkv_refine_settings settings;
    gkv_refiner *refiner = NULL;
    gkv_status status = GKV_OK;
    GKV_NEED(model);
    GKV_NEED(images);
    gkv_refine_defaults(&settings);
    settings.mode = mode;
    settings.iterations = iterations;
    settings.curvature_samples = curvature_samples;
    settings.prior_weight = prior_weight;
    settings.seed = seed;
    GKV_TRY_GOTO(gkv_refiner_create(model, &settings, &refiner));
    status = gkv_refiner_run(refiner, n, images, first, &options, &out);
done:
    gkv_refiner_free(refiner);
    return status;
}

gkv_status gkv_flat_targets(const gkv_model *model, const gkv_dataset *images, size_t n,
                            gkv_split half, size_t first, float *targets)
{
    GKV_NEED(model);
    GKV_NEED(images);
    GKV_NEED(targets);
    return gkv_targets(images, n, half, first, gkv_model_settings_of(model), targets);
}

int gkv_flat_pixels(const gkv_model *model, double range[2])
{
    double ignored[2];
    if (!model)
        return -1;
    const gkv_settings *settings = gkv_model_settings_of(model);
    (void)gkv_settings_range(&settings->data, range ? range : ignored);
    return (int)gkv_settings_pixels(settings);
}

gkv_status gkv_flat_numbers(const gkv_model *model, size_t count, const float *numbers,
                            gkv_dataset **out)
{
    GKV_NEED(model);
    GKV_NEED(numbers);
    GKV_NEED(out);
    return gkv_dataset_from_numbers(count, gkv_model_height(model), gkv_model_width(model),
                                    gkv_model_channels(model), numbers, NULL,
                                    &gkv_model_settings_of(model)->data, out);
}
