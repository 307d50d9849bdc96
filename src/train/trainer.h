/* The inside of a training run: one object, one step, one epoch's end. */
#ifndef GKV_VAE_TRAINER_H
#define GKV_VAE_TRAINER_H

#include "gkvae/train.h"
#include "vae/checkpoint.h"
#include "infer/estimate.h"
#include "train/fine_tune.h"
#include "train/resample.h"

/* Elements of a stretch that one task of the optimiser takes. */
enum { GKV_TRAINER_CHUNK = 16384 };

/* Codes that judge a refit by a stats, at most. */
enum { GKV_STATS_JUDGES = 1000 };

typedef struct gkv_trainer {
    gkv_model *model;
    gkv_dataset *dataset;
    gkv_images train;      /* all images but the held-out ones */
    gkv_images validation;
    uint32_t *split;       /* the places both selections point into */
    uint32_t *shuffled;    /* places in `train` in the current epoch's order */
    uint64_t shuffled_epoch;
    gkv_workspace ws;
    gkv_real *ema;         /* the average, as params.values; NULL when off */
    double *squares;       /* partial sums of the gradient's norm, a chunk each */
    gkv_real *good;        /* values, m, v and ema at the last good state … */
    uint64_t good_moved;   /* … and how many refits had moved the base by then */
    gkv_refit_store store; /* ε of the last images before the next refit, and their labels for a base by class; after
                              the first refit what the steps since the last one say of the base */
    uint8_t *augmented;          /* an image being bent, for each thread; NULL unless train.warp */
    gkv_fine_tuner *fine_tuner;   /* NULL unless train.fine_tune_epochs */
    gkv_resampler *resampler; /* NULL unless train.resampling = importance */
    gkv_train_state state;
    size_t batch;          /* images of a step; the workspace has a row for each draw of each */
    uint64_t epoch_steps, steps;
    int threads;
} gkv_trainer;

/* What one step saw. */
typedef struct gkv_step_report {
    double loss, reconstruction, kl; /* sums over the batch; loss is at KL weight 1 */
    double gradient_norm;            /* of the batch mean, before clipping */
    double kl_weight, learning_rate;
    size_t images;
    bool skipped;                    /* something was not finite: nothing moved */
} gkv_step_report;

/* A trainer at step 0 over the dataset, which it takes over. */
gkv_status gkv_trainer_create(const gkv_settings *settings, gkv_dataset *dataset, gkv_trainer **out);
void gkv_trainer_free(gkv_trainer *trainer);

/* What is left of the learning rate after so many steps: half a cosine, from 1 to 0. */
double gkv_trainer_decay(const gkv_trainer *trainer, uint64_t step);

/* What a step's report says that is known before it is taken: KL weight and learning rate. */
gkv_step_report gkv_trainer_schedule(const gkv_trainer *trainer, uint64_t step);

/* Whether, in a state that was saved, an epoch's steps are done but its end is not. */
bool gkv_trainer_epoch_is_open(const gkv_trainer *trainer);

/* One step. GKV_ERR_NUMERIC when the trainer gives up. */
gkv_status gkv_trainer_step(gkv_trainer *trainer, gkv_step_report *report);

/* Remembers the current state as the one to return to. */
void gkv_trainer_mark_good(gkv_trainer *trainer);

/* Goes back there; the position in the run stays, and counters but of the refits that are undone by it. */
void gkv_trainer_return_to_good(gkv_trainer *trainer);

/* The table to evaluate with: the average when there is one. Borrows from the trainer. */
gkv_params gkv_trainer_eval_params(const gkv_trainer *trainer);

/* Mean −ELBO, reconstruction and KL over the held-out images. GKV_ERR_INTERRUPTED soon after *stop
 * (NULL: never) is set. */
gkv_status gkv_trainer_validate(gkv_trainer *trainer, const volatile sig_atomic_t *stop, double out[3]);

/* --- The base's refits: trainer_refit.c ------------------------------------------- */

/* Makes room for the codes of a refit, if there are to be any, once the numbers of steps are known.
 * GKV_ERR_CONFIG if there are too few images for them. */
gkv_status gkv_trainer_prepare_refits(gkv_trainer *trainer);

/* Steps from one refit to codes to the next, not always whole; at least one. */
double gkv_trainer_refit_period(const gkv_trainer *trainer);

/* Whether a refit is due after this many steps of the run. */
bool gkv_trainer_refit_due(const gkv_trainer *trainer, uint64_t step);

/* Keeps ε of the current step's images, one draw of each, as far as they are among those that the next
 * refit is made from. */
void gkv_trainer_keep_codes(gkv_trainer *trainer, size_t images);

/* Whether the current step's images are told to the stats: not those of which codes are kept, which judge it. */
bool gkv_trainer_uses_stats(const gkv_trainer *trainer, size_t images);

/* GKV_ERR_DATA if the state, as read from a file, has more codes than its steps can have left. */
gkv_status gkv_trainer_check_codes(const gkv_trainer *trainer);

/* Forgets the codes that were kept, and what steps have told the stats, if there is one. */
void gkv_trainer_drop_codes(gkv_trainer *trainer);
void gkv_trainer_drop_stats(gkv_trainer *trainer);

/* Whether enough codes have been kept: steps that were left out leave none. */
bool gkv_trainer_has_codes(const gkv_trainer *trainer);

/* Refits the base to the codes that were kept. */
gkv_status gkv_trainer_refit(gkv_trainer *trainer, gkv_base_refit_report *report);

#endif
