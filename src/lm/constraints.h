/* Linear equality constraints: x = anchor + Bᵀy. The rows of B are an orthonormal basis of the
 * directions that satisfy the constraints, and the solver minimizes over y. */
#ifndef GKV_LM_CONSTRAINTS_H
#define GKV_LM_CONSTRAINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/error.h"

typedef struct gki_lm_constraints {
    size_t p;           /* the number of parameters */
    size_t dimension;   /* the number of elements of y */
    double *memory;     /* the block of memory of all arrays */
    double *basis;      /* p × p, row-major; the first `dimension` rows are B */
    double *covariance; /* p × p; the covariance of y takes the first dimension² elements */
    double *anchor;     /* p */
    double *x, *y;      /* p each */
    double *row;        /* p; scratch */
} gki_lm_constraints;

/* Allocates the arrays. Returns GKV_ERR_MEMORY on failure. */
gkv_status gki_lm_constraints_open(gki_lm_constraints *constraints, size_t p);

/* Frees the arrays. */
void gki_lm_constraints_close(gki_lm_constraints *constraints);

/* Sets the basis and anchor, and y for this x[p], so that the linear combinations[count × p] of the
 * parameters keep their values and the parameters in fixed[p] (or NULL) do not change. Combinations
 * may be linearly dependent. */
void gki_lm_constraints_start(gki_lm_constraints *constraints, const double *combinations,
                              size_t count, const bool *fixed, const double *x);

/* Computes x[p] from y. */
void gki_lm_constraints_x(const gki_lm_constraints *constraints, const double *y, double *x);

/* Replaces the Jacobian ∂r/∂x [n × p], column-major, by ∂r/∂y [n × dimension]. */
void gki_lm_constraints_jacobian(gki_lm_constraints *constraints, size_t n, double *jacobian);

/* Computes the covariance of x [p × p] from that of y, which is in constraints->covariance. */
void gki_lm_constraints_covariance(const gki_lm_constraints *constraints, double *covariance);

#endif
