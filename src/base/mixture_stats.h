/* What the rows of training say of each component of a mixture, kept as they pass by.
 *
 * A training step computes every row's normal scores ζ in every component, and the component's share r of its
 * density: an E-step, for nothing. A stats adds up, component by component,
 *
 *   Σ r,   Σ r ζ_j,   Σ r ζ_i ζ_j,   and for g-and-k margins Σ r and Σ r (u_j − ζ_j), u = ζWWᵀ, in cells of ζ_j,
 *
 * which is all that an M-step needs, whatever the number of rows (online EM: Cappé & Moulines, JRSS B 2009). */
#ifndef GKV_BASE_MIXTURE_TALLY_H
#define GKV_BASE_MIXTURE_TALLY_H

#include "base/mixture_move.h"

/* Boundaries between cells, at ζ = −3.1, −2.9, …, 3.1: a fifth of a standard deviation apart, within a few per cent
 * of what all of the sample says of g and k. */
enum { GKV_STATS_BOUNDARIES = 32, GKV_STATS_CELLS = GKV_STATS_BOUNDARIES + 1 };

static const double gkv_stats_width = 0.2;

static inline double gkv_stats_boundary(size_t i)
{
    return -3.1 + gkv_stats_width * (double)i;
}

/* Where a stats of component k has its numbers. */
typedef struct gkv_stats_component {
    gkv_real *weight;  /* [1] Σ r */
    gkv_real *sum;     /* [d] */
    gkv_real *square;  /* [d, d]; [d] without dependence */
    gkv_real *cells;   /* [d, GKV_STATS_CELLS]; NULL for normal margins */
    gkv_real *coupling; /* likewise; NULL without dependence too */
} gkv_stats_component;

gkv_stats_component gkv_stats_at(const gkv_base_mixture *self, const gkv_real *stats, size_t k);

/* The ops of base/base.h. */
size_t gkv_mixture_stats_size(const gkv_base *base);
size_t gkv_mixture_stats_parts(const gkv_base *base);
void gkv_mixture_stats(const gkv_base *base, const gkv_workspace *ws, const gkv_slot *weight, size_t rows, size_t part,
                       gkv_real *stats);

/* What g and k of all margins are before the stats speaks: normal around 0, of these variances. */
typedef struct gkv_stats_prior {
    double variance[2]; /* of g, of k */
} gkv_stats_prior;

/* That of K components' margins [K × d], each known from so many rows [K]: mixture_prior.c. */
gkv_stats_prior gkv_stats_prior_of(size_t K, size_t d, const gkv_gk *margins, const double *rows);

/* The information that other dimensions' scores have of component k's dimension j, (WWᵀ)_jj − 1 ≥ 0. */
double gkv_stats_coupled(const gkv_base_mixture *self, const gkv_params *params, size_t k, size_t j);

/* Component k's margins [d], from the `old` ones, of these `params`, that the stats was made under, and its correlation
 * r[d, d] (NULL: none), in place, `share` of the way to what the stats says of them: normal margins by moments, those of g-and-k by a step
 * of Levenberg–Marquardt on the cells' whitened residuals and on the prior's. The stats has rows of the component. */
void gkv_stats_step(const gkv_base_mixture *self, const gkv_params *params, const gkv_gk *old, const gkv_real *stats,
                    size_t k, double share, const gkv_stats_prior *prior, gkv_gk *margins, double *r);

/* Fills `fitted` of the move: every component goes its step by gkv_stats_step, a share of the way that is the larger the
 * more rows it had, so that one that had few keeps more of what it was told before; on the whole `share`, in (0, 1].
 * False if nothing was told. */
bool gkv_stats_fit(const gkv_mixture_move *move, const gkv_real *stats, double share);

/* After that move: in the table, components that hardly any of the rows that are remembered belong to take half of the
 * heaviest one of their class, and both move apart along its longest axis. Their number; uses `rows` of the move. */
size_t gkv_stats_revive(const gkv_mixture_move *move, const gkv_real *stats, double share);

#endif
