/* The parts of the fit of a mixture by expectation–maximization, which gkvae/mgk_mixture.h
 * describes. They are in em_start.c (memory, data and the start),
 * em_expect.c (the E-step), em_margins.c and em_maximize.c (the M-step). mixture_fit.c and
 * mixture_search.c call them. */
#ifndef GKV_MIXTURE_EM_H
#define GKV_MIXTURE_EM_H

#include <stdint.h>

#include "gkvae/mgk_mixture.h"
#include "mixture/mixture.h"
#include "mixture/rows.h"
#include "mixture/scores.h"
#include "mixture/margin_table.h"

/* The non-negligible responsibilities of a tile of rows, as a sparse matrix. Those of row i are the
 * elements start[i] … start[i+1] − 1 of the arrays. */
typedef struct gki_em_tile {
    uint32_t start[GKV_MGK_TILE + 1];
    uint32_t *component;    /* the component of each element */
    double *responsibility; /* r_ik */
    size_t capacity;        /* the number of elements that the arrays can hold */
    gkv_status status;      /* the status of the last E-step of this tile */
} gki_em_tile;

/* Rows with their responsibilities: those of the fit, or the held-out ones. */
typedef struct gki_em_rows {
    size_t n;              /* the number of rows */
    const double *x;       /* [n × d]; not owned */
    const double *weights; /* [n], or NULL for 1; not owned */
    double total;          /* Σ w */
    /* [n] the group of each row, or NULL if every component may have every row; not owned */
    const uint32_t *group;
    double *log_noise; /* [n] log of the weighted noise density */
    /* [n × count] 1 for a component that the last full E-step found far below the best of the
     * row */
    unsigned char *far;
    gki_em_tile *tiles; /* [tiles] */
    /* [tiles × (1 + 2 count)] Σ w log f of each tile, then the terms of `weight` and of `gain` */
    double *sums;
    double *weight; /* [count] Σ_i w_i r_ik */
    double *gain;   /* [count] Σ_i w_i r_ik log f_k(x_i) */
} gki_em_rows;

/* The state of a fit. */
typedef struct gki_em {
    const gkv_mgk_mixture_settings *set;
    size_t d;
    int threads;
    size_t count;             /* the number of components, including dropped ones */
    gkv_mgk_mixture *mixture; /* the mixture; its dropped components have weight 0 */
    /* the weights before the last M-step, and the components that it replaced; the others are
     * NULL */
    gkv_mgk_mixture *previous;
    gki_mgk_table **tables; /* [count] tables of their margins; NULL if not made or not needed */
    /* [count] their float forms, if set->advanced.single_precision; member a is NULL if not made */
    gki_mgk_float *floats;
    double *centre, *scale; /* [d] medians and robust spreads of the columns */
    double *least_b;        /* [d] the least B of each column */
    /* Σ_j log of the units of the columns (mixture/mixture_units.h); log densities that are
     * reported are smaller by it */
    double log_unit;
    double min_rows;      /* a component with fewer rows does not change */
    double *columns;      /* [d × n] x by column */
    uint32_t *order;      /* [d × n] for each column, the rows in ascending order of its values */
    gki_em_rows fit;      /* the rows of the fit */
    gki_em_rows held_out; /* the held-out rows */
    /* [count + 1] component k has the elements support[k] … support[k+1] − 1 of the next two
     * arrays */
    size_t *support;
    uint32_t *support_row;   /* row numbers, ascending for each component */
    double *support_weight;  /* weights w_i r_ik */
    size_t support_capacity; /* the number of elements that these arrays can hold */
    int *skips_left;         /* [count] the number of M-steps that the component still skips */
    int *skip_length;        /* [count] the number that it last had to skip */
    size_t skipped;          /* the number of components that skipped the last M-step */
    /* the numbers of components whose last step was shortened, and was not taken */
    size_t damped, refused;
} gki_em;

/* The number of components of a group. The group of component k is k / gki_em_per_group(). */
static inline size_t gki_em_per_group(const gki_em *em)
{
    return em->set->advanced.groups > 0 ? em->count / em->set->advanced.groups : em->count;
}

/* Computes the median and a robust spread of a sorted column. The spread is that of the quartiles,
 * or, if they are equal, that of the mean distance from the median. It is 0 for a constant
 * column. */
void gki_em_measure(size_t n, const double *sorted, double *centre, double *scale);

/* Allocates the state of a fit, and computes the order and spread of the columns and the noise
 * densities. x[n × d] and the held-out rows must be finite, and the range of each column too. The
 * caller frees it with gki_em_free, also after an error. Returns GKV_ERR_DATA for a column that is
 * constant, and GKV_ERR_MEMORY. */
gkv_status gki_em_create(size_t n, size_t d, const double *x, const gkv_mgk_mixture_settings *set,
                         int threads, gki_em *out);

/* Frees the contents of *em. */
void gki_em_free(gki_em *em);

/* Makes the first components from clusters of clamped rows (mixture/clusters.h), with normal
 * margins, for each group separately. Components have the means and variances of clamped rows. */
gkv_status gki_em_start(gki_em *em);

/* How k-means sees the standardised rows: clamped to ±5, so that outliers have little effect;
 * compressed by asinh, which keeps the order of distances; or as they are. */
typedef enum gki_em_view {
    GKV_EM_CLAMPED,
    GKV_EM_PLAIN,
    GKV_EM_COMPRESSED,
    GKV_EM_VIEWS
} gki_em_view;

/* Makes the first components from clusters of rows in a view, with normal margins that have the
 * medians and quartiles of the rows themselves. With `seeds_only` the clusters are those of
 * k-means++ without k-means. The rows have no groups. */
gkv_status gki_em_start_view(gki_em *em, gki_em_view view, bool seeds_only, uint64_t seed);

/* Makes the first components as copies of those of a mixture. If it has fewer than em->count, the
 * others have weight 0, as dropped components have. */
gkv_status gki_em_resume(gki_em *em, const gkv_mgk_mixture *from);

/* Frees the components, so that the fit can start again. */
void gki_em_clear(gki_em *em);

/* Reinitialises components that have hardly any rows by the last E-step of em->fit: each takes half
 * of a heavy component. *count becomes their number. */
gkv_status gki_em_reinitialise(gki_em *em, size_t *count);

/* One E-step. If `full` is 1, it evaluates every component at every row. *mean becomes Σ w log f/Σ
 * w, including the noise. */
gkv_status gki_em_expect(gki_em *em, gki_em_rows *rows, int full, double *mean);

/* Replaces component k by `part`, and its table by `table`, which may be NULL. *em owns both from
 * now on. The old component is not freed. */
void gki_em_replace(gki_em *em, size_t k, gkv_mgk *part, gki_mgk_table *table);

/* The rows of component k, weighted by w_i r_ik. They point into *em. */
gki_mgk_weighted_rows gki_em_weighted_rows(const gki_em *em, size_t k);

/* Fits the margins [count × d] of all components to these rows, except for components that are
 * frozen. */
gkv_status gki_em_fit_margins(const gki_em *em, const unsigned char *frozen, gkv_gk *fitted);

/* One M-step from the last E-step of em->fit. The components that it replaces are kept. */
gkv_status gki_em_maximize(gki_em *em);

/* Lets all components take part in the next M-step. */
void gki_em_resume_all(gki_em *em);

/* Frees the components that the last M-step replaced. */
void gki_em_drop_previous(gki_em *em);

/* Undoes the last M-step. */
void gki_em_undo(gki_em *em);

#endif
