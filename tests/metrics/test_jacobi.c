/* Eigenvalues and eigenvectors of symmetric matrices. */
#include "generation_fixture.h"

#include "metrics/feature_covariance.h"

/* Vᵀ Λ V is the matrix, and V Vᵀ is the identity. */
static void vectors_and_values_make_the_matrix(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 17, 84};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t d = sizes[s];
        float *const x = normal_features(s, d, d, 1, 0);
        double *a = test_alloc(d * d * sizeof *a), *v = test_alloc(d * d * sizeof *v);
        double *left = test_alloc(d * d * sizeof *left);
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++)
                left[i * d + j] = a[i * d + j] = (double)(x[i * d + j] + x[j * d + i]);
        memset(v, 0x7f, d * d * sizeof *v); /* arbitrary numbers, which are overwritten */
        assert_ok(gki_jacobi(a, v, d));
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++) {
                double sum = 0, dot = 0;
                for (size_t k = 0; k < d; k++) {
                    sum += v[k * d + i] * a[k * d + k] * v[k * d + j];
                    dot += v[i * d + k] * v[j * d + k];
                }
                assert_close(sum, left[i * d + j], 1e-12 * (double)d);
                assert_close(dot, i == j, 1e-12);
            }
        memcpy(v, left, d * d * sizeof *v); /* the same values without vectors */
        assert_ok(gki_jacobi(v, NULL, d));
        for (size_t i = 0; i < d; i++)
            assert_true(v[i * d + i] == a[i * d + i]);
        free(x);
        free(a);
        free(v);
        free(left);
    }
}

static void extreme_sizes(void **state)
{
    (void)state;
    double huge[] = {2e200, 1e200, 1e200, 2e200}, tiny[] = {2e-200, 1e-200, 1e-200, 2e-200},
           zero[4] = {0}, v[4];
    assert_ok(gki_jacobi(huge, v, 2));
    assert_relative(fmax(huge[0], huge[3]), 3e200, 1e-14);
    assert_relative(fmin(huge[0], huge[3]), 1e200, 1e-14);
    assert_ok(gki_jacobi(tiny, v, 2));
    assert_relative(fmax(tiny[0], tiny[3]), 3e-200, 1e-14);
    assert_ok(gki_jacobi(zero, v, 2));
    assert_true(v[0] == 1 && v[1] == 0 && v[2] == 0 && v[3] == 1 && zero[0] == 0 && zero[3] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_and_values_make_the_matrix),
        cmocka_unit_test(extreme_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
