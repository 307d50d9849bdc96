/* QR with column pivoting and the damped least-squares step made from it. All
 * matrices are stored by columns. */
#ifndef GKV_LM_QR_H
#define GKV_LM_QR_H

#include <stddef.h>

/* ‖v‖, without overflow or underflow. */
double gkv_lm_norm(size_t n, const double *v);

/* a[n × p] becomes R in its upper triangle: a P = Q R with |R_00| ≥ |R_11| ≥ …,
 * and b[n] becomes Qᵀb. Column j of R is column pivot[j] of a. norms[2p] is scratch. */
void gkv_lm_qr(size_t n, size_t p, double *a, size_t *pivot, double *b, double *norms);

/* Solves min ‖R Pᵀ d + q‖² + ‖E d‖², E = diag(damping) ≥ 0 (in the order of d), for
 * r[stride × p] as gkv_lm_qr leaves it and q its b. work: p·(p + 3) numbers. Where
 * the damped matrix is singular the dependent components of d are 0. */
void gkv_lm_step(size_t stride, size_t p, const double *r, const size_t *pivot, const double *q,
                 const double *damping, double *d, double *work);

#endif
