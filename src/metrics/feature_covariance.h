/* The mean and covariance of rows, and the eigenvalues and eigenvectors of a symmetric matrix. Both
 * functions run on the calling thread and keep no state, so several threads may call them at
 * once. */
#ifndef GKV_METRICS_FEATURE_COVARIANCE_H
#define GKV_METRICS_FEATURE_COVARIANCE_H

#include <stddef.h>

#include "core/error.h"

/* Computes mean[d] and covariance[d × d] of rows[n × d]. The covariance is the sum of products of
 * deviations from the mean, divided by `divisor`. Every element of `rows` is finite. Both results
 * are overwritten. */
void gki_moments(const double *rows, size_t n, size_t d, double divisor, double *mean,
                 double *covariance);

/* Diagonalises a[d × d] in place by Jacobi's method (Golub & Van Loan, Matrix Computations, 4th
 * ed., section 8.5). `a` is symmetric and finite. Afterwards a[j·d + j] is the eigenvalue of the
 * unit vector in row j of vectors[d × d]. `vectors` may be NULL. The eigenvalues are in no
 * particular order. GKV_ERR_NUMERIC if the method does not converge.
 *
 * The method is slower than LAPACK for large d. It is short and accurate, and its result does not
 * depend on the number of threads. */
gkv_status gki_jacobi(double *a, double *vectors, size_t d);

#endif
