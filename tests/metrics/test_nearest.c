/* The nearest images: plain loops in double, ties, references that are equal in float, threads,
 * errors. */
#include "generation_fixture.h"

/* Sparse images, as those of handwriting are. */
static uint8_t *images(uint64_t which, size_t count, size_t pixels)
{
    uint32_t *words = test_alloc(count * pixels * sizeof *words);
    uint8_t *levels = test_alloc(count * pixels);
    gki_rng_words(gki_rng_at(which, GKV_STREAM_USER, 1, 0), count * pixels, words);
    for (size_t k = 0; k < count * pixels; k++)
        levels[k] = words[k] % 4 ? 0 : (uint8_t)(words[k] >> 8);
    free(words);
    return levels;
}

static float *grey(const uint8_t *levels, size_t count)
{
    float *x = test_alloc(count * sizeof *x);
    for (size_t k = 0; k < count; k++)
        x[k] = (float)levels[k] / 255.0F;
    return x;
}

static double square(const float *query, const uint8_t *levels, size_t pixels)
{
    double sum = 0;
    for (size_t k = 0; k < pixels; k++)
        sum += pow((double)query[k] - levels[k] / 255.0, 2);
    return sum;
}

static void check(const float *queries, size_t n, const uint8_t *references, size_t m,
                  size_t pixels)
{
    uint32_t *index = test_alloc(n * sizeof *index);
    double *distance = test_alloc(n * sizeof *distance);
    assert_ok(gkv_nearest(n, m, pixels, queries, references, ON_THREADS(2), index, distance));
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        double least = INFINITY;
        for (size_t j = 0; j < m; j++) {
            const double apart = square(queries + i * pixels, references + j * pixels, pixels);
            if (apart < least) {
                least = apart;
                best = j;
            }
        }
        assert_int_equal(index[i], best);
        assert_relative(distance[i], sqrt(least), 1e-14);
    }
    free(index);
    free(distance);
}

static void as_plain_loops(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 1},       {5, 3, 2},     {300, 300, 10},
                                       {257, 129, 784}, {20, 500, 64}, {256, 128, 33}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t n = shapes[s][0], m = shapes[s][1], pixels = shapes[s][2];
        uint8_t *const references = images(s, m, pixels), *const levels =
                                                              images(100 + s, n, pixels);
        float *const queries = grey(levels, n * pixels);
        check(queries, n, references, m, pixels);
        free(references);
        free(levels);
        free(queries);
    }
}

/* References that differ by one level of one pixel, or only in the order of pixels. Products in
 * float cannot order them. */
static void references_that_are_equal_in_float(void **state)
{
    (void)state;
    enum { M = 300, PIXELS = 784, N = 40 };
    uint8_t *const base = images(1, 1, PIXELS), *const other = images(2, N, PIXELS);
    uint8_t *references = test_alloc(M * PIXELS);
    for (size_t j = 0; j < M; j++) {
        memcpy(references + j * PIXELS, base, PIXELS);
        const size_t pixel = j * 7 % PIXELS;
        references[j * PIXELS + pixel] = (uint8_t)(base[pixel] + (base[pixel] < 255 ? 1 : -1));
    }
    float *queries = grey(other, N * PIXELS);
    check(queries, N, references, M, PIXELS);
    /* The base rotated by j pixels has the same distance from a uniform grey, within the rounding
     * error of double. */
    for (size_t j = 0; j < M; j++)
        for (size_t k = 0; k < PIXELS; k++)
            references[j * PIXELS + k] = base[(k + j) % PIXELS];
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < PIXELS; k++)
            queries[i * PIXELS + k] = (float)(i + 1) / (N + 1.0F);
    check(queries, N, references, M, PIXELS);
    free(base);
    free(other);
    free(references);
    free(queries);
}

static void ties_and_copies(void **state)
{
    (void)state;
    enum { M = 400, PIXELS = 50 };
    uint8_t *const references = images(3, M, PIXELS);
    memcpy(references + 350 * PIXELS, references + 20 * PIXELS, PIXELS); /* in another tile */
    memcpy(references + 21 * PIXELS, references + 20 * PIXELS, PIXELS);
    float *const queries = grey(references, M * PIXELS);
    uint32_t index[M];
    double distance[M];
    assert_ok(gkv_nearest(M, M, PIXELS, queries, references, ON_THREADS(1), index, distance));
    for (uint32_t i = 0; i < M; i++) {
        assert_int_equal(index[i], i == 350 || i == 21 ? 20 : i);
        assert_true(distance[i] < 1e-6); /* levels/255 in float are not those in double */
    }
    memset(references, 0, M * PIXELS); /* all the same */
    assert_ok(gkv_nearest(M, M, PIXELS, queries, references, ON_THREADS(1), index, NULL));
    for (uint32_t i = 0; i < M; i++)
        assert_int_equal(index[i], 0);
    assert_ok(gkv_nearest(M, M, PIXELS, queries, references, ON_THREADS(1), NULL, distance));
    const float ends[4] = {0, 1, 1, 0};
    const uint8_t levels[4] = {255, 0, 0, 255};
    assert_ok(gkv_nearest(2, 2, 2, ends, levels, ON_THREADS(1), index, distance));
    assert_true(index[0] == 1 && index[1] == 0 && distance[0] == 0 && distance[1] == 0);
    assert_ok(gkv_nearest(1, 1, 2, ends, levels, ON_THREADS(1), index, distance));
    assert_close(distance[0], sqrt(2), 1e-15);
    free(references);
    free(queries);
}

static void same_bits_on_any_threads(void **state)
{
    (void)state;
    enum { N = 900, M = 350, PIXELS = 100 };
    uint8_t *const references = images(4, M, PIXELS), *const levels = images(5, N, PIXELS);
    float *const queries = grey(levels, N * PIXELS);
    uint32_t first[N], index[N];
    double expected[N], distance[N];
    assert_ok(gkv_nearest(N, M, PIXELS, queries, references, NULL, first, expected));
    for (int t = 0; t < THREAD_COUNTS; t++) {
        assert_ok(gkv_nearest(N, M, PIXELS, queries, references, ON_THREADS(thread_counts[t]),
                              index, distance));
        assert_memory_equal(index, first, sizeof index);
        assert_memory_equal(distance, expected, sizeof distance);
    }
    free(references);
    free(levels);
    free(queries);
}

static void refusals(void **state)
{
    (void)state;
    float queries[4] = {0, 0.5F, 1, 0.25F};
    const uint8_t references[4] = {0, 1, 2, 3};
    uint32_t index[2] = {7, 7};
    double distance[2] = {7, 7};
    assert_fails(gkv_nearest(2, 2, 2, NULL, references, ON_THREADS(1), index, distance),
                 GKV_ERR_ARGUMENT, "queries is NULL");
    assert_fails(gkv_nearest(2, 2, 2, queries, NULL, ON_THREADS(1), index, distance),
                 GKV_ERR_ARGUMENT, "references is NULL");
    assert_fails(gkv_nearest(0, 2, 2, queries, references, ON_THREADS(1), index, distance),
                 GKV_ERR_ARGUMENT, "0 rows of 2");
    assert_fails(gkv_nearest(2, 0, 2, queries, references, ON_THREADS(1), index, distance),
                 GKV_ERR_ARGUMENT, "nearest of 0");
    assert_fails(gkv_nearest(2, 2, 0, queries, references, ON_THREADS(1), index, distance),
                 GKV_ERR_ARGUMENT, "2 rows of 0");
    assert_fails(gkv_nearest(2, 2, 2, queries, references, ON_THREADS(-1), index, distance),
                 GKV_ERR_ARGUMENT, "threads = -1");
    static const float wrong[] = {-0.1F, 1.5F, NAN};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        queries[2] = wrong[i];
        assert_fails(gkv_nearest(2, 2, 2, queries, references, ON_THREADS(1), index, distance),
                     GKV_ERR_DATA, "row 1 of the queries has");
    }
    assert_true(index[0] == 7 && distance[1] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_plain_loops),  cmocka_unit_test(references_that_are_equal_in_float),
        cmocka_unit_test(ties_and_copies), cmocka_unit_test(same_bits_on_any_threads),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
