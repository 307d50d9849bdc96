/* The accumulation of a mixture's sufficient statistics (mixture/online.h) over training steps. A
 * training step computes the normal scores ζ of every row in every component, u = ζWWᵀ, and the
 * responsibility of every component. That is an E-step at no extra cost. */
#ifndef GKV_BASE_MIXTURE_STATS_H
#define GKV_BASE_MIXTURE_STATS_H

#include "base/base_mixture.h"
#include "base/base_stats.h"
#include "mixture/online.h"

/* The layout of the statistics of one component. Those of component k are number k of the array. */
gki_online_layout gki_mixture_stats_layout(const gki_base_mixture *self);

/* Converts statistics to double for an M-step. `params` is the table under which they were made.
 * *out points into *memory, which the caller frees. GKV_ERR_MEMORY. */
gkv_status gki_mixture_stats_read(const gki_base_stats *stats, const gki_params *params,
                                  double **memory, gki_online_stats *out);

#endif
