/* Eigenvalues of symmetric matrices, by Jacobi's method (Golub & Van Loan, Matrix Computations, 4th ed.,
 * section 8.5). Slow beside LAPACK for large d but short and accurate, and its result does not hang on
 * the number of threads. */
#ifndef GKV_METRICS_JACOBI_H
#define GKV_METRICS_JACOBI_H

#include <stddef.h>

#include "core/error.h"

/* a[d × d], symmetric and finite, becomes diagonal: a[j·d + j] is the eigenvalue of row j of vectors[d × d],
 * which are unit vectors; vectors may be NULL. In no order. GKV_ERR_NUMERIC if it does not converge. */
gkv_status gkv_jacobi(double *a, double *vectors, size_t d);

#endif
