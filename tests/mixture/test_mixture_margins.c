/* Margins of mixtures, normal scores and whitened scores, beside sums, quadrature and conditional
 * distributions. */
#include "two_components.h"

#include "gkvae/mgk_margins.h"

static const gkv_gk standard = {.b = 1, .c = .8};

static double cdf_of(const gkv_mgk_mixture *m, size_t column, gkv_gk_tail tail, double value)
{
    double p = NAN;
    assert_ok(gkv_mgk_mixture_margin_cdf(m, column, tail, 1, &value, &p));
    return p;
}

static double quantile_of(const gkv_mgk_mixture *m, size_t column, gkv_gk_tail tail, double p)
{
    double value = NAN;
    assert_ok(gkv_mgk_mixture_margin_quantile(m, column, tail, 1, &p, &value));
    return value;
}

static const gkv_gk *margin(size_t k, size_t column)
{
    return &gkv_mgk_margins(gkv_mgk_mixture_component(truth, k))[column];
}

static void probabilities_are_weighted_sums(void **state)
{
    (void)state;
    const double points[] = {-80, -9, -1, 0, .3, 2, 7, 60, 1e4};
    for (size_t j = 0; j < D; j++)
        for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
            const double value = points[i];
            const double lower =
                gkv_gk_cdf(margin(0, j), value) / 3 + 2 * gkv_gk_cdf(margin(1, j), value) / 3;
            const double upper = gkv_gk_cdf_upper(margin(0, j), value) / 3 +
                                 2 * gkv_gk_cdf_upper(margin(1, j), value) / 3;
            assert_relative(cdf_of(truth, j, GKV_GK_LOWER, value), lower, 1e-14);
            assert_relative(cdf_of(truth, j, GKV_GK_UPPER, value), upper, 1e-14);
            if (lower > 1e-290)
                assert_close(cdf_of(truth, j, GKV_GK_LOG_LOWER, value), log(lower), 1e-12);
            if (upper > 1e-290)
                assert_close(cdf_of(truth, j, GKV_GK_LOG_UPPER, value), log(upper), 1e-12);
        }
    assert_true(isnan(cdf_of(truth, 0, GKV_GK_LOWER, NAN)));
    assert_true(cdf_of(truth, 0, GKV_GK_LOWER, INFINITY) == 1);
    assert_true(cdf_of(truth, 0, GKV_GK_LOWER, -INFINITY) == 0);
    double p;
    assert_fails(gkv_mgk_mixture_margin_cdf(truth, D, GKV_GK_LOWER, 1, x, &p), GKV_ERR_ARGUMENT,
                 "no coordinate 3");
    assert_fails(gkv_mgk_mixture_margin_cdf(truth, 0, (gkv_gk_tail)4, 1, x, &p), GKV_ERR_ARGUMENT,
                 "no tail");
}

static void quantiles_are_inverse(void **state)
{
    (void)state;
    const double logs[] = {-1e4, -700, -30, -3, -1.2, -.7, -.69, -.3, -1e-3, -1e-12, -1e-300};
    for (size_t j = 0; j < D; j++) {
        for (int tail = GKV_GK_LOG_LOWER; tail <= GKV_GK_LOG_UPPER; tail++)
            for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
                const double value = quantile_of(truth, j, (gkv_gk_tail)tail, logs[i]);
                assert_relative(cdf_of(truth, j, (gkv_gk_tail)tail, value), logs[i], 1e-12);
            }
        for (double p = 1e-6; p < 1; p += .0137) {
            const double value = quantile_of(truth, j, GKV_GK_LOWER, p);
            assert_relative(cdf_of(truth, j, GKV_GK_LOWER, value), p, 1e-12);
            assert_relative(quantile_of(truth, j, GKV_GK_UPPER, 1 - p), value, 1e-9);
        }
        assert_true(quantile_of(truth, j, GKV_GK_LOWER, 0) == -INFINITY);
        assert_true(quantile_of(truth, j, GKV_GK_UPPER, 0) == INFINITY);
        assert_true(quantile_of(truth, j, GKV_GK_LOG_LOWER, 0) == INFINITY);
        assert_true(isnan(quantile_of(truth, j, GKV_GK_LOWER, 1.5)));
        assert_true(isnan(quantile_of(truth, j, GKV_GK_LOG_LOWER, .5)));
    }
}

/* Between two components far apart the probability does not change. Scales of 1e-8 and 1e8 leave
 * many halvings. */
static void separated_components_have_quantiles(void **state)
{
    (void)state;
    const gkv_gk margins[2] = {{0, 1e-8, 0, .3, .8, 0}, {1e12, 1e8, .5, .1, .8, 0}};
    gkv_mgk *parts[2];
    gkv_mgk_mixture *m;
    for (size_t k = 0; k < 2; k++)
        assert_ok(gkv_mgk_create(1, &margins[k], NULL, &parts[k]));
    assert_ok(gkv_mgk_mixture_create(2, (double[]){1, 3}, (const gkv_mgk *const *)parts, &m));
    for (double p = .01; p < 1; p += .07)
        assert_relative(cdf_of(m, 0, GKV_GK_LOWER, quantile_of(m, 0, GKV_GK_LOWER, p)), p, 1e-11);
    assert_close(quantile_of(m, 0, GKV_GK_LOWER, .125), 0, 1e-22);
    const double gap = quantile_of(m, 0, GKV_GK_LOWER, .25);
    assert_true(gap > 1e-7 && gap < 1e12 - 1e9);
    for (size_t k = 0; k < 2; k++)
        gkv_mgk_free(parts[k]);
    gkv_mgk_mixture_free(m);
}

/* The distribution function of a conditional distribution is the integral of its density. */
static void conditional_margins_agree_with_quadrature(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    const size_t given[2] = {0, 2};
    gkv_mgk_mixture *m;
    assert_ok(gkv_mgk_mixture_conditional(truth, 2, given, (double[]){2.8, .2}, &m));
    assert_int_equal(gkv_mgk_mixture_count(m), 2);
    static double points[STEPS], logs[STEPS];
    const double from = -12, step = 30.0 / STEPS;
    for (int i = 0; i < STEPS; i++)
        points[i] = from + (i + .5) * step;
    assert_ok(gkv_mgk_mixture_log_pdf(m, STEPS, points, NULL, logs));
    double sum = cdf_of(m, 0, GKV_GK_LOWER, from);
    for (int i = 0; i < STEPS; i++) {
        sum += exp(logs[i]) * step;
        if (i % 1000 == 999) {
            assert_close(cdf_of(m, 0, GKV_GK_LOWER, points[i] + step / 2), sum, 1e-7);
            assert_close(cdf_of(m, 0, GKV_GK_UPPER, points[i] + step / 2), 1 - sum, 1e-7);
        }
    }
    for (double p = .01; p < 1; p += .07)
        assert_relative(cdf_of(m, 0, GKV_GK_LOWER, quantile_of(m, 0, GKV_GK_LOWER, p)), p, 1e-12);
    gkv_mgk_mixture_free(m);
}

static void moments_are_normal(size_t n, const double *z)
{
    double sum[D] = {0}, products[D][D] = {{0}};
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < D; j++) {
            sum[j] += z[i * D + j];
            for (size_t k = 0; k < D; k++)
                products[j][k] += z[i * D + j] * z[i * D + k];
        }
    const double root = sqrt((double)n);
    for (size_t j = 0; j < D; j++) {
        assert_close(sum[j] / root, 0, 4);
        assert_close((products[j][j] - (double)n) / root, 0, 4 * sqrt(2));
    }
}

static void scores_are_normal(void **state)
{
    (void)state;
    static double z[N * D], w[N * D];
    assert_ok(gkv_mgk_mixture_scores(truth, N, x, ON_THREADS(1), z));
    assert_ok(gkv_mgk_mixture_whiten(truth, N, x, ON_THREADS(1), w));
    moments_are_normal(N, z);
    moments_are_normal(N, w);
    for (size_t i = 0; i < N; i += 97)
        for (size_t j = 0; j < D; j++)
            assert_relative(gkv_gk_cdf(&standard, z[i * D + j]),
                            cdf_of(truth, j, GKV_GK_LOWER, x[i * D + j]), 1e-12);
    double cross = 0;
    for (size_t i = 0; i < N; i++)
        cross += w[i * D] * w[i * D + 1];
    assert_close(cross / sqrt(N), 0, 4); /* while z are correlated: */
    cross = 0;
    for (size_t i = 0; i < N; i++)
        cross += z[i * D] * z[i * D + 1];
    assert_true(fabs(cross / sqrt(N)) > 10);
    static double again[N * D];
    assert_ok(gkv_mgk_mixture_whiten(truth, N, x, ON_THREADS(3), again));
    assert_memory_equal(again, w, sizeof w);
    assert_ok(gkv_mgk_mixture_scores(truth, N, x, ON_THREADS(3), again));
    assert_memory_equal(again, z, sizeof z);
}

/* w_j is the normal score of x_j in its conditional distribution. */
static void whitened_scores_are_conditional(void **state)
{
    (void)state;
    const size_t given[2] = {0, 1};
    double w[D];
    for (size_t i = 0; i < N; i += 500) {
        const double *row = x + i * D;
        assert_ok(gkv_mgk_mixture_whiten(truth, 1, row, NULL, w));
        assert_relative(gkv_gk_cdf(&standard, w[0]), cdf_of(truth, 0, GKV_GK_LOWER, row[0]), 1e-12);
        for (size_t j = 1; j < D; j++) {
            gkv_mgk_mixture *m;
            assert_ok(gkv_mgk_mixture_conditional(truth, j, given, row, &m));
            assert_relative(gkv_gk_cdf(&standard, w[j]), cdf_of(m, 0, GKV_GK_LOWER, row[j]), 1e-11);
            gkv_mgk_mixture_free(m);
        }
    }
    const double bad[D] = {1, NAN, 0};
    assert_ok(gkv_mgk_mixture_whiten(truth, 1, bad, NULL, w));
    assert_true(isfinite(w[0]) && isnan(w[1]) && isnan(w[2]));
    assert_ok(gkv_mgk_mixture_scores(truth, 1, bad, NULL, w));
    assert_true(isfinite(w[0]) && isnan(w[1]) && isfinite(w[2]));
}

static void one_component_is_whitened_by_its_factor(void **state)
{
    (void)state;
    const gkv_mgk *part = gkv_mgk_mixture_component(truth, 1);
    gkv_mgk_mixture *m;
    double w[D], expected[D], z[D];
    assert_ok(gkv_mgk_mixture_create(1, NULL, &part, &m));
    for (size_t i = 0; i < N; i += 300) {
        assert_true(isfinite(gkv_mgk_log_pdf(part, x + i * D, expected)));
        assert_ok(gkv_mgk_mixture_whiten(m, 1, x + i * D, NULL, w));
        assert_ok(gkv_mgk_mixture_scores(m, 1, x + i * D, NULL, z));
        for (size_t j = 0; j < D; j++) {
            assert_close(w[j], expected[j], 1e-12 * (1 + fabs(expected[j])));
            assert_true(z[j] == gkv_gk_Q_inverse(margin(1, j), x[i * D + j]));
            assert_true(quantile_of(m, j, GKV_GK_LOWER, .3) == gkv_gk_quantile(margin(1, j), .3));
        }
    }
    gkv_mgk_mixture_free(m);
}

/* A distribution from its factor and a mixture from its weights have the same bits. */
static void saved_parts_have_the_same_bits(void **state)
{
    (void)state;
    gkv_mgk *parts[2];
    gkv_mgk_mixture *m;
    static double again[N * D];
    for (size_t k = 0; k < 2; k++) {
        const gkv_mgk *part = gkv_mgk_mixture_component(truth, k);
        assert_ok(gkv_mgk_create_from_cholesky(D, gkv_mgk_margins(part), gkv_mgk_mean(part),
                                               gkv_mgk_cholesky(part), &parts[k]));
    }
    assert_ok(gkv_mgk_mixture_create(2, gkv_mgk_mixture_weights(truth),
                                     (const gkv_mgk *const *)parts, &m));
    assert_ok(gkv_mgk_mixture_sample(m, N, 31, 0, NULL, again, NULL));
    assert_memory_equal(again, x, sizeof x);
    assert_true(mean_of(m, N, x) == mean_of(truth, N, x));
    assert_memory_equal(gkv_mgk_mixture_weights(m), gkv_mgk_mixture_weights(truth),
                        2 * sizeof(double));
    gkv_mgk_mixture_free(m);
    for (size_t k = 0; k < 2; k++)
        gkv_mgk_free(parts[k]);
    const gkv_gk two[2] = {standard, standard};
    gkv_mgk *out;
    assert_fails(gkv_mgk_create_from_cholesky(2, two, NULL, (double[]){1, .5, 0, 1}, &out),
                 GKV_ERR_ARGUMENT, "element (0, 1)");
    assert_fails(gkv_mgk_create_from_cholesky(2, two, NULL, (double[]){1, 0, .5, 0}, &out),
                 GKV_ERR_ARGUMENT, "element (1, 1)");
    assert_fails(
        gkv_mgk_create_from_cholesky(2, two, (double[]){0, NAN}, (double[]){1, 0, 0, 1}, &out),
        GKV_ERR_ARGUMENT, "mean");
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_weighted_sums),
        cmocka_unit_test(quantiles_are_inverse),
        cmocka_unit_test(separated_components_have_quantiles),
        cmocka_unit_test(conditional_margins_agree_with_quadrature),
        cmocka_unit_test(scores_are_normal),
        cmocka_unit_test(whitened_scores_are_conditional),
        cmocka_unit_test(one_component_is_whitened_by_its_factor),
        cmocka_unit_test(saved_parts_have_the_same_bits),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
