/* The bootstrap, and goodness of fit. */
#include "support.h"

#include "core/rng.h"
#include "gkvae/gk_bootstrap.h"
#include "samples.h"

enum { N = 400 };

static const gkv_gk truth = {.a = 3, .b = 1, .g = 1, .k = .3, .c = .8};

static void draw(uint64_t sample, size_t n, double *x)
{
    draw_sample(14, &truth, sample, n, x);
}

static void the_same_bits(void **state)
{
    (void)state;
    enum { R = 300 };
    static double x[N], estimates[3][R][4];
    draw(1, N, x);
    const gkv_gk_sample sample = {.x = x, .n = N};
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.anderson_darling = 1;
    gkv_gk_fit_result fit;
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    for (int way = 0; way < 2; way++) {
        gkv_gk_bootstrap_settings boot;
        gkv_gk_bootstrap_result results[3];
        for (int i = 0; i < 3; i++) {
            gkv_gk_bootstrap_defaults(&boot);
            boot.replicates = R;
            boot.nonparametric = way;
            boot.seed = i < 2 ? 5 : 6;
            const gkv_run_options options = {.threads = 1 + i % 2};
            assert_ok(gkv_gk_bootstrap(&sample, &fit, &set, &boot, &options, &estimates[i][0][0],
                                       &results[i]));
            assert_int_equal(results[i].used + results[i].failed, R);
        }
        assert_memory_equal(estimates[0], estimates[1], sizeof estimates[0]);
        assert_memory_equal(&results[0], &results[1], sizeof results[0]);
        assert_true(results[0].se[0] != results[2].se[0]);
        const double v[4] = {fit.gk.a, fit.gk.b, fit.gk.g, fit.gk.k};
        for (int j = 0; j < 4; j++) {
            assert_relative(results[0].se[j], fit.se[j], .25);
            assert_close(results[0].bias[j], 0, .4 * fit.se[j]);
            assert_true(results[0].low[j] < v[j] && v[j] < results[0].high[j]);
            assert_relative(results[0].high[j] - results[0].low[j], fit.high[j] - fit.low[j], .3);
            assert_relative(results[0].covariance[j][j], results[0].se[j] * results[0].se[j],
                            1e-12);
        }
        assert_true(way ? isnan(results[0].p_chi2) && isnan(results[0].p_anderson_darling)
                        : results[0].p_chi2 > .002 && results[0].p_anderson_darling > .002);
        if (!way) /* the p-value of χ² is close to that of the simulation */
            assert_close(results[0].p_chi2, fit.p_value, .12);
    }
}

static void finds_misfits(void **state)
{
    (void)state;
    double x[N];
    gki_rng_uniform(gki_rng_at(14, GKV_STREAM_USER, 50, 0), N, x);
    for (size_t i = 0; i < N; i++) /* two clusters */
        x[i] = i % 2 ? x[i] : 4 + x[i];
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.anderson_darling = 1;
    gkv_gk_fit_result fit;
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    gkv_gk_bootstrap_settings boot;
    gkv_gk_bootstrap_defaults(&boot);
    boot.replicates = 99;
    gkv_gk_bootstrap_result result;
    assert_ok(
        gkv_gk_bootstrap(&(gkv_gk_sample){.x = x, .n = N}, &fit, &set, &boot, NULL, NULL, &result));
    assert_true(fit.p_value < 1e-6 && result.p_chi2 < .02 && result.p_anderson_darling < .02);
}

/* Fixed parameters keep their values. Weights count as observations. The bootstrap also works with
 * the mle. */
static void settings_hold(void **state)
{
    (void)state;
    double x[N], w[N];
    draw(2, N, x);
    for (size_t i = 0; i < N; i++)
        w[i] = i % 2 ? .5 : 1;
    const gkv_gk_sample sample = {.x = x, .weights = w, .n = N};
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    set.fixed[GKV_GK_K] = 1;
    set.start = &truth;
    gkv_gk_fit_result fit;
    assert_ok(gkv_gk_fit_many(1, &sample, &set, &(gkv_run_options){.threads = 1}, &fit, NULL));
    for (int way = 0; way < 2; way++) {
        gkv_gk_bootstrap_settings boot;
        gkv_gk_bootstrap_defaults(&boot);
        boot.replicates = 99;
        boot.nonparametric = way;
        gkv_gk_bootstrap_result result;
        assert_ok(gkv_gk_bootstrap(&sample, &fit, &set, &boot, NULL, NULL, &result));
        assert_true(result.se[3] == 0 && result.low[3] == .3);
        assert_relative(result.se[0], fit.se[0], .35); /* from 300 observations */
    }
}

static bool stop_at_half(void *context, const gkv_progress *progress)
{
    ++*(int *)context;
    return 2 * progress->done >= progress->total;
}

static void refusals(void **state)
{
    (void)state;
    static double x[N];
    draw(3, N, x);
    const gkv_gk_sample sample = {.x = x, .n = N};
    gkv_gk_fit_result fit;
    assert_ok(gkv_gk_fit(N, x, NULL, &fit));
    gkv_gk_bootstrap_settings boot;
    gkv_gk_bootstrap_result result;
    int calls = 0;
    gkv_gk_bootstrap_defaults(&boot);
    boot.replicates = 2000;
    const gkv_run_options options = {.progress = stop_at_half, .context = &calls};
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &boot, &options, NULL, &result),
                 GKV_ERR_INTERRUPTED, "of 2000 replicates");
    assert_true(calls > 1);
    gkv_gk_bootstrap_defaults(&boot);
    boot.replicates = 3;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &boot, NULL, NULL, &result),
                 GKV_ERR_ARGUMENT, "at least 19");
    gkv_gk_bootstrap_defaults(&boot);
    boot.confidence = 0;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &boot, NULL, NULL, &result),
                 GKV_ERR_ARGUMENT, "confidence");
    assert_fails(
        gkv_gk_bootstrap(&(gkv_gk_sample){.x = x, .n = 3}, &fit, NULL, NULL, NULL, NULL, &result),
        GKV_ERR_DATA, "at least 8");
    fit.gk.family = GKV_GK_FAMILIES;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, NULL, NULL, NULL, &result), GKV_ERR_ARGUMENT,
                 "family");
    fit.gk.family = GKV_GK_FAMILY_GK;
    fit.gk.k = -3;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, NULL, NULL, NULL, &result), GKV_ERR_ARGUMENT,
                 "not a g-and-k");
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void anderson_darling(void **state)
{
    (void)state;
    double x[N], a2, p;
    draw(4, N, x);
    const gkv_gk_sample sample = {.x = x, .n = N};
    assert_ok(gkv_gk_anderson_darling(&truth, &sample, &a2, &p));
    double sorted[N], direct = -N;
    memcpy(sorted, x, sizeof x);
    qsort(sorted, N, sizeof *x, ascending);
    for (int i = 0; i < N; i++)
        direct -= ((2 * i + 1) * gkv_gk_log_cdf(&truth, sorted[i]) +
                   (2 * N - 2 * i - 1) * gkv_gk_log_cdf_upper(&truth, sorted[i])) /
                  N;
    assert_relative(a2, direct, 1e-9);
    /* Known quantiles: P(A² > 1.933) = .1, P(A² > 2.492) = .05, P(A² > 3.878) = .01 (Marsaglia and
     * Marsaglia). */
    double counts[3] = {0};
    static const double level[3] = {1.933, 2.492, 3.878}, probability[3] = {.1, .05, .01};
    enum { SAMPLES = 2000 };
    for (int i = 0; i < SAMPLES; i++) {
        draw(100 + (uint64_t)i, 100, x);
        assert_ok(gkv_gk_anderson_darling(&truth, &(gkv_gk_sample){.x = x, .n = 100}, &a2, &p));
        for (int j = 0; j < 3; j++) {
            counts[j] += a2 > level[j];
            if (fabs(a2 / level[j] - 1) < 1e-3)
                assert_close(p, probability[j], 2e-3 * probability[j] + 3e-3 * probability[j]);
        }
    }
    for (int j = 0; j < 3; j++)
        assert_close(counts[j] / SAMPLES, probability[j], 4 * sqrt(probability[j] / SAMPLES));
    /* For values far outside the distribution A² is large and finite. */
    x[0] = 1e200;
    assert_ok(gkv_gk_anderson_darling(&truth, &(gkv_gk_sample){.x = x, .n = 100}, &a2, &p));
    assert_true(a2 > 1e10 && p < 1e-10);
    x[0] = NAN;
    assert_fails(gkv_gk_anderson_darling(&truth, &sample, &a2, &p), GKV_ERR_DATA, "value 1");
    assert_fails(gkv_gk_anderson_darling(&(gkv_gk){.b = -1}, &sample, &a2, &p), GKV_ERR_ARGUMENT,
                 "not a g-and-k");
}

/* The p-values of χ² are uniform for small and large samples. */
static void p_values_are_uniform(void **state)
{
    (void)state;
    enum { SAMPLES = 300 };
    static double x[SAMPLES][1000];
    static gkv_gk_fit_result fits[SAMPLES];
    gkv_gk_sample samples[SAMPLES];
    for (size_t n = 100; n <= 1000; n *= 10) {
        for (size_t i = 0; i < SAMPLES; i++) {
            draw(5000 + i, n, x[i]);
            samples[i] = (gkv_gk_sample){.x = x[i], .n = n};
        }
        assert_ok(gkv_gk_fit_many(SAMPLES, samples, NULL, NULL, fits, NULL));
        for (double level = .1; level < .95; level += .2) {
            double below = 0;
            for (size_t i = 0; i < SAMPLES; i++)
                below += fits[i].p_value < level;
            assert_close(below / SAMPLES, level, .05 + 4 * sqrt(level * (1 - level) / SAMPLES));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits),    cmocka_unit_test(finds_misfits),
        cmocka_unit_test(settings_hold),    cmocka_unit_test(refusals),
        cmocka_unit_test(anderson_darling), cmocka_unit_test(p_values_are_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
