/* Sufficient statistics of a mixture, accumulated over training steps.
 *
 * A training step computes the normal scores ζ of every row in every component, and the
 * responsibility r of every component. That is an E-step at no extra cost. The statistics of one
 * component are
 *
 *   Σ r,   Σ r ζ_j,   Σ r ζ_i ζ_j,
 *
 * and for g-and-k margins Σ r and Σ r (u_j − ζ_j), u = ζWWᵀ, in cells of ζ_j.
 *
 * An M-step needs nothing else, whatever the number of rows (online EM: Cappé & Moulines, JRSS B
 * 2009). */
#ifndef GKV_BASE_MIXTURE_STATS_H
#define GKV_BASE_MIXTURE_STATS_H

#include "base/mixture_move.h"

/* The boundaries between cells are ζ = −3.1, −2.9, …, 3.1, a fifth of a standard deviation apart.
 * The cells keep all but a few per cent of the sample's information about g and k. */
enum { GKV_STATS_BOUNDARIES = 32, GKV_STATS_CELLS = GKV_STATS_BOUNDARIES + 1 };

static const double gki_stats_width = 0.2;

static inline double gki_stats_boundary(size_t i)
{
    return -3.1 + gki_stats_width * (double)i;
}

/* Pointers to the statistics of one component. */
typedef struct gki_stats_component {
    gki_real *weight; /* Σ r [1]. */
    gki_real *sum;    /* Σ r ζ_j [d]. */
    gki_real *square; /* Σ r ζ_i ζ_j [d, d]; Σ r ζ_j² [d] for independent dimensions. */
    gki_real *cells;  /* Σ r in each cell [d, GKV_STATS_CELLS]; NULL for normal margins. */
    /* Σ r (u_j − ζ_j) in each cell [d, GKV_STATS_CELLS]; NULL for normal margins and for
     * independent dimensions. */
    gki_real *coupling;
} gki_stats_component;

/* Returns pointers into stats[gki_mixture_stats_size] for component k. */
gki_stats_component gki_stats_at(const gki_base_mixture *self, const gki_real *stats, size_t k);

/* stats_size(), stats_parts() and stats() of gki_base_ops. A part is a component. */
size_t gki_mixture_stats_size(const gki_base *base);
size_t gki_mixture_stats_parts(const gki_base *base);
void gki_mixture_stats(const gki_base *base, const gki_workspace *ws, const gki_slot *weight,
                       size_t rows, size_t part, gki_real *stats);

/* The prior of g and k of all margins: normal with mean 0 and these variances. */
typedef struct gki_stats_prior {
    double variance[2]; /* The variance of g, and that of k. */
} gki_stats_prior;

/* Estimates the prior by empirical Bayes from margins[K × d], where component k was fitted to
 * rows[K] rows. */
gki_stats_prior gki_stats_prior_of(size_t K, size_t d, const gkv_gk *margins, const double *rows);

/* Returns the information about dimension j of component k in the scores of the other dimensions,
 * (WWᵀ)_jj − 1 ≥ 0. */
double gki_stats_coupling_information(const gki_base_mixture *self, const gki_params *params,
                                      size_t k, size_t j);

/* Takes one step of component k towards its statistics, by the fraction `step` of the way. `old`[d]
 * and `params` are the margins and the table under which the statistics were made. margins[d]
 * receives the new margins, and the correlation r[d, d] is updated in place; NULL r is none. Normal
 * margins step by moments. g-and-k margins take a step of Levenberg–Marquardt on the whitened
 * residuals of the cells and on the prior. The component must have rows. */
void gki_stats_step(const gki_base_mixture *self, const gki_params *params, const gkv_gk *old,
                    const gki_real *stats, size_t k, double step, const gki_stats_prior *prior,
                    gkv_gk *margins, double *r);

/* Fills `fitted` of the move by one gki_stats_step() for each component. A component with more rows
 * takes a longer step, so a component with few rows keeps more of its old parameters; the average
 * step is `forgetting`, in (0, 1]. Returns false if the statistics are empty. */
bool gki_stats_fit(const gki_mixture_move *move, const gki_real *stats, double forgetting);

/* Reinitialises empty components in the table after that move. A component is empty if it has fewer
 * than GKV_MIXTURE_LEAST_ROWS rows of the window. It becomes one half of the heaviest component of
 * its class, which is split along its longest axis. Returns the number of reinitialised components.
 * Overwrites `rows` of the move. */
size_t gki_stats_reinitialise(const gki_mixture_move *move, const gki_real *stats,
                              double forgetting);

#endif
