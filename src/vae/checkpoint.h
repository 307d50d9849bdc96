/* Models and training states as safetensors files.
 *
 * model.safetensors       the weights to use, under PyTorch's names and shapes, with
 *                         every setting as metadata
 * checkpoint.safetensors  all that training goes on from: the current weights under the
 *                         same names, Adam's moments as optimizer.m.NAME and
 *                         optimizer.v.NAME, the average as ema.NAME, the state as metadata;
 *                         between refits of the base the codes that the next one has so far,
 *                         as refit.codes, and with a base by class their labels, as refit.labels
 *
 * Neither holds a time or a machine's name: equal runs give equal bytes. */
#ifndef GKV_VAE_CHECKPOINT_H
#define GKV_VAE_CHECKPOINT_H

#include "vae/model.h"

/* Where training is. All of it is saved, so that a resumed run is the same run. */
typedef struct gkv_train_state {
    uint64_t step;          /* finished steps; with the seed, the random numbers' position */
    uint64_t updates;       /* steps that moved the weights: Adam's t */
    uint64_t refits;        /* of the base */
    uint64_t skipped;       /* steps left out because something was not finite, in all … */
    uint64_t skipped_in_row; /* … and since the last good one */
    uint64_t rollbacks;
    double rate_factor;     /* halved at each rollback */
    double best;            /* lowest validation −ELBO so far */
    uint64_t best_epoch;
    /* Sums over the current epoch, for its line of the history. */
    double loss, reconstruction, kl, gradient_norm;
    uint64_t epoch_images, epoch_updates;
    uint64_t codes;         /* ε of images that are kept for the next refit */
} gkv_train_state;

/* Writes the model with these values (its own, or an average's). */
gkv_status gkv_model_write(const gkv_model *model, const gkv_real *values, const char *path);

/* ema may be NULL, and so may codes[state->codes, d] when there are none, and their labels[state->codes]
 * when the base asks for none. */
gkv_status gkv_checkpoint_write(const gkv_model *model, const gkv_real *ema, const gkv_real *codes,
                                const gkv_real *labels, const gkv_train_state *state, const char *path);

/* Reads a checkpoint into a model that was laid out from the same settings, and its codes
 * into codes[room, d] and labels[room]. */
gkv_status gkv_checkpoint_read(gkv_model *model, gkv_real *ema, gkv_real *codes, gkv_real *labels, size_t room,
                               gkv_train_state *state, const char *path);

#endif
