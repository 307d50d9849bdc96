/* Integrals over a distribution, compared with closed forms, published values and each other. */
#include "support.h"

#include "gkvae/gk_moments.h"

static void closed_forms(void **state)
{
    (void)state;
    gkv_gk_summary m;
    const gkv_gk normal = {2, 3, 0, 0, .8, 0}, quartic = {0, 1, 0, .5, .8, 0};
    assert_ok(gkv_gk_moments(&normal, &m));
    assert_close(m.mean, 2, 1e-14);
    assert_relative(m.variance, 9, 1e-14);
    assert_close(m.skewness, 0, 1e-14);
    assert_relative(m.kurtosis, 3, 1e-14);
    assert_ok(gkv_gk_moments(&quartic, &m)); /* z√(1+z²): E z² + z⁴ = 4, E z⁴ + 2z⁶ + z⁸ = 138 */
    assert_close(m.mean, 0, 1e-14);
    assert_relative(m.variance, 4, 1e-14);
    assert_relative(m.kurtosis, 138 / 16., 1e-14);
    /* g-and-h: E((X−A)/B)^n = g^−n (1−nh)^−½ Σ (−1)^i C(n,i) exp((n−i)²g²/(2(1−nh))) */
    static const double gs[] = {.3, -.8, 1.5}, hs[] = {0, .05, .2};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const double g = gs[i], h = hs[j];
            const gkv_gk gk = {0, 1, g, h, .8, GKV_GK_FAMILY_GH};
            for (int n = 1; n <= 4; n++) {
                double sum = 0, choose = 1;
                for (int s = 0; s <= n; s++) {
                    sum += (s % 2 ? -1 : 1) * choose *
                           exp((n - s) * (n - s) * g * g / 2 / (1 - n * h));
                    choose = choose * (n - s) / (s + 1);
                }
                double raw;
                assert_ok(gkv_gk_raw_moment(&gk, n, &raw));
                assert_relative(raw, sum / pow(g, n) / sqrt(1 - n * h), 2e-12);
            }
        }
    double raw;
    const gkv_gk shifted = {1e3, 2, 0, .5, .8, 0};
    assert_ok(gkv_gk_raw_moment(&shifted, 2, &raw));
    assert_relative(raw, 1e6 + 16, 1e-14);
    assert_ok(gkv_gk_raw_moment(&shifted, 0, &raw));
    assert_true(raw == 1);
    assert_fails(gkv_gk_raw_moment(&shifted, -1, &raw), GKV_ERR_ARGUMENT, "order");
}

static void nonexistent_moments(void **state)
{
    (void)state;
    for (int64_t family = 1; family <= 2; family++) {
        gkv_gk_summary m;
        gkv_gk gk = {0, 1, 1, .26, .8, family};
        assert_ok(gkv_gk_moments(&gk, &m));
        assert_true(isinf(m.kurtosis) && isfinite(m.skewness) && isfinite(m.variance));
        gk.k = .5;
        assert_ok(gkv_gk_moments(&gk, &m));
        assert_true(isinf(m.variance) && isnan(m.skewness) && isfinite(m.mean));
        gk.k = 1.01;
        assert_ok(gkv_gk_moments(&gk, &m));
        assert_true(isnan(m.mean));
        gk.k = -.1;
        assert_fails(gkv_gk_moments(&gk, &m), GKV_ERR_ARGUMENT, "h = -0.1 is not above 0");
        assert_true(isnan(m.mean) && isnan(m.variance) && isnan(m.skewness) && isnan(m.kurtosis));
    }
    const gkv_gk near = {0, 1, 0, .2499, 0, GKV_GK_FAMILY_GH}; /* E X⁴ = 3 (1−4h)^−5/2 */
    double raw;
    assert_ok(gkv_gk_raw_moment(&near, 4, &raw));
    assert_relative(raw, 3 * pow(1 - 4 * .2499, -2.5), 1e-9);
}

/* Moments that are 0 by symmetry are exactly 0. Overflow is reported as such. */
static void zeros_and_overflows(void **state)
{
    (void)state;
    for (int64_t family = 0; family <= 2; family++)
        for (double k = 0; k < .25; k += .03) {
            double mode[GKV_GK_MODES_MAX];
            gkv_gk_summary m;
            const gkv_gk gk = {0, 3, 0, k, .8, family}, shifted = {.1, 3, 0, k, .8, family};
            assert_ok(gkv_gk_moments(&gk, &m));
            assert_true(m.mean == 0 && m.skewness == 0);
            assert_int_equal(gkv_gk_modes(&gk, mode, NULL), 1);
            assert_true(mode[0] == 0);
            assert_ok(gkv_gk_moments(&shifted, &m));
            assert_true(m.mean == .1);
            assert_true(gkv_gk_modes(&shifted, mode, NULL) == 1 && mode[0] == .1);
        }
    gkv_gk_summary m;
    const gkv_gk wide = {0, 1, 700, 0, .8, GKV_GK_FAMILY_GH};
    assert_ok(gkv_gk_moments(&wide, &m)); /* E X = exp(245,000)/700, and so on */
    assert_true(m.mean == INFINITY && m.variance == INFINITY && m.sd == INFINITY);
    assert_true(m.skewness == INFINITY && m.kurtosis == INFINITY);
    gkv_gk under = {0, 1, 1, 0, .8, 0};
    under.k = nextafter(gkv_gk_k_min(1, .8), -1);
    assert_fails(gkv_gk_check(&under), GKV_ERR_ARGUMENT, "is not above ");
    double k, bound;
    assert_int_equal(
        sscanf(strstr(gkv_error_message(), "k = "), "k = %lf is not above %lf", &k, &bound), 2);
    assert_true(k == under.k && k < bound);
}

/* Where an intermediate result leaves the range of numbers, or most of an integral is far from 0,
 * the moments are right all the same, and ∞ only where they are beyond a double. */
static void extreme_moments(void **state)
{
    (void)state;
    gkv_gk_summary m;
    const gkv_gk two_humps = {0, 1, 30, .05, .8, GKV_GK_FAMILY_GH};
    assert_ok(gkv_gk_moments(&two_humps, &m)); /* skewness 2.5e766 and kurtosis 3.0e2171 */
    assert_relative(m.mean, exp(900 / 1.9) / 30 / sqrt(.95), 1e-11);
    assert_true(m.variance == INFINITY && m.skewness == INFINITY && m.kurtosis == INFINITY);
    const gkv_gk left = {0, 1, -30, .05, .8, GKV_GK_FAMILY_GH};
    assert_ok(gkv_gk_moments(&left, &m));
    assert_true(m.mean < -1e200 && m.skewness == -INFINITY && m.kurtosis == INFINITY);
    /* For h = 0, X = (e^{gz} − 1)/g is a shifted lognormal. */
    for (double g = 2; g <= 12; g += 5) {
        const gkv_gk lognormal = {0, 1, g, 0, .8, GKV_GK_FAMILY_GH};
        const double w = exp(g * g);
        assert_ok(gkv_gk_moments(&lognormal, &m));
        assert_relative(m.mean, expm1(g * g / 2) / g, 1e-11);
        assert_relative(m.sd, sqrt((w - 1) * w) / g, 1e-11);
        assert_relative(m.skewness, (w + 2) * sqrt(w - 1), 1e-11);
        assert_relative(m.kurtosis, pow(w, 4) + 2 * pow(w, 3) + 3 * w * w - 3, 1e-11);
    }
    const gkv_gk small = {5, 1e-200, 2, .5, .8, 0}, unit = {5, 1, 2, .5, .8, 0};
    gkv_gk_summary of_unit;
    assert_ok(gkv_gk_moments(&small, &m));
    assert_ok(gkv_gk_moments(&unit, &of_unit));
    assert_relative(m.sd, 2.337e-200, 5e-4);
    assert_relative(m.sd, of_unit.sd * 1e-200, 1e-14);
    assert_relative(of_unit.sd, sqrt(of_unit.variance), 1e-14);
    /* For g → ∞, Q = (1 ± c) z √(1+z²)^2k by the sign of z: E X = c E|z|(1+z²) = c √(2/π)·3. */
    const gkv_gk step = {0, 1, 1e60, 1, .8, 0};
    assert_ok(gkv_gk_moments(&step, &m));
    assert_relative(m.mean, .8 * 3 * sqrt(2 / 3.14159265358979323846), 1e-12);
}

static void entropies(void **state)
{
    (void)state;
    double value;
    const gkv_gk normal = {2, 3, 0, 0, .8, 0}, lognormal = {0, 1, 1, 0, 0, GKV_GK_FAMILY_GH};
    assert_ok(gkv_gk_entropy(&normal, &value));
    assert_relative(value, 1.41893853320467274178 + log(3), 1e-14);
    assert_ok(gkv_gk_entropy(&lognormal, &value));
    assert_relative(value, 1.41893853320467274178, 1e-13);
    /* −∫ f log f by the midpoint rule in x. */
    const gkv_gk gk = {3, 1, 2, .2, .8, 0};
    double sum = 0;
    for (double x = -20.005; x < 60; x += .01)
        sum -= .01 * gkv_gk_pdf(&gk, x) * gkv_gk_log_pdf(&gk, x);
    assert_ok(gkv_gk_entropy(&gk, &value));
    assert_relative(value, sum, 1e-6);
}

/* Integrals that no quadrature reaches are refused with what is known of them. */
static void integrals_that_fail(void **state)
{
    (void)state;
    gkv_gk pole = {.b = 1, .g = 3, .c = .8};
    const gkv_gk heavy = {.b = 1, .g = 1000, .k = 93342, .c = .99},
                 skewed = {.b = 1, .g = 1e4, .c = .8, .family = GKV_GK_FAMILY_GH};
    gkv_gk_summary summary;
    double value;
    pole.k = gkv_gk_least_k(&pole, INFINITY) + 1e-16;
    assert_fails(gkv_gk_entropy(&pole, &value), GKV_ERR_NUMERIC,
                 "the entropy of a g-and-k with g = 3 and k = -0.154457 is accurate to ");
    assert_fails(gkv_gk_moments(&heavy, &summary), GKV_ERR_NUMERIC,
                 "a moment of a g-and-k with g = 1000 and k = 93342 cannot be computed, because "
                 "the integrand overflows; use a smaller |g| or k");
    assert_fails(gkv_gk_raw_moment(&heavy, 1, &value), GKV_ERR_NUMERIC, "a moment of a g-and-k");
    assert_fails(gkv_gk_entropy(&skewed, &value), GKV_ERR_NUMERIC,
                 "the entropy of a g-and-h with g = 10000 and h = 0 cannot be computed, because "
                 "the integrand overflows; use a smaller |g| or h");
}

static void invert(double a[4][4], double out[4][4])
{
    double m[4][8] = {{0}};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 8; j++)
            m[i][j] = j < 4 ? a[i][j] : i == j - 4;
    for (int p = 0; p < 4; p++)
        for (int i = 0; i < 4; i++) {
            const double f = m[i][p] / m[p][p];
            for (int j = 0; i != p && j < 8; j++)
                m[i][j] -= f * m[p][j];
        }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            out[i][j] = m[i][j + 4] / m[i][i];
}

static void information(void **state)
{
    (void)state;
    static const gkv_gk shapes[] = {
        {3, 1, 2, .5, .8, 0}, {0, 1, .2, .1, .8, 0}, {1, 2, .5, .1, .8, 1}, {1, 2, .5, .1, .8, 2}};
    static const double sd[2][4] = {{1.131884, 2.266850, 3.158321, 1.284539},
                                    {1.134687, 1.345392, 1.130987, .950633}};
    for (int s = 0; s < 4; s++) {
        const gkv_gk *gk = &shapes[s];
        double expected[4][4], inverse[4][4], mean[4][4] = {{0}}, hessian[4][4];
        assert_ok(gkv_gk_information(gk, expected));
        invert(expected, inverse);
        for (int i = 0; s < 2 && i < 4; i++)
            assert_relative(sqrt(inverse[i][i]), sd[s][i], 1e-6);
        /* The information is also −E of the Hessian, here by the midpoint rule in z. */
        for (double z = -9.995; z < 10; z += .01) {
            gkv_gk_hessian(gk, gkv_gk_Q(gk, z), NULL, hessian);
            for (int i = 0; i < 16; i++)
                mean[i / 4][i % 4] -=
                    .01 * exp(-z * z / 2) / 2.5066282746310005 * hessian[i / 4][i % 4];
        }
        for (int i = 0; i < 16; i++)
            assert_close(mean[i / 4][i % 4], expected[i / 4][i % 4],
                         1e-9 * (1 + fabs(expected[i / 4][i % 4])));
    }
    /* Near k_min Q' is almost 0 somewhere, and the integrand is noisy. The quadrature must end and
     * report its error. */
    for (double above = 1e-12; above < 1e-5; above *= 100) {
        const gkv_gk at_bound = {0, 1, 1, gkv_gk_k_min(1, 0.8) + above, .8, 0};
        double expected[4][4];
        const gkv_status status = gkv_gk_information(&at_bound, expected);
        assert_true(status == GKV_OK || status == GKV_ERR_NUMERIC);
    }
    double far[4][4], unit[4][4];
    const gkv_gk huge = {1e200, 1e160, 1, .2, .8, 0}, one = {0, 1, 1, .2, .8, 0};
    assert_ok(gkv_gk_information(&huge, far));
    assert_ok(gkv_gk_information(&one, unit));
    assert_relative(far[3][3], unit[3][3], 1e-12);
    assert_relative(far[0][3] * 1e160, unit[0][3], 1e-12);
}

static void modes(void **state)
{
    (void)state;
    double x[GKV_GK_MODES_MAX], height[GKV_GK_MODES_MAX];
    const gkv_gk normal = {2, 3, 0, 0, .8, 0}, lognormal = {0, 1, 1, 0, 0, GKV_GK_FAMILY_GH},
                 dented = {0, 1, 0, -.3, .8, 0};
    assert_int_equal(gkv_gk_modes(&normal, x, height), 1);
    assert_close(x[0], 2, 1e-15);
    assert_relative(height[0], -.91893853320467274178 - log(3), 1e-15);
    assert_int_equal(gkv_gk_modes(&lognormal, x, NULL), 1);
    assert_relative(x[0], exp(-1) - 1, 1e-15);
    assert_int_equal(gkv_gk_modes(&dented, x, height), 2);
    assert_close(x[0], -x[1], 1e-14);
    assert_close(height[0], height[1], 1e-14);
    static const gkv_gk shapes[] = {{2, 1, 5, -.1, .8, 0},  {3, 1, 2, .5, .8, 0},
                                    {0, 1, 20, .5, .8, 0},  {0, 1, 10, -.45, .8, 0},
                                    {0, 1, -3, .1, .8, 1},  {0, 1, 3, .02, .8, 2},
                                    {0, 1, 6, -.42, .8, 0}, {0, 1, 200, .1, .8, 0}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t count = gkv_gk_modes(&shapes[s], x, height);
        assert_true(count >= 1);
        /* Each mode is a maximum, and the first one is the highest value on a fine grid of z. */
        for (size_t i = 0; i < count; i++) {
            const double z = gkv_gk_Q_inverse(&shapes[s], x[i]),
                         step = 1e-4 / (1 + fabs(shapes[s].g));
            assert_relative(height[i], gkv_gk_log_pdf(&shapes[s], x[i]), 1e-12);
            assert_true(i == 0 || height[i] <= height[i - 1]);
            for (int side = -1; side <= 1; side += 2)
                assert_true(gkv_gk_log_pdf(&shapes[s], gkv_gk_Q(&shapes[s], z + side * step)) <=
                            height[i] + 1e-13);
        }
        for (double z = -8; z < 8; z += .0031)
            assert_true(gkv_gk_log_pdf(&shapes[s], gkv_gk_Q(&shapes[s], z)) <= height[0] + 1e-13);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_forms),        cmocka_unit_test(nonexistent_moments),
        cmocka_unit_test(entropies),           cmocka_unit_test(integrals_that_fail),
        cmocka_unit_test(zeros_and_overflows), cmocka_unit_test(extreme_moments),
        cmocka_unit_test(information),         cmocka_unit_test(modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
