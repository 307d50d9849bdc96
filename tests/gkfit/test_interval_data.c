/* Rounded, censored and binned data: the likelihood of intervals, its derivatives, fits and the
 * test of fit by bins. */
#include "support.h"

#include "core/rng.h"
#include "gkfit/interval_data.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"
#include "samples.h"

static void draw(const gkv_gk *gk, uint64_t sample, size_t n, double *x)
{
    draw_sample(29, gk, sample, n, x);
}

static gkv_gk_fit_settings mle(void)
{
    gkv_gk_fit_settings set = mle_settings();
    set.anderson_darling = true;
    return set;
}

static gkv_gk_fit_result fit_sample(const gkv_gk_sample *sample, const gkv_gk_fit_settings *set)
{
    gkv_gk_fit_result fit;
    assert_ok(gkv_gk_fit_many(1, sample, set, NULL, &fit, NULL));
    return fit;
}

static const gkv_gk truths[] = {{.a = 3, .b = 1, .g = 2, .k = .5, .c = .8},
                                {.a = 0, .b = 1, .g = .2, .k = .1, .c = .8},
                                {.a = 2, .b = 1, .g = 5, .k = -.1, .c = .8},
                                {.a = 0, .b = 1, .g = 0, .k = 0, .c = .8}};
enum { TRUTHS = sizeof truths / sizeof *truths };

/* --- The likelihood ------------------------------------------------------- */

static const double ends[][2] = {{-INFINITY, -40}, {-INFINITY, -2}, {-INFINITY, 1}, {-INFINITY, 9},
                                 {-2.5, -2},       {-.4, .7},       {.3, .31},      {.3, .3 + 1e-4},
                                 {.3, .3 + 1e-8},  {1.5, 1.5},      {4, 5},         {30, 31},
                                 {-30, -29},       {-12, 14},       {-9, INFINITY}, {.5, INFINITY},
                                 {3.5, INFINITY},  {60, INFINITY},  {-1e-3, 2e-3},  {-7, -7}};
enum { ENDS = sizeof ends / sizeof *ends };

static gki_gk_interval_data one(size_t i, double *low, double *high, double *weight)
{
    *low = ends[i][0];
    *high = ends[i][1];
    *weight = 1.5;
    return (gki_gk_interval_data){
        .count = 1, .n = 1, .total = 1.5, .lower = low, .upper = high, .weight = weight};
}

/* log P by the functions of gk.h. The middle of a narrow interval has its density. */
static double expected(const gkv_gk *gk, double low, double high)
{
    if (high - low < 1e-6)
        return gkv_gk_log_pdf(gk, .5 * (low + high)) + (low < high ? log(high - low) : 0);
    if (gkv_gk_cdf(gk, low) > .5)
        return log(gkv_gk_cdf_upper(gk, low) - gkv_gk_cdf_upper(gk, high));
    return log(gkv_gk_cdf(gk, high) - gkv_gk_cdf(gk, low));
}

static gki_gk_sums sums_at(const gkv_gk *gk, size_t i)
{
    double low, high, weight;
    const gki_gk_interval_data data = one(i, &low, &high, &weight);
    gki_gk_sums sums = {0};
    gki_gk_interval_data_sums(gki_gk_fit_kernels_get(), &data, gk, 0, 1, NULL, &sums);
    return sums;
}

static void likelihood(void **state)
{
    (void)state;
    for (size_t t = 0; t < TRUTHS; t++)
        for (size_t i = 0; i < ENDS; i++) {
            double low, high, weight, value = 0;
            const gki_gk_interval_data data = one(i, &low, &high, &weight);
            const gkv_gk *gk = &truths[t];
            gki_gk_interval_data_sums(gki_gk_fit_kernels_get(), &data, gk, 0, 1, &value, NULL);
            if (low == high) /* points lack the constant of the density */
                value -= weight * .918938533204672741780;
            const double right = weight * expected(gk, low, high);
            if (isfinite(right)) /* otherwise the plain difference has underflowed */
                assert_close(value, right, 2e-9 * fmax(1, fabs(right)));
            assert_true(isfinite(value));
            if (low != high)
                assert_close(sums_at(gk, i).log_likelihood, value, 1e-12 * fabs(value));
        }
    /* far in the tails, where differences of probabilities are 0: 30 to 31, and below −40 */
    double low, high, weight, value = 0;
    gki_gk_interval_data data = one(11, &low, &high, &weight);
    gki_gk_interval_data_sums(gki_gk_fit_kernels_get(), &data, &truths[3], 0, 1, &value, NULL);
    assert_relative(value, 1.5 * gkv_gk_log_cdf_upper(&truths[3], 30), 1e-13);
    data = one(0, &low, &high, &weight);
    value = 0;
    gki_gk_interval_data_sums(gki_gk_fit_kernels_get(), &data, &truths[3], 0, 1, &value, NULL);
    assert_relative(value, 1.5 * gkv_gk_log_cdf(&truths[3], -40), 1e-13);
}

/* Score and Hessian agree with differences of the likelihood and of the score. */
static void derivatives(void **state)
{
    (void)state;
    for (size_t t = 0; t < TRUTHS - 1; t++)
        for (size_t i = 0; i < ENDS; i++) {
            const gki_gk_sums sums = sums_at(&truths[t], i);
            for (int a = 0; a < 4; a++) {
                const double h = 1e-5;
                gkv_gk above = truths[t], below = truths[t];
                *(double *[4]){&above.a, &above.b, &above.g, &above.k}[a] += h;
                *(double *[4]){&below.a, &below.b, &below.g, &below.k}[a] -= h;
                const gki_gk_sums up = sums_at(&above, i), down = sums_at(&below, i);
                const double slope = (up.log_likelihood - down.log_likelihood) / (2 * h);
                const double size = 1 + fabs(sums.log_likelihood) + fabs(sums.score[a]);
                assert_close(sums.score[a], slope, 2e-5 * size);
                for (int b = 0, pair = 0; b < 4; b++)
                    for (int c = b; c < 4; c++, pair++) {
                        if (b != a && c != a)
                            continue;
                        const int other = b == a ? c : b;
                        const double bend = (up.score[other] - down.score[other]) / (2 * h);
                        assert_close(sums.hessian[pair], bend,
                                     2e-5 * (1 + fabs(bend) + fabs(sums.score[b] * sums.score[c]) +
                                             fabs(sums.log_likelihood)));
                        assert_close(sums.outer[pair], sums.score[b] * sums.score[c] / 1.5,
                                     1e-12 * fabs(sums.outer[pair]) + 1e-300);
                    }
            }
        }
}

/* For h → 0 the likelihood of rounded values is their density times h. */
static void narrow_intervals_are_points(void **state)
{
    (void)state;
    enum { N = 400 };
    double x[N];
    const gkv_gk_fit_settings set = mle();
    for (size_t t = 0; t < TRUTHS - 1; t++) {
        draw(&truths[t], t, N, x);
        const gkv_gk_fit_result exact = fit_sample(&(gkv_gk_sample){.x = x, .n = N}, &set);
        for (double h = 1e-3; h > 1e-12; h *= 1e-3) {
            const gkv_gk_fit_result fit =
                fit_sample(&(gkv_gk_sample){.x = x, .n = N, .resolution = h}, &set);
            assert_int_equal(fit.converged, 1);
            /* the ends of an interval have the rounding errors of the values, up to 1e-13 */
            const double off = 1e-6 + 200 * h * h * N + 1e-13 / h;
            assert_close(fit.log_likelihood, exact.log_likelihood + N * log(h), off);
            assert_close(fit.gk.k, exact.gk.k, (1e-4 + 20 * h) * exact.se[3]);
            assert_relative(fit.se[2], exact.se[2], 1e-3);
        }
    }
}

/* --- Fits ----------------------------------------------------------------- */

/* The normal distribution in bins. The reference values are from another program, which maximizes
 * Σ n log(Φ(b) − Φ(a)) in μ and σ with differences. */
static void binned_normal(void **state)
{
    (void)state;
    enum { N = 9 };
    const double low[N] = {-INFINITY, 150, 155, 160, 165, 170, 175, 180, 185},
                 high[N] = {150, 155, 160, 165, 170, 175, 180, 185, INFINITY},
                 weights[N] = {4, 11, 38, 89, 127, 105, 62, 17, 7};
    gkv_gk_fit_settings set = mle();
    const gkv_gk start = {.a = 170, .b = 5, .c = .8};
    set.start = &start;
    set.fixed[2] = set.fixed[3] = true;
    const gkv_gk_sample sample = {.n = N, .weights = weights, .lower = low, .upper = high};
    const gkv_gk_fit_result fit = fit_sample(&sample, &set);
    assert_int_equal(fit.converged, 1);
    assert_close(fit.gk.a, 168.52764251646974, 1e-5);
    assert_close(fit.gk.b, 7.291788031251046, 1e-5);
    assert_close(fit.log_likelihood, -830.4791811373311, 1e-6);
    assert_relative(fit.se[0], .34685076, 1e-4);
    assert_relative(fit.se[1], .25350839, 1e-4);
    assert_true(fit.total == 460 && fit.n == 9);
    assert_int_equal(fit.test, GKV_GK_TEST_BINS);
    assert_true(fit.p_value > .01);
    assert_true(isnan(fit.anderson_darling));
}

/* 30% of the sample is known to exceed its limit only: estimates are within their errors, and these
 * are as large as the errors of many samples. */
static void censored_samples(void **state)
{
    (void)state;
    enum { N = 1000, SAMPLES = 100 };
    static double low[SAMPLES][N], high[SAMPLES][N];
    static gkv_gk_fit_result fits[SAMPLES];
    gkv_gk_sample samples[SAMPLES];
    const gkv_gk_fit_settings set = mle();
    const gkv_gk truth = truths[0];
    const double value[4] = {3, 1, 2, .5};
    for (int random = 0; random < 2; random++) {
        for (size_t s = 0; s < SAMPLES; s++) {
            double limit[N];
            draw(&truth, 1000 * (uint64_t)random + s, N, low[s]);
            gki_rng_uniform(gki_rng_at(30, GKV_STREAM_USER, s, 0), N, limit);
            for (size_t i = 0; i < N; i++) {
                /* one limit at the quantile .7, or others, about it */
                const double p = random ? .4 + .6 * limit[i] : .7;
                const double end = gkv_gk_quantile(&truth, p);
                high[s][i] = low[s][i] > end ? INFINITY : low[s][i];
                low[s][i] = fmin(low[s][i], end);
            }
            samples[s] = (gkv_gk_sample){.n = N, .lower = low[s], .upper = high[s]};
        }
        assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, NULL, fits, NULL));
        size_t converged = 0;
        for (size_t s = 0; s < SAMPLES; s++)
            converged += fits[s].converged;
        assert_true(converged >= SAMPLES - 2);
        for (int j = 0; j < 4; j++) {
            double square = 0, covered = 0;
            for (size_t s = 0; s < SAMPLES; s++) {
                const gkv_gk *gk = &fits[s].gk;
                const double off = (double[4]){gk->a, gk->b, gk->g, gk->k}[j] - value[j];
                square += off * off / (fits[s].se[j] * fits[s].se[j]) / SAMPLES;
                covered += fits[s].low[j] < value[j] && value[j] < fits[s].high[j];
            }
            assert_close(sqrt(square), 1, 4 / sqrt(2. * SAMPLES));
            assert_true(covered / SAMPLES > .86);
        }
    }
}

/* Rounding of the values to half of a standard deviation: the estimates have no bias, which those
 * of the values as they are have, and p-values are uniform. */
static void rounded_samples(void **state)
{
    (void)state;
    enum { N = 1000, SAMPLES = 200 };
    static double x[SAMPLES][N];
    static gkv_gk_fit_result fits[SAMPLES];
    gkv_gk_sample samples[SAMPLES];
    const gkv_gk_fit_settings set = mle();
    const gkv_gk truth = truths[1];
    for (size_t s = 0; s < SAMPLES; s++) {
        draw(&truth, 5000 + s, N, x[s]);
        for (size_t i = 0; i < N; i++)
            x[s][i] = .5 * nearbyint(2 * x[s][i]);
        samples[s] = (gkv_gk_sample){.n = N, .x = x[s], .resolution = GKV_GK_RESOLUTION_AUTO};
    }
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, NULL, fits, NULL));
    double mean = 0, low = 0, square = 0;
    for (size_t s = 0; s < SAMPLES; s++) {
        assert_true(fits[s].resolution == .5 && fits[s].heaps == 0);
        assert_int_equal(fits[s].test, GKV_GK_TEST_BINS);
        mean += (fits[s].gk.b - truth.b) / fits[s].se[1] / SAMPLES;
        square += pow((fits[s].gk.k - truth.k) / fits[s].se[3], 2) / SAMPLES;
        low += fits[s].p_value < .2;
    }
    assert_close(mean, 0, 4 / sqrt(SAMPLES));
    assert_close(sqrt(square), 1, 4 / sqrt(2. * SAMPLES));
    assert_close(low / SAMPLES, .2, .02 + 4 * .4 / sqrt(SAMPLES));
}

/* Ties without a resolution: no p-value. With it, the same sample is not rejected. */
static void the_test_knows_ties(void **state)
{
    (void)state;
    enum { N = 2000 };
    double x[N], y[N];
    gkv_gk_fit_settings set = mle();
    draw(&truths[1], 77, N, x);
    for (size_t i = 0; i < N; i++)
        y[i] = .05 * nearbyint(20 * x[i]); /* a tick of .05 */
    for (int method = 0; method < 2; method++) {
        set.method = method ? GKV_GK_MLE : GKV_GK_LM;
        gkv_gk_fit_result fit = fit_sample(&(gkv_gk_sample){.x = y, .n = N}, &set);
        assert_int_equal(fit.test, GKV_GK_TEST_TIES);
        assert_true(isnan(fit.p_value) && fit.tied > 20 && fabs(fit.tied_value) < 1.5);
        fit = fit_sample(&(gkv_gk_sample){.x = y, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO},
                         &set);
        assert_int_equal(fit.test, GKV_GK_TEST_BINS);
        assert_true(fit.resolution == .05 && fit.p_value > .001);
        /* exact values have no resolution, and the setting changes no bit */
        const gkv_gk_fit_result exact = fit_sample(&(gkv_gk_sample){.x = x, .n = N}, &set);
        fit = fit_sample(&(gkv_gk_sample){.x = x, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO},
                         &set);
        assert_memory_equal(&fit, &exact, sizeof fit);
        assert_int_equal(fit.test, GKV_GK_TEST_LEVELS);
        /* zeros among exact values: no resolution explains them */
        double z[N];
        for (size_t i = 0; i < N; i++)
            z[i] = i % 25 ? x[i] : 0;
        fit = fit_sample(&(gkv_gk_sample){.x = z, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO},
                         &set);
        assert_int_equal(fit.test, GKV_GK_TEST_TIES);
        assert_true(fit.tied == 80 && fit.tied_value == 0 && fit.resolution == 0);
        /* also if the others have six decimals */
        for (size_t i = 0; i < N; i++)
            z[i] = 1e-6 * nearbyint(1e6 * z[i]);
        fit = fit_sample(&(gkv_gk_sample){.x = z, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO},
                         &set);
        assert_int_equal(fit.test, GKV_GK_TEST_TIES);
    }
}

/* Whole numbers, every third of them rounded to a multiple of ten. */
static void heaps_have_no_p_value(void **state)
{
    (void)state;
    enum { N = 3000 };
    double x[N];
    const gkv_gk truth = {.a = 70, .b = 30, .g = .3, .k = .1, .c = .8};
    draw(&truth, 5, N, x);
    for (size_t i = 0; i < N; i++)
        x[i] = i % 3 ? nearbyint(x[i]) : 10 * nearbyint(.1 * x[i]);
    for (int method = 0; method < 2; method++) {
        gkv_gk_fit_settings set = mle();
        set.method = method ? GKV_GK_MLE : GKV_GK_LM;
        const gkv_gk_fit_result fit = fit_sample(
            &(gkv_gk_sample){.x = x, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO}, &set);
        assert_int_equal(fit.test, GKV_GK_TEST_HEAPS);
        assert_true(fit.resolution == 1 && fit.heaps == 10 && isnan(fit.p_value));
        assert_close(fit.gk.a, 70, 4);
    }
}

/* The same for a unit that is greater than the distance of the quartiles. */
static void coarse_heaps_have_no_p_value(void **state)
{
    (void)state;
    enum { N = 1500 };
    double x[N];
    const gkv_gk truth = {.a = 10, .b = 2, .g = .1, .k = 0, .c = .8};
    draw(&truth, 7, N, x);
    for (size_t i = 0; i < N; i++)
        x[i] = i % 3 ? .1 * nearbyint(10 * x[i]) : 5 * nearbyint(.2 * x[i]);
    const gkv_gk_fit_settings set = mle();
    const gkv_gk_fit_result fit =
        fit_sample(&(gkv_gk_sample){.x = x, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO}, &set);
    assert_int_equal(fit.test, GKV_GK_TEST_HEAPS);
    assert_close(fit.heaps, 5, 1e-9);
    assert_true(isnan(fit.p_value));
}

/* Counts: those of a rounded g-and-k distribution fit; those with too many zeros do not. */
static void counts_with_many_zeros(void **state)
{
    (void)state;
    enum { N = 2000 };
    double x[N];
    const gkv_gk truth[2] = {{.a = 9, .b = 3, .g = .3, .k = 0, .c = .8},
                             {.a = 4, .b = 1.7, .g = .4, .k = .02, .c = .8}};
    const gkv_gk_fit_settings set = mle();
    for (int run = 0; run < 4; run++) {
        const bool inflated = run % 2;
        draw(&truth[run / 2], 6, N, x);
        for (size_t i = 0; i < N; i++)
            x[i] = inflated && i % 4 == 0 ? 0 : fmax(0, nearbyint(x[i]));
        const gkv_gk_fit_result fit = fit_sample(
            &(gkv_gk_sample){.x = x, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO}, &set);
        assert_int_equal(fit.test, GKV_GK_TEST_BINS);
        assert_true(fit.resolution == 1);
        assert_true(inflated ? fit.p_value < 1e-10 : fit.p_value > .001);
    }
}

/* Answers 1 … 7. Other methods say what to do. */
static void few_distinct_values(void **state)
{
    (void)state;
    enum { N = 7 };
    const double x[N] = {1, 2, 3, 4, 5, 6, 7}, weights[N] = {8, 31, 88, 160, 131, 62, 20};
    gkv_gk_sample sample = {.x = x, .n = N, .weights = weights};
    gkv_gk_fit_settings set = mle();
    gkv_gk_fit_result fit;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                 "with their resolution");
    assert_int_equal(gkv_error_remedy(), GKV_REMEDY_RESOLUTION);
    sample.resolution = GKV_GK_RESOLUTION_AUTO;
    fit = fit_sample(&sample, &set);
    assert_int_equal(fit.converged, 1);
    assert_true(fit.resolution == 1 && fit.dof == 2 && fit.p_value > .01);
    assert_true(fit.anderson_darling > 0 && fit.anderson_darling < 1);
    assert_close(fit.gk.a, 4.2, .2);
    /* the probabilities of the answers are those of the fit */
    for (size_t i = 0; i < N; i++) {
        const double low = i > 0 ? gkv_gk_cdf(&fit.gk, x[i] - .5) : 0,
                     high = i < N - 1 ? gkv_gk_cdf(&fit.gk, x[i] + .5) : 1;
        assert_close(high - low, weights[i] / 500, .02);
    }
    set.method = GKV_GK_LM;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                 "maximum likelihood");
    assert_int_equal(gkv_error_remedy(), GKV_REMEDY_RESOLUTION);
    sample.n = 4;
    set.method = GKV_GK_MLE;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                 "4 distinct values cannot determine 4 parameters");
}

static void bootstraps(void **state)
{
    (void)state;
    enum { N = 500 };
    double x[N], low[N], high[N];
    const gkv_gk_fit_settings set = mle();
    gkv_gk_bootstrap_settings boot;
    gkv_gk_bootstrap_result result;
    gkv_gk_bootstrap_defaults(&boot);
    boot.replicates = 99;
    draw(&truths[1], 9, N, x);
    for (size_t i = 0; i < N; i++) {
        x[i] = .5 * nearbyint(2 * x[i]);
        low[i] = fmin(x[i], 2) - .25;
        high[i] = x[i] > 2 ? INFINITY : x[i] + .25;
    }
    gkv_gk_sample sample = {.x = x, .n = N, .resolution = GKV_GK_RESOLUTION_AUTO};
    gkv_gk_fit_result fit = fit_sample(&sample, &set);
    /* A² takes the resolution into account */
    assert_true(fit.anderson_darling > 0 && fit.anderson_darling < 2);
    assert_ok(gkv_gk_bootstrap(&sample, &fit, &set, &boot, NULL, NULL, &result));
    assert_true(result.p_anderson_darling > .01 && result.p_chi2 > .01 && result.used > 95);
    for (int j = 0; j < 4; j++)
        assert_close(result.se[j] / fit.se[j], 1, .35);
    sample = (gkv_gk_sample){.lower = low, .upper = high, .n = N};
    fit = fit_sample(&sample, &set);
    assert_fails(gkv_gk_bootstrap(&sample, &fit, &set, &boot, NULL, NULL, &result),
                 GKV_ERR_ARGUMENT, "nonparametric");
    assert_int_equal(gkv_error_remedy(), GKV_REMEDY_NONPARAMETRIC);
    boot.nonparametric = true;
    assert_ok(gkv_gk_bootstrap(&sample, &fit, &set, &boot, NULL, NULL, &result));
    for (int j = 0; j < 4; j++)
        assert_close(result.se[j] / fit.se[j], 1, .35);
}

static void wrong_intervals(void **state)
{
    (void)state;
    enum { N = 12 };
    double low[N], high[N];
    gkv_gk_fit_settings set = mle();
    gkv_gk_fit_result fit;
    gkv_gk_sample sample = {.lower = low, .upper = high, .n = N};
    static const struct {
        double low, high;
        const char *message;
    } wrong[] = {{2, 1, "observation 4 of 12 is the interval from 2 to 1"},
                 {NAN, 1, "observation 4"},
                 {1, NAN, "observation 4"},
                 {INFINITY, INFINITY, "observation 4"},
                 {-INFINITY, INFINITY, "leave it out"}};
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        for (size_t i = 0; i < N; i++)
            high[i] = 1 + (low[i] = (double)i);
        assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL));
        low[3] = wrong[w].low;
        high[3] = wrong[w].high;
        assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                     wrong[w].message);
    }
    sample.upper = NULL;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_ARGUMENT, "upper");
    sample.upper = high;
    set.method = GKV_GK_LM;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_ARGUMENT,
                 "maximum likelihood");
    set.method = GKV_GK_MLE;
    for (size_t i = 0; i < N; i++)
        low[i] = 3, high[i] = INFINITY;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA, "determine");
    for (size_t i = 0; i < N; i++)
        low[i] = (double)i;
    sample = (gkv_gk_sample){.x = low, .n = N, .resolution = -2};
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_ARGUMENT,
                 "must be above 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likelihood),
        cmocka_unit_test(derivatives),
        cmocka_unit_test(narrow_intervals_are_points),
        cmocka_unit_test(binned_normal),
        cmocka_unit_test(censored_samples),
        cmocka_unit_test(rounded_samples),
        cmocka_unit_test(the_test_knows_ties),
        cmocka_unit_test(heaps_have_no_p_value),
        cmocka_unit_test(coarse_heaps_have_no_p_value),
        cmocka_unit_test(counts_with_many_zeros),
        cmocka_unit_test(few_distinct_values),
        cmocka_unit_test(bootstraps),
        cmocka_unit_test(wrong_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
