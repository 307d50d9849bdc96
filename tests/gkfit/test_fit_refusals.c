/* What fits refuse: settings, samples of values and of intervals, bootstraps. */
#include "samples.h"
#include "flat_settings.h"
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"

enum { N = 60 };

static const gkv_gk truth = {.a = 0, .b = 1, .g = .5, .k = .2, .c = .8};

/* A fit with defaults that are changed so is refused with this message. */
#define REFUSED(change, text)                                               \
    do {                                                                    \
        gkv_gk_fit_defaults(&set);                                          \
        change;                                                             \
        assert_fails(gkv_gk_fit(N, x, &set, &fit), GKV_ERR_ARGUMENT, text); \
    } while (0)

static void settings(void **state)
{
    (void)state;
    double x[N];
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set;
    draw_sample(8, &truth, 0, N, x);
    REFUSED((set.start = &truth, memset(set.fixed, 1, 4)), "nothing to fit");
    REFUSED((set.low[2] = 1, set.high[2] = 0), "bounds 1 and 0 of g");
    REFUSED(set.low[3] = NAN, "of k");
    REFUSED((set.low[0] = set.high[0] = INFINITY), "bounds inf and inf of A");
    REFUSED((set.low[0] = set.high[0] = -INFINITY), "bounds -inf and -inf of A");
    REFUSED(set.high[1] = -1, "upper bound of B");
    REFUSED(set.confidence = 0, "confidence");
    REFUSED(set.confidence = 1, "confidence");
    REFUSED(set.advanced.max_reweightings = 0, "max_newton");
    REFUSED(set.advanced.reweighting_tolerance = 0, "max_newton");
    REFUSED(set.advanced.max_newton = 0, "max_newton");
    REFUSED(set.advanced.margin = 0, "margin");
    REFUSED(set.advanced.margin = 1, "margin");
    REFUSED(set.advanced.step_tolerance = -1, "tolerances must be ≥ 0");
    REFUSED((set.advanced.loss = GKV_LM_HUBER, set.advanced.loss_scale = 0), "loss_scale");
    REFUSED(set.method = (gkv_gk_method)9, "no fitting method 9");
    REFUSED(set.tail = .2, "the tail");
    REFUSED(set.tail = -.1, "the tail");
    REFUSED(set.levels = 3, "7 or more levels");
    REFUSED(set.c = 0, "c must be");
    REFUSED(set.c = 1, "c must be");
    assert_fails(gkv_gk_fit_many(1, &(gkv_gk_sample){.x = x, .n = N}, NULL,
                                 &(gkv_run_options){.threads = -1}, &fit, NULL),
                 GKV_ERR_ARGUMENT, "threads = -1");
    assert_fails(
        gkv_gk_fit_many(1, &(gkv_gk_sample){.x = x, .n = SIZE_MAX / 8}, NULL, NULL, &fit, NULL),
        GKV_ERR_ARGUMENT, "values is too large");
}

static void starts(void **state)
{
    (void)state;
    double x[N];
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set;
    const gkv_gk light = {.b = 1, .g = .1, .k = -.3, .c = .8}, negative = {.b = -1, .c = .8},
                 lighter = {.b = 1, .k = -.49995, .c = .8}, lightest = {.b = 1, .k = -.7, .c = .8},
                 unknown = {.b = 1, .g = INFINITY, .k = .1, .c = .8},
                 steep = {.b = 1, .g = 1e9, .k = .1, .c = .8},
                 other = {.b = 1, .g = 1, .k = .1, .c = .8, .family = GKV_GK_FAMILY_GH};
    draw_sample(8, &truth, 0, N, x);
    for (int j = 0; j < 4; j++)
        REFUSED(set.fixed[j] = true, "need a start");
    REFUSED(set.start = &other, "not the g-and-h family");
    REFUSED((set.start = &negative, set.fixed[1] = true), "a fixed B must be");
    REFUSED((set.start = &unknown, set.fixed[2] = true), "a fixed parameter is inf");
    REFUSED((set.start = &steep, set.fixed[2] = true), "a fixed g must be within");
    REFUSED((set.start = &light, set.fixed[2] = set.fixed[3] = true), "not a g-and-k");
    REFUSED((set.start = &light, set.fixed[3] = true, set.low[2] = -1, set.high[2] = 1),
            "not valid for g between the bounds");
    REFUSED((set.start = &lighter, set.fixed[3] = true), "valid for g = 0 only");
    REFUSED((set.start = &lightest, set.fixed[3] = true), "not valid for any g");
}

/* A k that is not a number is estimated, as if there were no start of it. */
static void unknown_members_of_starts_are_estimated(void **state)
{
    (void)state;
    double x[N];
    gkv_gk_fit_result free_k, given;
    gkv_gk_fit_settings set;
    gkv_gk start = {.b = 1, .g = .5, .k = NAN, .c = .8};
    draw_sample(8, &truth, 0, N, x);
    gkv_gk_fit_defaults(&set);
    set.start = &start;
    set.fixed[2] = true;
    assert_ok(gkv_gk_fit(N, x, &set, &free_k));
    start.k = INFINITY;
    assert_ok(gkv_gk_fit(N, x, &set, &given));
    assert_close(free_k.gk.k, given.gk.k, 1e-3 * free_k.se[3]);
    assert_true(free_k.gk.g == .5 && given.gk.g == .5);
}

static void samples_of_values(void **state)
{
    (void)state;
    double x[100];
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set;
    for (int i = 0; i < 100; i++)
        x[i] = i + .3 * sin(i);
    assert_fails(gkv_gk_fit(7, x, NULL, &fit), GKV_ERR_DATA, "at least 8 values");
    assert_fails(gkv_gk_fit(0, NULL, NULL, &fit), GKV_ERR_DATA, "at least 8 values");
    assert_ok(gkv_gk_fit(8, x, NULL, &fit));
    x[41] = NAN;
    assert_fails(gkv_gk_fit(100, x, NULL, &fit), GKV_ERR_DATA, "value 42 of 100 is nan");
    assert_fails(gkv_gk_fit_sorted(100, x, NULL, &fit), GKV_ERR_DATA, "value 42");
    x[41] = -INFINITY;
    assert_fails(gkv_gk_fit(100, x, NULL, &fit), GKV_ERR_DATA, "-inf");
    x[41] = 3;
    assert_fails(gkv_gk_fit_sorted(100, x, NULL, &fit), GKV_ERR_DATA, "not sorted: value 42");
    for (int i = 0; i < 100; i++)
        x[i] = 4;
    assert_fails(gkv_gk_fit(100, x, NULL, &fit), GKV_ERR_DATA, "all 100 values are 4");
    for (int i = 0; i < 100; i++)
        x[i] = i < 80 ? i : 80;
    assert_fails(gkv_gk_fit(100, x, NULL, &fit), GKV_ERR_DATA,
                 "heavy ties: 20 of 100 values are 80");
    for (int i = 0; i < 100; i++)
        x[i] = floor(i / 5.) + (i % 2 ? 0 : 1e-9);
    assert_ok(gkv_gk_fit(100, x, NULL, &fit)); /* light ties are allowed */
    x[0] = -1.7e308, x[99] = 1.7e308;
    assert_fails(gkv_gk_fit(100, x, NULL, &fit), GKV_ERR_DATA, "too large");
    assert_fails(gkv_gk_fit(8, x, NULL, &fit), GKV_ERR_DATA,
                 "at least 7 distinct values, but 5 of 8 are distinct");
    for (int i = 0; i < 100; i++)
        x[i] = i + .3 * sin(i);
    x[0] = -1e300;
    gkv_gk_fit_defaults(&set);
    assert_ok(gkv_gk_fit(8, x, &set, &fit)); /* one outlier is outside the levels */
    set.levels = 8;
    assert_fails(gkv_gk_fit(8, x, &set, &fit), GKV_ERR_DATA, "times its spread");
    x[0] = 0;
    set.levels = 101;
    assert_fails(gkv_gk_fit(100, x, &set, &fit), GKV_ERR_ARGUMENT, "7 … 100 levels");
    set.levels = 100;
    assert_ok(gkv_gk_fit(100, x, &set, &fit));
}

/* --- Intervals and rounded values ----------------------------------------- */

static void refuses_sample(const gkv_gk_sample *sample, const gkv_gk *start, gkv_status status,
                           const char *text)
{
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set = mle_settings();
    set.start = start;
    set.fixed[0] = start != NULL;
    assert_fails(gkv_gk_fit_many(1, sample, &set, NULL, &fit, NULL), status, text);
}

static void samples_of_intervals(void **state)
{
    (void)state;
    static const struct {
        double lower, upper, weight;
        const char *text;
    } wrong[] = {{1, 2, -1, "weight 4 of 60 is -1"},
                 {1, 2, INFINITY, "weight 4 of 60 is inf"},
                 {1, 2, NAN, "weight 4 of 60 is nan"},
                 {2, 1, 1, "the interval from 2 to 1"},
                 {NAN, 1, 1, "the interval from nan to 1"},
                 {INFINITY, INFINITY, 1, "the interval from inf to inf"},
                 {-INFINITY, -INFINITY, 1, "the interval from -inf to -inf"},
                 {-INFINITY, INFINITY, 1, "observation 4 of 60 is unknown"}};
    double lower[N], upper[N], weights[N];
    gkv_gk_sample sample = {.n = N, .lower = lower, .upper = upper, .weights = weights};
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        for (size_t i = 0; i < N; i++)
            lower[i] = (double)i, upper[i] = (double)i + 1, weights[i] = 1;
        lower[3] = wrong[w].lower, upper[3] = wrong[w].upper, weights[3] = wrong[w].weight;
        refuses_sample(&sample, NULL, GKV_ERR_DATA, wrong[w].text);
    }
    lower[3] = 3, upper[3] = 4, weights[3] = 1e15;
    refuses_sample(&sample, NULL, GKV_ERR_DATA, "less than 1e15");
    weights[3] = 20;
    upper[3] = 3;
    refuses_sample(&sample, NULL, GKV_ERR_DATA, "20 of 79 observations are exactly 3");
    weights[3] = 5; /* light ties are allowed */
    gkv_gk_fit_result fit;
    const gkv_gk_fit_settings set = mle_settings();
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL));
    assert_true(fit.total == N - 1 + 5);
    sample.n = 7;
    weights[3] = 1;
    refuses_sample(&sample, NULL, GKV_ERR_DATA, "at least 8 observations");
    sample.n = N;
    sample.upper = NULL;
    refuses_sample(&sample, NULL, GKV_ERR_ARGUMENT, "upper = NULL");
    sample.upper = upper;
    sample.lower = NULL;
    refuses_sample(&sample, NULL, GKV_ERR_ARGUMENT, "lower = NULL");
}

/* Intervals with a common value are not data, unless a location is held beyond it. */
static void common_values(void **state)
{
    (void)state;
    double lower[N], upper[N];
    const gkv_gk_sample sample = {.n = N, .lower = lower, .upper = upper};
    gkv_gk start = {.a = 0, .b = 1, .g = .1, .k = .1, .c = .8};
    for (size_t i = 0; i < N; i++)
        lower[i] = -1 - (double)i, upper[i] = 1 + (double)(i % 7);
    refuses_sample(&sample, NULL, GKV_ERR_DATA, "all intervals contain -1");
    refuses_sample(&sample, &start, GKV_ERR_DATA, "all intervals contain -1");
    for (size_t i = 0; i < N; i++)
        lower[i] = -INFINITY;
    refuses_sample(&sample, NULL, GKV_ERR_DATA, "all intervals contain 1");
}

/* One interval determines no scale, though the held location is beyond it. */
static void one_interval(void **state)
{
    (void)state;
    double lower[N], upper[N];
    gkv_gk start = {.a = 0, .b = 1, .g = .1, .k = .1, .c = .8};
    const gkv_gk_sample sample = {.n = N, .lower = lower, .upper = upper};
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set = mle_settings();
    for (size_t i = 0; i < N; i++)
        lower[i] = 1, upper[i] = 2;
    set.start = &start;
    set.fixed[0] = set.fixed[2] = set.fixed[3] = true;
    for (int beyond = 0; beyond < 2; beyond++) {
        start.a = 3 * beyond;
        assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                     "1 distinct interval cannot determine 1 parameter:");
    }
}

/* The quartiles of the ends of these censored values are equal; their range is the scale. */
static void censored_values_without_spread(void **state)
{
    (void)state;
    double lower[N], upper[N];
    const gkv_gk_sample sample = {.n = N, .lower = lower, .upper = upper};
    gkv_gk_fit_result fit;
    const gkv_gk_fit_settings set = mle_settings();
    for (size_t i = 0; i < N; i++) {
        lower[i] = i < 6 ? (double)i - 9 : i < 54 ? 0 : (double)i - 50;
        upper[i] = i < 6 ? (double)i - 8 : i < 54 ? 1 + (double)(i % 9) : INFINITY;
    }
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL));
    assert_true(fit.gk.a > 0 && fit.gk.a < 9 && fit.gk.b > 0 && fit.gk.b < 20);
}

static void ranges_that_overflow(void **state)
{
    (void)state;
    double lower[N], upper[N];
    const gkv_gk_sample sample = {.n = N, .lower = lower, .upper = upper};
    for (int censored = 0; censored < 2; censored++) {
        for (size_t i = 0; i < N; i++)
            lower[i] = (double)i, upper[i] = censored && i % 3 == 0 ? INFINITY : (double)i + 1;
        lower[1] = -1.7e308, upper[1] = -1.6e308;
        lower[2] = 1.6e308, upper[2] = 1.7e308;
        refuses_sample(&sample, NULL, GKV_ERR_DATA, "too large");
    }
}

static void resolutions(void **state)
{
    (void)state;
    const double wrong[] = {-2, NAN, INFINITY};
    double x[N];
    for (size_t i = 0; i < N; i++)
        x[i] = (double)i / 7;
    for (size_t i = 0; i < 3; i++)
        refuses_sample(&(gkv_gk_sample){.n = N, .x = x, .resolution = wrong[i]}, NULL,
                       GKV_ERR_ARGUMENT, "resolution of a sample");
    refuses_sample(&(gkv_gk_sample){.n = N, .x = x, .resolution = 100}, NULL, GKV_ERR_DATA,
                   "all values lie in one interval");
    refuses_sample(&(gkv_gk_sample){.n = N}, NULL, GKV_ERR_ARGUMENT, "has x = NULL");
}

/* --- Bootstraps ----------------------------------------------------------- */

static void bootstraps(void **state)
{
    (void)state;
    double x[N], weights[N], estimates[4 * 19];
    gkv_gk_fit_result fit;
    gkv_gk_bootstrap_settings set;
    gkv_gk_bootstrap_result result;
    gkv_gk_sample sample = {.n = N, .x = x};
    draw_sample(8, &truth, 0, N, x);
    assert_ok(gkv_gk_fit(N, x, NULL, &fit));
    gkv_gk_bootstrap_defaults(&set);
    gkv_gk_bootstrap_defaults(NULL);
    set.confidence = 0;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &set, NULL, NULL, &result), GKV_ERR_ARGUMENT,
                 "(0, 1), not 0");
    set.confidence = 1;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &set, NULL, NULL, &result), GKV_ERR_ARGUMENT,
                 "(0, 1), not 1");
    set.confidence = .95;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &set, ON_THREADS(-1), NULL, &result),
                 GKV_ERR_ARGUMENT, "threads = -1");
    set.replicates = (size_t)UINT32_MAX + 1;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &set, NULL, NULL, &result), GKV_ERR_ARGUMENT,
                 "at least 19 replicates");
    for (size_t i = 0; i < N; i++)
        weights[i] = 1e9;
    sample.weights = weights;
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, NULL, NULL, NULL, &result), GKV_ERR_ARGUMENT,
                 "observations is too large");
    /* few distinct values: most replicates have too few of them, or ties */
    sample = (gkv_gk_sample){.n = 8, .x = x};
    set.replicates = 19;
    set.nonparametric = true;
    assert_ok(gkv_gk_fit(8, x, NULL, &fit));
    assert_fails(gkv_gk_bootstrap(&sample, &fit, NULL, &set, NULL, estimates, &result),
                 GKV_ERR_NUMERIC, "the bootstrap could fit only");
    size_t unknown = 0;
    for (size_t i = 0; i < 19; i++)
        unknown += isnan(estimates[4 * i]) ? 1U : 0U;
    assert_true(unknown > 9);
}

/* Octile estimates have a bootstrap too, without a start and without a test of fit. */
static void octiles_are_bootstrapped(void **state)
{
    (void)state;
    double x[N];
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set;
    gkv_gk_bootstrap_settings boot;
    gkv_gk_bootstrap_result result;
    draw_sample(8, &truth, 0, N, x);
    gkv_gk_fit_defaults(&set);
    gkv_gk_bootstrap_defaults(&boot);
    set.method = GKV_GK_OCTILES;
    boot.replicates = 99;
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    assert_ok(
        gkv_gk_bootstrap(&(gkv_gk_sample){.n = N, .x = x}, &fit, &set, &boot, NULL, NULL, &result));
    assert_true(isnan(result.p_chi2) && isnan(result.p_anderson_darling));
    assert_int_equal(result.used, 99);
    for (int j = 0; j < 4; j++)
        assert_true(result.se[j] > 0 && result.low[j] < result.high[j]);
    assert_fails(gkv_gk_fit_octiles(0, NULL, .8, &fit.gk), GKV_ERR_DATA, "at least 8 values");
    assert_fails(gkv_gk_fit_sorted(0, NULL, NULL, &fit), GKV_ERR_DATA, "at least 8 values");
}

/* Bounds beyond those of fits are kept all the same. */
static void far_bounds_are_kept(void **state)
{
    (void)state;
    double x[N];
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set;
    draw_sample(8, &truth, 0, N, x);
    for (int side = -1; side <= 1; side += 2) {
        gkv_gk_fit_defaults(&set);
        (side > 0 ? set.low : set.high)[2] = side * 1e6;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(side * fit.gk.g >= 1e6);
    }
}

/* A held k that is valid far from g = 0 only keeps the sign of the start's g. */
static void held_shapes_keep_the_sign_of_g(void **state)
{
    (void)state;
    double x[N];
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set;
    for (int side = -1; side <= 1; side += 2) {
        const gkv_gk start = {.b = 1, .g = 12 * side, .k = -.4, .c = .8};
        draw_sample(8, &start, 0, N, x);
        gkv_gk_fit_defaults(&set);
        set.start = &start;
        set.fixed[3] = true;
        set.advanced.one_start = true;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(side * fit.gk.g > 3 && fit.gk.k == -.4);
    }
}

/* These bounds allow g beyond about −3 only. What profiles try on the other side is not an
 * error. */
static void profiles_keep_to_what_bounds_allow(void **state)
{
    (void)state;
    const gkv_gk from = {.b = 1, .g = -12, .k = -.38, .c = .8};
    double x[N];
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set = mle_settings();
    set.intervals = GKV_GK_PROFILE;
    set.high[2] = 2;
    set.high[3] = -.4;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        draw_sample(seed, &from, 0, N, x);
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.gk.g < -3 && fit.gk.k <= -.4);
        assert_true(fit.low[2] <= fit.gk.g && fit.high[2] >= fit.gk.g && fit.high[2] < -2);
        assert_true(fit.high[3] <= -.4);
    }
}

/* A fit with many levels does not depend on the others in its batch; levels do not limit maximum
 * likelihood of intervals. */
static void many_levels(void **state)
{
    (void)state;
    enum { MANY = 400 };
    double x[MANY], upper[MANY];
    gkv_gk_fit_result alone, both[2];
    gkv_gk_fit_settings set;
    draw_sample(5, &truth, 0, MANY, x);
    const gkv_gk_sample samples[2] = {{.n = MANY, .x = x}, {.n = 250, .x = x}};
    gkv_gk_fit_defaults(&set);
    set.levels = 200;
    assert_ok(gkv_gk_fit_many(1, samples, &set, NULL, &alone, NULL));
    assert_ok(gkv_gk_fit_many(2, samples, &set, NULL, both, NULL));
    assert_memory_equal(&alone.gk, &both[0].gk, sizeof alone.gk);
    assert_true(fabs(alone.gk.a - truth.a) < .3 && fabs(alone.gk.b - truth.b) < .4);
    for (size_t i = 0; i < MANY; i++)
        upper[i] = x[i] + .1;
    set = mle_settings();
    set.levels = 200;
    const gkv_gk_sample intervals = {.n = 100, .lower = x, .upper = upper};
    assert_ok(gkv_gk_fit_many(1, &intervals, &set, NULL, &alone, NULL));
    assert_true(fabs(alone.gk.a - truth.a) < .6 && alone.total == 100);
}

/* --- Flat functions ------------------------------------------------------- */

static void flat_outputs_are_optional(void **state)
{
    (void)state;
    static const size_t starts[] = {0, N, 2 * N}, few[] = {0, 7};
    double x[2 * N], own[GKV_FLAT_FIT_NUMBERS], same[2 * GKV_FLAT_FIT_NUMBERS];
    gkv_status statuses[2];
    gkv_flat_settings *set =
        flat_settings(gkv_flat_fit_settings, "method", "mle", "intervals", "profile", NULL);
    draw_sample(8, &truth, 0, N, x);
    assert_ok(gkv_flat_gk_fit(1, starts, x, NULL, NULL, set, NULL, own, statuses));
    assert_ok(gkv_flat_gk_fit(1, starts, x, NULL, NULL, set, NULL, same, NULL));
    assert_ok(gkv_flat_gk_fit(1, starts, x, NULL, NULL, set, NULL, NULL, NULL));
    assert_memory_equal(own, same, sizeof own);
    assert_true(isfinite(own[GKV_FLAT_FIT_LOG_LIKELIHOOD]));
    assert_fails(gkv_flat_gk_fit(1, few, x, NULL, NULL, set, NULL, own, statuses), GKV_ERR_DATA,
                 "at least 8 values");
    for (int i = 0; i < GKV_FLAT_FIT_NUMBERS; i++)
        assert_true(isnan(own[i]));
    gkv_flat_free(set);
    /* two samples, of which one fails */
    for (size_t i = 0; i < N; i++)
        x[i] = sin((double)(i * i)) + (double)i / 100, x[N + i] = 5;
    set = flat_settings(gkv_flat_fit_settings, "method", "mle", NULL);
    assert_fails(gkv_flat_gk_fit(2, starts, x, NULL, NULL, set, NULL, same, statuses), GKV_ERR_DATA,
                 "sample 2 of 2: all 60 values are 5");
    assert_true(statuses[0] == GKV_OK && statuses[1] == GKV_ERR_DATA);
    assert_true(same[GKV_FLAT_FIT_CONVERGED] == 1 && isnan(same[GKV_FLAT_FIT_NUMBERS]));
    gkv_flat_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings),
        cmocka_unit_test(starts),
        cmocka_unit_test(unknown_members_of_starts_are_estimated),
        cmocka_unit_test(samples_of_values),
        cmocka_unit_test(samples_of_intervals),
        cmocka_unit_test(common_values),
        cmocka_unit_test(one_interval),
        cmocka_unit_test(censored_values_without_spread),
        cmocka_unit_test(ranges_that_overflow),
        cmocka_unit_test(resolutions),
        cmocka_unit_test(bootstraps),
        cmocka_unit_test(octiles_are_bootstrapped),
        cmocka_unit_test(far_bounds_are_kept),
        cmocka_unit_test(held_shapes_keep_the_sign_of_g),
        cmocka_unit_test(profiles_keep_to_what_bounds_allow),
        cmocka_unit_test(many_levels),
        cmocka_unit_test(flat_outputs_are_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
