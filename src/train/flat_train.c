/* The flat functions of gkvae/flat_model.h: settings, training, refinement, targets. */
#include <stdlib.h>
#include <string.h>

#include "core/flat_settings.h"
#include "core/memory.h"
#include "gkvae/data.h"
#include "gkvae/eval.h"
#include "gkvae/flat_model.h"

/* --- Settings ------------------------------------------------------------- */

gkv_status gkv_flat_model_settings(gkv_settings **out)
{
    GKV_NEED(out);
    GKV_TRY(gki_alloc(1, sizeof **out, out));
    gkv_settings_defaults(*out);
    return GKV_OK;
}

static void refine_defaults(void *values)
{
    gkv_refine_defaults(values);
}

#define AT(member) offsetof(gkv_refine_settings, member)

static const gki_flat_row refine_rows[] = {
    {"mode", GKV_FLAT_CHOICE, AT(mode), "mean, map"},
    {"iterations", GKV_FLAT_SIZE, AT(iterations), NULL},
    {"curvature_samples", GKV_FLAT_SIZE, AT(curvature_samples), NULL},
    {"prior_weight", GKV_FLAT_NUMBER, AT(prior_weight), NULL},
    {"seed", GKV_FLAT_SEED, AT(seed), NULL},
    {"gradient_samples", GKV_FLAT_SIZE, AT(advanced.gradient_samples), NULL},
    {"acceptance_samples", GKV_FLAT_SIZE, AT(advanced.acceptance_samples), NULL},
    {"damping", GKV_FLAT_NUMBER, AT(advanced.damping), NULL},
    {"rate", GKV_FLAT_NUMBER, AT(advanced.rate), NULL},
    {"decay", GKV_FLAT_NUMBER, AT(advanced.decay), NULL},
};

static const gki_flat_kind refine_kind = {"a refinement", refine_rows,
                                          sizeof refine_rows / sizeof *refine_rows,
                                          sizeof(gkv_refine_settings), refine_defaults};

gkv_status gkv_flat_refine_settings(gkv_flat_settings **out)
{
    GKV_NEED(out);
    return gki_flat_settings_create(&refine_kind, out);
}

/* --- Training ------------------------------------------------------------- */

const char *gkv_flat_train_name(size_t i)
{
    static const char *const names[GKV_FLAT_TRAIN_NUMBERS] = {
        [GKV_FLAT_TRAIN_EPOCH] = "epoch",
        [GKV_FLAT_TRAIN_EPOCHS] = "epochs",
        [GKV_FLAT_TRAIN_STEP] = "step",
        [GKV_FLAT_TRAIN_STEPS] = "steps",
        [GKV_FLAT_TRAIN_EPOCH_STEP] = "epoch_step",
        [GKV_FLAT_TRAIN_EPOCH_STEPS] = "epoch_steps",
        [GKV_FLAT_TRAIN_NEG_ELBO] = "neg_elbo",
        [GKV_FLAT_TRAIN_RECONSTRUCTION] = "reconstruction",
        [GKV_FLAT_TRAIN_KL] = "kl",
        [GKV_FLAT_TRAIN_KL_WEIGHT] = "kl_weight",
        [GKV_FLAT_TRAIN_LEARNING_RATE] = "learning_rate",
        [GKV_FLAT_TRAIN_IMAGES_PER_SECOND] = "images_per_second",
        [GKV_FLAT_TRAIN_SECONDS] = "seconds",
        [GKV_FLAT_TRAIN_SECONDS_LEFT] = "seconds_left",
        [GKV_FLAT_TRAIN_EPOCH_ENDED] = "epoch_ended",
        [GKV_FLAT_TRAIN_VALIDATION_NEG_ELBO] = "validation_neg_elbo",
        [GKV_FLAT_TRAIN_VALIDATION_RECONSTRUCTION] = "validation_reconstruction",
        [GKV_FLAT_TRAIN_VALIDATION_KL] = "validation_kl",
        [GKV_FLAT_TRAIN_BEST] = "best",
        [GKV_FLAT_TRAIN_SKIPPED] = "skipped",
        [GKV_FLAT_TRAIN_ROLLBACKS] = "rollbacks",
    };
    return GKV_FLAT_NAME(names, i);
}

const char *gkv_flat_result_name(size_t i)
{
    static const char *const names[GKV_FLAT_RESULT_NUMBERS] = {
        [GKV_FLAT_RESULT_EPOCHS] = "epochs",
        [GKV_FLAT_RESULT_STEPS] = "steps",
        [GKV_FLAT_RESULT_SECONDS] = "seconds",
        [GKV_FLAT_RESULT_REFIT_SECONDS] = "refit_seconds",
        [GKV_FLAT_RESULT_BEST_VALIDATION] = "best_validation",
        [GKV_FLAT_RESULT_BEST_EPOCH] = "best_epoch",
        [GKV_FLAT_RESULT_STOPPED_EARLY] = "stopped_early",
        [GKV_FLAT_RESULT_SKIPPED] = "skipped",
        [GKV_FLAT_RESULT_ROLLBACKS] = "rollbacks",
    };
    return GKV_FLAT_NAME(names, i);
}

typedef struct flat_training {
    gkv_flat_train_callback *progress;
    void *context;
} flat_training;

static bool train_progress(void *context, const gkv_progress *progress)
{
    const flat_training *training = context;
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
    return training->progress(training->context, p->warning, numbers);
}

gkv_status gkv_flat_train(const char *folder, gkv_train_start start, const gkv_settings *settings,
                          int threads, gkv_flat_train_callback *progress, void *context,
                          double *result)
{
    flat_training training = {progress, context};
    const gkv_run_options options = {
        .threads = threads, .progress = progress ? train_progress : NULL, .context = &training};
    gkv_train_result r;
    gki_flat_nan(result, GKV_FLAT_RESULT_NUMBERS);
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
    GKV_NEED(stage);
    *stage = (int)found;
    GKV_NEED(folder);
    const gkv_status status = gkv_train_stage(folder, &found);
    *stage = (int)found;
    return status;
}

/* --- Models --------------------------------------------------------------- */

/* As gki_flat_nan() for floats. */
static void put_nan(float *values, size_t count)
{
    for (size_t i = 0; values && i < count; i++)
        values[i] = NAN;
}

static void put_no_refinement(const gkv_refined *out, size_t n, size_t latent)
{
    put_nan(out->mean, n * latent);
    put_nan(out->factor, n * latent * latent);
    gki_flat_nan(out->before, n);
    gki_flat_nan(out->after, n);
    for (size_t i = 0; out->accepted && i < n; i++)
        out->accepted[i] = 0;
}

gkv_status gkv_flat_refine(const gkv_model *model, size_t n, const float *images,
                           const gkv_flat_settings *settings, uint64_t first,
                           const gkv_run_options *options, float *mean, float *factor,
                           double *before, double *after, size_t *accepted)
{
    const gkv_refined out = {
        .mean = mean, .factor = factor, .before = before, .after = after, .accepted = accepted};
    gkv_refine_settings set;
    gkv_refiner *refiner = NULL;
    gkv_status status = GKV_OK;
    put_no_refinement(&out, n, gkv_model_latent(model));
    GKV_NEED(model);
    GKV_NEED(images);
    GKV_TRY(gki_flat_settings_copy(__func__, &refine_kind, settings, &set));
    GKV_TRY_GOTO(gkv_refiner_create(model, &set, &refiner));
    status = gkv_refiner_run(refiner, n, images, first, options, &out);
done:
    gkv_refiner_free(refiner);
    return status;
}

gkv_status gkv_flat_targets(const gkv_model *model, const gkv_dataset *images, size_t n,
                            gkv_split split, size_t first, float *targets)
{
    GKV_NEED(model);
    GKV_NEED(images);
    GKV_NEED(targets);
    put_nan(targets, n * gkv_model_values(model));
    return gkv_targets(images, n, split, first, gkv_model_settings_of(model), targets);
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

gkv_status gkv_flat_dataset(const gkv_model *model, size_t count, const float *numbers,
                            gkv_dataset **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(model);
    GKV_NEED(numbers);
    return gkv_dataset_from_numbers(count, gkv_model_height(model), gkv_model_width(model),
                                    gkv_model_channels(model), numbers, NULL,
                                    &gkv_model_settings_of(model)->data, out);
}
