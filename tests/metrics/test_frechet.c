/* The Fréchet distance: closed forms, degenerate sets, refusals. */
#include "generation_fixture.h"

static double frechet(const float *a, size_t n_a, const float *b, size_t n_b, size_t d)
{
    double distance = -1;
    assert_ok(gkv_frechet_distance(n_a, n_b, d, a, b, &distance));
    return distance;
}

/* 2d rows whose sample mean is `mean` and whose sample covariance is diag(deviation²). */
static float *cross(size_t d, const double *mean, const double *deviation)
{
    const size_t n = 2 * d;
    float *x = test_alloc(n * d * sizeof *x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double side = i / 2 == j ? (i % 2 ? 1 : -1) : 0;
            x[i * d + j] = (float)(mean[j] + side * deviation[j] * sqrt((double)(n - 1) / 2));
        }
    return x;
}

static void diagonal_covariances(void **state)
{
    (void)state;
    const double mean_a[] = {0, 1, -2, 0.5}, mean_b[] = {1, 1, 2, 0},
                 deviation_a[] = {1, 2, 0.5, 3}, deviation_b[] = {2, 2, 0.25, 0};
    float *const a = cross(4, mean_a, deviation_a), *const b = cross(4, mean_b, deviation_b);
    double expected = 0;
    for (int j = 0; j < 4; j++)
        expected += pow(mean_a[j] - mean_b[j], 2) + pow(deviation_a[j] - deviation_b[j], 2);
    assert_relative(frechet(a, 8, b, 8, 4), expected, 1e-6);
    assert_relative(frechet(b, 8, a, 8, 4), expected, 1e-6);
    free(a);
    free(b);
}

/* The sample covariance of two columns, by its definition. */
static void covariance_of(const float *x, size_t n, double mean[2], double c[3])
{
    for (size_t j = 0; j < 2; j++) {
        mean[j] = 0;
        for (size_t i = 0; i < n; i++)
            mean[j] += (double)x[i * 2 + j] / (double)n;
    }
    c[0] = c[1] = c[2] = 0;
    for (size_t i = 0; i < n; i++) {
        const double u = (double)x[i * 2] - mean[0], v = (double)x[i * 2 + 1] - mean[1];
        c[0] += u * u / (double)(n - 1);
        c[1] += u * v / (double)(n - 1);
        c[2] += v * v / (double)(n - 1);
    }
}

/* For 2 × 2 matrices that do not commute, tr (AB)^½ = √(tr AB + 2 √(det A det B)) follows from λ₁ +
 * λ₂ and λ₁λ₂. */
static void covariances_that_do_not_commute(void **state)
{
    (void)state;
    enum { N_A = 50, N_B = 70 };
    float *const a = normal_features(1, N_A, 2, 1, 0), *const b =
                                                           normal_features(2, N_B, 2, 1, 0.5);
    for (int i = 0; i < N_A; i++)
        a[i * 2 + 1] += 2 * a[i * 2];
    for (int i = 0; i < N_B; i++)
        b[i * 2] -= 3 * b[i * 2 + 1];
    double mean_a[2], mean_b[2], s[3], t[3];
    covariance_of(a, N_A, mean_a, s);
    covariance_of(b, N_B, mean_b, t);
    const double trace = s[0] * t[0] + 2 * s[1] * t[1] + s[2] * t[2];
    const double root =
        sqrt(trace + 2 * sqrt((s[0] * s[2] - s[1] * s[1]) * (t[0] * t[2] - t[1] * t[1])));
    const double expected = pow(mean_a[0] - mean_b[0], 2) + pow(mean_a[1] - mean_b[1], 2) + s[0] +
                            s[2] + t[0] + t[2] - 2 * root;
    /* the matrices do not commute */
    assert_true(fabs(s[1] * (t[0] - t[2]) - t[1] * (s[0] - s[2])) > 1);
    assert_relative(frechet(a, N_A, b, N_B, 2), expected, 1e-12);
    free(a);
    free(b);
}

static void translation_and_scale(void **state)
{
    (void)state;
    enum { N = 300, D = 84 };
    float *const a = whole_features(1, N, D, 16), *const b = whole_features(2, N, D, 9);
    float *moved = test_alloc(N * D * sizeof *moved), *a_wide = test_alloc(N * D * sizeof *a_wide),
          *b_wide = test_alloc(N * D * sizeof *b_wide);
    double expected = 0;
    for (int j = 0; j < D; j++)
        expected += (j % 5) * (j % 5);
    for (int i = 0; i < N * D; i++) {
        moved[i] = a[i] + (float)(i % D % 5);
        a_wide[i] = 4 * a[i];
        b_wide[i] = 4 * b[i];
    }
    assert_relative(frechet(a, N, moved, N, D), expected, 1e-9);
    const double apart = frechet(a, N, b, N, D);
    assert_relative(frechet(a_wide, N, b_wide, N, D), 16 * apart, 1e-12);
    assert_relative(frechet(b, N, a, N, D), apart, 1e-10);
    free(a);
    free(b);
    free(moved);
    free(a_wide);
    free(b_wide);
}

/* Sets with fewer rows than columns, for which all but n − 1 eigenvalues are 0, and sets with
 * constant columns. */
static void equal_sets(void **state)
{
    (void)state;
    enum { N = 200, D = 40 };
    float *const a = normal_features(3, N, D, 2, 1);
    assert_true(frechet(a, N, a, N, D) >= 0);
    assert_close(frechet(a, N, a, N, D), 0, 1e-9 * 4 * D);
    assert_true(frechet(a, 5, a, 5, D) >= 0);
    assert_close(frechet(a, 5, a, 5, D), 0, 1e-8 * 4 * D);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j += 3)
            a[i * D + j] = 7;
    assert_close(frechet(a, N, a, N, D), 0, 1e-9 * 4 * D);
    float same[3 * 2] = {1, 2, 1, 2, 1, 2}, other[2 * 2] = {4, 6, 4, 6};
    assert_close(frechet(same, 3, same, 3, 2), 0, 0);
    assert_close(frechet(same, 3, other, 2, 2), 25, 1e-12); /* two points */
    free(a);
}

/* Two lines in 40 dimensions, for which all λ but one are 0. */
static void fewer_rows_than_columns(void **state)
{
    (void)state;
    enum { D = 40 };
    float a[2 * D] = {0}, b[2 * D] = {0};
    a[0] = 2;        /* variance 2 along an axis */
    b[0] = b[1] = 3; /* variance 9 along a diagonal: (uᵀv)² = ½ */
    const double means = pow(1 - 1.5, 2) + pow(1.5, 2);
    assert_relative(frechet(a, 2, b, 2, D), means + 2 + 9 - 2 * sqrt(2 * 9 * 0.5), 1e-12);
}

static void one_row_and_refusals(void **state)
{
    (void)state;
    float a[4] = {1, 2, 3, 4}, bad[4] = {1, 2, NAN, 4}, infinite[4] = {1, 2, 3, INFINITY};
    double distance = 5;
    assert_true(isnan(frechet(a, 1, a, 2, 2)));
    assert_true(isnan(frechet(a, 2, a, 1, 2)));
    assert_fails(gkv_frechet_distance(2, 2, 2, NULL, a, &distance), GKV_ERR_ARGUMENT, "a is NULL");
    assert_fails(gkv_frechet_distance(2, 2, 2, a, NULL, &distance), GKV_ERR_ARGUMENT, "b is NULL");
    assert_fails(gkv_frechet_distance(2, 2, 2, a, a, NULL), GKV_ERR_ARGUMENT, "is NULL");
    assert_fails(gkv_frechet_distance(0, 2, 2, a, a, &distance), GKV_ERR_ARGUMENT,
                 "0 rows of 2 columns");
    assert_fails(gkv_frechet_distance(2, 2, 0, a, a, &distance), GKV_ERR_ARGUMENT,
                 "2 rows of 0 columns");
    assert_fails(gkv_frechet_distance(2, 2, 2, bad, a, &distance), GKV_ERR_DATA,
                 "row 1 of the first features has nan in column 0");
    assert_fails(gkv_frechet_distance(2, 2, 2, a, infinite, &distance), GKV_ERR_DATA,
                 "row 1 of the second features has inf in column 1");
    assert_true(distance == 5);
    float huge[4] = {3e38F, 0, -3e38F, 1};
    assert_close(frechet(huge, 2, huge, 2, 2) / 9e76, 0, 1e-7); /* nothing overflows */
    assert_true(isfinite(frechet(huge, 2, a, 2, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagonal_covariances),
        cmocka_unit_test(covariances_that_do_not_commute),
        cmocka_unit_test(translation_and_scale),
        cmocka_unit_test(equal_sets),
        cmocka_unit_test(fewer_rows_than_columns),
        cmocka_unit_test(one_row_and_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
