/* Linear combinations of the parameters that keep their values: x = anchor + Bᵀy, where the rows
 * of B are an orthonormal basis of what may move, and y is what the solver searches. */
#ifndef GKV_LM_HELD_H
#define GKV_LM_HELD_H

#include <stddef.h>

#include "gkvae/error.h"

typedef struct gkv_lm_constraints {
    size_t p, free;     /* parameters; numbers in y */
    double *memory;
    double *basis;      /* p × p, row-major: first those of B, p numbers each */
    double *anchor, *x, *y, *row; /* p each */
    double *covariance; /* p × p */
} gkv_lm_constraints;

gkv_status gkv_lm_constraints_open(gkv_lm_constraints *held, size_t p);
void gkv_lm_constraints_close(gkv_lm_constraints *held);

/* For `count` combinations[count × p] and the parameters in fixed[p] (or NULL): sets the basis,
 * and y for this x. Combinations that follow from others are no more than they are. */
void gkv_lm_constraints_start(gkv_lm_constraints *held, const double *combinations, size_t count, const unsigned char *fixed,
                       const double *x);

/* x[p] of y. */
void gkv_lm_constraints_x(const gkv_lm_constraints *held, const double *y, double *x);

/* J[n × p] by columns becomes ∂r/∂y [n × free]. */
void gkv_lm_constraints_jacobian(gkv_lm_constraints *held, size_t n, double *jacobian);

/* The covariance of x [p × p] of that of y, which is in held->covariance [free × free]. */
void gkv_lm_constraints_covariance(const gkv_lm_constraints *held, double *covariance);

#endif
