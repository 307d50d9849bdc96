/* The run's log: a line an epoch in history.csv and history.jsonl, a line a refit of
 * the base in refits.jsonl. */
#ifndef GKV_VAE_HISTORY_H
#define GKV_VAE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* An epoch's line. What is NaN is an empty field in CSV and null in JSON. */
typedef struct gkv_history_epoch {
    uint64_t epoch, step;
    double neg_elbo, reconstruction, kl; /* training means over the epoch, at KL weight 1 */
    double kl_weight, learning_rate, gradient_norm;
    double validation_neg_elbo, validation_reconstruction, validation_kl;
    double images_per_second, seconds, refit_seconds; /* the refit's are part of the seconds; 0 without one */
    uint64_t skipped, rollbacks;
} gkv_history_epoch;

/* Brings the folder's histories to this many epochs and refits: a resumed run drops
 * the lines that its checkpoint does not know of. 0, 0 starts them anew. */
gkv_status gkv_history_start(const char *folder, uint64_t epochs, uint64_t refits);

gkv_status gkv_history_append_epoch(const char *folder, const gkv_history_epoch *epoch);
gkv_status gkv_history_append_refit(const char *folder, uint64_t epoch, uint64_t step,
                                    const gkv_base_refit_report *report);

/* The epoch and the step of the last whole line of history.jsonl; 0 and 0 if there is none. */
void gkv_history_last(const char *folder, uint64_t *epoch, uint64_t *step);

/* The seconds that earlier processes have spent on this run, and those of them that went
 * into refits of the base, kept in times.json; NaN for what it does not say. */
typedef struct gkv_history_times {
    double train, refits;
} gkv_history_times;

gkv_history_times gkv_history_read_times(const char *folder);
gkv_status gkv_history_save_times(const char *folder, gkv_history_times times);

#endif
