/* Fits: exact samples, recovery of known parameters, refusals. */
#include "support.h"

#include "core/rng.h"
#include "num/special.h"
#include "gkvae/gk_fit.h"
#include "samples.h"

static void draw(const gkv_gk *gk, uint64_t sample, size_t n, double *x)
{
    draw_sample(11, gk, sample, n, x);
}

static void chi_squared_tail(void **state)
{
    (void)state;
    /* x, degrees of freedom, P(χ² > x), from 50-digit arithmetic */
    static const double rows[][3] = {
#include "num/chi2_references.inc"
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_relative(gki_chi2_upper(rows[i][0], rows[i][1]), rows[i][2], 2e-12);
    assert_true(gki_chi2_upper(0, 3) == 1 && gki_chi2_upper(INFINITY, 3) == 0 &&
                isnan(gki_chi2_upper(NAN, 3)));
    for (double x = .1; x < 30; x += .7) /* 2 degrees of freedom: the exponential distribution */
        assert_relative(gki_chi2_upper(x, 2), exp(-x / 2), 1e-13);
}

static void octiles_of_a_population_are_exact(void **state)
{
    (void)state;
    static const gkv_gk gks[] = {{3, 1, 2, .5, .8, 0},
                                 {0, 1, .2, .1, .8, 0},
                                 {5, 20, -1, -.05, .8, 0},
                                 {-1, .1, 0, 0, .8, 0},
                                 {0, 1, 4, 2, .6, 0}};
    for (size_t i = 0; i < 5; i++) {
        double e[7];
        for (int j = 0; j < 7; j++)
            e[j] = gkv_gk_quantile(&gks[i], (j + 1) / 8.0);
        gkv_gk out;
        assert_ok(gkv_gk_from_octiles(e, gks[i].c, 1e-4, &out));
        assert_close(out.a, gks[i].a, 1e-13);
        assert_relative(out.b, gks[i].b, 1e-12);
        assert_close(out.g, gks[i].g, 1e-12);
        assert_close(out.k, gks[i].k, 1e-12);
    }
    gkv_gk out;
    assert_fails(gkv_gk_from_octiles((double[7]){0, 1, 1, 1, 1, 1, 2}, .8, 1e-4, &out),
                 GKV_ERR_DATA, "no spread");
    const double good[7] = {0, 1, 2, 3, 4, 5, 6};
    assert_fails(gkv_gk_from_octiles(good, 0, 1e-4, &out), GKV_ERR_ARGUMENT, "c between 0 and 1");
    assert_fails(gkv_gk_from_octiles(good, 1, 1e-4, &out), GKV_ERR_ARGUMENT, "c between 0 and 1");
    assert_fails(gkv_gk_from_octiles(good, .8, -1, &out), GKV_ERR_ARGUMENT, "a margin ≥ 0");
    assert_fails(gkv_gk_from_octiles(good, .8, INFINITY, &out), GKV_ERR_ARGUMENT, "a margin ≥ 0");
    assert_fails(gkv_gk_from_octiles((double[7]){0, 1, NAN, 1, 1, 3, 4}, .8, 1e-4, &out),
                 GKV_ERR_DATA, "octile 3");
    /* More skewness than tanh can produce gives a valid g near its maximum. */
    assert_ok(gkv_gk_from_octiles((double[7]){0, 0, 0, 0, 1, 5, 9}, .8, 1e-4, &out));
    assert_true(gkv_gk_is_valid(&out) && out.g > 10);
}

/* The means of order statistics in the approximation of the fit: Q + ½ p(1−p)/(n+2) q''(p). */
static double mean_of(const gkv_gk *gk, double p, size_t n)
{
    const double z = gki_normal_quantile(p), phi = exp(gki_normal_log_pdf(z));
    const double second = (gkv_gk_d2Q(gk, z) + z * gkv_gk_dQ(gk, z)) / (phi * phi);
    return gkv_gk_Q(gk, z) + 0.5 * p * (1 - p) / ((double)n + 2) * second;
}

/* If the sample consists of the means of order statistics, the fit is exact and its residuals are
 * 0. */
static void exact_sample_is_recovered(void **state)
{
    (void)state;
    enum { N = 999 };
    static double x[N];
    static const gkv_gk gks[] = {{3, 1, 2, .5, .8, 0},
                                 {0, 1e-9, .2, .1, .8, 0},
                                 {1e5, 20, -1, -.05, .8, 0},
                                 {-1, .1, 0, 0, .8, 0},
                                 {0, 1, -3, 3, .8, 0}};
    for (size_t i = 0; i < 5; i++) {
        for (int j = 0; j < N; j++)
            x[j] = mean_of(&gks[i], (j + 1.0) / (N + 1), N);
        gkv_gk_fit_result fit;
        assert_ok(gkv_gk_fit_sorted(N, x, NULL, &fit));
        assert_int_equal(fit.converged, 1);
        assert_close(fit.gk.a, gks[i].a, 1e-5 * gks[i].b + 1e-13 * fabs(gks[i].a));
        assert_relative(fit.gk.b, gks[i].b, 1e-5);
        assert_close(fit.gk.g, gks[i].g, 3e-5);
        assert_close(fit.gk.k, gks[i].k, 1e-5);
        assert_true(fit.cost_after < 1e-8 && fit.p_value > .9999);
        assert_int_equal(fit.levels, 99);
        assert_int_equal(fit.dof, 95);
        /* Other starts, even invalid ones, give the same estimates. */
        gkv_gk_fit_settings set;
        gkv_gk_fit_defaults(&set);
        const gkv_gk start = {gks[i].a + gks[i].b, 3 * gks[i].b, gks[i].g - 1, -.4, .8, 0};
        set.start = &start;
        gkv_gk_fit_result again;
        assert_ok(gkv_gk_fit_sorted(N, x, &set, &again));
        assert_close(again.gk.g, gks[i].g, 1e-4);
        assert_close(again.gk.k, gks[i].k, 1e-4);
        assert_true(again.cost_before > again.cost_after);
    }
}

/* With many samples, estimates are unbiased within their errors. The errors agree with the scatter
 * of the estimates and, where it is known, with the Cramér–Rao bound. */
static void recovers_parameters(const gkv_gk *truth, const double *bound, int samples)
{
    enum { N = 4000 };
    static double x[N];
    double mean[4] = {0}, square[4] = {0}, se[4] = {0}, chi2 = 0, low_p = 0;
    const double true_v[4] = {truth->a, truth->b, truth->g, truth->k};
    for (int sample = 0; sample < samples; sample++) {
        draw(truth, (uint64_t)sample, N, x);
        gkv_gk_fit_result fit;
        assert_ok(gkv_gk_fit(N, x, NULL, &fit));
        assert_int_equal(fit.converged, 1);
        assert_true(gkv_gk_is_valid(&fit.gk));
        const double v[4] = {fit.gk.a, fit.gk.b, fit.gk.g, fit.gk.k};
        for (int j = 0; j < 4; j++) {
            const double off = v[j] - true_v[j];
            assert_true(fabs(off) < 5 * fit.se[j]);
            assert_relative(fit.covariance[j][j], fit.se[j] * fit.se[j], 1e-12);
            mean[j] += off / samples, square[j] += off * off / samples,
                se[j] += fit.se[j] / samples;
        }
        chi2 += fit.chi2 / samples;
        low_p += fit.p_value < .1;
        assert_true(fit.log_likelihood < 0 || truth->b < 1);
        double direct = 0;
        for (int i = 0; i < N && sample == 0; i++)
            direct += gkv_gk_log_pdf(&fit.gk, x[i]);
        if (sample == 0) {
            assert_relative(fit.log_likelihood, direct, 1e-10);
            assert_relative(fit.aic, 8 - 2 * direct, 1e-10);
            assert_relative(fit.bic, 4 * log(N) - 2 * direct, 1e-10);
        }
    }
    for (int j = 0; j < 4; j++) {
        const double sd = sqrt(square[j] - mean[j] * mean[j]);
        assert_close(mean[j], 0, 4.5 * sd / sqrt(samples) + .1 * sd);
        assert_close(sd / se[j], 1, 4.5 / sqrt(2 * samples) + .02);
        if (bound) /* between the bound and 1.1 times the bound */
            assert_close(se[j] * sqrt(N) / bound[j], 1.04, .065);
    }
    assert_close(chi2, 95, 4.5 * sqrt(2 * 95. / samples) + 2);
    assert_close(low_p / samples, .1, 4.5 * .3 / sqrt(samples) + .02);
}

static void monte_carlo(void **state)
{
    (void)state;
    recovers_parameters(&(gkv_gk){3, 1, 2, .5, .8, 0},
                        (double[]){1.131884, 2.266850, 3.158321, 1.284539}, 300);
    recovers_parameters(&(gkv_gk){0, 1, .2, .1, .8, 0},
                        (double[]){1.134687, 1.345392, 1.130987, .950633}, 300);
    recovers_parameters(&(gkv_gk){10, .02, 0, 0, .8, 0}, NULL, 150);
    recovers_parameters(&(gkv_gk){-4, 7, 3, -.06, .8, 0}, NULL, 150);
    recovers_parameters(&(gkv_gk){0, 1, -1, 1.5, .8, 0}, NULL, 150);
}

/* Samples that no g-and-k distribution fits, and small samples, give valid results. */
static void hostile_samples(void **state)
{
    (void)state;
    enum { N = 2000 };
    static double x[N], u[N];
    for (size_t n = 8; n <= N; n = n * 3 / 2)
        for (uint64_t kind = 0; kind < 8; kind++) {
            gki_rng_uniform(gki_rng_at(3, GKV_STREAM_USER, kind, n), n, u);
            for (size_t i = 0; i < n; i++)
                /* a bounded range */
                x[i] = kind == 0 ? u[i]
                       /* a jump of the density */
                       : kind == 1 ? -log(u[i])
                       : kind == 2 ? tan(3.14159 * (u[i] - .5)) /* Cauchy */
                       /* two clusters */
                       : kind == 3 ? (i % 2 ? u[i] : 50 + u[i])
                       : kind == 4 ? pow(u[i], -3) /* no mean */
                       : kind == 5 ? 1e200 * (u[i] - .5)
                       : kind == 6 ? 1e-200 * -log(u[i])
                                   /* one outlier */
                                   : (i == 0 ? 1e80 : u[i]);
            gkv_gk_fit_result fit;
            assert_ok(gkv_gk_fit(n, x, NULL, &fit));
            assert_int_equal(gkv_gk_is_valid(&fit.gk), 1);
            assert_true(isfinite(fit.chi2) && fit.p_value >= 0 && fit.p_value <= 1);
            assert_true(fit.se[0] > 0 && !isnan(fit.se[3]));
            if (n > 1000 && kind == 3)
                assert_true(fit.p_value < 1e-10);
        }
}

/* Two outliers in four thousand values on either side hardly change the estimates. */
static void wild_values(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double x[N];
    const gkv_gk truth = {.a = 0, .b = 1, .g = .5, .k = .1, .c = .8};
    gkv_gk_fit_result clean, contaminated;
    draw(&truth, 77, N, x);
    assert_ok(gkv_gk_fit(N, x, NULL, &clean));
    for (int i = 0; i < 4; i++)
        x[100 * i] = i % 2 ? 1e4 : -1e9;
    assert_ok(gkv_gk_fit(N, x, NULL, &contaminated));
    assert_int_equal(contaminated.converged, 1);
    assert_close(contaminated.gk.a, clean.gk.a, .3 * clean.se[0]);
    assert_close(contaminated.gk.b, clean.gk.b, 1.2 * clean.se[1]);
    assert_close(contaminated.gk.g, clean.gk.g, 1.2 * clean.se[2]);
    assert_close(contaminated.gk.k, clean.gk.k, 1.5 * clean.se[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chi_squared_tail),
        cmocka_unit_test(octiles_of_a_population_are_exact),
        cmocka_unit_test(exact_sample_is_recovered),
        cmocka_unit_test(monte_carlo),
        cmocka_unit_test(hostile_samples),
        cmocka_unit_test(wild_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
