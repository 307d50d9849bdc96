/* The unconstrained transform, the bounds of every family, and c_max. */
#include "support.h"

#include "gkvae/gk.h"

static uint64_t state_of_noise = 1;

/* Uniform on (−1, 1), by a linear congruential generator. */
static double noise(void)
{
    state_of_noise = state_of_noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(int64_t)state_of_noise * 0x1p-63;
}

static void always_valid(void **state)
{
    (void)state;
    static const double cs[] = {0, .01, .3, .8, .84, .97, .9999};
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++)
        for (int i = 0; i < 20000; i++) {
            const double range = i % 3 == 0 ? 1e4 : i % 3 == 1 ? 40 : 8;
            const double u[4] = {noise() * range, noise() * range, noise() * range,
                                 noise() * range};
            gkv_gk gk;
            assert_ok(gkv_gk_from_unconstrained(family, cs[i % 7], u, &gk, NULL));
            assert_ok(gkv_gk_check(&gk));
            const double least = gkv_gk_least_k(&gk, INFINITY);
            assert_true(gk.k > least && gk.family == family);
            double back[4];
            if (range > 10 || gk.k - least < 1e-6)
                continue;
            assert_ok(gkv_gk_to_unconstrained(&gk, back));
            assert_close(back[0], u[0], 0);
            assert_close(back[1], u[1], 1e-13 * (1 + fabs(u[1])));
            assert_close(back[2], u[2], 0);
            /* k is a sum, and u₃ determines the smaller summand only */
            assert_close(back[3], u[3], 1e-13 * (1 + fabs(gk.k)) / fmin(1, exp(u[3])) + 1e-13);
        }
    gkv_gk gk;
    double jacobian[4][4];
    static const double far[][4] = {
        {0, 1e308, 0, 1e308}, {0, -1e308, 1e300, -1e308}, {0, NAN, 5, NAN}, {1, 0, -6.54, -1e9}};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(gkv_gk_from_unconstrained(GKV_GK_FAMILY_GK, .8, far[i], &gk, jacobian));
        assert_ok(gkv_gk_check(&gk));
        assert_true(isfinite(jacobian[1][1]) && isfinite(jacobian[3][2]) &&
                    isfinite(jacobian[3][3]));
    }
    const double bad[4] = {NAN, 0, 0, 0}, good[4] = {0};
    assert_fails(gkv_gk_from_unconstrained(0, .8, bad, &gk, NULL), GKV_ERR_ARGUMENT,
                 "must be finite");
    assert_fails(gkv_gk_from_unconstrained(0, 1, good, &gk, NULL), GKV_ERR_ARGUMENT,
                 "c must be in");
    assert_fails(gkv_gk_from_unconstrained(9, .8, good, &gk, NULL), GKV_ERR_ARGUMENT,
                 "no family of distributions with number 9");
}

/* Derivatives, also across the |g| at which k_min meets −½. */
static void jacobians(void **state)
{
    (void)state;
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++)
        for (double c = .3; c < 1; c += .33)
            for (double g = -9; g<9.01; g += g> 6.3 && g < 6.7 ? .01 : .1) {
                const double u[4] = {.3, -.2, g, -3};
                double jacobian[4][4], slope_before[4][4], slope_after[4][4];
                gkv_gk gk, up, down;
                assert_ok(gkv_gk_from_unconstrained(family, c, u, &gk, jacobian));
                for (int j = 0; j < 4; j++) {
                    double moved[4] = {u[0], u[1], u[2], u[3]};
                    const double h = 1e-5;
                    moved[j] += h;
                    assert_ok(gkv_gk_from_unconstrained(family, c, moved, &up, slope_after));
                    moved[j] -= 2 * h;
                    assert_ok(gkv_gk_from_unconstrained(family, c, moved, &down, slope_before));
                    const double got[4] = {(up.a - down.a) / (2 * h), (up.b - down.b) / (2 * h),
                                           (up.g - down.g) / (2 * h), (up.k - down.k) / (2 * h)};
                    for (int i = 0; i < 4; i++)
                        assert_close(jacobian[i][j], got[i], 1e-6 * (1 + fabs(got[i])));
                    /* The derivative is continuous: over 2h it changes by no more than the
                     * curvature allows. */
                    assert_close(slope_after[3][2], slope_before[3][2], 100 * h);
                }
            }
}

/* The part of the valid set that the smooth floor excludes is small. */
static void the_sliver(void **state)
{
    (void)state;
    double worst = 0, ordinary = 0;
    for (double g = 1e-3; g < 60; g *= 1.003) {
        const double u[4] = {0, 0, g, -700};
        gkv_gk gk;
        assert_ok(gkv_gk_from_unconstrained(GKV_GK_FAMILY_GK, .8, u, &gk, NULL));
        const double gap = gk.k - gkv_gk_k_min(g, .8);
        assert_true(gap > 0);
        worst = fmax(worst, gap);
        if (g < 6.4)
            ordinary = fmax(ordinary, gap);
        const gkv_gk inside = {0, 1, g, gkv_gk_k_min(g, .8) + 1. / 64, .8, 0};
        double back[4];
        assert_ok(gkv_gk_to_unconstrained(&inside, back));
    }
    assert_true(worst < 1. / 128 + 1e-8 && ordinary < 1e-8);
    const gkv_gk lost = {0, 1, 8, -.4999, .8, 0};
    double back[4];
    assert_fails(gkv_gk_to_unconstrained(&lost, back), GKV_ERR_ARGUMENT, "the infimum of k");
    const gkv_gk invalid = {0, 1, 1, -.4, .8, 0};
    assert_fails(gkv_gk_to_unconstrained(&invalid, back), GKV_ERR_ARGUMENT, "not increasing");
}

static double least_slope(const gkv_gk *gk, double z_max)
{
    double least = INFINITY;
    for (double z = 1e-3, before = 0; z > before; before = z, z = fmin(z * 1.001, z_max))
        least = fmin(least, fmin(gkv_gk_dQ(gk, z) * z / (gkv_gk_Q(gk, z) - gk->a),
                                 gkv_gk_dQ(gk, -z) * -z / (gkv_gk_Q(gk, -z) - gk->a)));
    return least;
}

/* Above the bound ρ is positive, below it ρ has a negative value. */
static void bounds_of_families(void **state)
{
    (void)state;
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++)
        for (double g = .4; g < 7; g += 1.3)
            for (double c = .5; c < 1; c += .15)
                for (double z_max = 3; z_max < 40; z_max *= 2) {
                    gkv_gk gk = {0, 1, g, 0, c, family};
                    const double bound = gkv_gk_least_k(&gk, z_max);
                    assert_true(bound <= gkv_gk_least_k(&gk, INFINITY) + 1e-12);
                    gk.k = bound + 1e-4 * (1 + fabs(bound));
                    assert_true(gkv_gk_is_valid_within(&gk, z_max));
                    assert_true(least_slope(&gk, z_max) > 0);
                    gk.k = bound - 1e-4 * (1 + fabs(bound));
                    assert_true(!gkv_gk_is_valid_within(&gk, z_max));
                    if (bound > -.5)
                        assert_true(least_slope(&gk, z_max) < 0);
                    gk.g = -gk.g;
                    assert_close(gkv_gk_least_k(&gk, z_max), bound, 1e-15 * (1 + fabs(bound)));
                }
    gkv_gk gk = {0, 1, 2, 0, .8, GKV_GK_FAMILY_GGH};
    assert_true(gkv_gk_least_k(&gk, INFINITY) == 0 && gkv_gk_is_valid(&gk));
    gk.c = .9;
    assert_true(gkv_gk_least_k(&gk, INFINITY) > 0 && !gkv_gk_is_valid(&gk));
    gk.family = GKV_GK_FAMILY_GH, gk.c = 7;
    assert_true(gkv_gk_is_valid(&gk));
    gk.k = -1e-9;
    assert_true(!gkv_gk_is_valid(&gk) && gkv_gk_is_valid_within(&gk, 3));
}

static void greatest_c(void **state)
{
    (void)state;
    const gkv_gk straight = {0, 1, 1, 0, .8, 0}, symmetric = {0, 1, 0, -.3, .8, 0},
                 tukey = {0, 1, 1, .1, .8, GKV_GK_FAMILY_GH};
    assert_relative(gkv_gk_c_max(&straight), .8335565596009648, 1e-14);
    assert_true(isinf(gkv_gk_c_max(&symmetric)) && isinf(gkv_gk_c_max(&tukey)));
    const gkv_gk hopeless = {0, 1, 1, -.6, .8, 0};
    assert_true(isnan(gkv_gk_c_max(&hopeless)));
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family += 2)
        for (double g = -9; g < 10; g += 1.7)
            for (double k = family ? 0 : -.5; k < 3; k += .23) {
                gkv_gk gk = {0, 1, g, k, 0, family};
                for (double z_max = 2; z_max < 1e3; z_max *= 5) {
                    const double within = gkv_gk_c_max_within(&gk, z_max),
                                 strict = gkv_gk_c_max(&gk);
                    assert_true(strict > 0 && strict <= 1 && within >= strict - 1e-12 &&
                                within <= 1);
                    gk.c = within * (1 - 1e-9);
                    assert_true(gkv_gk_is_valid_within(&gk, z_max));
                    gk.c = within * (1 + 1e-9);
                    assert_true(!gkv_gk_is_valid_within(&gk, z_max));
                    gk.c = strict * (1 - 1e-9);
                    assert_true(gkv_gk_is_valid(&gk));
                    gk.c = strict * (1 + 1e-9);
                    assert_true(!gkv_gk_is_valid(&gk));
                    /* c_max and the bound of k are each other's inverse. */
                    if (strict < .999)
                        assert_close(
                            gkv_gk_least_k(&(gkv_gk){0, 1, g, 0, strict, family}, INFINITY), k,
                            1e-9 * (1 + fabs(k)));
                }
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always_valid), cmocka_unit_test(jacobians),
        cmocka_unit_test(the_sliver),   cmocka_unit_test(bounds_of_families),
        cmocka_unit_test(greatest_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
