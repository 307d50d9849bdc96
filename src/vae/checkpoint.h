/* Models and training states as safetensors files.
 *
 * model.safetensors       the weights to use, under PyTorch's names and shapes, with
 *                         every setting as metadata
 * checkpoint.safetensors  all that training goes on from: the current weights under the
 *                         same names, Adam's moments as optimizer.m.NAME and
 *                         optimizer.v.NAME, the average as ema.NAME, the state as metadata;
 *                         between refits of the base the codes that the next one has so far,
 *                         as refit.codes, and with a base by class their labels, as refit.labels; and
 *                         refit.stats, where the base is refitted to one
 *
 * Neither holds a time or a machine's name: equal runs give equal bytes. */
#ifndef GKV_VAE_CHECKPOINT_H
#define GKV_VAE_CHECKPOINT_H

#include "vae/model.h"

/* Where training is. All of it is saved, so that a resumed run is the same run. */
typedef struct gkv_train_state {
    uint64_t step;          /* finished steps; with the seed, the random numbers' position */
    uint64_t updates;       /* steps that moved the weights: Adam's t */
    uint64_t refits;        /* of the base, … */
    uint64_t moved;         /* … and those that moved it */
    uint64_t skipped;       /* steps left out because something was not finite, in all … */
    uint64_t skipped_in_row; /* … and since the last good one */
    uint64_t rollbacks;
    double rate_factor;     /* halved at each rollback */
    double best;            /* lowest validation −ELBO so far */
    uint64_t best_epoch;
    /* Sums over the current epoch, for its line of the history. */
    double loss, reconstruction, kl, gradient_norm;
    uint64_t epoch_images, epoch_updates;
    uint64_t codes;         /* ε of images that are kept for the next refit … */
    double codes_density;   /* … and the sum of their log densities under the base */
} gkv_train_state;

/* Writes the model with these values (its own, or an average's). */
gkv_status gkv_model_write(const gkv_model *model, const gkv_real *values, const char *path);

/* What the next refit of the base has so far. */
typedef struct gkv_refit_store {
    gkv_real *codes;  /* [room, d], of which state->codes; NULL if there are to be none */
    gkv_real *labels; /* [room]; NULL unless the base asks for them */
    gkv_real *stats;  /* [stats_size]; NULL unless the base is refitted to one */
    size_t room, stats_size;
} gkv_refit_store;

/* ema may be NULL. */
gkv_status gkv_checkpoint_write(const gkv_model *model, const gkv_real *ema, const gkv_refit_store *store,
                                const gkv_train_state *state, const char *path);

/* Reads a checkpoint into a model that was laid out from the same settings, and into the store. */
gkv_status gkv_checkpoint_read(gkv_model *model, gkv_real *ema, const gkv_refit_store *store, gkv_train_state *state,
                               const char *path);

#endif
