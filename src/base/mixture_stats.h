/* The accumulation of a mixture's sufficient statistics (mixture/online.h) over training steps. A
 * training step computes the normal scores ζ of every row in every component, u = ζWWᵀ, and the
 * responsibility of every component. That is an E-step at no extra cost. */
#ifndef GKV_BASE_MIXTURE_STATS_H
#define GKV_BASE_MIXTURE_STATS_H

#include "base/base_mixture.h"
#include "mixture/online.h"

/* stats_size(), stats_parts() and stats() of gki_base_ops. A part is a component. */
size_t gki_mixture_stats_size(const gki_base *base);
size_t gki_mixture_stats_parts(const gki_base *base);
void gki_mixture_stats(const gki_base *base, const gki_workspace *ws, const gki_slot *weight,
                       size_t rows, size_t part, gki_real *stats);

/* The layout of the statistics of one component. Those of component k are number k of the array. */
gki_online_layout gki_mixture_stats_layout(const gki_base_mixture *self);

/* Converts statistics to double for an M-step. `params` is the table under which they were made.
 * *out points into *memory, which the caller frees. GKV_ERR_MEMORY. */
gkv_status gki_mixture_stats_read(const gki_base_mixture *self, const gki_params *params,
                                  const gki_real *stats, double **memory, gki_online_stats *out);

#endif
