/* The kernels of pairs of rows, for every instruction set of this CPU. */
#include "generation_fixture.h"

#include "metrics/pairs.h"

static double chain(const float *x, const float *y, size_t d)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++)
        sum = fma((double)x[k], (double)y[k], sum);
    return sum;
}

/* Products have the same bits for any shape. Distances and sums of cubes are right. */
static void check_shape(const gki_pairs_kernels *kernels, size_t n, size_t m, size_t d)
{
    float *const x = normal_features(1, n, d, 1, 0), *const y = normal_features(2, m, d, 1, 0);
    gki_panels a = {0}, b = {0};
    assert_ok(gki_panels_create(kernels, n, d, &a));
    assert_ok(gki_panels_create(kernels, m, d, &b));
    gki_panels_pack(&a, x, NULL);
    uint32_t *order = test_alloc(m * sizeof *order);
    for (size_t j = 0; j < m; j++)
        order[j] = (uint32_t)(m - 1 - j);
    gki_panels_pack(&b, y, order);
    double *c = test_alloc(sizeof *c * GKV_PAIRS_ROWS * GKV_PAIRS_COLUMNS);
    for (size_t row = 0; row < n; row += GKV_PAIRS_ROWS)
        for (size_t column = 0; column < m; column += GKV_PAIRS_COLUMNS) {
            const size_t rows = gki_pairs_count(n, row, GKV_PAIRS_ROWS);
            const size_t columns = gki_pairs_count(m, column, GKV_PAIRS_COLUMNS);
            gki_pairs_products(&a, row, &b, column, c);
            for (size_t i = 0; i < rows; i++) {
                double *const own = c + i * GKV_PAIRS_COLUMNS, cubes = 0, size = 0,
                              least = INFINITY;
                for (size_t j = 0; j < columns; j++) {
                    assert_true(own[j] == chain(x + (row + i) * d, y + order[column + j] * d, d));
                    cubes += pow(own[j] / 3 + 1, 3);
                    size += fabs(pow(own[j] / 3 + 1, 3));
                }
                assert_close(kernels->cubes(columns, 1 / 3.0, own), cubes, 1e-14 * size);
                const double found =
                    kernels->distances(columns, a.norms[row + i], b.norms + column, own);
                for (size_t j = 0; j < columns; j++) {
                    double square = 0;
                    for (size_t k = 0; k < d; k++)
                        square += pow(
                            (double)x[(row + i) * d + k] - (double)y[order[column + j] * d + k], 2);
                    assert_close(own[j], square, 1e-14 * (1 + square));
                    least = fmin(least, own[j]);
                }
                assert_true(found == least);
            }
        }
    free(c);
    free(order);
    gki_panels_free(&a);
    gki_panels_free(&b);
    free(x);
    free(y);
}

static void products_are_one_chain(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 1},     {3, 5, 2},     {24, 12, 84},
                                       {97, 121, 13}, {200, 250, 5}, {95, 239, 84}};
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            check_shape(gki_pairs_kernels_of((gki_simd)level), shapes[s][0], shapes[s][1],
                        shapes[s][2]);
}

/* The distance of equal rows is exactly 0, and no distance is negative. */
static void equal_rows(void **state)
{
    (void)state;
    enum { N = 50, D = 84 };
    float *const x = normal_features(3, N, D, 1, 1000);
    memcpy(x + 20 * D, x + 3 * D, D * sizeof *x);
    x[30 * D] = nextafterf(x[0], 0);
    memcpy(x + 30 * D + 1, x + 1, (D - 1) * sizeof *x);
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        gki_panels a = {0};
        double *c = test_alloc(sizeof *c * GKV_PAIRS_ROWS * GKV_PAIRS_COLUMNS);
        assert_ok(gki_panels_create(gki_pairs_kernels_of((gki_simd)level), N, D, &a));
        gki_panels_pack(&a, x, NULL);
        gki_pairs_products(&a, 0, &a, 0, c);
        for (size_t i = 0; i < N; i++) {
            double *const own = c + i * GKV_PAIRS_COLUMNS;
            assert_true(a.kernels->distances(N, a.norms[i], a.norms, own) == 0);
            for (size_t j = 0; j < N; j++) {
                const int equal = i == j || (i == 3 && j == 20) || (i == 20 && j == 3);
                const int near = (i == 0 && j == 30) || (i == 30 && j == 0);
                assert_true(equal ? own[j] == 0 : near ? own[j] >= 0 : own[j] > 1);
            }
        }
        gki_panels_free(&a);
        free(c);
    }
    free(x);
}

/* Precision and recall use ≤, and density uses <. A ball with radius NaN is empty. A covered row
 * stays covered. */
static void counts(void **state)
{
    (void)state;
    enum { N = 21 };
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (size_t n = 1; n <= N; n++) {
            double c[N], generated[N], covered[N + 1] = {0};
            for (size_t j = 0; j < N; j++) {
                c[j] = (double)j;
                /* only the last row's ball has the real row */
                generated[j] = j == N - 1 ? (double)j : (double)j - 1;
            }
            covered[0] = 1;
            gki_pairs_balls balls = {.precision = 4,
                                     .density = 6,
                                     .generated = generated,
                                     .covered = covered,
                                     .inside = 10};
            gki_pairs_kernels_of((gki_simd)level)->count(n, c, &balls);
            assert_true(balls.inside == 10 + (n < 6 ? (double)n : 6));
            assert_true(balls.recalled == (n == N));
            for (size_t j = 0; j <= N; j++)
                assert_true(covered[j] == (j == 0 || (j < n && j <= 4)));
            for (size_t j = 0; j < N; j++)
                generated[j] = (double)NAN;
            balls = (gki_pairs_balls){.precision = (double)NAN,
                                      .density = (double)NAN,
                                      .generated = generated,
                                      .covered = covered};
            gki_pairs_kernels_of((gki_simd)level)->count(n, c, &balls);
            assert_true(balls.inside == 0 && balls.recalled == 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_one_chain),
        cmocka_unit_test(equal_rows),
        cmocka_unit_test(counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
