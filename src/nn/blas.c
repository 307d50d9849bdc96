#include "nn/blas.h"

#include <cblas.h>
#include <omp.h>
#include <pthread.h>

/* OpenBLAS has one number of threads for the process. The first of concurrent calls sets it to one,
 * and the last one restores it. An OpenBLAS that is built with OpenMP looks at OpenMP's number too,
 * and openblas_set_num_threads() sets that of the calling thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned callers;
static int threads_before;

/* Returns OpenMP's number of threads, for leave(). */
static int enter(void)
{
    const int of_openmp = omp_get_max_threads();
    pthread_mutex_lock(&lock);
    if (callers++ == 0) {
        threads_before = openblas_get_num_threads();
        if (threads_before != 1)
            openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&lock);
    if (of_openmp != 1)
        omp_set_num_threads(1);
    return of_openmp;
}

static void leave(int of_openmp)
{
    pthread_mutex_lock(&lock);
    if (--callers == 0 && threads_before != 1)
        openblas_set_num_threads(threads_before);
    pthread_mutex_unlock(&lock);
    omp_set_num_threads(of_openmp);
}

static CBLAS_TRANSPOSE op(bool transpose)
{
    return transpose ? CblasTrans : CblasNoTrans;
}

void gki_blas_product_d(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        double alpha, const double *a, size_t a_row, const double *b, size_t b_row,
                        double beta, double *c, size_t c_row)
{
    const int before = enter();
    cblas_dgemm(CblasRowMajor, op(transpose_a), op(transpose_b), (blasint)m, (blasint)n, (blasint)k,
                alpha, a, (blasint)a_row, b, (blasint)b_row, beta, c, (blasint)c_row);
    leave(before);
}

void gki_blas_product_f(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        float alpha, const float *a, size_t a_row, const float *b, size_t b_row,
                        float beta, float *c, size_t c_row)
{
    const int before = enter();
    cblas_sgemm(CblasRowMajor, op(transpose_a), op(transpose_b), (blasint)m, (blasint)n, (blasint)k,
                alpha, a, (blasint)a_row, b, (blasint)b_row, beta, c, (blasint)c_row);
    leave(before);
}

void gki_blas_solve_right_d(bool transpose, size_t rows, size_t d, const double *l, double *x)
{
    const int before = enter();
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, op(transpose), CblasNonUnit, (blasint)rows,
                (blasint)d, 1.0, l, (blasint)d, x, (blasint)d);
    leave(before);
}

void gki_blas_solve_right_f(bool transpose, size_t rows, size_t d, const float *l, float *x)
{
    const int before = enter();
    cblas_strsm(CblasRowMajor, CblasRight, CblasLower, op(transpose), CblasNonUnit, (blasint)rows,
                (blasint)d, 1.0F, l, (blasint)d, x, (blasint)d);
    leave(before);
}

void gki_blas_square_product(size_t n, int threads, const float *a, const float *b, float *c)
{
    const blasint size = (blasint)n;
    const int of_blas = openblas_get_num_threads(), of_openmp = omp_get_max_threads();
    openblas_set_num_threads(threads);
    omp_set_num_threads(threads);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1.0F, a, size, b, size,
                0.0F, c, size);
    openblas_set_num_threads(of_blas);
    omp_set_num_threads(of_openmp);
}

const char *gki_blas_description(void)
{
    return openblas_get_config();
}
