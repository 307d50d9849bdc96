/* A training step: its sizes, and what the kinds of steps do with a tile of images. */
#ifndef GKV_TRAIN_TRAINER_KINDS_H
#define GKV_TRAIN_TRAINER_KINDS_H

#include "train/trainer.h"

typedef struct gki_train_step gki_train_step;

/* A kind of step. pass() passes images [first, first + count) of the batch, count ≤ GKV_TILE_ROWS,
 * forward and backward; `index` has their indices in the data set. add_losses() adds the losses of
 * all images to the report in order. */
typedef struct gki_step_kind {
    bool needs_noise; /* whether the noise u of the draws must be in the workspace before pass() */
    void (*pass)(gki_trainer *trainer, const gki_train_step *step, size_t first, size_t count,
                 const uint32_t *index);
    void (*add_losses)(const gki_trainer *trainer, const gki_train_step *step,
                       gki_step_report *report);
} gki_step_kind;

/* The sizes and settings of one step. */
struct gki_train_step {
    const gki_step_kind *kind;
    uint64_t epoch;
    size_t all_images;     /* the images of the step; a rank passes some of them */
    const uint32_t *batch; /* the images to pass, as indices in `train` */
    size_t images, rows;   /* rows = images · draws */
    size_t tile;           /* the images of a tile */
    double augmentation;   /* the fraction of augmented images */
    gki_objective objective;
    long tiles, parts;           /* the tasks of the passes and of the gradient */
    long pieces;                 /* the tasks of packing */
    long chunks;                 /* the tasks of the optimiser */
    long first_chunk, end_chunk; /* those of this rank */
    long stats_parts;            /* the tasks of the base's sufficient statistics; 0 without them */
    double scale;                /* the factor from the summed to the mean, clipped gradient */
    /* with ranks */
    gki_ranks_exchange exchange;
};

/* The kind of the steps of an epoch. The last train.fine_tune_epochs epochs are fine-tuned. The
 * first train.elbo_epochs are plain or fine-tuned. */
const gki_step_kind *gki_step_kind_of(const gki_trainer *trainer, uint64_t epoch);

/* Whether images of a tile must stay together, because the kind passes groups of them. */
bool gki_step_kind_has_groups(const gki_step_kind *kind);

/* Whether the losses of the images are those of the resampler. */
bool gki_step_kind_resamples(const gki_step_kind *kind);

#endif
