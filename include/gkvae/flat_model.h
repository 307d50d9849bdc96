/* Flat functions of models for bindings, as gkvae/flat.h has them for the statistical half.
 *
 * Languages without C's structs call the functions of gkvae/model.h and gkvae/data.h as they are:
 * models, data sets, settings and options are pointers to them. This header creates settings, and
 * has functions in place of those that take or report other structs. gkvae/flat.h creates options,
 * and has the conventions. */
#ifndef GKVAE_FLAT_MODEL_H
#define GKVAE_FLAT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/flat.h"
#include "gkvae/refine.h"
#include "gkvae/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Creates the settings of a model with their defaults, for gkv_settings_set, gkv_settings_read and
 * others. The caller frees *out with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_model_settings(gkv_settings **out);

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

/* Their names, as in "neg_elbo". */
GKV_API const char *gkv_flat_train_name(size_t i);

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

/* Their names, as in "best_epoch". */
GKV_API const char *gkv_flat_result_name(size_t i);

/* Trains by gkv_train. `settings` and `progress` may be NULL. result[GKV_FLAT_RESULT_NUMBERS] may
 * be NULL; after an error it describes the run up to the error. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_train(const char *folder, gkv_train_start start,
                                               const gkv_settings *settings, int threads,
                                               gkv_flat_train_callback *progress, void *context,
                                               double *result);

/* Writes the stage of the run in a folder, a gkv_run_stage, to *stage by gkv_train_stage; after an
 * error GKV_RUN_NONE. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_stage(const char *folder, int *stage);

/* Creates the settings of refinement: mode (mean, map), iterations, curvature_samples, prior_weight
 * and seed of gkv_refine_settings, and gradient_samples, acceptance_samples, damping, rate and
 * decay of gkv_refine_advanced. The caller frees *out with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_refine_settings(gkv_flat_settings **out);

/* Refines the posteriors of images[n, values] by gkv_refiner_run. mean[n × latent],
 * factor[n × latent × latent], before[n], after[n] and accepted[n] are those of gkv_refined. After
 * GKV_ERR_INTERRUPTED all outputs are set. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_refine(const gkv_model *model, size_t n,
                                                const float *images,
                                                const gkv_flat_settings *settings, uint64_t first,
                                                const gkv_run_options *options, float *mean,
                                                float *factor, double *before, double *after,
                                                size_t *accepted);

/* Writes images first … first + n − 1 of a split to targets[n × values] by gkv_targets, with the
 * settings of the model. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_targets(const gkv_model *model, const gkv_dataset *images,
                                                 size_t n, gkv_split split, size_t first,
                                                 float *targets);

/* Returns what the pixels of the model are, a gkv_pixels; −1 for NULL. Writes data.range to
 * range[2], which may be NULL: 0 and 1 unless the pixels are continuous. */
GKV_API int gkv_flat_pixels(const gkv_model *model, double range[2]);

/* Makes a data set of continuous images by gkv_dataset_from_numbers with data.range of the model's
 * settings. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_dataset(const gkv_model *model, size_t count,
                                                 const float *numbers, gkv_dataset **out);

#ifdef __cplusplus
}
#endif
#endif
