/* Precision, recall, density and coverage: plain loops, ties, and too few rows. */
#include "generation_fixture.h"

static double square(const float *x, const float *y, size_t d)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++)
        sum += pow((double)x[k] - (double)y[k], 2);
    return sum;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The squared distance of row i to its k-th nearest other row. */
static double radius(const float *x, size_t n, size_t d, size_t i, size_t k)
{
    double *all = test_alloc(n * sizeof *all);
    size_t count = 0;
    for (size_t j = 0; j < n; j++)
        if (j != i)
            all[count++] = square(x + i * d, x + j * d, d);
    qsort(all, count, sizeof *all, ascending);
    const double found = k <= count ? all[k - 1] : (double)NAN;
    free(all);
    return found;
}

/* The definitions, one pair after another. */
static gkv_neighbour_metrics plainly(const float *real, size_t n, const float *made, size_t m,
                                     size_t d, size_t k_precision, size_t k_density)
{
    double *covered = test_alloc(m * sizeof *covered), *radii = test_alloc(m * sizeof *radii);
    for (size_t j = 0; j < m; j++)
        radii[j] = radius(made, m, d, j, k_precision);
    double precision = 0, recall = 0, density = 0, coverage = 0;
    for (size_t i = 0; i < n; i++) {
        const double by_precision = radius(real, n, d, i, k_precision),
                     by_density = radius(real, n, d, i, k_density);
        int recalled = 0, occupied = 0;
        for (size_t j = 0; j < m; j++) {
            const double apart = square(real + i * d, made + j * d, d);
            covered[j] = covered[j] > 0 || apart <= by_precision;
            recalled |= apart <= radii[j];
            occupied |= apart < by_density;
            density += apart < by_density;
        }
        recall += recalled;
        coverage += occupied;
    }
    for (size_t j = 0; j < m; j++)
        precision += covered[j];
    free(covered);
    free(radii);
    return (gkv_neighbour_metrics){
        .precision = k_precision < n ? precision / (double)m : (double)NAN,
        .recall = k_precision < m ? recall / (double)n : (double)NAN,
        .density = k_density < n ? density / (double)(k_density * m) : (double)NAN,
        .coverage = k_density < n ? coverage / (double)n : (double)NAN,
    };
}

static gkv_neighbour_metrics metrics(const float *real, size_t n, const float *made, size_t m,
                                     size_t d, const gkv_neighbour_settings *settings,
                                     const gkv_run_options *options)
{
    gkv_reference *reference = NULL;
    gkv_neighbour_metrics out;
    memset(&out, 0, sizeof out);
    assert_ok(gkv_reference_create(n, d, real, settings, options, &reference));
    assert_ok(gkv_neighbour_metrics_of(reference, m, made, options, &out));
    gkv_reference_free(reference);
    return out;
}

static void assert_same(double actual, double expected)
{
    if (isnan(expected))
        assert_true(isnan(actual));
    else
        assert_close(actual, expected, 1e-15 * (1 + expected));
}

static void assert_equal_metrics(gkv_neighbour_metrics actual, gkv_neighbour_metrics expected)
{
    assert_same(actual.precision, expected.precision);
    assert_same(actual.recall, expected.recall);
    assert_same(actual.density, expected.density);
    assert_same(actual.coverage, expected.coverage);
}

/* Rows of whole numbers: all distances are exact, many are equal, and there are duplicates. So <
 * and ≤ give different results. */
static void as_plain_loops(void **state)
{
    (void)state;
    static const size_t shapes[][6] = {
        /* n, m, d, values, k_precision, k_density */
        {250, 307, 3, 9, 3, 5}, {250, 307, 3, 3, 3, 5},    {96, 120, 7, 4, 1, 1},
        {97, 241, 84, 3, 5, 3}, {20, 10, 2, 5, 9, 19},     {130, 5, 2, 4, 3, 5},
        {5, 130, 2, 4, 3, 5},   {300, 300, 1, 200, 2, 30}, {3, 3, 2, 4, 3, 5},
        {1, 1, 1, 2, 3, 5},     {4, 4, 2, 4, 3, 5},        {150, 150, 4, 1, 3, 5}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t n = shapes[s][0], m = shapes[s][1], d = shapes[s][2];
        float *const real = whole_features(2 * s, n, d, (uint32_t)shapes[s][3]);
        float *const made = whole_features(2 * s + 1, m, d, (uint32_t)shapes[s][3] + 2);
        const gkv_neighbour_settings settings = {.k_precision = shapes[s][4],
                                                 .k_density = shapes[s][5]};
        assert_equal_metrics(
            metrics(real, n, made, m, d, &settings, ON_THREADS(2)),
            plainly(real, n, made, m, d, settings.k_precision, settings.k_density));
        free(real);
        free(made);
    }
}

static void far_and_equal_sets(void **state)
{
    (void)state;
    enum { N = 200, D = 6 };
    float *const x = normal_features(1, N, D, 1, 0), *const far = normal_features(2, N, D, 1, 100);
    assert_equal_metrics(metrics(x, N, far, N, D, NULL, NULL), (gkv_neighbour_metrics){0, 0, 0, 0});
    /* A row is in its own ball and in those of neighbours: k − 1 other rows are nearer than the
     * k-th. */
    const gkv_neighbour_metrics same = metrics(x, N, x, N, D, NULL, NULL);
    assert_equal_metrics(same, (gkv_neighbour_metrics){1, 1, 1, 1});
    free(x);
    free(far);
}

/* One of four equal real rows. Its ball for k = 3 is a point; that for k = 5 is not. */
static void duplicates(void **state)
{
    (void)state;
    const float real[] = {0, 0, 0, 0, 8, 9}, made[] = {0, 8.5F};
    const double nan = (double)NAN; /* two rows have no third neighbours */
    /* first row in 4 balls, other in 6, of 2·5 */
    assert_equal_metrics(
        metrics(real, 6, made, 2, 1, NULL, NULL),
        (gkv_neighbour_metrics){.precision = 1, .recall = nan, .density = 1, .coverage = 1});
    const gkv_neighbour_settings three = {.k_precision = 3, .k_density = 3};
    /* a ball of radius 0 has no row by < and one row by ≤ */
    assert_equal_metrics(
        metrics(real, 4, made, 2, 1, &three, NULL),
        (gkv_neighbour_metrics){.precision = 0.5, .recall = nan, .density = 0, .coverage = 0});
}

/* For two samples of one distribution, the k nearest of the other 2n − 1 rows of a real row are all
 * real with a probability of about 2^−k. This and density 1 hold for every distribution. */
static void one_distribution(void **state)
{
    (void)state;
    enum { N = 3000, D = 8 };
    float *const x = normal_features(3, N, D, 1, 0), *const y = normal_features(4, N, D, 1, 0);
    const gkv_neighbour_metrics got = metrics(x, N, y, N, D, NULL, NULL);
    assert_close(got.coverage, 1 - 1 / 32.0, 0.01);
    assert_close(got.density, 1, 0.05);
    assert_close(got.precision, got.recall, 0.05);
    free(x);
    free(y);
}

static void same_bits_on_any_threads(void **state)
{
    (void)state;
    enum { N = 700, M = 500, D = 10 };
    float *const x = normal_features(5, N, D, 1, 0), *const y = normal_features(6, M, D, 0.9, 0.2);
    gkv_neighbour_metrics first = {0};
    for (int t = 0; t < THREAD_COUNTS; t++) {
        const gkv_neighbour_metrics got =
            metrics(x, N, y, M, D, NULL, ON_THREADS(thread_counts[t]));
        if (t == 0)
            first = got;
        assert_memory_equal(&got, &first, sizeof got);
    }
    assert_true(first.precision > 0 && first.precision < 1 && first.recall > 0 && first.recall < 1);
    free(x);
    free(y);
}

/* One reference is compared with several sets. */
static void one_reference_for_many(void **state)
{
    (void)state;
    enum { N = 150, D = 4 };
    float *const x = normal_features(7, N, D, 1, 0);
    gkv_reference *reference = NULL;
    assert_ok(gkv_reference_create(N, D, x, NULL, NULL, &reference));
    for (size_t m = 1; m <= 121; m += 40) {
        float *const y = normal_features(8 + m, m, D, 1, 0.3);
        gkv_neighbour_metrics got;
        assert_ok(gkv_neighbour_metrics_of(reference, m, y, NULL, &got));
        assert_equal_metrics(got, metrics(x, N, y, m, D, NULL, NULL));
        free(y);
    }
    free(x); /* the reference has a copy */
    float row[D] = {0};
    gkv_neighbour_metrics got;
    assert_ok(gkv_neighbour_metrics_of(reference, 1, row, NULL, &got));
    assert_true(isnan(got.recall) && isfinite(got.precision));
    gkv_reference_free(reference);
    gkv_reference_free(NULL);
}

static void refusals(void **state)
{
    (void)state;
    float x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, bad[4] = {1, INFINITY, 3, 4};
    gkv_reference *reference = NULL;
    gkv_neighbour_settings settings;
    gkv_neighbour_defaults(&settings);
    assert_true(settings.k_precision == 3 && settings.k_density == 5);
    assert_fails(gkv_reference_create(6, 2, NULL, NULL, NULL, &reference), GKV_ERR_ARGUMENT,
                 "features is NULL");
    assert_fails(gkv_reference_create(6, 2, x, NULL, NULL, NULL), GKV_ERR_ARGUMENT, "is NULL");
    assert_fails(gkv_reference_create(0, 2, x, NULL, NULL, &reference), GKV_ERR_ARGUMENT, "0 rows");
    assert_fails(gkv_reference_create(6, 0, x, NULL, NULL, &reference), GKV_ERR_ARGUMENT,
                 "0 columns");
    assert_fails(gkv_reference_create(2, 2, bad, NULL, NULL, &reference), GKV_ERR_DATA,
                 "row 0 of the reference features has inf in column 1");
    settings.k_precision = 0;
    assert_fails(gkv_reference_create(6, 2, x, &settings, NULL, &reference), GKV_ERR_ARGUMENT,
                 "neighbours number 0 and 5");
    settings = (gkv_neighbour_settings){.k_precision = 3, .k_density = 0};
    assert_fails(gkv_reference_create(6, 2, x, &settings, NULL, &reference), GKV_ERR_ARGUMENT,
                 "neighbours number 3 and 0");
    assert_fails(gkv_reference_create(6, 2, x, NULL, ON_THREADS(-2), &reference), GKV_ERR_ARGUMENT,
                 "threads = -2");
    assert_null(reference);
    gkv_neighbour_metrics out = {.precision = 9};
    assert_fails(gkv_neighbour_metrics_of(NULL, 6, x, NULL, &out), GKV_ERR_ARGUMENT,
                 "reference is NULL");
    assert_ok(gkv_reference_create(6, 2, x, NULL, NULL, &reference));
    assert_fails(gkv_neighbour_metrics_of(reference, 6, x, NULL, NULL), GKV_ERR_ARGUMENT,
                 "is NULL");
    assert_fails(gkv_neighbour_metrics_of(reference, 6, NULL, NULL, &out), GKV_ERR_ARGUMENT,
                 "generated is NULL");
    assert_fails(gkv_neighbour_metrics_of(reference, 0, x, NULL, &out), GKV_ERR_ARGUMENT,
                 "0 rows of 2 columns");
    assert_fails(gkv_neighbour_metrics_of(reference, 2, bad, NULL, &out), GKV_ERR_DATA,
                 "row 0 of the generated features has inf in column 1");
    assert_true(out.precision == 9);
    gkv_reference_free(reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_plain_loops),
        cmocka_unit_test(far_and_equal_sets),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(one_distribution),
        cmocka_unit_test(same_bits_on_any_threads),
        cmocka_unit_test(one_reference_for_many),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
