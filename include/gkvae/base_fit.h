/* Another base for a model that is trained: fitted to the codes of its training images, while encoder,
 * decoder and flow stay as they are. What a base is worth by itself, in minutes. */
#ifndef GKVAE_BASE_FIT_H
#define GKVAE_BASE_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_base_fit_settings {
    size_t codes;    /* 50000: training codes to fit to, at most; 100 or more */
    int rounds;      /* 20: refits after the first, each from where the last one ended, while held-out codes gain */
    double tolerance;/* 1e-3: the least such gain of a round, in nats a code */
} gkv_base_fit_settings;

GKV_API void gkv_base_fit_defaults(gkv_base_fit_settings *settings);

/* Means are over held-out codes, one draw of ε = h⁻¹(z), z ~ q(z|x), for each image that training has not
 * seen (data.validation), and if there are none every fifth code, which the fit does not see either. */
typedef struct gkv_base_fit_report {
    size_t codes, held_out;
    double before, after;   /* mean log density of ε under the model's base and under the new one, nats */
    long em_iterations;     /* of all rounds */
    int rounds;
    int moves;              /* refits that moved the base: 0 if none was better than what it begins as, N(0, I) or so */
    double seconds;
} gkv_base_fit_report;

/* A copy of the model with another base, which is fitted by refits to codes of `training`, the images that the model
 * was trained on. wanted->model describes the base (base, base_components, base_covariance, base_rank, base_shapes,
 * base_classes, base_g, base_k). The copy's base_fit is lm, whatever that of the model or of `wanted` is. The
 * model's own train.seed and data.validation say which images were held out, and `run` how images are binarized. The
 * caller frees *out with gkv_model_free. `settings` NULL takes the defaults; `report` may be NULL. A base with
 * nothing to fit (normal) is fine.
 *
 * GKV_ERR_CONFIG for a base that cannot be made, or by class without labels among its classes; GKV_ERR_DATA
 * for images of another size or with another mean than those of training, or too few; GKV_ERR_NUMERIC if held-out
 * codes have no finite density; GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. The same bits on any number of threads. */
GKV_API GKV_MUST_USE gkv_status gkv_base_fit(const gkv_model *model, const gkv_model_settings *wanted,
                                             const gkv_settings *run, const gkv_dataset *training,
                                             const gkv_base_fit_settings *settings, gkv_model **out,
                                             gkv_base_fit_report *report);

/* Whether gkv_base_fit_save would find the folder as it has to be: with the errors described there, before a fit
 * that would be lost. Makes no folder. */
GKV_API GKV_MUST_USE gkv_status gkv_base_fit_check_folder(const char *folder, int replace);

/* Keeps the model as a run folder: model.safetensors and config.ini, the latter with `run`'s paths and evaluation.
 * The folder is made if need be, and must hold no run: GKV_ERR_CONFIG. With `replace` it must hold one, whose
 * model.safetensors, config.ini and checkpoint.safetensors are kept under the names model.before-fit.safetensors,
 * config.before-fit.ini and checkpoint.before-fit.safetensors; if there are such files already nothing is touched:
 * GKV_ERR_CONFIG. GKV_ERR_BUSY while the run is being trained; GKV_ERR_IO, after which the run is as it was. */
GKV_API GKV_MUST_USE gkv_status gkv_base_fit_save(const gkv_model *model, const gkv_settings *run, const char *folder,
                                                  int replace);

#ifdef __cplusplus
}
#endif
#endif
