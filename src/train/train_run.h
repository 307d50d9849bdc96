/* The state of a training run and its folder. train_run.c runs it, and train_folder.c manages the
 * folder. */
#ifndef GKV_TRAIN_RUN_H
#define GKV_TRAIN_RUN_H

#include "core/call.h"
#include "core/file.h"
#include "gkvae/train.h"
#include "train/history.h"
#include "train/trainer.h"

typedef struct gki_training_run {
    gki_call call;  /* its units are steps */
    gkv_dist *dist; /* the ranks that train together; NULL for one process alone */
    bool leads;     /* whether this process is rank 0: it alone has the folder and its files */
    gkv_train_start start;
    /* Where the files of the run are written: the folder of the run, but before the first
     * checkpoint of a run that replaces another, the folder for the new files (core/commit.h). */
    char *folder, *config, *checkpoint, *model;
    char *replaced; /* the folder of the run while `folder` is another one, else NULL */
    gki_lock *lock;
    gki_trainer *trainer;
    double began;
    gki_history_times earlier; /* the times of earlier processes of the run */
    double refit_seconds;      /* the time of refits in this process */
    double epoch_began;        /* the start of the epoch in this process */
    uint64_t first_step;       /* the first step of this process */
    uint64_t images;           /* the number of images that this process trained on */
    gki_step_report last;      /* the report of the last step */
    uint64_t extended_from;    /* the epoch after which this process extends the run; 0 if not */
    bool refit_open;           /* whether a refit is due after the last step, but not done */
    bool epoch_open;           /* whether all steps of an epoch are done, but not its end */
    gkv_train_progress progress;
} gki_training_run;

/* Returns the times of the run so far, over all its processes. */
gki_history_times gki_run_times(const gki_training_run *run);

/* Creates the folder if necessary, and locks it. GKV_ERR_BUSY, GKV_ERR_IO. */
gkv_status gki_run_open_folder(gki_training_run *run, const char *folder);

/* On rank 0: prepares the folder for a new run, or restores the trainer and the histories from the
 * checkpoint. */
gkv_status gki_run_start_or_resume(gki_training_run *run, const gkv_settings *settings);

/* Finds what follows in the state of the trainer: a run that was stopped after a step continues
 * with the refit or the end of the epoch that is due. */
void gki_run_find_place(gki_training_run *run);

/* Early stopping. Whether model.safetensors is the best model by validation; it is then written at
 * each new best. And whether training ends after `epoch`, because the validation has not improved
 * for train.patience epochs. */
bool gki_run_keeps_best(const gkv_settings *settings);
bool gki_run_stops_early(const gkv_settings *settings, const gki_train_state *state,
                         uint64_t epoch);
gkv_status gki_run_write_model(const gki_training_run *run);

/* On rank 0: writes the checkpoint, the times, and the model unless it is the best one. The first
 * call of a run that replaces another puts its files in the place of the old ones. */
gkv_status gki_run_save(gki_training_run *run);

/* Unlocks the folder and frees the paths. The files of a run that was to replace another, but has
 * no checkpoint yet, are removed. */
void gki_run_close_folder(gki_training_run *run);

#endif
