/* The kernel distance: plain loops over the same subsets, closed forms, threads, errors. */
#include "generation_fixture.h"

static double kernel(const float *x, const float *y, size_t d)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++)
        sum += (double)x[k] * (double)y[k];
    return pow(sum / (double)d + 1, 3);
}

/* The estimate for m rows p of a and m rows q of b. */
static double discrepancy(const float *a, const uint32_t *p, const float *b, const uint32_t *q,
                          size_t m, size_t d)
{
    double within = 0, between = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) {
            if (i != j)
                within +=
                    kernel(a + p[i] * d, a + p[j] * d, d) + kernel(b + q[i] * d, b + q[j] * d, d);
            between += kernel(a + p[i] * d, b + q[j] * d, d);
        }
    return within / (double)(m * (m - 1)) - 2 * between / (double)(m * m);
}

static void expected(const float *a, size_t n_a, const float *b, size_t n_b, size_t d,
                     const gkv_kid_settings *set, double *mean, double *sd)
{
    uint32_t *p = test_alloc(n_a * sizeof *p), *q = test_alloc(n_b * sizeof *q);
    double *values = test_alloc(set->subsets * sizeof *values);
    *mean = *sd = 0;
    for (size_t s = 0; s < set->subsets; s++) {
        gki_rng_permutation(gki_rng_at(set->seed, GKV_STREAM_SUBSET, s, 0), (uint32_t)n_a, p);
        gki_rng_permutation(gki_rng_at(set->seed, GKV_STREAM_SUBSET, s, 1), (uint32_t)n_b, q);
        values[s] = discrepancy(a, p, b, q, set->size, d);
        *mean += values[s] / (double)set->subsets;
    }
    for (size_t s = 0; s < set->subsets; s++)
        *sd += pow(values[s] - *mean, 2) / (double)(set->subsets - 1);
    *sd = sqrt(*sd);
    free(p);
    free(q);
    free(values);
}

static void as_plain_loops(void **state)
{
    (void)state;
    static const size_t shapes[][5] = {/* n_a, n_b, d, subsets, size */
                                       {30, 40, 3, 4, 20},
                                       {260, 250, 7, 3, 245},
                                       {150, 130, 84, 3, 121},
                                       {97, 96, 1, 2, 96},
                                       {10, 10, 2, 5, 2}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t n_a = shapes[s][0], n_b = shapes[s][1], d = shapes[s][2];
        float *const a = normal_features(1, n_a, d, 1, 0), *const b =
                                                               normal_features(2, n_b, d, 1.5, 0.3);
        const gkv_kid_settings set = {.subsets = shapes[s][3], .size = shapes[s][4], .seed = 7 + s};
        double mean, sd;
        gkv_kid kid;
        expected(a, n_a, b, n_b, d, &set, &mean, &sd);
        assert_ok(gkv_kernel_distance(n_a, n_b, d, a, b, &set, ON_THREADS(2), &kid));
        assert_relative(kid.mean, mean, 1e-11);
        /* equal subsets differ by rounding */
        assert_close(kid.sd, sd, 1e-9 * sd + 1e-12 * fabs(mean));
        assert_int_equal(kid.subsets, set.subsets);
        assert_int_equal(kid.size, set.size);
        free(a);
        free(b);
    }
}

/* With whole sets as subsets there is one value, which does not depend on the order of rows. For a
 * set and itself it is 2/m·(mean off the diagonal − mean on it). */
static void whole_sets(void **state)
{
    (void)state;
    enum { N = 130, D = 5 };
    float *const a = normal_features(3, N, D, 1, 0.5);
    double on = 0, off = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            *(i == j ? &on : &off) += kernel(a + i * D, a + j * D, D);
    gkv_kid kid;
    const gkv_kid_settings set = {.subsets = 6, .size = 100000, .seed = 1};
    assert_ok(gkv_kernel_distance(N, N, D, a, a, &set, NULL, &kid));
    assert_int_equal(kid.size, N);
    assert_relative(kid.mean, 2.0 / N * (off / (N * (N - 1)) - on / N), 1e-9);
    assert_true(kid.mean < 0); /* an unbiased estimate may be negative */
    assert_close(kid.sd, 0, 1e-13);
    free(a);
}

/* k = 1 within a set of zeros, (c² + 1)³ within a set of c's, and 1 between the two. */
static void two_points(void **state)
{
    (void)state;
    enum { N = 10, D = 4 };
    float zeros[N * D] = {0}, twos[N * D];
    for (int i = 0; i < N * D; i++)
        twos[i] = 2;
    gkv_kid kid;
    const gkv_kid_settings set = {.subsets = 2, .size = 8};
    assert_ok(gkv_kernel_distance(N, N, D, zeros, twos, &set, NULL, &kid));
    assert_relative(kid.mean, 1 + 125 - 2.0, 1e-14);
    assert_close(kid.sd, 0, 1e-12);
}

static void same_bits_on_any_threads(void **state)
{
    (void)state;
    enum { N = 300, D = 21 };
    float *const a = normal_features(4, N, D, 1, 0), *const b = normal_features(5, N, D, 1, 0.1);
    gkv_kid first = {0}, kid;
    gkv_kid_settings set = {.subsets = 11, .size = 130, .seed = 3};
    for (int t = 0; t < THREAD_COUNTS; t++) {
        memset(&kid, 0, sizeof kid);
        assert_ok(gkv_kernel_distance(N, N, D, a, b, &set, ON_THREADS(thread_counts[t]), &kid));
        if (t == 0)
            first = kid;
        assert_memory_equal(&kid, &first, sizeof kid);
    }
    set.seed = 4;
    assert_ok(gkv_kernel_distance(N, N, D, a, b, &set, NULL, &kid));
    assert_true(kid.mean != first.mean);
    free(a);
    free(b);
}

static void too_few_rows(void **state)
{
    (void)state;
    float a[6] = {1, 2, 3, 4, 5, 6};
    gkv_kid kid;
    assert_ok(gkv_kernel_distance(1, 3, 2, a, a, NULL, NULL, &kid)); /* with the defaults */
    assert_true(isnan(kid.mean) && isnan(kid.sd));
    assert_int_equal(kid.size, 1);
    assert_int_equal(kid.subsets, 100);
    const gkv_kid_settings one = {.subsets = 1, .size = 2};
    assert_ok(gkv_kernel_distance(3, 2, 2, a, a, &one, NULL, &kid));
    assert_true(isfinite(kid.mean) && isnan(kid.sd));
}

static void refusals(void **state)
{
    (void)state;
    float a[4] = {1, 2, 3, 4}, bad[4] = {1, 2, 3, NAN};
    gkv_kid kid = {.mean = 5};
    gkv_kid_settings set;
    gkv_kid_defaults(&set);
    assert_true(set.subsets == 100 && set.size == 1000 && set.seed == 1);
    assert_fails(gkv_kernel_distance(2, 2, 2, NULL, a, &set, NULL, &kid), GKV_ERR_ARGUMENT,
                 "a is NULL");
    assert_fails(gkv_kernel_distance(2, 2, 2, a, NULL, &set, NULL, &kid), GKV_ERR_ARGUMENT,
                 "b is NULL");
    assert_fails(gkv_kernel_distance(2, 2, 2, a, a, &set, NULL, NULL), GKV_ERR_ARGUMENT, "is NULL");
    assert_fails(gkv_kernel_distance(0, 2, 2, a, a, &set, NULL, &kid), GKV_ERR_ARGUMENT, "0 rows");
    assert_fails(gkv_kernel_distance(2, 2, 0, a, a, &set, NULL, &kid), GKV_ERR_ARGUMENT,
                 "0 columns");
    assert_fails(gkv_kernel_distance(2, 2, 2, a, bad, &set, NULL, &kid), GKV_ERR_DATA,
                 "row 1 of the second features has nan in column 1");
    set.subsets = 0;
    assert_fails(gkv_kernel_distance(2, 2, 2, a, a, &set, NULL, &kid), GKV_ERR_ARGUMENT,
                 "0 subsets");
    set = (gkv_kid_settings){.subsets = 1, .size = 1};
    assert_fails(gkv_kernel_distance(2, 2, 2, a, a, &set, NULL, &kid), GKV_ERR_ARGUMENT,
                 "subsets of 1 rows");
    assert_fails(gkv_kernel_distance(2, 2, 2, a, a, NULL, ON_THREADS(-1), &kid), GKV_ERR_ARGUMENT,
                 "threads = -1");
    assert_true(kid.mean == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_plain_loops), cmocka_unit_test(whole_sets),
        cmocka_unit_test(two_points),     cmocka_unit_test(same_bits_on_any_threads),
        cmocka_unit_test(too_few_rows),   cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
