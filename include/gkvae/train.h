/* Training: from settings and data to a run folder.
 *
 * A run folder holds
 *   config.ini               every setting of the run
 *   checkpoint.safetensors   the state from which training resumes
 *   model.safetensors        the final weights: the moving average if train.ema is set, and those
 *                            of the best validation if train.patience is set
 *   history.csv, history.jsonl   one line for each epoch
 *   refits.jsonl             one line for each refit of the base
 *   times.json               the seconds of training, and of refits of the base
 *   lock                     locked while a process trains in the folder
 * docs/files.md describes the files. Every file except the histories is written completely or
 * not at all. Equal runs write equal bytes, except for times: the result depends on the seed, not
 * on the number of threads or of ranks (gkvae/dist.h), and not on interruptions, even in the middle
 * of an epoch.
 *
 * Thread-safety: runs in different folders may train at the same time.
 *
 * No pointer may be NULL unless the comment of the function allows it: GKV_ERR_ARGUMENT. */
#ifndef GKVAE_TRAIN_H
#define GKVAE_TRAIN_H

#include <stdbool.h>

#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The progress of a run, to which gkv_progress.details points. Losses are in nats per image. */
typedef struct gkv_train_progress {
    /* NULL, or a warning, one sentence without a newline; all other members are then 0. Warnings
     * come before the first step: classes of model.base_classes without training images, test
     * images that cannot be read, and the findings of gkv_dataset_check(). */
    const char *warning;
    /* Whether the folder still holds the old run that this run is to replace. */
    bool replacing;
    uint64_t epoch;            /* The current epoch, from 1. */
    uint64_t epochs;           /* The number of epochs of the run. */
    uint64_t step;             /* The number of finished steps of the run. */
    uint64_t steps;            /* The number of all steps of the run. */
    uint64_t epoch_step;       /* The number of finished steps of the epoch. */
    uint64_t epoch_steps;      /* The number of all steps of the epoch. */
    double neg_elbo;           /* The mean −ELBO over the epoch so far, at KL weight 1. */
    double reconstruction, kl; /* The two terms of neg_elbo. */
    double kl_weight;          /* The KL weight of the last step. */
    double learning_rate;      /* The learning rate of the last step. */
    /* The mean rate since this process began, with data loading and refits. */
    double images_per_second;
    double seconds; /* The training time so far, of all processes of the run. */
    /* The estimated remaining time; NaN before the first step of this process. */
    double seconds_left;
    /* Whether this is the end of an epoch. The validation fields and `best` are valid only then. */
    bool epoch_ended;
    /* The mean −ELBO over the validation images; NaN without validation. */
    double validation_neg_elbo;
    double validation_reconstruction, validation_kl; /* The two terms of validation_neg_elbo. */
    bool best; /* Whether validation_neg_elbo is the lowest so far. */
    /* The number of steps that were skipped because a number was not finite. */
    uint64_t skipped;
    uint64_t rollbacks; /* The number of returns to the last good state. */
    /* Whether the base was refitted in this epoch. The fields below describe the last refit, except
     * refit_seconds. */
    bool refitted;
    double refit_seconds; /* The time of all refits of the epoch. */
    /* The accepted step, 0 … 1: 0 is a rejected refit, 1 the whole way to the fit. */
    double refit_step;
    /* The mean squared residual per degree of freedom; 1 for a family that fits. NaN for a base
     * without such residuals. */
    double refit_goodness;
    /* The ranges of g and k over the base's margins; 0 for a base without them. */
    double g_min, g_max, k_min, k_max;
} gkv_train_progress;

/* What gkv_train() does with a run that the folder may hold. */
typedef enum gkv_train_start {
    GKV_TRAIN_NEW,    /* Begin a run. The folder must hold none. */
    GKV_TRAIN_RESUME, /* Continue the run from its checkpoint. */
    /* Begin a run, and replace the one in the folder. The files of the old run stay until the new
     * one has its first checkpoint. */
    GKV_TRAIN_OVERWRITE
} gkv_train_start;

typedef struct gkv_train_result {
    uint64_t epochs, steps; /* The number of finished epochs and steps of the run. */
    double seconds;         /* The training time of all processes of the run. */
    double refit_seconds;   /* The part of `seconds` that refits of the base took. */
    /* The lowest validation −ELBO, in nats per image; NaN without validation. */
    double best_validation;
    uint64_t best_epoch;         /* The epoch of best_validation, from 1. */
    bool stopped_early;          /* Whether train.patience ended the run before its last epoch. */
    uint64_t skipped, rollbacks; /* As in gkv_train_progress. */
} gkv_train_result;

/* Trains in the folder, which is created if necessary. For a resumed run *settings must be the
 * settings of the run (its config.ini). Only data paths and train.threads may differ;
 * GKV_ERR_CONFIG names any other difference. NULL settings are the defaults. `result` may be NULL.
 * After an error *result describes the run up to the error.
 *
 * NULL `options` are the defaults, and 0 threads are settings->train.threads. The units of progress
 * are the steps of the run, and details is a const gkv_train_progress *. progress() is called after
 * every step, and again at the end of an epoch, after refit and validation. When it stops the call,
 * or *stop does, the current step or refit of the base is finished, a validation is abandoned, the
 * state is saved, and the call returns GKV_ERR_INTERRUPTED.
 *
 * GKV_ERR_BUSY if another process trains in the folder. GKV_ERR_CONFIG for GKV_TRAIN_NEW if the
 * folder holds a run, or another file that a run would replace, and for GKV_TRAIN_RESUME if there
 * is nothing to resume. GKV_ERR_NUMERIC if a loss or gradient is still not finite after the returns
 * to the last good state that docs/training.md describes; the last good checkpoint is kept.
 * GKV_ERR_ARGUMENT for another `start`. GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. The errors of reading
 * data and writing files.
 *
 * The ranks of options->dist share the work: the images of each step are divided between them.
 * Every number of ranks writes the files of one process, to the bit, on processors with AVX2, all
 * of one instruction set; a run may be resumed on another number (docs/scaling.md). All ranks need
 * the training images and the settings; GKV_ERR_CONFIG on all ranks if they differ. Only rank 0
 * reads and writes the folder. It alone may have a progress(). A stop of one rank stops all after
 * the same step. */
GKV_API GKV_MUST_USE gkv_status gkv_train(const char *folder, gkv_train_start start,
                                          const gkv_settings *settings,
                                          const gkv_run_options *options, gkv_train_result *result);

/* The stage of the run in a folder. */
typedef enum gkv_run_stage {
    GKV_RUN_NONE,    /* There is no run: no config.ini. */
    GKV_RUN_BEGUN,   /* There is no checkpoint yet. Training must start again. */
    GKV_RUN_STOPPED, /* There is a checkpoint. GKV_TRAIN_RESUME continues from it. */
    GKV_RUN_FINISHED /* Training is complete. */
} gkv_run_stage;

/* Reads the stage from config.ini, history.jsonl, checkpoint.safetensors and the presence of
 * model.safetensors; reads no images. A run is finished if its checkpoint is from the end of its
 * last epoch or, with train.patience, of the epoch at which patience ran out. A folder that does
 * not exist holds no run. GKV_ERR_CONFIG, GKV_ERR_DATA or GKV_ERR_IO if one of the files is damaged
 * or cannot be read; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_train_stage(const char *folder, gkv_run_stage *stage);

/* Completes a replacement of the files of a run (GKV_TRAIN_OVERWRITE, gkv_base_fit_save) that a
 * kill or a power cut has interrupted; nearly always there is nothing to do. Call it before reading
 * several files of the folder, which otherwise may not belong together. gkv_train(),
 * gkv_train_stage() and gkv_base_fit_save() do it themselves. Does nothing if another process holds
 * the folder. GKV_ERR_IO, GKV_ERR_MEMORY, GKV_ERR_ARGUMENT for NULL. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_run_recover(const char *folder);

/* Reads times.json of a run folder: the seconds of training so far, and the part of them that
 * refits of the base took. A number that the file does not have is NaN, and so are both without a
 * file. GKV_ERR_IO if there is a file that cannot be read, GKV_ERR_MEMORY, GKV_ERR_ARGUMENT for
 * NULL. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_train_times(const char *folder, double *train, double *refits);

#ifdef __cplusplus
}
#endif
#endif
