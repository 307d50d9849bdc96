/* Factorisation and solution with precision matrices (num/linalg.h), as refinement uses them. */
#include "gradient.h"
#include "num/linalg.h"

/* A random positive definite matrix, with garbage above its diagonal. */
static void random_precision(uint64_t seed, size_t d, double least, double *p)
{
    double *rows = test_alloc(d * d * sizeof *rows);
    test_normals(seed, d * d, 1, rows);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            double sum = i == j ? least : 0;
            for (size_t k = 0; k < d; k++)
                sum += rows[i * d + k] * rows[j * d + k];
            p[i * d + j] = j <= i ? sum : NAN;
        }
    free(rows);
}

static double lower(const double *p, size_t d, size_t i, size_t j)
{
    return i >= j ? p[i * d + j] : p[j * d + i];
}

static void test_precisions(void **state)
{
    (void)state;
    enum { MOST = 40 };
    static double p[MOST * MOST], v[MOST * MOST], l[MOST * MOST];
    for (size_t d = 1; d <= MOST; d += d < 4 ? 1 : 9) {
        double g[MOST], delta[MOST];
        random_precision(d, d, 0.1, p);
        memcpy(v, p, d * d * sizeof *p);
        memset(l, 0, sizeof l);
        assert_true(gki_precision_factor(d, v));
        gki_cholesky_invert(d, v, l);
        for (size_t i = 0; i < d; i++) /* Lᵀ P L = I */
            for (size_t j = 0; j < d; j++) {
                double sum = 0;
                for (size_t a = i; a < d; a++)
                    for (size_t b = j; b < d; b++)
                        sum += l[a * d + i] * lower(p, d, a, b) * l[b * d + j];
                assert_close(sum, i == j, 1e-9);
            }
        test_normals(900 + d, d, 1, g);
        memcpy(delta, g, sizeof g);
        gki_precision_solve(d, v, delta);
        for (size_t i = 0; i < d; i++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++)
                sum += lower(p, d, i, j) * delta[j];
            assert_close(sum, g[i], 1e-9);
        }
    }
}

static void test_no_precisions(void **state)
{
    (void)state;
    double zero[4] = {0}, indefinite[4] = {1, 0, 2, 1}, singular[4] = {1, 0, 1, 1},
           bad[4] = {1, 0, NAN, 1};
    double endless[4] = {INFINITY, 0, 0, 1}, negative[1] = {-1};
    assert_false(gki_precision_factor(2, zero));
    assert_false(gki_precision_factor(2, indefinite));
    assert_false(gki_precision_factor(2, singular));
    assert_false(gki_precision_factor(2, bad));
    assert_false(gki_precision_factor(2, endless));
    assert_false(gki_precision_factor(1, negative));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precisions),
        cmocka_unit_test(test_no_precisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
