/* Maximum likelihood: stationarity, observed information, errors, robustness. */
#include "support.h"

#include "core/rng.h"
#include "num/linalg.h"
#include "gkvae/gk_fit.h"
#include "samples.h"

static void draw(const gkv_gk *gk, uint64_t sample, size_t n, double *x)
{
    draw_sample(13, gk, sample, n, x);
}

static const gkv_gk truths[] = {{.a = 3, .b = 1, .g = 2, .k = .5, .c = .8},
                                {.a = 0, .b = 1, .g = .2, .k = .1, .c = .8},
                                {.a = 0, .b = 1, .g = 1, .k = 1, .c = .8},
                                {.a = 2, .b = 1, .g = 5, .k = -.1, .c = .8},
                                {.a = -4, .b = 7, .g = -3, .k = -.06, .c = .8}};
enum { TRUTHS = sizeof truths / sizeof *truths };

/* The scores add up to 0, and their derivatives to the inverse of the covariance. No point nearby
 * has a greater likelihood. */
static void is_a_maximum(void **state)
{
    (void)state;
    enum { N = 500 };
    double x[N];
    const gkv_gk_fit_settings set = mle_settings();
    for (size_t t = 0; t < TRUTHS; t++) {
        draw(&truths[t], t, N, x);
        gkv_gk_fit_result fit, quantile_fit;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_ok(gkv_gk_fit(N, x, NULL, &quantile_fit));
        assert_int_equal(fit.converged, 1);
        assert_int_equal(fit.at_bound, 0);
        assert_true(fit.log_likelihood >= quantile_fit.log_likelihood);
        double total[4] = {0}, information[4][4] = {{0}}, inverse[4][4], value = 0;
        for (int i = 0; i < N; i++) {
            double score[4], up[4], down[4];
            value += gkv_gk_score(&fit.gk, x[i], score);
            for (int a = 0; a < 4; a++) {
                gkv_gk above = fit.gk, below = fit.gk;
                const double h = 1e-5 * fit.se[a];
                *(double *[4]){&above.a, &above.b, &above.g, &above.k}[a] += h;
                *(double *[4]){&below.a, &below.b, &below.g, &below.k}[a] -= h;
                gkv_gk_score(&above, x[i], up);
                gkv_gk_score(&below, x[i], down);
                total[a] += score[a];
                for (int b = 0; b < 4; b++)
                    information[a][b] -= (up[b] - down[b]) / (2 * h);
            }
        }
        assert_relative(fit.log_likelihood, value, 1e-12);
        assert_int_equal(gki_invert4x4_symmetric(information, (const bool[4]){0}, inverse), 1);
        for (int a = 0; a < 4; a++) {
            assert_close(total[a] * fit.se[a], 0, 1e-5);
            for (int b = 0; b < 4; b++)
                assert_close(fit.covariance[a][b], inverse[a][b], 1e-4 * fit.se[a] * fit.se[b]);
        }
    }
}

static void errors_and_intervals(void **state)
{
    (void)state;
    enum { N = 2000, SAMPLES = 200 };
    static double x[SAMPLES][N];
    static gkv_gk_fit_result fits[SAMPLES];
    gkv_gk_sample samples[SAMPLES];
    const gkv_gk_fit_settings set = mle_settings();
    const double bound[4] = {1.131884, 2.266850, 3.158321, 1.284539}, value[4] = {3, 1, 2, .5};
    for (size_t i = 0; i < SAMPLES; i++) {
        draw(&truths[0], 100 + i, N, x[i]);
        samples[i] = (gkv_gk_sample){.x = x[i], .n = N};
    }
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, NULL, fits, NULL));
    for (int j = 0; j < 4; j++) {
        double square = 0, se = 0, covered = 0;
        for (size_t i = 0; i < SAMPLES; i++) {
            const double off =
                ((double[4]){fits[i].gk.a, fits[i].gk.b, fits[i].gk.g, fits[i].gk.k})[j] - value[j];
            square += off * off / SAMPLES;
            se += fits[i].se[j] / SAMPLES;
            covered += fits[i].low[j] < value[j] && value[j] < fits[i].high[j];
        }
        assert_close(sqrt(square * N) / bound[j], 1, .03 + 4 / sqrt(2. * SAMPLES));
        assert_close(se * sqrt(N) / bound[j], 1, .03);
        assert_close(covered / SAMPLES, .95, .01 + 4 * sqrt(.95 * .05 / SAMPLES));
    }
    double low_p = 0;
    for (size_t i = 0; i < SAMPLES; i++)
        low_p += fits[i].p_value < .2;
    assert_close(low_p / SAMPLES, .2, .02 + 4 * .4 / sqrt(SAMPLES));
}

/* The result does not depend on the unit and the origin of the data, however large they are. */
static void location_and_scale(void **state)
{
    (void)state;
    enum { N = 300 };
    double x[N], y[N];
    static const double scales[] = {1e-300, 1e-9, 1e12, 1e300};
    draw(&truths[1], 7, N, x);
    for (int method = 0; method < 2; method++) {
        gkv_gk_fit_settings set = mle_settings();
        set.method = (gkv_gk_method)method;
        gkv_gk_fit_result fit, moved;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
            for (int i = 0; i < N; i++)
                y[i] = scales[s] * (x[i] + 5);
            assert_ok(gkv_gk_fit(N, y, &set, &moved));
            assert_relative(moved.gk.a, scales[s] * (fit.gk.a + 5), 1e-6);
            assert_relative(moved.gk.b, scales[s] * fit.gk.b, 1e-6);
            assert_close(moved.gk.g, fit.gk.g, 1e-6);
            assert_close(moved.gk.k, fit.gk.k, 1e-6);
            assert_relative(moved.se[1], scales[s] * fit.se[1], 1e-6);
            assert_close(moved.log_likelihood, fit.log_likelihood - N * log(scales[s]), 1e-5 * N);
        }
    }
}

/* A density with a pole at one observation has the greatest likelihood. The fit must not converge
 * to it. */
static void poles_do_not_capture(void **state)
{
    (void)state;
    const gkv_gk_fit_settings set = mle_settings();
    for (size_t n = 40; n <= 640; n *= 4)
        for (size_t t = 0; t < TRUTHS; t++) {
            for (int run = 0; run < 60; run++) {
                double x[640];
                draw(&truths[t], 1000 + (uint64_t)run, n, x);
                gkv_gk_fit_result fit;
                assert_ok(gkv_gk_fit(n, x, &set, &fit));
                assert_int_equal(gkv_gk_is_valid(&fit.gk), 1);
                /* A spike would increase the likelihood by more than an estimate can gain over the
                 * truth by chance. */
                double true_value = 0;
                for (size_t i = 0; i < n; i++)
                    true_value += gkv_gk_log_pdf(&truths[t], x[i]);
                assert_true(isfinite(fit.log_likelihood));
                assert_true(fit.log_likelihood < true_value + 15);
            }
        }
}

/* Fits of small samples of a strong skewness often end at the bound of k, and the equations of the
 * lm method may have no solution. Such fits must end, and `method` must be that of the
 * estimates. */
static void small_samples(void **state)
{
    (void)state;
    enum { SAMPLES = 300 };
    static double x[SAMPLES][200];
    static gkv_gk_fit_result fits[2][SAMPLES], few;
    gkv_gk_sample samples[SAMPLES];
    gkv_gk_fit_settings set;
    size_t fell_back = 0, at_bound = 0;
    for (size_t n = 50; n <= 200; n *= 2) {
        for (size_t i = 0; i < SAMPLES; i++) {
            draw(&truths[3], 5000 + i, n, x[i]);
            samples[i] = (gkv_gk_sample){.x = x[i], .n = n};
        }
        for (int method = GKV_GK_LM; method <= GKV_GK_MLE; method++) {
            gkv_gk_fit_defaults(&set);
            set.method = (gkv_gk_method)method;
            assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, NULL, fits[method], NULL));
            int open = 0;
            for (size_t i = 0; i < SAMPLES; i++) {
                const gkv_gk_fit_result *fit = &fits[method][i];
                open += !fit->converged;
                at_bound += fit->at_bound != 0;
                assert_true(gkv_gk_is_valid(&fit->gk));
                assert_int_equal(fit->bound[GKV_GK_K], fit->at_bound ? -1 : 0);
                assert_int_equal(fit->bound[GKV_GK_G],
                                 fabs(fit->gk.g) >= 100 ? fit->gk.g > 0 ? 1 : -1 : 0);
                for (int j = 0; j < 4; j++)
                    assert_true(fit->se[j] > 0 && isfinite(fit->se[j]));
            }
            assert_true(open <= 2);
        }
        for (size_t i = 0; i < SAMPLES; i++) {
            if (fits[0][i].method == GKV_GK_LM)
                continue;
            fell_back++;
            assert_memory_equal(&fits[0][i].gk, &fits[1][i].gk, sizeof fits[0][i].gk);
            assert_memory_equal(fits[0][i].se, fits[1][i].se, sizeof fits[0][i].se);
            /* The mle does not replace the estimates if an outlier has distorted the likelihood. */
            x[i][0] = 1e9;
            assert_ok(gkv_gk_fit(n, x[i], NULL, &few));
            assert_true(few.gk.b < 3 && few.gk.k < 1.5);
            x[i][0] = gkv_gk_Q(&truths[3], 0);
            /* Nor does it if max_reweightings is small, because Newton's method was not tried. */
            gkv_gk_fit_defaults(&set);
            set.advanced.max_reweightings = 2;
            assert_ok(gkv_gk_fit(n, x[i], &set, &few));
            assert_int_equal(few.method, GKV_GK_LM);
        }
    }
    assert_true(fell_back > 3 && at_bound > 30);
}

static void hostile_samples(void **state)
{
    (void)state;
    enum { MOST = 600 };
    double x[MOST], u[MOST];
    gkv_gk_fit_settings set = mle_settings();
    set.anderson_darling = 1;
    for (size_t n = 8; n <= MOST; n = n * 5 / 3)
        for (uint64_t kind = 0; kind < 8; kind++) {
            gki_rng_uniform(gki_rng_at(3, GKV_STREAM_USER, kind, n), n, u);
            for (size_t i = 0; i < n; i++)
                x[i] = kind == 0   ? u[i]
                       : kind == 1 ? -log(u[i])
                       : kind == 2 ? tan(3.14159 * (u[i] - .5))
                       : kind == 3 ? (i % 2 ? u[i] : 50 + u[i])
                       : kind == 4 ? pow(u[i], -3)
                       : kind == 5 ? 1e200 * (u[i] - .5)
                       : kind == 6 ? 1e-200 * -log(u[i])
                                   : (i == 0 ? 1e80 : u[i]);
            gkv_gk_fit_result fit;
            assert_ok(gkv_gk_fit(n, x, &set, &fit));
            assert_int_equal(gkv_gk_is_valid(&fit.gk), 1);
            assert_true(isfinite(fit.log_likelihood) && fit.p_value >= 0 && fit.p_value <= 1);
            for (int j = 0; j < 4; j++)
                if (!fit.converged)
                    assert_true(isnan(fit.se[j]));
                else if (fit.symmetric && j == GKV_GK_G)
                    assert_true(fit.se[j] == 0 && fit.gk.g == 0);
                else
                    assert_true(fit.se[j] > 0 && fit.low[j] <= fit.high[j]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_maximum),       cmocka_unit_test(errors_and_intervals),
        cmocka_unit_test(location_and_scale), cmocka_unit_test(poles_do_not_capture),
        cmocka_unit_test(small_samples),      cmocka_unit_test(hostile_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
