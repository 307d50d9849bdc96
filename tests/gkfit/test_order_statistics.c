/* Levels of order statistics: closed forms, binomial sums, symmetry, large samples. */
#include "support.h"

#include "gkvae/gk_fit.h"

static void least_and_greatest(void **state)
{
    (void)state;
    for (double n = 1; n < 1e13; n *= 17)
        for (double p = 1e-6; p < 1; p += .0623) {
            assert_relative(gkv_gk_order_level(n, 1, p), -expm1(log1p(-p) / n), 1e-9);
            assert_relative(gkv_gk_order_level(n, n, p), exp(log(p) / n), 1e-9);
        }
}

/* P(U_(r) ≤ u) is the level that r or more of n draws are below u. */
static void counts_of_draws(void **state)
{
    (void)state;
    for (int n = 2; n <= 60; n += 13)
        for (int r = 1; r <= n; r += 3)
            for (double p = .01; p < 1; p += .0875) {
                const double u = gkv_gk_order_level(n, r, p);
                double sum = 0;
                for (int i = r; i <= n; i++)
                    sum += exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(u) +
                               (n - i) * log1p(-u));
                assert_close(sum, p, 1e-11);
            }
}

static void symmetry(void **state)
{
    (void)state;
    for (double n = .5; n < 1e8; n *= 11)
        for (double level = .05; level < 1; level += .09)
            for (double p = .025; p < 1; p += .19) {
                const double r = level * n + .5, u = gkv_gk_order_level(n, r, p);
                assert_close(u, 1 - gkv_gk_order_level(n, n + 1 - r, 1 - p), 1e-12);
                assert_true(u > 0 && u < 1);
            }
    assert_close(gkv_gk_order_level(99, 50, .5), .5, 1e-14);
}

/* Order statistics of a large sample are nearly normal. */
static void large_samples(void **state)
{
    (void)state;
    for (double n = 1e6; n < 1e10; n *= 10)
        for (double level = .1; level < .95; level += .2) {
            const double deviation = sqrt(level * (1 - level) / n);
            assert_close((gkv_gk_order_level(n, level * (n + 1), .975) - level) / deviation,
                         1.959963984540054, 3e-3);
            assert_close((gkv_gk_order_level(n, level * (n + 1), .025) - level) / deviation,
                         -1.959963984540054, 3e-3);
        }
}

static void not_defined(void **state)
{
    (void)state;
    assert_true(isnan(gkv_gk_order_level(10, 0, .5)) && isnan(gkv_gk_order_level(10, 11, .5)));
    assert_true(isnan(gkv_gk_order_level(10, 5, -.1)) && isnan(gkv_gk_order_level(10, 5, 1.1)));
    assert_true(isnan(gkv_gk_order_level(NAN, 5, .5)) &&
                isnan(gkv_gk_order_level(INFINITY, 5, .5)));
    assert_true(isnan(gkv_gk_order_level(10, NAN, .5)) && isnan(gkv_gk_order_level(10, 5, NAN)));
    assert_true(gkv_gk_order_level(10, 5, 0) == 0 && gkv_gk_order_level(10, 5, 1) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_and_greatest), cmocka_unit_test(counts_of_draws),
        cmocka_unit_test(symmetry),           cmocka_unit_test(large_samples),
        cmocka_unit_test(not_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
