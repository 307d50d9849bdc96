#include "num/blas.h"

#include <cblas.h>

static CBLAS_TRANSPOSE op(bool transpose)
{
    return transpose ? CblasTrans : CblasNoTrans;
}

void gki_blas_product_d(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        double alpha, const double *a, size_t a_row, const double *b, size_t b_row,
                        double beta, double *c, size_t c_row)
{
    cblas_dgemm(CblasRowMajor, op(transpose_a), op(transpose_b), (blasint)m, (blasint)n, (blasint)k,
                alpha, a, (blasint)a_row, b, (blasint)b_row, beta, c, (blasint)c_row);
}

void gki_blas_product_f(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        float alpha, const float *a, size_t a_row, const float *b, size_t b_row,
                        float beta, float *c, size_t c_row)
{
    cblas_sgemm(CblasRowMajor, op(transpose_a), op(transpose_b), (blasint)m, (blasint)n, (blasint)k,
                alpha, a, (blasint)a_row, b, (blasint)b_row, beta, c, (blasint)c_row);
}

void gki_blas_add_gram(size_t rows, size_t d, const double *z, double *c)
{
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)d, (blasint)rows, 1.0, z,
                (blasint)d, 1.0, c, (blasint)d);
}

void gki_blas_solve_left(size_t d, size_t columns, const double *l, double *x)
{
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (blasint)d,
                (blasint)columns, 1.0, l, (blasint)d, x, (blasint)columns);
}

void gki_blas_solve_right_d(bool transpose, size_t rows, size_t d, const double *l, double *x)
{
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, op(transpose), CblasNonUnit, (blasint)rows,
                (blasint)d, 1.0, l, (blasint)d, x, (blasint)d);
}

void gki_blas_solve_right_f(bool transpose, size_t rows, size_t d, const float *l, float *x)
{
    cblas_strsm(CblasRowMajor, CblasRight, CblasLower, op(transpose), CblasNonUnit, (blasint)rows,
                (blasint)d, 1.0F, l, (blasint)d, x, (blasint)d);
}

void gki_blas_multiply_right(size_t rows, size_t d, const double *l, double *x)
{
    cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (blasint)rows,
                (blasint)d, 1.0, l, (blasint)d, x, (blasint)d);
}

void gki_blas_one_thread(void)
{
    /* Setting the number again would make OpenBLAS start its threads anew. */
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
}

void gki_blas_set_threads(int threads)
{
    openblas_set_num_threads(threads);
}

const char *gki_blas_description(void)
{
    return openblas_get_config();
}
