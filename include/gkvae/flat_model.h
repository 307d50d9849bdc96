/* Flat functions of models for bindings, as gkvae/flat.h has them for the statistical half.
 *
 * Languages without C's structs call the functions of gkvae/model.h and gkvae/data.h as they are:
 * models, data sets, settings and options are pointers to them. This header creates settings and
 * options, and has functions in place of those that take or report other structs. The conventions
 * are those of gkvae/flat.h, also for `threads`, `progress` and `context`. */
#ifndef GKVAE_FLAT_MODEL_H
#define GKVAE_FLAT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/refine.h"
#include "gkvae/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Creates settings with their defaults, for gkv_settings_set, gkv_settings_read and others. The
 * caller frees *out with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_settings(gkv_settings **out);

/* Creates options with this number of threads and this progress, which may be NULL. The caller
 * frees *out with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_options(int threads, gkv_flat_progress *progress,
                                                 void *context, gkv_run_options **out);

/* Frees settings or options of the functions above. NULL does nothing. */
GKV_API void gkv_flat_free(void *memory);

/* The numbers of the progress of a run: indices of the members of gkv_train_progress. */
enum {
    GKV_FLAT_TRAIN_EPOCH,
    GKV_FLAT_TRAIN_EPOCHS,
    GKV_FLAT_TRAIN_STEP,
    GKV_FLAT_TRAIN_STEPS,
    GKV_FLAT_TRAIN_EPOCH_STEP,
    GKV_FLAT_TRAIN_EPOCH_STEPS,
    GKV_FLAT_TRAIN_NEG_ELBO,
    GKV_FLAT_TRAIN_RECONSTRUCTION,
    GKV_FLAT_TRAIN_KL,
    GKV_FLAT_TRAIN_KL_WEIGHT,
    GKV_FLAT_TRAIN_LEARNING_RATE,
    GKV_FLAT_TRAIN_IMAGES_PER_SECOND,
    GKV_FLAT_TRAIN_SECONDS,
    GKV_FLAT_TRAIN_SECONDS_LEFT,
    GKV_FLAT_TRAIN_EPOCH_ENDED,
    GKV_FLAT_TRAIN_VALIDATION_NEG_ELBO,
    GKV_FLAT_TRAIN_VALIDATION_RECONSTRUCTION,
    GKV_FLAT_TRAIN_VALIDATION_KL,
    GKV_FLAT_TRAIN_BEST,
    GKV_FLAT_TRAIN_SKIPPED,
    GKV_FLAT_TRAIN_ROLLBACKS,
    GKV_FLAT_TRAIN_NUMBERS /* the number of these numbers */
};

/* Called as gkv_train calls progress(). `warning` is NULL, or a warning; the numbers are then 0.
 * Both are valid during the call. Returns whether to stop. */
typedef bool gkv_flat_train_callback(void *context, const char *warning,
                                     const double numbers[GKV_FLAT_TRAIN_NUMBERS]);

/* The numbers of a finished run: indices of the members of gkv_train_result. */
enum {
    GKV_FLAT_RESULT_EPOCHS,
    GKV_FLAT_RESULT_STEPS,
    GKV_FLAT_RESULT_SECONDS,
    GKV_FLAT_RESULT_REFIT_SECONDS,
    GKV_FLAT_RESULT_BEST_VALIDATION,
    GKV_FLAT_RESULT_BEST_EPOCH,
    GKV_FLAT_RESULT_STOPPED_EARLY,
    GKV_FLAT_RESULT_SKIPPED,
    GKV_FLAT_RESULT_ROLLBACKS,
    GKV_FLAT_RESULT_NUMBERS /* the number of these numbers */
};

/* Trains by gkv_train. `settings` and `progress` may be NULL. result[GKV_FLAT_RESULT_NUMBERS] may
 * be NULL; after an error it describes the run up to the error. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_train(const char *folder, gkv_train_start start,
                                               const gkv_settings *settings, int threads,
                                               gkv_flat_train_callback *progress, void *context,
                                               double *result);

/* Writes the stage of the run in a folder, a gkv_run_stage, to *stage by gkv_train_stage. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_stage(const char *folder, int *stage);

/* Refines the posteriors of images[n, values] by gkv_refiner_run with these settings; the others
 * are the defaults. mean[n × latent], factor[n × latent × latent], before[n], after[n] and
 * accepted[n] are those of gkv_refined. After GKV_ERR_INTERRUPTED all outputs are set. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_refine(const gkv_model *model, size_t n,
                                                const float *images, gkv_refine_mode mode,
                                                size_t iterations, size_t curvature_samples,
                                                double prior_weight, uint64_t seed, uint64_t first,
                                                int threads, gkv_flat_progress *progress,
                                                void *context, float *mean, float *factor,
                                                double *before, double *after, size_t *accepted);

/* Writes images first … first + n − 1 of a half to targets[n × values] by gkv_targets, with the
 * settings of the model. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_targets(const gkv_model *model, const gkv_dataset *images,
                                                 size_t n, gkv_split half, size_t first,
                                                 float *targets);

/* Returns what the pixels of the model are, a gkv_pixels; −1 for NULL. Writes data.range to
 * range[2], which may be NULL: 0 and 1 unless the pixels are continuous. */
GKV_API int gkv_flat_pixels(const gkv_model *model, double range[2]);

/* Makes a data set of continuous images by gkv_dataset_from_numbers with data.range of the model's
 * settings. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_numbers(const gkv_model *model, size_t count,
                                                 const float *numbers, gkv_dataset **out);

#ifdef __cplusplus
}
#endif
#endif
