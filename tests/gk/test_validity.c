/* Which parameters give an increasing quantile function. */
#include "support.h"

#include "gk/validity.h"
#include "gkvae/gk.h"

static void known_bounds(void **state)
{
    (void)state;
    static const double g[] = {.5, 1, 2, 3, 5, 6.5};
    static const double bound[] = {-.062103, -.070353, -.102389, -.154457, -.318539, -.494472};
    for (int i = 0; i < 6; i++) {
        assert_close(gkv_gk_k_min(g[i], .8), bound[i], 6e-7);
        assert_close(gkv_gk_k_min(-g[i], .8), bound[i], 6e-7);
    }
    assert_close(gkv_gk_k_min(1e-9, .8), -.05931, 6e-6);
    assert_true(gkv_gk_k_min(0, .8) == -.5);
    assert_true(gkv_gk_k_min(6.5417, .8) == -.5 && gkv_gk_k_min(6.5415, .8) > -.5);
    assert_true(gkv_gk_k_min(1e8, .8) == -.5);
    assert_true(gkv_gk_k_min(3, 0) == -.5);
    assert_true(gkv_gk_k_min(3, 1) == INFINITY);
    assert_true(isnan(gkv_gk_k_min(NAN, .8)) && isnan(gkv_gk_k_min(1, -.1)));
    /* From c* = 0.83355… on, k = 0 is not always valid. */
    assert_true(gkv_gk_k_min(1e-6, .83355) < 0 && gkv_gk_k_min(1e-6, .83356) > 0);
}

/* The least k with Q'(z) ≥ 0 at one z. */
static double bound_at(double z, double g, double c)
{
    const double v = fabs(g * z) / 2, sech = 1 / cosh(v);
    return .5 * (c * v * sech * sech / (1 - c * tanh(v)) - 1) * (1 + 1 / (z * z));
}

static void brute_force(void **state)
{
    (void)state;
    static const double gs[] = {.01, .3, 1.7, 4, 6, 6.6, 12}, cs[] = {.05, .4, .8, .9, .99, .9999};
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 6; j++) {
            const double g = gs[i], c = cs[j];
            double best = -.5, best_z = 1;
            for (double z = .02 / g; z < 100 / g; z *= 1.0005)
                if (bound_at(z, g, c) > best)
                    best = bound_at(z, g, c), best_z = z;
            for (int n = -1000; n <= 1000; n++)
                best = fmax(best, bound_at(best_z * (1 + n * 6e-7), g, c));
            assert_close(gkv_gk_k_min(g, c), best, 2e-12 * (1 + fabs(best)));
            /* The bound for |z| ≤ z_max. */
            double inside = -.5;
            for (double z = .001; z < 4; z += .0001)
                inside = fmax(inside, bound_at(z, g, c));
            assert_close(gkv_gk_k_min_within(g, c, 4), inside, 1e-3 * (1 + fabs(inside)));
            assert_true(gkv_gk_k_min_within(g, c, 4) <= gkv_gk_k_min(g, c) + 1e-12);
        }
}

static void slope_of_the_bound(void **state)
{
    (void)state;
    for (double g = -6; g < 6.1; g += .37) {
        double slope, h = 1e-5;
        gki_gk_k_min_limit(g, .8, &slope);
        const double difference =
            (gki_gk_k_min_limit(g + h, .8, NULL) - gki_gk_k_min_limit(g - h, .8, NULL)) / (2 * h);
        assert_close(slope, difference, 1e-7);
    }
}

/* If k is a little above the bound, Q' is positive everywhere; if k is a little below it, Q' is
 * not. */
static void bound_separates_valid_from_invalid(void **state)
{
    (void)state;
    for (double g = .2; g < 6.5; g += .9) {
        gkv_gk gk = {0, 1, g, gkv_gk_k_min(g, .8) + 1e-6, .8, 0};
        assert_int_equal(gkv_gk_is_valid(&gk), 1);
        int decreases = 0;
        for (double z = -40 / g; z < 40 / g; z += 1e-3 / g)
            decreases += gkv_gk_dQ(&gk, z) <= 0;
        assert_int_equal(decreases, 0);
        gk.k -= 2e-6;
        assert_int_equal(gkv_gk_is_valid(&gk), 0);
        for (double z = -40 / g; z < 40 / g; z += 1e-4 / g)
            decreases += gkv_gk_dQ(&gk, z) < 0;
        assert_true(decreases > 0);
    }
}

static void faults_are_named(void **state)
{
    (void)state;
    gkv_gk gk = {0, 1, 1, -.2, .8, 0};
    assert_fails(gkv_gk_check(&gk), GKV_ERR_ARGUMENT, "least k for g = 1");
    gk.k = -.6;
    assert_fails(gkv_gk_check(&gk), GKV_ERR_ARGUMENT, "k < −½");
    gk = (gkv_gk){0, -1, 1, 0, .8, 0};
    assert_fails(gkv_gk_check(&gk), GKV_ERR_ARGUMENT, "B must be above 0");
    gk = (gkv_gk){0, 1, NAN, 0, .8, 0};
    assert_fails(gkv_gk_check(&gk), GKV_ERR_ARGUMENT, "not finite");
    gk = (gkv_gk){0, 1, 1, 1, 1, 0};
    assert_fails(gkv_gk_check(&gk), GKV_ERR_ARGUMENT, "c must be below 1");
    gk = (gkv_gk){0, 1, 1, 1, -.1, 0};
    assert_fails(gkv_gk_check(&gk), GKV_ERR_ARGUMENT, "negative");
    gk = (gkv_gk){0, 1, 0, -.5, .8, 0};
    assert_ok(gkv_gk_check(&gk));
    gk = (gkv_gk){0, 1, 1e-3, -.2, .8, 0};
    assert_int_equal(gkv_gk_is_valid(&gk), 0);
    assert_int_equal(gkv_gk_is_valid_within(&gk, 40), 1);
}

static void projection(void **state)
{
    (void)state;
    gkv_gk hostile[] = {
        {NAN, NAN, NAN, NAN, NAN, 0},    {1, -3, 2, -7, .8, 0},       {0, 0, 0, -.5, .8, 0},
        {INFINITY, 1, 1e300, -.5, 1, 0}, {0, 1, 1, -.0703529, .8, 0}, {0, 1, 0, 0, -4, 0},
        {0, 1, 1e-12, -.1, .8, 0},
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        for (double margin = 0; margin < 1; margin += .1) {
            const gkv_gk near = gkv_gk_project(&hostile[i], margin);
            assert_ok(gkv_gk_check(&near));
            assert_true(near.k >= gkv_gk_k_min(near.g, near.c) + margin);
        }
    const gkv_gk fine = {3, 1, 2, .5, .8, 0}, same = gkv_gk_project(&fine, .1);
    assert_memory_equal(&fine, &same, sizeof fine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bounds),       cmocka_unit_test(brute_force),
        cmocka_unit_test(slope_of_the_bound), cmocka_unit_test(bound_separates_valid_from_invalid),
        cmocka_unit_test(faults_are_named),   cmocka_unit_test(projection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
