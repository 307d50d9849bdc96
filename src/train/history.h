/* The histories of a run: history.csv and history.jsonl have one line for each epoch, and
 * refits.jsonl has one line for each refit of the base. Also the times of a run, times.json. */
#ifndef GKV_TRAIN_HISTORY_H
#define GKV_TRAIN_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* The line of an epoch. NaN is an empty field in CSV and null in JSON. */
typedef struct gki_history_epoch {
    uint64_t epoch, step;
    double neg_elbo, reconstruction, kl; /* training means over the epoch, at KL weight 1 */
    double kl_weight, learning_rate, gradient_norm;
    double validation_neg_elbo, validation_reconstruction, validation_kl;
    /* the refit's are part of the seconds; 0 without one */
    double images_per_second, seconds, refit_seconds;
    uint64_t skipped, rollbacks;
} gki_history_epoch;

/* Truncates the histories of a folder to this many epochs and refits. A resumed run drops the lines
 * that are newer than its checkpoint, and what follows a damaged line; a new run starts with 0 and
 * 0. GKV_ERR_IO. */
gkv_status gki_history_start(const char *folder, uint64_t epochs, uint64_t refits);

/* Append one line to the histories. GKV_ERR_IO. */
gkv_status gki_history_append_epoch(const char *folder, const gki_history_epoch *epoch);
gkv_status gki_history_append_refit(const char *folder, uint64_t epoch, uint64_t step,
                                    const gki_base_refit_report *report);

/* Makes the lines so far durable (fsync). A checkpoint that is durable needs the lines before it.
 * GKV_ERR_IO. */
gkv_status gki_history_sync(const char *folder);

/* Reads the epoch and the step of the last complete line of history.jsonl; 0 and 0 if there is
 * none. GKV_ERR_IO if there is a file that cannot be read, GKV_ERR_MEMORY. */
gkv_status gki_history_last(const char *folder, uint64_t *epoch, uint64_t *step);

/* The times of a run so far, as times.json has them. */
typedef struct gki_history_times {
    double train;  /* the seconds of training */
    double refits; /* the part of them that refits of the base took */
} gki_history_times;

/* Reads times.json, with NaN for a missing number, and writes it. GKV_ERR_IO if there is a file
 * that cannot be read, GKV_ERR_MEMORY. */
gkv_status gki_history_read_times(const char *folder, gki_history_times *times);
gkv_status gki_history_save_times(const char *folder, gki_history_times times);

#endif
