/* Tests of every family: inversion, derivatives, validity, draws. */
#include "support.h"

#include "gk/family.h"
#include "gkvae/gk.h"

static const gkv_gk shapes[] = {
    {0, 1, 0, 0, .8, 0},      {3, 1, 2, .5, .8, 0},    {2, 1, 5, -.1, .8, 0},
    {1, 3, .4, 2.3, .8, 0},   {0, 1, 20, .5, .8, 0},   {0, 1, 10, -.45, .8, 0},
    {0, 2, 0, -.4, .8, 0},    {7, 1e6, .3, 5, .5, 0},  {0, 1, 0, 0, .8, 1},
    {1, 2, .5, .1, .8, 1},    {-3, .5, -2, .02, 0, 1}, {0, 1, 1, 0, 0, 1},
    {0, 1, -1e-9, .3, 0, 1},  {0, 1, 6, 1, 0, 1},      {0, 1, 0, 0, .8, 2},
    {1, 2, .5, .1, .8, 2},    {0, 1, -4, .02, .8, 2},  {0, 1, 3, 1.5, .97, 2},
    {5, 1e-3, 30, .3, .8, 2},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* The factor by which tolerances grow where long double has no more precision than double, as under
 * valgrind. */
static double looser(void)
{
    volatile long double one = 1, tiny = LDBL_EPSILON;
    return LDBL_MANT_DIG >= 64 && one + tiny != one ? 1 : 50;
}

static void definitions(void **state)
{
    (void)state;
    if (!has_long_double())
        skip();
    const double z = -1.3, g = .7, h = .2;
    const gkv_gk gh = {2, 3, g, h, .8, GKV_GK_FAMILY_GH}, ggh = {2, 3, g, h, .8, GKV_GK_FAMILY_GGH};
    assert_relative(gkv_gk_Q(&gh, z), 2 + 3 * (exp(g * z) - 1) / g * exp(h * z * z / 2), 1e-15);
    assert_relative(gkv_gk_Q(&ggh, z), 2 + 3 * (1 + .8 * tanh(g * z / 2)) * z * exp(h * z * z / 2),
                    1e-15);
    /* The lognormal: (e^z − 1) has log f = log φ(log(1+x)) − log(1+x). */
    const gkv_gk lognormal = {0, 1, 1, 0, 0, GKV_GK_FAMILY_GH};
    for (double x = -.99; x < 1e4; x = x < 0 ? x / 2 + .3 : x * 3) {
        const double l = log1p(x);
        assert_relative(gkv_gk_Q_inverse(&lognormal, x), l, 4e-16 * looser());
        assert_close(gkv_gk_log_pdf(&lognormal, x), -l * l / 2 - .91893853320467274178 - l,
                     4e-15 * (1 + l * l) * looser());
    }
    assert_true(gkv_gk_Q_inverse(&lognormal, -1) == -INFINITY &&
                gkv_gk_Q(&lognormal, -INFINITY) == -1);
    assert_true(gkv_gk_cdf(&lognormal, -2) == 0 && gkv_gk_pdf(&lognormal, -1) == 0);
    assert_true(isinf(gkv_gk_Q(&lognormal, INFINITY)) && isinf(gkv_gk_Q(&ggh, -INFINITY)));
    assert_string_equal(gkv_gk_family_name(gh.family), "g-and-h");
    const gkv_gk unknown = {0, 1, 0, 0, .8, 7};
    assert_fails(gkv_gk_check(&unknown), GKV_ERR_ARGUMENT,
                 "there is no family of distributions with number 7");
    assert_true(isnan(gkv_gk_Q(&unknown, 1)) && isnan(gkv_gk_Q_inverse(&unknown, 1)) &&
                isnan(gkv_gk_log_pdf(&unknown, 1)));
    assert_string_equal(gkv_gk_family_name(-1), "unknown");
}

/* The names are those of options, files and messages. */
static void names(void **state)
{
    (void)state;
    static const char *const expected[GKV_GK_FAMILIES][3] = {
        {"g-and-k", "gk", "ABgkc"},
        {"g-and-h", "gh", "ABgh"},
        {"generalised g-and-h", "ggh", "ABghc"}};
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++) {
        char parameters[8] = "";
        assert_string_equal(gkv_gk_family_name(family), expected[family][0]);
        assert_string_equal(gkv_gk_family_short_name(family), expected[family][1]);
        for (size_t i = 0; gkv_gk_family_parameter(family, i); i++) {
            assert_true(i <= GKV_GK_C);
            strcat(parameters, gkv_gk_family_parameter(family, i));
        }
        assert_string_equal(parameters, expected[family][2]);
        assert_null(gkv_gk_family_parameter(family, GKV_GK_C + 1));
        assert_null(gkv_gk_family_parameter(family, SIZE_MAX));
    }
    for (int64_t family = -1; family <= GKV_GK_FAMILIES; family += GKV_GK_FAMILIES + 1) {
        assert_null(gkv_gk_family_short_name(family));
        assert_null(gkv_gk_family_parameter(family, GKV_GK_A));
    }
}

/* From free_k on parameters are valid for every g, and are projected to themselves. */
static void free_weights(void **state)
{
    (void)state;
    static const double cs[] = {0, .3, .8, .82, .8335, .8336, .97};
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++)
        for (size_t i = 0; i < sizeof cs / sizeof *cs; i++) {
            const gki_gk_family_ops *ops = gki_gk_family_of(family);
            const double k = ops->free_k(cs[i]);
            assert_true(isfinite(k) == (cs[i] < .8335565 || !ops->weight));
            for (double g = 1e-3; isfinite(k) && g < 500; g *= 1.7) {
                const gkv_gk gk = {0, 1, g, k, cs[i], family}, near = gkv_gk_project(&gk, 0);
                assert_true(ops->bound_limit(g, cs[i], NULL) <= k);
                assert_true(gkv_gk_is_valid(&gk));
                assert_memory_equal(&near, &gk, sizeof gk);
            }
        }
}

static void inverse_undoes_Q(void **state)
{
    (void)state;
    if (!has_long_double())
        skip();
    for (int i = 0; i < SHAPES; i++) {
        const gkv_gk *gk = &shapes[i];
        assert_ok(gkv_gk_check(gk));
        for (double z = 1e-12; z < 1e6; z *= 1.37)
            for (int sign = -1; sign <= 1; sign += 2) {
                const double x = gkv_gk_Q(gk, sign * z), slope = gkv_gk_dQ(gk, sign * z);
                if (!isfinite(x) || fabs(x - gk->a) < 1e-3 * fabs(gk->a) || !(slope > 0))
                    continue;
                /* the rounding of x, through Q' */
                const double slack = looser() * (2.5e-16 * fabs(x) / slope + 4e-16 * z);
                if (slack < .01 * z)
                    assert_close(gkv_gk_Q_inverse(gk, x), sign * z, slack);
            }
        double before = -INFINITY;
        for (double t = -300; t < 300; t += 1.7) {
            const double z = gkv_gk_Q_inverse(gk, t < 0 ? gk->a - pow(10, -t) : gk->a + pow(10, t));
            assert_true(z >= before);
            before = z;
        }
    }
}

static void tails(void **state)
{
    (void)state;
    if (!has_long_double())
        skip();
    for (int i = 0; i < SHAPES; i++)
        for (double p = 1e-300; p < .5; p *= 1e7) {
            const gkv_gk *gk = &shapes[i];
            const double low = gkv_gk_quantile(gk, p), high = gkv_gk_quantile_upper(gk, p);
            /* The rounding of x limits the accuracy of p. */
            const double slack_low =
                2e-14 * looser() + 3e-16 * fabs(low) * exp(gkv_gk_log_pdf(gk, low) - log(p));
            const double slack_high =
                2e-14 * looser() + 3e-16 * fabs(high) * exp(gkv_gk_log_pdf(gk, high) - log(p));
            if (gkv_gk_dQ(gk, 0) > 0 && slack_low < 1e-3)
                assert_relative(gkv_gk_cdf(gk, low), p, slack_low);
            if (slack_high < 1e-3)
                assert_relative(gkv_gk_cdf_upper(gk, high), p, slack_high);
            if (slack_high < 1e-3)
                assert_relative(gkv_gk_log_cdf_upper(gk, high), log(p), slack_high);
        }
    /* References of 33 digits. With z rounded to double the 13th digit would be wrong. */
    const gkv_gk gk = {3, 1, 2, .5, .8, 0};
    assert_relative(gkv_gk_cdf(&gk, -271.59745063435702), 1e-300, 2e-13 * looser());
}

/* Fourth-order differences of f in input j. Inputs 0 … 3 are the parameters of gk, and 4 is
 * `point`. */
static double difference(double (*f)(const gkv_gk *, double), const gkv_gk *gk, double point, int j,
                         double h)
{
    double value[5];
    for (int i = -2; i <= 2; i++) {
        gkv_gk other = *gk;
        double moved = point;
        *(double *const[]){&other.a, &other.b, &other.g, &other.k, &moved}[j] += i * h;
        value[i + 2] = f(&other, moved);
    }
    return (8 * (value[3] - value[1]) - (value[4] - value[0])) / (12 * h);
}

static int score_index;

static double score_of(const gkv_gk *gk, double x)
{
    double score[4];
    gkv_gk_score(gk, x, score);
    return score[score_index];
}

static void derivatives(void **state)
{
    (void)state;
    if (!has_long_double())
        skip();
    for (int i = 0; i < SHAPES; i++) {
        gkv_gk gk = shapes[i];
        gk.a = .3, gk.b = 1.7;
        if (fabs(gk.g) > 6 || (gk.family && gk.k == 0))
            /* the moved parameters must be valid, and differences must resolve the curvature */
            continue;
        for (double z = -3.1; z < 3.2; z += .62) {
            const double x = gkv_gk_Q(&gk, z), width = 1e-4 * gkv_gk_dQ(&gk, z);
            double dq[4], dlog[4], z_x, z_theta[4], score[4], hessian[4][4];
            gkv_gk_Q_gradient(&gk, z, dq, dlog);
            const double inverse = gkv_gk_Q_inverse_gradient(&gk, x, &z_x, z_theta);
            assert_relative(inverse, z, 1e-12 + 1e-15 / fabs(z * z_x));
            assert_relative(gkv_gk_hessian(&gk, x, score, hessian), gkv_gk_log_pdf(&gk, x), 1e-14);
            assert_relative(difference(gkv_gk_Q, &gk, z, 4, 1e-4), gkv_gk_dQ(&gk, z), 1e-9);
            assert_close(difference(gkv_gk_dQ, &gk, z, 4, 1e-4), gkv_gk_d2Q(&gk, z),
                         1e-8 * (1 + fabs(gkv_gk_d2Q(&gk, z))));
            assert_relative(difference(gkv_gk_Q_inverse, &gk, x, 4, width), z_x, 1e-7);
            assert_close(difference(gkv_gk_log_pdf, &gk, x, 4, width), gkv_gk_dlog_pdf(&gk, x),
                         1e-6 * (z_x + fabs(gkv_gk_dlog_pdf(&gk, x))));
            for (int j = 0; j < 4; j++) {
                const double h = 1e-4;
                assert_close(difference(gkv_gk_Q, &gk, z, j, h), dq[j],
                             1e-9 * (1 + fabs(x) + fabs(dq[j])));
                assert_close(difference(gkv_gk_log_dQ, &gk, z, j, h), dlog[j],
                             1e-8 * (1 + fabs(dlog[j])));
                const double fine = fmin(h, width);
                assert_close(difference(gkv_gk_Q_inverse, &gk, x, j, fine), z_theta[j],
                             1e-6 * (1 + fabs(z_theta[j])));
                assert_close(difference(gkv_gk_log_pdf, &gk, x, j, fine), score[j],
                             1e-5 * (1 + fabs(score[j])));
                for (score_index = 0; score_index < 4; score_index++)
                    assert_close(
                        difference(score_of, &gk, x, j, fine), hessian[score_index][j],
                        1e-4 * (1 + sqrt(fabs(hessian[j][j] * hessian[score_index][score_index])) +
                                fabs(hessian[score_index][j])));
            }
        }
    }
}

static void draws(void **state)
{
    (void)state;
    enum { N = 40000 };
    static double x[N], y[N];
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++) {
        const gkv_gk gk = {1, 2, .5, .1, .8, family};
        gkv_gk_random(&gk, N, 7, 1000, x);
        /* Draws in several calls are the same. */
        gkv_gk_random(&gk, 777, 7, 1000, y);
        gkv_gk_random(&gk, 1, 7, 1777, y + 777);
        gkv_gk_random(&gk, N - 778, 7, 1778, y + 778);
        assert_memory_equal(x, y, sizeof x);
        gkv_gk_random(&gk, N, 8, 1000, y);
        assert_true(x[0] != y[0]);
        gkv_gk_random(&gk, 4, 7, (UINT64_C(1) << 50) + 3, y);
        assert_true(isfinite(y[0]) && y[0] != x[0]);
        /* P(X ≤ x) is uniform: its mean and variance are within five standard errors. */
        double sum = 0, squares = 0;
        for (int i = 0; i < N; i++) {
            const double p = gkv_gk_cdf(&gk, x[i]);
            sum += p, squares += p * p;
        }
        assert_close(sum / N, .5, 5 * sqrt(1. / 12 / N));
        assert_close(squares / N, 1. / 3, 5 * sqrt(4. / 45 / N));
    }
    gkv_gk_random(&shapes[0], 0, 1, 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(definitions),  cmocka_unit_test(inverse_undoes_Q),
        cmocka_unit_test(tails),        cmocka_unit_test(derivatives),
        cmocka_unit_test(draws),        cmocka_unit_test(names),
        cmocka_unit_test(free_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
