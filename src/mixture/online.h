/* Online EM of a mixture: sufficient statistics of rows, and the M-step from them (Cappé &
 * Moulines, JRSS B 2009). The E-step is gki_mixture_evaluate() of base/mixture_density.c: it
 * computes the normal scores ζ of every row in every component and the responsibilities r. The
 * statistics of one component are
 *
 *   Σ r,   Σ r ζ_j,   Σ r ζ_i ζ_j,
 *
 * and for g-and-k margins Σ r and Σ r (u_j − ζ_j), u = R⁻¹ζ, in cells of ζ_j. An M-step needs
 * nothing else, whatever the number of rows. */
#ifndef GKV_MIXTURE_ONLINE_H
#define GKV_MIXTURE_ONLINE_H

#include "mixture/mixture.h"
#include "mixture/shape_prior.h"

/* The boundaries between cells are ζ = −3.1, −2.9, …, 3.1, a fifth of a standard deviation apart.
 * The cells keep all but a few per cent of the sample's information about g and k. */
enum { GKV_ONLINE_BOUNDARIES = 32, GKV_ONLINE_CELLS = GKV_ONLINE_BOUNDARIES + 1 };

static inline double gki_online_boundary(size_t i)
{
    return -3.1 + 0.2 * (double)i;
}

/* A component with fewer rows is empty: it is not fitted, but reinitialised. */
enum { GKV_ONLINE_ROWS_MIN = 20 };

/* Where the statistics of one component are in its array. The first number is Σ r. */
typedef struct gki_online_layout {
    size_t d, sum;   /* Σ r ζ_j [d] */
    size_t square;   /* Σ r ζ_i ζ_j [d × d]; Σ r ζ_j² [d] for independent dimensions */
    size_t cells;    /* Σ r in each cell [d × GKV_ONLINE_CELLS]; 0 for normal margins */
    size_t coupling; /* Σ r (u_j − ζ_j) in each cell; 0 for normal or independent margins */
    size_t size;     /* the size of the array */
    int dependent;
} gki_online_layout;

gki_online_layout gki_online_layout_of(size_t d, int dependent, int shaped);

/* The statistics of all components. */
typedef struct gki_online_stats {
    gki_online_layout layout;
    const double *values; /* [count × layout.size] */
    /* [count × d] (R⁻¹)_jj − 1 ≥ 0, the information about dimension j in the scores of the others;
     * NULL without coupling */
    const double *information;
} gki_online_stats;

/* Steps the margins of component k towards its statistics by a fraction of the way, from old[d] to
 * margins[d]. Normal margins step by moments. g-and-k margins take a step of Levenberg–Marquardt on
 * the whitened residuals of the cells and on the prior. The component must have rows. */
void gki_online_step_margins(const gki_online_stats *stats, size_t k, const gkv_gk *old,
                             double fraction, const gki_shape_prior *prior, gkv_gk *margins);

/* One M-step: creates the mixture that follows `old`, under which the statistics were made. A
 * component with more rows takes a longer step, so a component with few rows keeps more of its old
 * parameters; the average step is `forgetting`, in (0, 1]. *out is NULL if the statistics are
 * empty. Its components are waypoints (gki_mgk_build_waypoint). The caller frees it with
 * gkv_mgk_mixture_free. Returns GKV_ERR_MEMORY. */
gkv_status gki_online_maximize(const gkv_mgk_mixture *old, const gki_online_stats *stats,
                               double forgetting, int threads, gkv_mgk_mixture **out);

/* Reinitialises empty components of a mixture after that M-step: those with fewer than
 * GKV_ONLINE_ROWS_MIN of the rows that the mixture represents. *count becomes their number.
 * Returns GKV_ERR_MEMORY. */
gkv_status gki_online_reinitialise(gkv_mgk_mixture *mixture, const gki_online_stats *stats,
                                   size_t per_group, double forgetting, size_t *count);

#endif
