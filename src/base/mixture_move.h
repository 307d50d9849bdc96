/* A move of a mixture's parameters along the path from the old parameters to fitted ones. The path
 * interpolates component by component: (A, log B, g, k) of each margin, R, and π. */
#ifndef GKV_BASE_MIXTURE_MOVE_H
#define GKV_BASE_MIXTURE_MOVE_H

#include "base/base_mixture.h"

/* A component with fewer rows is empty: it is not fitted, but reinitialised. */
enum { GKV_MIXTURE_LEAST_ROWS = 20 };

/* The parameters of a mixture in double precision. */
typedef struct gki_mixture_state {
    double *weights; /* π [K]. */
    gkv_gk *margins; /* The margins [K × d]. */
    double *r;       /* The correlation matrices [K × d × d]; NULL for independent dimensions. */
} gki_mixture_state;

typedef struct gki_mixture_move {
    const gki_base_mixture *self;
    const gki_params *params; /* The table that the move changes. */
    size_t d, K;
    gki_mixture_state old;    /* The parameters at gki_mixture_move_create(). */
    gki_mixture_state fitted; /* The end of the path. The caller fills it in. */
    int threads;              /* The threads that share the components. */
    /* Scratch of each thread: two matrices, and that of gki_low_rank(). */
    double *scratch;
    double *rows;    /* Scratch of the caller [K]. */
    gki_real *saved; /* All parameters of the base at the last save. */
} gki_mixture_move;

/* Creates a move of the table `params`, and saves the parameters. The caller frees *out's memory
 * with gki_mixture_move_free(). GKV_ERR_MEMORY. */
gkv_status gki_mixture_move_create(const gki_base_mixture *self, const gki_params *params,
                                   int threads, gki_mixture_move *out);

/* Frees the memory of the move, not the struct itself. */
void gki_mixture_move_free(gki_mixture_move *move);

/* Saves the parameters of the table, and restores them bit by bit. */
void gki_mixture_save(const gki_mixture_move *move);
void gki_mixture_restore(const gki_mixture_move *move);

/* Sets the table to the fraction τ of the path, and reduces the correlation matrices to the rank
 * that the base allows. Returns false if a matrix R is not positive definite to working precision
 * there. */
bool gki_mixture_move_to(const gki_mixture_move *move, double tau);

#endif
