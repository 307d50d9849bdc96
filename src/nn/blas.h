/* Calls of OpenBLAS; no other file has any. Matrices are row-major; x_row is the distance between
 * rows of x in elements.
 *
 * The library is loaded at the first call, not at the start of the process, because loading it
 * takes longer than most commands do, and because it never returns from its own start if the
 * address space is limited (ulimit -v). Processors with AVX2 need it for measurements only.
 *
 * Each product works in one thread, because callers divide the work between threads themselves. The
 * numbers of threads of OpenBLAS and of OpenMP, which belong to the application, are the same
 * after a call as before. All functions are thread-safe. */
#ifndef GKV_NN_BLAS_H
#define GKV_NN_BLAS_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/error.h"

/* C[m, n] ← alpha·op(A) op(B) + beta·C, where op(A) is m × k, op(B) is k × n, and op transposes on
 * request. Return false, and do nothing, if OpenBLAS cannot be loaded. */
bool gki_blas_product_d(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        double alpha, const double *a, size_t a_row, const double *b, size_t b_row,
                        double beta, double *c, size_t c_row);
bool gki_blas_product_f(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        float alpha, const float *a, size_t a_row, const float *b, size_t b_row,
                        float beta, float *c, size_t c_row);

/* C ← A B of square matrices of size n, in `threads` threads: for measurements, while nothing else
 * calls BLAS. GKV_ERR_IO if OpenBLAS is not installed; GKV_ERR_MEMORY if the address space is too
 * small for it. */
GKV_MUST_USE gkv_status gki_blas_square_product(size_t n, int threads, const float *a,
                                                const float *b, float *c);

/* OpenBLAS's description of itself; before it is loaded, only its name. The string is static. */
const char *gki_blas_description(void);

/* The same by the networks' numeric type; see core/real.h. */
#ifdef GKV_REAL_IS_DOUBLE
#define gki_blas_product gki_blas_product_d
#else
#define gki_blas_product gki_blas_product_f
#endif

#endif
