/* Models and training states as safetensors files.
 *
 * model.safetensors       the final weights, under PyTorch's names and shapes, with
 *                         every setting as metadata
 * checkpoint.safetensors  the state from which training resumes: the current weights under the same
 *                         names, Adam's moments as optimizer.m.NAME and optimizer.v.NAME, the
 *                         moving average as ema.NAME, and the counters as metadata. Between refits
 *                         of the base it also has the codes of the next refit so far, refit.codes.
 *                         A base by class has their labels, refit.labels, and a base with
 *                         sufficient statistics has refit.stats.
 *
 * Neither file holds a time or a machine's name, so equal runs write equal bytes. */
#ifndef GKV_VAE_CHECKPOINT_H
#define GKV_VAE_CHECKPOINT_H

#include "vae/model.h"

/* The state of a training run. Checkpoints save all of it, so that a resumed run equals an
 * uninterrupted one. */
typedef struct gki_train_state {
    /* the number of finished steps, which with the seed determines all random numbers */
    uint64_t step;
    uint64_t updates;         /* the number of steps that updated the weights: Adam's t */
    uint64_t refits;          /* the number of refits of the base */
    uint64_t accepted_refits; /* the number of accepted refits of the base */
    /* the number of steps that were skipped because a number was not finite */
    uint64_t skipped;
    uint64_t skipped_in_row; /* the number of skipped steps since the last good one */
    uint64_t rollbacks;      /* the number of returns to the last good state */
    double rate_factor;      /* the factor of the learning rate, which each rollback halves */
    double best;             /* the lowest validation −ELBO so far */
    uint64_t best_epoch;     /* the epoch of `best`, from 1 */
    /* Sums over the current epoch, for its line of the history. */
    double loss, reconstruction, kl, gradient_norm;
    uint64_t epoch_images, epoch_updates;
    /* the step at which the current schedule of the learning rate began: 0 unless the run was
     * extended */
    uint64_t schedule_start;
    uint64_t codes;       /* the number of codes that are stored for the next refit */
    double codes_density; /* the sum of the log densities of these codes under the base */
} gki_train_state;

/* Writes model.safetensors with these values: the model's own, or the moving average. */
gkv_status gki_model_write(const gkv_model *model, const gki_real *values, const char *path);

/* The data for the next refit of the base. */
typedef struct gki_refit_store {
    gki_real *codes;  /* codes [capacity, d], of which state->codes are set; NULL without refits */
    gki_real *labels; /* labels of the codes [capacity]; NULL unless the base is by class */
    gki_base_stats *stats; /* sufficient statistics; NULL unless refits use them */
    size_t capacity;       /* the most codes */
} gki_refit_store;

/* Writes a checkpoint. `ema` is the moving average, or NULL. */
gkv_status gki_checkpoint_write(const gkv_model *model, const gki_real *ema,
                                const gki_refit_store *store, const gki_train_state *state,
                                const char *path);

/* Reads a checkpoint into a model that was created from the same settings, and into the store.
 * GKV_ERR_DATA for a damaged file, GKV_ERR_CONFIG for other settings. */
gkv_status gki_checkpoint_read(gkv_model *model, gki_real *ema, const gki_refit_store *store,
                               gki_train_state *state, const char *path);

#endif
