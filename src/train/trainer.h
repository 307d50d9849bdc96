/* The trainer: the state of a training run in memory, its steps, and the refits of its base.
 * train_run.c and speed.c use it. A trainer is used by one thread at a time; it distributes the
 * work itself. */
#ifndef GKV_TRAIN_TRAINER_H
#define GKV_TRAIN_TRAINER_H

#include "gkvae/train.h"
#include "vae/checkpoint.h"
#include "infer/estimate.h"
#include "train/fine_tune.h"
#include "train/resample.h"
#include "train/team.h"
#include "train/trainer_ranks.h"

/* The most held-out codes of a refit to sufficient statistics. */
enum { GKV_STATS_HELD_OUT = 1000 };

typedef struct gki_trainer {
    gkv_model *model;
    gkv_dataset *dataset;
    gki_images train;        /* the training images */
    gki_images validation;   /* the held-out images */
    uint32_t *split;         /* the indices of both selections in the data set */
    uint32_t *shuffled;      /* the indices in `train` in the order of the current epoch */
    uint64_t shuffled_epoch; /* the epoch of that order */
    gki_workspace ws;
    gki_real *ema;                 /* the moving average of params.values; NULL without train.ema */
    double *squares;               /* the sum of squares of the gradient in each chunk */
    gki_real *good;                /* values, m, v and ema at the last good state */
    uint64_t good_accepted_refits; /* the number of accepted refits at the last good state */
    gki_refit_store store;         /* the codes and the sufficient statistics for the next refit */
    uint8_t *augmented; /* an augmented image for each thread; NULL without train.augmentation */
    gki_fine_tuner *fine_tuner; /* NULL without train.fine_tune_epochs */
    gki_resampler *resampler;   /* NULL unless train.resampling = importance */
    gkv_dist *dist;             /* the ranks that train together; NULL for one process alone */
    /* how several ranks divide a step: by messages, or in shared memory; the other is NULL */
    gki_ranks *ranks;
    gki_team *team;
    /* before a step: whether this rank was asked to stop; after it: whether any was */
    bool stop;
    gki_train_state state;
    /* the images of a step; the workspace has a row for each draw of each image, or of each of this
     * rank's images */
    size_t batch;
    uint64_t epoch_steps; /* the steps of an epoch */
    uint64_t steps;       /* the steps of the run */
    int threads;
} gki_trainer;

/* The results of one step. */
typedef struct gki_step_report {
    double loss, reconstruction, kl; /* sums over the batch in nats; loss is at KL weight 1 */
    double gradient_norm;            /* the norm of the mean gradient, before clipping */
    double kl_weight, learning_rate; /* those of the step */
    size_t images;                   /* the number of images of the step */
    /* whether a number was not finite; the weights are then unchanged */
    bool skipped;
} gki_step_report;

/* Creates a trainer at step 0 for up to so many threads; 0 are settings->train.threads. It takes
 * ownership of the data set, also on failure, and adds the SHA-256 of its files to the settings of
 * the model. The caller frees *out with gki_trainer_free().
 * GKV_ERR_CONFIG, GKV_ERR_MEMORY. */
gkv_status gki_trainer_create(const gkv_settings *settings, int threads, gkv_dataset *dataset,
                              gki_trainer **out);
void gki_trainer_free(gki_trainer *trainer);

/* Moves the trainer to memory that all ranks share (team.h). trainer->team stays NULL on all ranks
 * if there is none. GKV_ERR_MEMORY on all ranks. gki_trainer_leave_team() forgets the memory, which
 * gkv_dist_close() frees; the model's parameters still point to it, so the model must be freed
 * next. */
gkv_status gki_trainer_make_team(gki_trainer *trainer);
void gki_trainer_leave_team(gki_trainer *trainer);

/* Divides the batches of a trainer at step 0 between ranks, all of which call it. NULL, or one rank
 * alone, changes nothing. `dist` must outlive the trainer. GKV_ERR_CONFIG on all ranks if they have
 * other settings or data. GKV_ERR_MEMORY. */
gkv_status gki_trainer_divide(gki_trainer *trainer, gkv_dist *dist);

/* Gives the state of rank 0 to all ranks: weights, moments, average, codes, statistics,
 * counters. */
gkv_status gki_trainer_share(gki_trainer *trainer);

/* Gives the average, and the moments too if `all`, to all ranks, which have parts of them. */
gkv_status gki_trainer_collect(gki_trainer *trainer, bool all);

/* Whether this rank changes what all ranks share; true for ranks that share no memory. They wait
 * for each other afterwards by gki_trainer_meet(), which does nothing for others. */
bool gki_trainer_leads(const gki_trainer *trainer);
void gki_trainer_meet(const gki_trainer *trainer);

/* Creates what refers to the weights that are packed in the workspace, or replaces it. */
gkv_status gki_trainer_create_helpers(gki_trainer *trainer);

/* The rows of all images of the last step, in the slots that losses and refits read. */
const gki_workspace *gki_trainer_rows(const gki_trainer *trainer);

/* Returns the learning rate schedule after so many steps, relative to its start: half a cosine,
 * from 1 to 0. In a run that was extended it begins again at the step of the extension. */
double gki_trainer_decay(const gki_trainer *trainer, uint64_t step);

/* Returns a report with the KL weight and the learning rate of a step, which are known before the
 * step. */
gki_step_report gki_trainer_schedule(const gki_trainer *trainer, uint64_t step);

/* Whether all steps of an epoch are done, but not its end (refit, validation), in a state that was
 * saved. */
bool gki_trainer_epoch_is_open(const gki_trainer *trainer);

/* Does one step. GKV_ERR_NUMERIC if loss or gradient are still not finite after the last allowed
 * rollback. */
gkv_status gki_trainer_step(gki_trainer *trainer, gki_step_report *report);

/* Saves the current state as the last good one. */
void gki_trainer_mark_good(gki_trainer *trainer);

/* Restores the last good state. The position in the run and its counters do not change, except the
 * number of accepted refits. */
void gki_trainer_return_to_good(gki_trainer *trainer);

/* Returns the parameters for evaluation: the moving average if there is one. They are owned by the
 * trainer. */
gki_params gki_trainer_eval_params(const gki_trainer *trainer);

/* Computes the means of −ELBO, reconstruction and KL over the held-out images; NaN without such
 * images. It reports nothing. GKV_ERR_INTERRUPTED soon after the call is stopped. */
gkv_status gki_trainer_validate(gki_trainer *trainer, gki_call *call, double out[3]);

/* --- Refits of the base: trainer_refit.c ---------------------------------- */

/* Allocates the store for refits, if the run has any. Must be called after the numbers of steps are
 * set. GKV_ERR_CONFIG if there are too few images. */
gkv_status gki_trainer_prepare_refits(gki_trainer *trainer);

/* Returns the number of steps between two refits to codes. It may be a fraction, and is at least
 * 1. */
double gki_trainer_refit_period(const gki_trainer *trainer);

/* Whether a refit is due after this many steps of the run. */
bool gki_trainer_refit_due(const gki_trainer *trainer, uint64_t step);

/* Whether the next refit uses codes of the current step. */
bool gki_trainer_keeps_codes(const gki_trainer *trainer, size_t images);

/* Stores the codes of the current step's images, one draw of each, if the next refit uses them. */
void gki_trainer_keep_codes(gki_trainer *trainer, size_t images);

/* Whether the current step adds to the sufficient statistics. Steps whose codes are stored do not,
 * because these codes are held out. */
bool gki_trainer_uses_stats(const gki_trainer *trainer, size_t images);

/* Returns GKV_ERR_DATA if the state, as read from a file, has more codes than its steps can have
 * stored. */
gkv_status gki_trainer_check_codes(const gki_trainer *trainer);

/* Drops the stored codes. */
void gki_trainer_drop_codes(gki_trainer *trainer);

/* Whether enough codes are stored for a refit. Skipped steps store none. */
bool gki_trainer_has_codes(const gki_trainer *trainer);

/* Refits the base to the stored codes, or to the sufficient statistics with the stored codes held
 * out. */
gkv_status gki_trainer_refit(gki_trainer *trainer, gki_base_refit_report *report);

#endif
