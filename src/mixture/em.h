/* The parts of the fit of a mixture by expectation–maximization; gkvae/mgk_mixture.h says
 * what is done. em_data.c, em_start.c, em_expect.c, em_margins.c and em_maximize.c
 * do it, mixture_fit.c calls them. */
#ifndef GKV_MGK_EM_H
#define GKV_MGK_EM_H

#include <stdint.h>

#include "gkvae/mgk_mixture.h"
#include "mixture/rows_float.h"
#include "mixture/scores.h"
#include "mixture/margin_table.h"

/* The responsibilities that count, of a tile of rows: those of its row i are
 * [start[i], start[i+1]). */
typedef struct gkv_em_tile {
    uint32_t start[GKV_MGK_TILE + 1];
    uint32_t *component;
    double *share;
    size_t room;
    gkv_status status;
} gkv_em_tile;

/* Rows that are looked at in every iteration: those of the fit, or held-out ones. */
typedef struct gkv_em_rows {
    size_t n;
    const double *x;
    const double *weights; /* NULL is 1 */
    double total;          /* Σ w */
    const uint32_t *group; /* [n] of each row; NULL: every component is open to it */
    double *log_noise;     /* [n] */
    unsigned char *far;    /* [n × first count]: components not worth a look, by the last full one */
    gkv_em_tile *tiles;
    double *sums;          /* [tiles × (1 + 2 count)]: each tile's Σ w log f, and by component … */
    double *weight;        /* [count] Σ_i w_i r_ik */
    double *gain;          /* [count] Σ_i w_i r_ik log f_k(x_i) */
} gkv_em_rows;

typedef struct gkv_em {
    const gkv_mgk_mixture_settings *set;
    size_t d;
    int threads;
    size_t count;          /* components, those given up included */
    gkv_mgk **parts;       /* [count] */
    gkv_mgk_table **tables;/* [count] of parts; NULL: not made yet, or not needed */
    gkv_mgk_float *quicks; /* [count] of parts, in quick fits; a of NULL: not made yet */
    double *pi;            /* [count]; 0: given up */
    gkv_mgk **old_parts;   /* before the last step: those that it replaced, else NULL */
    double *old_pi;
    double *centre, *scale;/* [d] median and robust spread of the columns */
    double *columns;       /* [d × n] x by column */
    uint32_t *order;       /* [d × n] rows of each column, ascending */
    gkv_em_rows fit, held_out;
    size_t *support;       /* [count + 1]: component k's rows are [support[k], support[k+1]) of … */
    uint32_t *support_row; /* … this, ascending … */
    double *support_weight;/* … with weights w_i r_ik */
    size_t support_room;
    int *rest, *pause;     /* [count] iterations that a component sits out, and its next such pause */
    size_t damped, refused;/* by the last step */
} gkv_em;

/* Components of a group; k's group is k / gkv_em_per_group(). */
static inline size_t gkv_em_per_group(const gkv_em *em)
{
    return em->set->groups > 0 ? em->count / em->set->groups : em->count;
}

/* Data, their order and spread, and the noise: x[n × d] and the held-out rows are finite. */
gkv_status gkv_em_create(size_t n, size_t d, const double *x, const gkv_mgk_mixture_settings *set, int threads,
                         gkv_em *out);
void gkv_em_free(gkv_em *em); /* what it holds */

/* The first components: clusters (mixture/clusters.h), normal margins, by group if there are groups. */
gkv_status gkv_em_start(gkv_em *em);

/* The first components: those of a mixture. */
gkv_status gkv_em_resume(gkv_em *em, const gkv_mgk_mixture *from);

/* Gives components that hardly any row belongs to, by the last E-step of em->fit, half of heavy ones;
 * *count says how many. */
gkv_status gkv_em_reinitialise(gkv_em *em, size_t *count);

/* One E-step; `full` looks at every component of every row. *mean is Σ w log f/Σ w, noise
 * included. */
gkv_status gkv_em_expect(gkv_em *em, gkv_em_rows *rows, int full, double *mean);

/* Another distribution for component k, which it takes over. */
void gkv_em_replace(gkv_em *em, size_t k, gkv_mgk *part, gkv_mgk_table *table);

/* The rows of component k, weighted by what of them belongs to it. */
gkv_mgk_weighted_rows gkv_em_weighted_rows(const gkv_em *em, size_t k);

/* Margins [count × d] fitted to those, but for the components that are frozen. */
gkv_status gkv_em_fit_margins(const gkv_em *em, const unsigned char *frozen, gkv_gk *fitted);

/* One M-step from the last E-step of em->fit. What it replaces is kept until
 * gkv_em_forget, or comes back by gkv_em_take_back. */
gkv_status gkv_em_maximize(gkv_em *em);
void gkv_em_forget(gkv_em *em);
void gkv_em_take_back(gkv_em *em);

#endif
