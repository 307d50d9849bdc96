/* The scalar functions of the g-and-k distribution, compared with references of 60 digits. */
#include "support.h"

#include "num/special.h"
#include "gkvae/gk.h"

static gkv_gk gk_of(double a, double b, double g, double k)
{
    return (gkv_gk){.a = a, .b = b, .g = g, .k = k, .c = 0.8};
}

static const gkv_gk shapes[] = {
    {0, 1, 0, 0, .8, 0},      {3, 1, 2, .5, .8, 0},  {0, 1, .2, .1, .8, 0},
    {2, 1, 5, -.1, .8, 0},    {0, 1, 1, 1, .8, 0},   {1, 3, .4, 2.3, .8, 0},
    {-5, .01, -3, .2, .8, 0}, {0, 1, 20, .5, .8, 0}, {0, 1, -.2, -.05, .8, 0},
    {0, 1, 10, -.45, .8, 0},  {0, 2, 0, -.4, .8, 0}, {0, 1, 1, .8, .95, 0},
    {7, 1e6, .3, 8, .5, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void reference_values(void **state)
{
    (void)state;
    static const struct {
        gkv_gk gk;
        double x, z, log_f;
    } rows[] = {
        {{3, 1, 2, .5, .8, 0}, -1e6, -2236.0712197960119982, -2500014.9651234990276},
        {{3, 1, 2, .5, .8, 0}, 0, -3.8011466293497898585, -8.5511161170711834597},
        {{3, 1, 2, .5, .8, 0}, 5, 0.92661187780466835778, -2.6372050256415603829},
        {{3, 1, 2, .5, .8, 0}, 1e6, 745.35453905447834843, -277785.5081769321394},
        {{2, 1, 5, -.1, .8, 0}, 1, -7.4932605253910128777, -26.760632605489320783},
        {{0, 1, 1, 1, .8, 0}, 3, 1.0411940877177551952, -3.3401999452258493087},
        {{1, 3, .4, 2.3, .8, 0}, 100, 1.5592820310871134816, -7.7766192039613565726},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_relative(gkv_gk_Q_inverse(&rows[i].gk, rows[i].x), rows[i].z, 1e-14);
        assert_relative(gkv_gk_log_pdf(&rows[i].gk, rows[i].x), rows[i].log_f, 1e-14);
        double score[4];
        assert_relative(gkv_gk_score(&rows[i].gk, rows[i].x, score), rows[i].log_f, 1e-14);
    }
    double score[4];
    const gkv_gk dented = gk_of(2, 1, 5, -.1); /* its density has a sharp spike at z = −½ */
    gkv_gk_score(&dented, gkv_gk_Q(&dented, -.5), score);
    assert_relative(score[GKV_GK_A], -78.716580135249118, 1e-12);
    assert_relative(score[GKV_GK_B], 11.369573533747461, 1e-12);
    assert_relative(score[GKV_GK_G], -2.4793315255511722, 1e-12);
    assert_relative(score[GKV_GK_K], -2.0371219557409294, 1e-12);
    const gkv_gk gk = gk_of(3, 1, 2, .5);
    assert_relative(gkv_gk_quantile(&gk, 1e-300), -271.59745063435702, 1e-14);
    assert_relative(gkv_gk_quantile(&gk, .001), 0.95941644524202191, 1e-14);
    assert_relative(gkv_gk_quantile(&gk, .25), 2.5690824071133039, 1e-14);
    assert_relative(gkv_gk_quantile(&gk, .75), 4.1962315363579514, 1e-14);
    assert_relative(gkv_gk_quantile(&gk, .99), 13.514254936637869, 1e-14);
    const gkv_gk quartic = gk_of(0, 1, 0, .5);
    assert_relative(gkv_gk_pdf(&quartic, 2), 0.070933334723567514, 1e-14);
}

static void normal_functions(void **state)
{
    (void)state;
    static const struct {
        double z, cdf, log_cdf;
    } rows[] = {
#include "num/normal_references.inc"
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double z = rows[i].z;
        if (rows[i].cdf > 1e-300) {
            assert_relative(gki_normal_cdf(z), rows[i].cdf, 1e-15);
            if (z < 1)
                assert_close(gki_normal_quantile(rows[i].cdf), z,
                             2e-15 * fabs(z) + 2e-16 * (fabs(z) < 2));
        }
        assert_relative(gki_normal_log_cdf(z), rows[i].log_cdf, 2e-15);
        if (z < 5)
            assert_close(gki_normal_quantile_log(rows[i].log_cdf), z,
                         1e-14 * fabs(z) + 2e-16 * (fabs(z) < 2));
    }
    assert_true(gki_normal_quantile(0) == -INFINITY && gki_normal_quantile(1) == INFINITY);
    assert_true(isnan(gki_normal_quantile(-.1)) && isnan(gki_normal_quantile(1.1)) &&
                isnan(gki_normal_quantile(NAN)));
    assert_true(gki_normal_quantile(.5) == 0);
    assert_relative(gki_normal_quantile(DBL_TRUE_MIN), -38.467405617144346251, 1e-14);
    for (double p = 1e-12; p < 1; p += 0.001234567)
        assert_relative(gki_normal_cdf(gki_normal_quantile(p)), p, 2e-15);
}

static void inverse_undoes_Q(void **state)
{
    (void)state;
    if (!has_long_double())
        skip();
    for (size_t i = 0; i < SHAPES; i++)
        for (double z = 1e-12; z < 2e3; z *= 1.37)
            for (int sign = -1; sign <= 1; sign += 2) {
                const double x = gkv_gk_Q(&shapes[i], sign * z);
                if (fabs(x - shapes[i].a) < 1e-3 * fabs(shapes[i].a))
                    continue; /* the subtraction of A loses the digits of z */
                /* The rounding of x, divided by Q', limits the accuracy of z. */
                const double slack = 6e-16 * fabs(x) / gkv_gk_dQ(&shapes[i], sign * z) + 3e-15 * z;
                assert_close(gkv_gk_Q_inverse(&shapes[i], x), sign * z, slack);
            }
}

static void inverse_at_extremes(void **state)
{
    (void)state;
    if (!has_long_double())
        skip();
    for (size_t i = 0; i < SHAPES; i++) {
        const gkv_gk *gk = &shapes[i];
        assert_true(gkv_gk_Q_inverse(gk, gk->a) == 0);
        assert_true(gkv_gk_Q_inverse(gk, INFINITY) == INFINITY &&
                    gkv_gk_Q_inverse(gk, -INFINITY) == -INFINITY);
        assert_true(isnan(gkv_gk_Q_inverse(gk, NAN)));
        assert_true(gkv_gk_log_pdf(gk, INFINITY) == -INFINITY);
        double before = -INFINITY;
        for (double t = -300; t < 300; t += 0.37) {
            const double x = t < 0 ? gk->a - pow(10, -t) : gk->a + pow(10, t);
            const double z = gkv_gk_Q_inverse(gk, x);
            assert_true(z >= before);
            before = z;
        }
    }
    /* For k = −½ and g ≠ 0 the support is bounded by B(1 ± c). */
    const gkv_gk bounded = gk_of(1, 2, 8, -.5);
    assert_int_equal(gkv_gk_is_valid(&bounded), 1);
    assert_relative(gkv_gk_Q(&bounded, INFINITY), 1 + 2 * 1.8, 1e-15);
    assert_relative(gkv_gk_Q(&bounded, -INFINITY), 1 - 2 * .2, 1e-14);
    assert_true(gkv_gk_Q_inverse(&bounded, 4.7) == INFINITY);
    assert_true(gkv_gk_log_pdf(&bounded, .5) == -INFINITY);
    assert_relative(gkv_gk_Q(&bounded, gkv_gk_Q_inverse(&bounded, 4.5)), 4.5, 1e-14);
    /* For |gz| of 2000 and more a quotient of exponentials would overflow. */
    const gkv_gk steep = gk_of(0, 1, 1000, .1);
    assert_relative(gkv_gk_Q(&steep, -2), -.2 * 2 * pow(5, .1), 1e-14);
    assert_relative(gkv_gk_dQ(&steep, 2), 1.8 * pow(5, .1) * (1 + .2 * 4 / 5.), 1e-14);
}

static double fourth_order(double (*f)(const gkv_gk *, double), const gkv_gk *gk, double point,
                           double h)
{
    return (8 * (f(gk, point + h) - f(gk, point - h)) -
            (f(gk, point + 2 * h) - f(gk, point - 2 * h))) /
           (12 * h);
}

/* The difference quotient in parameter j. */
static double in_parameter(double (*f)(const gkv_gk *, double), const gkv_gk *gk, int j,
                           double point, double h)
{
    double value[5];
    for (int i = -2; i <= 2; i++) {
        gkv_gk moved = *gk;
        *(double *const[]){&moved.a, &moved.b, &moved.g, &moved.k}[j] += i * h;
        value[i + 2] = f(&moved, point);
    }
    return (8 * (value[3] - value[1]) - (value[4] - value[0])) / (12 * h);
}

static void derivatives_match_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        const gkv_gk *gk = &shapes[i];
        if (fabs(gk->g) > 6)
            continue; /* differences do not resolve a strong curvature */
        for (double z = -3.3; z < 3.5; z += 0.7) {
            const double scale = gkv_gk_dQ(gk, z);
            assert_close(fourth_order(gkv_gk_Q, gk, z, 1e-3), scale,
                         2e-8 * scale + 1e-9 * fabs(gk->a));
            assert_close(fourth_order(gkv_gk_dQ, gk, z, 1e-3), gkv_gk_d2Q(gk, z),
                         1e-6 * (fabs(gkv_gk_d2Q(gk, z)) + scale));
            assert_relative(gkv_gk_log_dQ(gk, z), log(scale), 1e-12);
            const double x = gkv_gk_Q(gk, z), width = 1e-3 * scale;
            assert_close(fourth_order(gkv_gk_log_pdf, gk, x, width) * scale,
                         gkv_gk_dlog_pdf(gk, x) * scale,
                         1e-6 * (1 + fabs(gkv_gk_dlog_pdf(gk, x) * scale)));

            double score[4], dq[4], dlog[4];
            gkv_gk_score(gk, x, score);
            gkv_gk_Q_gradient(gk, z, dq, dlog);
            for (int j = 0; j < 4; j++) {
                const double unit = j < 2 ? gk->b : 1.0; /* steps and comparisons in units of B */
                const double ds = in_parameter(gkv_gk_log_pdf, gk, j, x, 1e-4 * unit) * unit;
                assert_close(ds, score[j] * unit, 2e-5 * (1 + fabs(score[j] * unit)));
                const double dQ = in_parameter(gkv_gk_Q, gk, j, z, 1e-4 * unit) * unit;
                assert_close(dQ, dq[j] * unit, 1e-8 * (fabs(x) + fabs(dq[j] * unit)));
                const double dL = in_parameter(gkv_gk_log_dQ, gk, j, z, 1e-4 * unit) * unit;
                assert_close(dL, dlog[j] * unit, 1e-7 * (1 + fabs(dlog[j] * unit)));
            }
        }
    }
}

static void distribution_and_quantiles_agree(void **state)
{
    (void)state;
    const gkv_gk gk = gk_of(3, 1, 2, .5);
    for (double p = 1e-290; p < .5; p *= 7.7) {
        assert_relative(gkv_gk_cdf(&gk, gkv_gk_quantile(&gk, p)), p, 1e-11);
        assert_relative(gkv_gk_cdf_upper(&gk, gkv_gk_quantile_upper(&gk, p)), p, 1e-11);
        assert_relative(gkv_gk_log_cdf(&gk, gkv_gk_quantile_log(&gk, log(p))), log(p), 1e-14);
        assert_relative(gkv_gk_log_cdf_upper(&gk, gkv_gk_quantile_log_upper(&gk, log(p))), log(p),
                        1e-14);
    }
    assert_relative(gkv_gk_log_cdf(&gk, gkv_gk_quantile_log(&gk, -1e5)), -1e5, 1e-13);
    /* The density is the derivative of the distribution function. */
    for (double x = 0; x < 10; x += 0.31)
        assert_relative(fourth_order(gkv_gk_cdf, &gk, x, 1e-3), gkv_gk_pdf(&gk, x), 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_values),
        cmocka_unit_test(normal_functions),
        cmocka_unit_test(inverse_undoes_Q),
        cmocka_unit_test(inverse_at_extremes),
        cmocka_unit_test(derivatives_match_differences),
        cmocka_unit_test(distribution_and_quantiles_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
