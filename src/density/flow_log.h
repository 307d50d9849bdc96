/* The trainings of the flow in a fit, one for each fold of the validation and one for all rows; and
 * their state in a file, from which an interrupted fit continues to the same result. The other
 * steps of a fit take seconds, and are repeated. */
#ifndef GKV_DENSITY_FLOW_LOG_H
#define GKV_DENSITY_FLOW_LOG_H

#include "density/table_density.h"
#include "density/table_flow.h"
#include "safetensors/safetensors.h"

typedef struct gki_flow_entry {
    gki_real *values; /* the weights after the training; NULL before */
    uint64_t updates;
} gki_flow_entry;

typedef struct gki_flow_log {
    const char *path;     /* NULL: no file */
    char fingerprint[17]; /* of rows and settings */
    size_t folds;         /* entries 0 … folds */
    gki_flow_entry *entries;
    gki_safetensors *file; /* of an interrupted fit, or NULL */
    double written;        /* the time of the last writing */
} gki_flow_log;

/* Opens the file if it exists. GKV_ERR_CONFIG if it is of other rows or settings. The caller ends
 * the log, also after an error. */
gkv_status gki_flow_log_begin(const gki_density_job *job, gki_flow_log *log);
void gki_flow_log_end(gki_flow_log *log);

/* Trains the flow of a fold, or takes its weights from the log. */
gkv_status gki_flow_log_train(gki_flow_log *log, gki_density_job *job, size_t fold,
                              const gki_flow_rows *rows, gki_flow_training *how,
                              gki_table_flow *flow, uint64_t *updates);

#endif
