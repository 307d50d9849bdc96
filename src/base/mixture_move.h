/* A mixture's parameters as numbers to move between: where they were, where a fit wants them, and any place on the
 * way. Between two mixtures lie the mixtures of the components half-way: (A, log B, g, k) by margin, R, and π. */
#ifndef GKV_BASE_MIXTURE_MOVE_H
#define GKV_BASE_MIXTURE_MOVE_H

#include "base/base_mixture.h"

/* A component of fewer rows is not fitted, and is put to use elsewhere. */
enum { GKV_MIXTURE_LEAST_ROWS = 20 };

typedef struct gkv_mixture_state {
    double *weights;  /* [K] */
    gkv_gk *margins;  /* [K × d] */
    double *r;        /* [K × d × d], if there is dependence; else NULL */
} gkv_mixture_state;

typedef struct gkv_mixture_move {
    const gkv_base_mixture *self;
    const gkv_params *params; /* the table that is moved */
    size_t d, K;
    gkv_mixture_state old;    /* as the table was at the beginning */
    gkv_mixture_state fitted; /* the caller's to fill */
    int threads;              /* that components are shared out to */
    double *scratch;          /* two matrices of each thread, and more */
    double *rows;             /* [K]: the caller's */
    gkv_real *saved;          /* all of the base's parameters, as they were when they were last saved */
} gkv_mixture_move;

/* Of a table, which is saved. */
gkv_status gkv_mixture_move_create(const gkv_base_mixture *self, const gkv_params *params, int threads,
                                   gkv_mixture_move *out);
void gkv_mixture_move_free(gkv_mixture_move *move); /* frees what it holds */

/* Saves the parameters to the bit, and brings them back. */
void gkv_mixture_save(const gkv_mixture_move *move);
void gkv_mixture_restore(const gkv_mixture_move *move);

/* Puts the table τ of the way from the old to the fitted ones, and their correlations to the factors they may have.
 * False if an R is not positive definite to working precision there. */
bool gkv_mixture_move_to(const gkv_mixture_move *move, double tau);

#endif
