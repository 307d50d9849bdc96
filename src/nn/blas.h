/* Calls of BLAS; no other file has any. Matrices are row-major; x_row is the distance between rows
 * of x in elements.
 *
 * Each call works in one thread, because callers divide the work between threads themselves. The
 * numbers of threads of OpenBLAS and of OpenMP, which belong to the application, are the same
 * after a call as before. All functions are thread-safe. */
#ifndef GKV_NN_BLAS_H
#define GKV_NN_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/* C[m, n] ← alpha·op(A) op(B) + beta·C, where op(A) is m × k, op(B) is k × n, and op transposes on
 * request. */
void gki_blas_product_d(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        double alpha, const double *a, size_t a_row, const double *b, size_t b_row,
                        double beta, double *c, size_t c_row);
void gki_blas_product_f(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        float alpha, const float *a, size_t a_row, const float *b, size_t b_row,
                        float beta, float *c, size_t c_row);

/* X[rows, d] ← X L⁻¹, or X L⁻ᵀ if `transpose` is true, for a lower triangular L[d, d]. */
void gki_blas_solve_right_d(bool transpose, size_t rows, size_t d, const double *l, double *x);
void gki_blas_solve_right_f(bool transpose, size_t rows, size_t d, const float *l, float *x);

/* C ← A B of square matrices of size n, in `threads` threads: for measurements, while nothing else
 * calls BLAS. */
void gki_blas_square_product(size_t n, int threads, const float *a, const float *b, float *c);

/* A description of the BLAS library. The string is static. */
const char *gki_blas_description(void);

/* The same by the networks' numeric type; see core/real.h. */
#ifdef GKV_REAL_IS_DOUBLE
#define gki_blas_product gki_blas_product_d
#define gki_blas_solve_right gki_blas_solve_right_d
#else
#define gki_blas_product gki_blas_product_f
#define gki_blas_solve_right gki_blas_solve_right_f
#endif

#endif
