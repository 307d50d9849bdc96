/* Fitting another base to a trained model. Encoder, decoder and flow do not change. The new base is
 * fitted to the codes of the training images. So bases can be compared in minutes, without
 * training.
 *
 * Thread-safety: every function may run at the same time on several threads, but one folder is
 * saved to by one thread at a time. */
#ifndef GKVAE_BASE_FIT_H
#define GKVAE_BASE_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_base_fit_settings {
    size_t codes; /* The most training codes to use, 100 or more. Default 50000. */
    /* The most refits after the first one. Default 20. Each round starts from the result of the one
     * before. Rounds end when the held-out codes do not gain enough. */
    size_t rounds;
    /* The least gain of a round in mean held-out log density, in nats. Default 1e-3. */
    double tolerance;
} gkv_base_fit_settings;

/* Fills in the defaults. NULL does nothing. */
GKV_API void gkv_base_fit_defaults(gkv_base_fit_settings *settings);

/* The results of a fit. Log densities are means over held-out codes. A code is one draw of ε =
 * h⁻¹(z), z ~ q(z|x), for one image. Held-out codes are those of the images that training held out
 * (data.validation). If there are none, every fifth code is held out from the fit. */
typedef struct gkv_base_fit_report {
    /* The number of training codes: those of the fit and those that accept its steps. */
    size_t codes;
    size_t held_out; /* The number of held-out codes. */
    /* The mean log density of held-out ε under the model's base, in nats. */
    double before;
    double after; /* The same under the new base. */
    /* The number of iterations of expectation–maximization of all rounds. */
    size_t em_iterations;
    size_t rounds; /* The number of rounds. */
    /* The number of accepted refits. 0 if none was better than the initial base, about N(0, I). */
    size_t accepted;
    double seconds; /* The wall-clock time. */
} gkv_base_fit_report;

/* Creates a copy of the model with another base, and fits this base to the codes of `training`, the
 * images that the model was trained on. `wanted` describes the base (base, base_components,
 * base_covariance, base_rank, base_tied_shapes, base_classes, base_g, base_k). base_fit of the copy
 * is lm, whatever that of the model or of `wanted` is. The model's train.seed and data.validation
 * determine the held-out images, and `run` the binarization. A base without parameters (normal) is
 * allowed. NULL `run` are the settings of the model, and NULL `settings` the defaults; `report` may
 * be NULL. The caller frees *out with gkv_model_free(); it is NULL after a failure. Results are the
 * same to the bit on any number of threads.
 *
 * NULL `options` are the defaults, and 0 threads are the model's number. The units of progress are
 * the encoded images. It is also called after each round, and details is then a const
 * gkv_base_fit_report * without `after` and `seconds`; otherwise it is NULL. A stop waits for the
 * end of the current round.
 *
 * GKV_ERR_CONFIG for a base that cannot be built, or a base by class without labels among its
 * classes; GKV_ERR_DATA for images of another size or another mean than those of training, or too
 * few images; GKV_ERR_NUMERIC if the held-out codes have no finite density; GKV_ERR_ARGUMENT,
 * GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_base_fit(const gkv_model *model, const gkv_dataset *training,
                                             const gkv_model_settings *wanted,
                                             const gkv_settings *run,
                                             const gkv_base_fit_settings *settings,
                                             const gkv_run_options *options, gkv_model **out,
                                             gkv_base_fit_report *report);

/* Checks, before a fit, whether gkv_base_fit_save() could save to the folder. Returns the errors
 * that are described there. Creates no folder. */
GKV_API GKV_MUST_USE gkv_status gkv_base_fit_check_folder(const char *folder, bool replace);

/* Saves the model as a run folder with model.safetensors and config.ini. config.ini has the paths
 * and the evaluation settings of `run`; NULL are the settings of the model.
 *
 * Without `replace` the folder is created if necessary, and must not hold a run: GKV_ERR_CONFIG.
 * With `replace` it must hold a run. The old model.safetensors, config.ini and
 * checkpoint.safetensors are renamed to model.before-fit.safetensors, config.before-fit.ini and
 * checkpoint.before-fit.safetensors. If such a file already exists, nothing changes:
 * GKV_ERR_CONFIG. GKV_ERR_BUSY while the run is being trained. All files change together: after
 * GKV_ERR_IO, a kill or a power cut the run is as it was, or complete (gkv_run_recover() in
 * gkvae/train.h). GKV_ERR_ARGUMENT for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_base_fit_save(const gkv_model *model, const char *folder,
                                                  bool replace, const gkv_settings *run);

#ifdef __cplusplus
}
#endif
#endif
