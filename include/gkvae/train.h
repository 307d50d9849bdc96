/* Training: from settings and data to a run folder.
 *
 * A run folder holds
 *   config.ini               every setting of the run
 *   checkpoint.safetensors   all that training goes on from
 *   model.safetensors        the weights to use (the average, if train.ema is set; the
 *                            best by validation, if train.patience is)
 *   history.csv, history.jsonl   a line an epoch
 *   refits.jsonl             a line a refit of the base
 *   times.json               the seconds that training has taken, and refits of the base
 *   lock                     held while a process trains there
 * docs/files.md describes each. Every file but the histories is written whole or
 * not at all, and equal runs give equal bytes: one seed, one result, on any number
 * of threads, and after a resume, also from the middle of an epoch. */
#ifndef GKVAE_TRAIN_H
#define GKVAE_TRAIN_H

#include <signal.h>
#include <stdbool.h>

#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a run is, for a progress line. */
typedef struct gkv_train_progress {
    uint64_t epoch, epochs;        /* the current one, from 1 */
    uint64_t step, steps;          /* finished steps, of the whole run */
    uint64_t epoch_step, epoch_steps;
    double neg_elbo, reconstruction, kl; /* means over the epoch so far, nats per image */
    double kl_weight, learning_rate;
    double images_per_second;      /* since this process began, data and refits included */
    double seconds, seconds_left;
    /* At the end of an epoch only: */
    bool epoch_ended;
    double validation_neg_elbo, validation_reconstruction, validation_kl; /* NaN without validation */
    bool best;                     /* the lowest validation −ELBO so far */
    uint64_t skipped, rollbacks;   /* steps left out, returns to the last good state */
    bool refitted;                 /* the base was refitted at this epoch's end … */
    double refit_seconds, refit_step, refit_goodness; /* … and moved so far (0 … 1) */
    double g_min, g_max, k_min, k_max;
} gkv_train_progress;

typedef struct gkv_train_options {
    bool resume;      /* go on from the folder's checkpoint */
    bool overwrite;   /* a new run in a folder that holds one: the old one is removed */
    /* May be NULL; called after every step, and once more at an epoch's end, after refit and validation. */
    void (*progress)(void *context, const gkv_train_progress *progress);
    void *context;
    const volatile sig_atomic_t *stop; /* may be NULL; when it becomes nonzero the current step, or refit of
                                          the base, is finished, a validation left, and all saved:
                                          GKV_ERR_INTERRUPTED */
    /* May be NULL; told before the first step, in a sentence without a newline, of what stops no run but should be
     * known: classes of model.base_classes that no training image is of. */
    void (*warning)(void *context, const char *text);
} gkv_train_options;

typedef struct gkv_train_result {
    uint64_t epochs, steps;
    double seconds;             /* of training, all the run's processes together */
    double refit_seconds;       /* those of them that went into refits of the base */
    double best_validation;     /* NaN without validation */
    uint64_t best_epoch;
    bool stopped_early;
    uint64_t skipped, rollbacks;
} gkv_train_result;

/* Fills in the defaults: a new run, nothing overwritten, no callbacks. */
GKV_API void gkv_train_options_defaults(gkv_train_options *options);

/* Trains in the folder, which is made if need be. On a resume *settings must be the
 * run's own (read its config.ini): only data paths and train.threads may differ, and
 * GKV_ERR_CONFIG names any other setting that does. options NULL stands for the defaults,
 * and result may be NULL.
 *
 * GKV_ERR_BUSY if another process trains in the folder; GKV_ERR_CONFIG if it holds a
 * run, or a file of one's own that a run would replace, and neither resume nor overwrite is
 * set, or there is nothing to resume;
 * GKV_ERR_NUMERIC when a loss or gradient stays non-finite after the returns to the
 * last good state that are described in docs/training.md (the last good checkpoint is
 * kept); GKV_ERR_INTERRUPTED after *stop; and whatever reading data and writing files
 * gives. *result is filled in as far as the run came. */
GKV_API GKV_MUST_USE gkv_status gkv_train(const gkv_settings *settings, const char *folder,
                                          const gkv_train_options *options, gkv_train_result *result);

/* How far the run in a folder has come. */
typedef enum gkv_run_stage {
    GKV_RUN_NONE,    /* no config.ini: there is no run */
    GKV_RUN_BEGUN,   /* no checkpoint yet: training must start again */
    GKV_RUN_STOPPED, /* there is a checkpoint: gkv_train_options.resume continues from it */
    GKV_RUN_FINISHED /* training is complete */
} gkv_run_stage;

/* Reads the stage from config.ini, history.jsonl, checkpoint.safetensors and the presence of model.safetensors;
 * reads no images. A run is finished if its checkpoint is from the end of its last epoch or, with train.patience, of
 * the epoch at which patience ran out. A folder that does not exist holds no run. GKV_ERR_CONFIG, GKV_ERR_DATA or
 * GKV_ERR_IO if one of the files is damaged or cannot be read; GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_train_stage(const char *folder, gkv_run_stage *stage);

/* The seconds that training has taken in a run folder so far, and those of them that went
 * into refits of the base (its times.json); NaN if it does not say. */
GKV_API double gkv_train_seconds(const char *folder);
GKV_API double gkv_refit_seconds(const char *folder);

#ifdef __cplusplus
}
#endif
#endif
