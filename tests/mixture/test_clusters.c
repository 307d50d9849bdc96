/* Clusters of rows: recovery, sums, independence of threads, refusals. */
#include "support.h"

#include "core/rng.h"
#include "mixture/clusters.h"

enum { N = 900, D = 3, COUNT = 6 };

/* COUNT groups at corners of a cube. The distances are ten times the width of a group. */
static void fill(double *rows)
{
    gki_rng_normal_d(gki_rng_at(5, GKV_STREAM_USER, 1, 0), N * D, rows);
    for (size_t i = 0; i < N * D; i++)
        rows[i] = .1 * rows[i] + (double)((i / D % COUNT) >> (i % D) & 1);
}

static gki_clusters find(const double *rows, const double *weights, int threads)
{
    gki_clusters c = {
        .n = N, .d = D, .count = COUNT, .weights = weights, .seed = 3, .threads = threads};
    assert_ok(gki_clusters_create(&c));
    memcpy(c.rows, rows, N * D * sizeof *rows);
    assert_ok(gki_clusters_find(&c));
    return c;
}

static void groups_are_found(void **state)
{
    (void)state;
    static double rows[N * D];
    fill(rows);
    gki_clusters c = find(rows, NULL, 2);
    double total = 0, counted = 0;
    size_t of[COUNT];
    for (size_t g = 0; g < COUNT; g++) /* the first row of a group identifies it */
        for (size_t k = 0; k < COUNT; k++) {
            double far = 0;
            for (size_t j = 0; j < D; j++)
                far += pow(c.centres[k * D + j] - rows[g * D + j], 2);
            if (far < .25)
                of[g] = k;
        }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++)
            total += pow(rows[i * D + j] - c.centres[of[i % COUNT] * D + j], 2);
    assert_relative(c.total, total, 1e-9);
    for (size_t g = 0; g < COUNT; g++) {
        const double *sum = c.sums + of[g] * (2 * D + 2);
        assert_close(sum[0], N / COUNT, 0);
        assert_true(sum[1] > 0);
        counted += sum[0];
        for (size_t j = 0; j < D; j++)
            assert_close(sum[2 + j] / sum[0], c.centres[of[g] * D + j], 1e-12);
    }
    assert_close(counted, N, 0);
    gki_clusters_free(&c);
}

/* A weight is the number of copies of a row. A row of weight 0 has no effect. */
static void weights_count(void **state)
{
    (void)state;
    static double rows[N * D], weights[N];
    fill(rows);
    for (size_t i = 0; i < N; i++)
        weights[i] = i % 10 ? 2 : 0;
    for (size_t j = 0; j < D; j++)
        rows[j] = 1e6;
    gki_clusters c = find(rows, weights, 1);
    double counted = 0;
    for (size_t k = 0; k < COUNT; k++) {
        counted += c.sums[k * (2 * D + 2)];
        assert_true(fabs(c.centres[k * D]) < 2);
    }
    assert_close(counted, 2 * .9 * N, 0);
    gki_clusters_free(&c);
}

static void same_on_any_number_of_threads(void **state)
{
    (void)state;
    static double rows[N * D];
    fill(rows);
    gki_clusters one = find(rows, NULL, 1);
    for (int threads = 2; threads <= 4; threads++) {
        gki_clusters many = find(rows, NULL, threads);
        assert_memory_equal(many.centres, one.centres, COUNT * D * sizeof *one.centres);
        assert_memory_equal(&many.total, &one.total, sizeof one.total);
        gki_clusters_free(&many);
    }
    gki_clusters_free(&one);
}

static void too_few_different_rows(void **state)
{
    (void)state;
    gki_clusters c = {.n = N, .d = D, .count = COUNT, .seed = 1, .threads = 1};
    assert_ok(gki_clusters_create(&c));
    for (size_t i = 0; i < N * D; i++)
        c.rows[i] = (double)(i / D % 4);
    assert_fails(gki_clusters_find(&c), GKV_ERR_DATA,
                 "6 components need as many different rows, but there are only 4");
    gki_clusters_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_found),
        cmocka_unit_test(weights_count),
        cmocka_unit_test(same_on_any_number_of_threads),
        cmocka_unit_test(too_few_different_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
