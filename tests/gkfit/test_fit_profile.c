/* Intervals of the profile likelihood: their ends against the maxima of Nelder and Mead's simplex
 * and of fits with a held parameter, bounds, and coverage near the least valid k. */
#include "flat_settings.h"
#include "support.h"

#include "families.h"
#include "gkvae/flat.h"
#include "gkvae/gk_fit.h"
#include "nelder_mead.h"
#include "samples.h"
#include "num/sort.h"
#include "num/special.h"

enum { MOST = 500 };

static gkv_gk_fit_settings profile(void)
{
    gkv_gk_fit_settings set = mle_settings();
    set.intervals = GKV_GK_PROFILE;
    return set;
}

static void draw(const gkv_gk *gk, uint64_t sample, size_t n, double *x)
{
    draw_sorted_sample(29, gk, sample, n, x);
}

static const gkv_gk truths[] = {{.a = 3, .b = 1, .g = 2, .k = 0.5, .c = 0.8},
                                {.a = 0, .b = 1, .g = 0.2, .k = 0.1, .c = 0.8},
                                {.a = 0, .b = 1, .g = 1, .k = 1, .c = 0.8},
                                {.a = 2, .b = 1, .g = 5, .k = -0.1, .c = 0.8}};
enum { TRUTHS = sizeof truths / sizeof *truths };

/* At each end the maximum over the other parameters, which the simplex finds, is as far below the
 * maximum over all as the quantile of χ² says. */
static void ends_by_simplex(void **state)
{
    (void)state;
    static double x[MOST];
    const gkv_gk_fit_settings set = profile();
    for (size_t t = 0; t < TRUTHS; t++) {
        const size_t n = t == 0 ? MOST : 150;
        gkv_gk_fit_result fit;
        draw(&truths[t], t, n, x);
        assert_ok(gkv_gk_fit_sorted(n, x, &set, &fit));
        for (int j = 0; j < 4; j++)
            for (int end = 0; end < 2; end++) {
                gkv_gk found;
                const double most = nm_fit_held(n, x, j, end ? fit.high[j] : fit.low[j], &found);
                assert_close(fit.log_likelihood - most, profile_fall, 1e-3);
            }
    }
}

/* --- Fits with a held parameter ------------------------------------------- */

static double *parameter(gkv_gk *gk, int j)
{
    double *const all[] = {&gk->a, &gk->b, &gk->g, &gk->k};
    return all[j];
}

/* The log-likelihood of the fit with a parameter held at a value. */
static double held(const gkv_gk_sample *sample, const gkv_gk_fit_settings *settings,
                   const gkv_gk_fit_result *fit, int j, double value)
{
    gkv_gk_fit_settings set = *settings;
    gkv_gk_fit_result result;
    gkv_gk start = fit->gk;
    *parameter(&start, j) = value;
    set.intervals = GKV_GK_WALD;
    set.start = &start;
    set.fixed[j] = true;
    assert_ok(gkv_gk_fit_many(1, sample, &set, ON_THREADS(1), &result, NULL));
    return result.log_likelihood;
}

/* The fit with a parameter held at an end has the log-likelihood that the quantile of χ² says. The
 * least valid k may be an end too. */
static void check_ends(const gkv_gk_sample *sample, const gkv_gk_fit_settings *set,
                       const gkv_gk_fit_result *fit)
{
    for (int j = 0; j < 4; j++)
        for (int end = 0; end < 2; end++) {
            const double value = end ? fit->high[j] : fit->low[j];
            const bool least = !end && j == GKV_GK_K && fit->bound[j] < 0 && value == fit->gk.k;
            if (set->fixed[j] || !isfinite(value) || (j == GKV_GK_B && value == 0) || least)
                continue;
            assert_close(fit->log_likelihood - held(sample, set, fit, j, value), profile_fall,
                         2e-3);
        }
}

static void ends_by_held_fits(void **state)
{
    (void)state;
    static double x[400], w[400], rounded[400];
    gkv_gk_fit_settings set = profile(), gh = profile(), symmetric = profile();
    const gkv_gk normal = gkv_gk_standard();
    gkv_gk_fit_result fit;
    draw(&truths[0], 50, 400, x);
    for (size_t i = 0; i < 400; i++) {
        w[i] = (double)(i % 3);
        rounded[i] = nearbyint(4 * x[i]) / 4;
    }
    gkv_gk_sample sample = {.n = 400, .x = x, .weights = w};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &fit, NULL));
    check_ends(&sample, &set, &fit);
    sample = (gkv_gk_sample){.n = 400, .x = rounded, .resolution = 0.25};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &fit, NULL));
    check_ends(&sample, &set, &fit);
    sample = (gkv_gk_sample){.n = 40, .x = x + 200};
    gh.family = GKV_GK_FAMILY_GH;
    assert_ok(gkv_gk_fit_many(1, &sample, &gh, ON_THREADS(1), &fit, NULL));
    check_ends(&sample, &gh, &fit);
    sample = (gkv_gk_sample){.n = 400, .x = x};
    symmetric.start = &normal;
    symmetric.fixed[GKV_GK_G] = true;
    assert_ok(gkv_gk_fit_many(1, &sample, &symmetric, ON_THREADS(1), &fit, NULL));
    check_ends(&sample, &symmetric, &fit);
    assert_true(fit.low[GKV_GK_G] == 0 && fit.high[GKV_GK_G] == 0);
    family_draw(STUDENT_3, 1, 400, x);
    assert_ok(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &fit, NULL));
    check_ends(&sample, &set, &fit);
}

/* --- Bounds --------------------------------------------------------------- */

static void ends_at_bounds(void **state)
{
    (void)state;
    static double x[200];
    gkv_gk_fit_settings set = profile();
    gkv_gk_fit_result free, fit;
    draw(&truths[0], 60, 200, x);
    assert_ok(gkv_gk_fit_sorted(200, x, &set, &free));
    const double k = free.gk.k, within = 0.3 * free.se[GKV_GK_K];

    /* bounds within the interval are its ends, and do not change the other intervals much */
    set.low[GKV_GK_K] = k - within;
    set.high[GKV_GK_K] = k + within;
    assert_ok(gkv_gk_fit_sorted(200, x, &set, &fit));
    assert_true(fit.low[GKV_GK_K] == k - within && fit.high[GKV_GK_K] == k + within);
    assert_true(fit.low[GKV_GK_B] > free.low[GKV_GK_B]);

    /* an estimate at its bound has an interval on one side */
    set.low[GKV_GK_K] = -INFINITY;
    set.high[GKV_GK_K] = k - within;
    assert_ok(gkv_gk_fit_sorted(200, x, &set, &fit));
    assert_int_equal(fit.bound[GKV_GK_K], 1);
    assert_true(fit.high[GKV_GK_K] == k - within);
    const gkv_gk_sample sample = {.n = 200, .x = x};
    assert_close(fit.log_likelihood - held(&sample, &set, &fit, GKV_GK_K, fit.low[GKV_GK_K]),
                 profile_fall, 1e-3);

    /* bounds of A, B and g */
    gkv_gk_fit_settings others = profile();
    others.low[GKV_GK_A] = free.gk.a - 0.1 * free.se[GKV_GK_A];
    others.high[GKV_GK_B] = free.gk.b + 0.1 * free.se[GKV_GK_B];
    others.low[GKV_GK_G] = free.gk.g - 0.1 * free.se[GKV_GK_G];
    assert_ok(gkv_gk_fit_sorted(200, x, &others, &fit));
    assert_true(fit.low[GKV_GK_A] == others.low[GKV_GK_A]);
    assert_true(fit.high[GKV_GK_B] == others.high[GKV_GK_B]);
    assert_true(fit.low[GKV_GK_G] == others.low[GKV_GK_G]);
    assert_true(fit.high[GKV_GK_A] > fit.gk.a && fit.low[GKV_GK_B] < fit.gk.b);
}

/* A small sample of a density with a step determines a least g only. */
static void unknown_ends(void **state)
{
    (void)state;
    static double x[60];
    for (size_t i = 0; i < 60; i++) { /* tanh of a great g is a step */
        const double z = gki_normal_quantile(((double)i + 0.5) / 60);
        x[i] = z < 0 ? 0.2 * z : 1.8 * z;
    }
    const gkv_gk_fit_settings set = profile();
    gkv_gk_fit_result fit;
    assert_ok(gkv_gk_fit_sorted(60, x, &set, &fit));
    assert_true(fit.high[GKV_GK_G] == INFINITY);
    assert_true(isfinite(fit.low[GKV_GK_G]));
}

static void refusals(void **state)
{
    (void)state;
    static double x[200];
    gkv_gk_fit_settings set = profile();
    gkv_gk_fit_result fit;
    draw(&truths[0], 60, 200, x);
    set.method = GKV_GK_LM;
    assert_fails(gkv_gk_fit(200, x, &set, &fit), GKV_ERR_ARGUMENT, "need maximum likelihood");
    set.intervals = (gkv_gk_intervals)7;
    assert_fails(gkv_gk_fit(200, x, &set, &fit), GKV_ERR_ARGUMENT, "kind 7");
}

/* --- Invariance ----------------------------------------------------------- */

static void invariant(void **state)
{
    (void)state;
    enum { SAMPLES = 3, N = 150 };
    static double x[SAMPLES][N], scaled[N];
    const gkv_gk_fit_settings set = profile();
    gkv_gk_sample samples[SAMPLES];
    gkv_gk_fit_result one[SAMPLES], many[SAMPLES], other;
    double row[GKV_FLAT_FIT_NUMBERS];
    for (size_t i = 0; i < SAMPLES; i++) {
        draw(&truths[i], 70 + i, N, x[i]);
        samples[i] = (gkv_gk_sample){.n = N, .x = x[i]};
    }
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, ON_THREADS(1), one, NULL));
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, ON_THREADS(4), many, NULL));
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_memory_equal(one[i].low, many[i].low, sizeof one[i].low);
        assert_memory_equal(one[i].high, many[i].high, sizeof one[i].high);
    }
    for (size_t i = 0; i < N; i++)
        scaled[i] = 50 + 1e-3 * x[0][i];
    assert_ok(gkv_gk_fit(N, scaled, &set, &other));
    assert_close(other.low[GKV_GK_A], 50 + 1e-3 * one->low[GKV_GK_A], 1e-8);
    assert_relative(other.high[GKV_GK_B], 1e-3 * one->high[GKV_GK_B], 1e-5);
    assert_close(other.low[GKV_GK_G], one->low[GKV_GK_G], 1e-5);
    assert_close(other.high[GKV_GK_K], one->high[GKV_GK_K], 1e-5);
    gkv_flat_settings *flat =
        flat_settings(gkv_flat_fit_settings, "method", "mle", "intervals", "profile", NULL);
    assert_ok(gkv_flat_gk_fit(1, (const size_t[]){0, N}, x[0], NULL, NULL, flat, NULL, row, NULL));
    gkv_flat_free(flat);
    assert_memory_equal(row + GKV_FLAT_FIT_LOW, one->low, sizeof one->low);
    assert_memory_equal(row + GKV_FLAT_FIT_HIGH, one->high, sizeof one->high);
    assert_true(row[3] == one->gk.k && row[GKV_FLAT_FIT_LOG_LIKELIHOOD] == one->log_likelihood);
}

/* --- Coverage ------------------------------------------------------------- */

/* With k near its least valid value the profile's intervals contain it nearly always, as Wald's do,
 * which are about twice as wide. docs/fitting.md has more samples. */
static void coverage_near_the_bound(void **state)
{
    (void)state;
    enum { SAMPLES = 200, N = 200 };
    static double x[SAMPLES][N];
    static gkv_gk_sample samples[SAMPLES];
    static gkv_gk_fit_result wald[SAMPLES], profiles[SAMPLES];
    gkv_gk truth = {.b = 1, .g = 0.2, .c = 0.8};
    gkv_gk_fit_settings set = profile();
    size_t in_wald = 0, in_profile = 0;
    double width_wald = 0, width_profile = 0;
    truth.k = gkv_gk_k_min(truth.g, truth.c) + 0.02;
    for (size_t i = 0; i < SAMPLES; i++) {
        draw(&truth, 1000 + i, N, x[i]);
        samples[i] = (gkv_gk_sample){.n = N, .x = x[i]};
    }
    set.advanced.one_start = true; /* for speed */
    set.fixed[GKV_GK_A] = true;    /* which is not the parameter of interest */
    set.start = &truth;
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, ON_THREADS(0), profiles, NULL));
    set.intervals = GKV_GK_WALD;
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, ON_THREADS(0), wald, NULL));
    for (size_t i = 0; i < SAMPLES; i++) {
        const double k = truth.k;
        in_wald += wald[i].low[GKV_GK_K] <= k && k <= wald[i].high[GKV_GK_K];
        in_profile += profiles[i].low[GKV_GK_K] <= k && k <= profiles[i].high[GKV_GK_K];
        width_wald += wald[i].high[GKV_GK_K] - wald[i].low[GKV_GK_K];
        width_profile += profiles[i].high[GKV_GK_K] - profiles[i].low[GKV_GK_K];
    }
    assert_true(in_profile >= in_wald && in_profile >= SAMPLES * 95 / 100);
    assert_true(width_profile < 0.7 * width_wald);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_by_simplex),
        cmocka_unit_test(ends_by_held_fits),
        cmocka_unit_test(ends_at_bounds),
        cmocka_unit_test(unknown_ends),
        cmocka_unit_test(refusals),
        cmocka_unit_test(invariant),
        cmocka_unit_test(coverage_near_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
