/* Calls of BLAS leave the numbers of threads of OpenBLAS and OpenMP as they were, also when several
 * threads call it at the same time. */
#include "support.h"

#include <cblas.h>
#include <omp.h>

#include "core/late.h"
#include "nn/blas.h"

/* the library that nn/blas.c loads too */
static __typeof__(&openblas_get_num_threads) get_threads;
static __typeof__(&openblas_set_num_threads) set_threads;

enum { D = 40, ROWS = 50, CALLS = 200 };

static float l[D * D], x[8][ROWS * D], y[8][ROWS * D];

static void fill(void)
{
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j <= i; j++)
            l[i * D + j] = i == j ? 2.0F : 0.1F;
    for (size_t t = 0; t < 8; t++)
        for (size_t i = 0; i < ROWS * D; i++)
            x[t][i] = (float)(i % 7) - 3;
}

static void assert_threads(int of_blas, int of_openmp)
{
    assert_int_equal(get_threads(), of_blas);
    assert_int_equal(omp_get_max_threads(), of_openmp);
}

static void test_one_caller(void **state)
{
    (void)state;
    for (int of_blas = 1; of_blas <= 2; of_blas++)
        for (int of_openmp = 1; of_openmp <= 3; of_openmp++) {
            set_threads(of_blas);
            omp_set_num_threads(of_openmp);
            fill();
            assert_true(gki_blas_product_f(false, true, ROWS, D, D, 1, x[0], D, l, D, 0, x[1], D));
            assert_threads(of_blas, of_openmp);
            assert_int_equal(gki_blas_square_product(D, 2, l, l, x[0]), GKV_OK);
            assert_threads(of_blas, of_openmp);
        }
}

static void test_many_callers(void **state)
{
    (void)state;
    enum { CALLERS = 4 };
    set_threads(2);
    omp_set_num_threads(3);
    fill();
#pragma omp parallel for num_threads(CALLERS) schedule(static, 1)
    for (int t = 0; t < CALLERS; t++)
        for (int i = 0; i < CALLS; i++)
            assert_true(gki_blas_product_f(false, i % 2, ROWS, D, D, 1, x[t], D, l, D, 0, y[t], D));
    assert_threads(2, 3);
    for (int t = 1; t < CALLERS; t++)
        assert_memory_equal(y[t], y[0], sizeof y[0]);
}

int main(void)
{
    const gki_late_function functions[] = {{"openblas_get_num_threads", &get_threads},
                                           {"openblas_set_num_threads", &set_threads}};
    if (!gki_late_load("libopenblas.so.0", 2, functions)) {
        print_message("OpenBLAS is not installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_caller),
        cmocka_unit_test(test_many_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
