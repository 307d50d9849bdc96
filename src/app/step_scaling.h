/* What a training step costs on many ranks: measured parts of a step, and a model of its messages.
 * docs/scaling.md derives the model. */
#ifndef GKV_APP_STEP_SCALING_H
#define GKV_APP_STEP_SCALING_H

#include <stddef.h>

#include "gkvae/data.h"
#include "gkvae/dist.h"
#include "gkvae/settings.h"

/* Measured seconds of a step of one rank, and what the ranks send. */
typedef struct gki_scaling_costs {
    /* passes forward and backward, and the sums of the gradient, of the whole batch */
    double passes, gradient;
    double packing; /* of the weights, which every rank does */
    double update;  /* the norm of the gradient and the optimiser, which ranks divide */
    double refits;  /* the share of a step in the refits of the base, which every rank does */
    size_t batch, buckets, parameters;
    double gradient_bytes; /* the buckets of a step, with the statistics of the base */
    double row_bytes;      /* the rows of all images that ranks exchange */
} gki_scaling_costs;

/* Measured seconds of a step of all ranks of this job. */
typedef struct gki_scaling_ranks {
    double step;
    double buckets; /* passing all buckets, without sums */
    double rows;    /* exchanging rows */
} gki_scaling_ranks;

/* A network between ranks. */
typedef struct gki_scaling_link {
    const char *name;
    double bytes_per_second, latency; /* latency in seconds, with that of MPI */
} gki_scaling_link;

/* The networks that are predicted for. */
enum { GKV_SCALING_LINKS = 3 };
extern const gki_scaling_link gki_scaling_links[GKV_SCALING_LINKS];

/* Measures a step on train.threads threads for about so many seconds. Takes ownership of the data
 * set, also on failure. With several ranks in `dist`, all call it, and *ranks is measured; else
 * *ranks is zeros. GKV_ERR_CONFIG for settings that cannot be built or too few images,
 * GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_scaling_measure(const gkv_settings *settings, gkv_dataset *dataset,
                                            double seconds, gkv_dist *dist,
                                            gki_scaling_costs *costs, gki_scaling_ranks *ranks);

/* Seconds to copy the gradient in memory once. GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_scaling_copy(const gki_scaling_costs *costs, double *seconds);

/* Predicts the seconds of a step on so many ranks. */
double gki_scaling_predict(const gki_scaling_costs *costs, const gki_scaling_link *link,
                           size_t ranks);

#endif
