/* Eigenvalues of symmetric matrices, by Jacobi's method (Golub & Van Loan, Matrix Computations, 4th ed.,
 * section 8.5). Slower than LAPACK for large d, but short and accurate, and its result does not depend
 * on the number of threads. */
#ifndef GKV_METRICS_JACOBI_H
#define GKV_METRICS_JACOBI_H

#include <stddef.h>

#include "core/error.h"

/* Diagonalises a[d × d], symmetric and finite, in place: a[j·d + j] becomes the eigenvalue of the unit vector in row
 * j of vectors[d × d]. vectors may be NULL. Eigenvalues are in no order. GKV_ERR_NUMERIC if it does not converge. */
gkv_status gkv_jacobi(double *a, double *vectors, size_t d);

#endif
