/* A training run on its way, and its folder (train_folder.c); train.c runs it. */
#ifndef GKV_VAE_TRAIN_RUN_H
#define GKV_VAE_TRAIN_RUN_H

#include "core/file.h"
#include "gkvae/train.h"
#include "train/history.h"
#include "train/trainer.h"

typedef struct gkv_training_run {
    const gkv_train_options *options;
    char *folder, *config, *checkpoint, *model;
    gkv_lock *lock;
    gkv_trainer *trainer;
    double began;
    gkv_history_times earlier; /* of the run's other processes */
    double refit_seconds;
    double epoch_began;
    uint64_t first_step;  /* of this process */
    uint64_t images;      /* trained on by this process */
    gkv_step_report last; /* the last step's */
    bool refit_open;      /* a refit is due after the last step, but not done */
    bool epoch_open;      /* all steps of an epoch are done, but not its end */
    gkv_train_progress progress;
} gkv_training_run;

/* What the run has taken so far, all its processes together. */
gkv_history_times gkv_run_times(const gkv_training_run *run);

/* Makes the folder if need be, and locks it. */
gkv_status gkv_run_open_folder(gkv_training_run *run, const char *folder);

/* A new run's folder, or the trainer and the histories as the checkpoint has them. */
gkv_status gkv_run_start_or_resume(gkv_training_run *run, const gkv_settings *settings);

/* With early stopping the model is the best by validation, written when it was seen. */
bool gkv_run_keeps_best(const gkv_training_run *run);
gkv_status gkv_run_write_model(const gkv_training_run *run);

/* Checkpoint, times, and the model unless it is the best. */
gkv_status gkv_run_save(const gkv_training_run *run);

#endif
