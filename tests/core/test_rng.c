/* Random numbers: they are pure functions of their address and have the right moments. */
#include "support.h"

#include "core/rng.h"

static void same_address_same_numbers(void **state)
{
    (void)state;
    gki_real a[100], b[60];
    gki_rng_normal(gki_rng_at(7, GKV_STREAM_EVAL, 3, 11), 100, a);
    gki_rng_normal(gki_rng_at(7, GKV_STREAM_EVAL, 3, 11), 60, b);
    assert_memory_equal(a, b, 59 * sizeof *a);
    gki_rng_normal(gki_rng_at(7, GKV_STREAM_EVAL, 3, 12), 60, b);
    assert_true(a[0] != b[0]);
}

static void philox_known_answer(void **state)
{
    (void)state;
    /* Random123's kat_vectors: philox4x32-10, all-zero counter and key. */
    uint32_t words[4];
    gki_rng_words((gki_rng){0, 0, 0, 0}, 4, words);
    assert_int_equal(words[0], 0x6627e8d5);
    assert_int_equal(words[1], 0xe169c58d);
    assert_int_equal(words[2], 0xbc57ac4c);
    assert_int_equal(words[3], 0x9b00dbd8);
}

/* Each draw is 1 where the uniform word is below the probability; 0 and 1 are certain. */
static void bernoulli_draws_compare_words(void **state)
{
    (void)state;
    enum { N = 1003 };
    static uint32_t words[N];
    static float p[N], drawn[N];
    const gki_rng rng = gki_rng_at(2, GKV_STREAM_USER, 1, 5);
    size_t ones = 0;
    gki_rng_words(rng, N, words);
    for (size_t i = 0; i < N; i++)
        p[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 0.25F;
    gki_rng_bernoulli(rng, N, p, drawn);
    for (size_t i = 0; i < N; i++) {
        assert_true(drawn[i] == (float)((double)words[i] < (double)p[i] * 0x1p32));
        ones += i % 3 == 2 && drawn[i] == 1;
    }
    assert_close((double)ones / (N / 3), 0.25, 0.1);
    gki_rng_bernoulli(rng, N, p, p); /* in place */
    assert_memory_equal(p, drawn, sizeof p);
}

static void normals_have_normal_moments(void **state)
{
    (void)state;
    enum { N = 200001 };
    gki_real *x = test_alloc(N * sizeof *x);
    gki_rng_normal(gki_rng_at(1, GKV_STREAM_USER, 0, 0), N, x);
    double sums[5] = {0};
    for (int i = 0; i < N; i++)
        for (int p = 1; p <= 4; p++)
            sums[p] += pow((double)x[i], p);
    assert_close(sums[1] / N, 0, 0.012);
    assert_close(sums[2] / N, 1, 0.016);
    assert_close(sums[3] / N, 0, 0.045);
    assert_close(sums[4] / N, 3, 0.12);
    free(x);
}

static void permutation_holds_each_once(void **state)
{
    (void)state;
    uint32_t order[1000], seen[1000] = {0};
    gki_rng_permutation(gki_rng_at(5, GKV_STREAM_SHUFFLE, 2, 0), 1000, order);
    int moved = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        seen[order[i]]++;
        moved += order[i] != i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 980);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_address_same_numbers),
        cmocka_unit_test(philox_known_answer),
        cmocka_unit_test(bernoulli_draws_compare_words),
        cmocka_unit_test(normals_have_normal_moments),
        cmocka_unit_test(permutation_holds_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
