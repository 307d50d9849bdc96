/* Maximum likelihood from several starts: the greatest maximum for samples of other families, and
 * what `converged` promises. */
#include "support.h"

#include "families.h"
#include "gkvae/gk_fit.h"
#include "nelder_mead.h"
#include "samples.h"

/* Whether the maximum is not below that of the simplex. */
static void expect_greatest(const char *name, uint64_t sample, size_t n, const double *x)
{
    const gkv_gk_fit_settings set = mle_settings();
    gkv_gk_fit_result fit;
    gkv_gk simplex;
    assert_ok(gkv_gk_fit(n, x, &set, &fit));
    const double lead = fit.log_likelihood - nm_fit(n, x, &simplex);
    if (!fit.converged || lead < -0.01)
        print_error("%s, %zu values, sample %zu: %g\n", name, n, (size_t)sample, lead);
    assert_true(fit.converged);
    assert_true(lead >= -0.01);
}

/* A part of bench/starts.c. */
static void greatest_maximum(void **state)
{
    (void)state;
    static const size_t sizes[] = {200, 2000}, counts[] = {3, 1};
    static double x[2000];
    for (family which = 0; which < FAMILIES; which++)
        for (size_t s = 0; s < 2; s++)
            for (size_t i = 0; i < counts[s]; i++) {
                family_draw(which, i, sizes[s], x);
                expect_greatest(family_name(which), i, sizes[s], x);
            }
}

/* Samples with a second maximum at another g, at another step, or at the bound of k, which the
 * first maximum does not show. */
static void second_maximum(void **state)
{
    (void)state;
    enum { N = 200 };
    static const struct {
        family which;
        uint64_t sample;
    } cases[] = {{CAUCHY, 1006},     {CAUCHY, 1082},       {GAMMA_HALF, 1059}, {GAMMA_HALF, 1126},
                 {CUBES, 1100},      {WEIBULL_HALF, 1045}, {CUBES, 1134},      {HALVES, 1023},
                 {GAMMA_HALF, 1010}, {HALVES, 1032}};
    double x[N];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        family_draw(cases[i].which, cases[i].sample, N, x);
        expect_greatest(family_name(cases[i].which), cases[i].sample, N, x);
    }
}

/* Normal values of which a quarter has a standard deviation of 10,000: the likelihood has a maximum
 * without and one with skewness. Two groups far away: k is at its bound, and the edges of both
 * halves are between two values. */
static void far_apart(void **state)
{
    (void)state;
    enum { N = 200, SAMPLES = 6 };
    const gkv_gk normal = gkv_gk_standard();
    double x[N];
    for (uint64_t i = 0; i < SAMPLES; i++) {
        gkv_gk_random(&normal, N, 57, N * i, x);
        for (size_t j = 0; j < N; j++)
            x[j] *= j % 4 == 0 ? 1e4 : 1.0;
        qsort(x, N, sizeof *x, family_compare);
        expect_greatest("two scales", i, N, x);
        gkv_gk_random(&normal, N, 58, N * i, x);
        for (size_t j = 0; j < N; j++)
            x[j] = 0.5 * erfc(-x[j] / sqrt(2.0)) + (j < N / 2 ? 0.0 : 100.0);
        qsort(x, N, sizeof *x, family_compare);
        expect_greatest("two groups", i, N, x);
    }
}

/* lm fits samples of 5,000 Cauchy values, also those whose equations have no solution. */
static void heavy_tails(void **state)
{
    (void)state;
    static double x[5000];
    for (size_t i = 0; i < 4; i++) {
        gkv_gk_fit_result fit;
        family_draw(CAUCHY, i, 5000, x);
        assert_ok(gkv_gk_fit(5000, x, NULL, &fit));
        assert_true(fit.converged);
        assert_close(fit.gk.k, 1.35, 0.2);
    }
}

/* lm of normal values of which a twentieth has 20 times the standard deviation. The equations of
 * some samples have no solution, those of others one at the side of the data. */
static void contaminated(void **state)
{
    (void)state;
    enum { N = 700, SAMPLES = 12 };
    double z[2 * N], x[N];
    const gkv_gk normal = gkv_gk_standard();
    for (uint64_t i = 0; i < SAMPLES; i++) {
        gkv_gk_fit_result lm, mle;
        const gkv_gk_fit_settings set = mle_settings();
        gkv_gk_random(&normal, 2 * N, 55, 2 * N * i, z);
        for (size_t j = 0; j < N; j++)
            x[j] = z[2 * j] * (z[2 * j + 1] > 1.6449 ? 20.0 : 1.0);
        assert_ok(gkv_gk_fit(N, x, NULL, &lm));
        assert_ok(gkv_gk_fit(N, x, &set, &mle));
        assert_true(lm.converged);
        assert_close(lm.gk.a, 0, 0.25);
        assert_true(lm.log_likelihood > mle.log_likelihood - 30.0);
    }
}

/* lm with g = 0 where the tails are too light for any g near it: the same likelihood as mle within
 * a few units, instead of more than 100 less. Normal samples, whose k is at its bound too, keep
 * their g. */
static void symmetric_by_lm(void **state)
{
    (void)state;
    enum { N = 1000, SAMPLES = 4, NORMAL = 100 };
    static double x[N];
    const gkv_gk normal = gkv_gk_standard();
    const gkv_gk_fit_settings set = mle_settings();
    for (uint64_t i = 0; i < SAMPLES; i++) {
        gkv_gk_fit_result lm, mle;
        family_draw(UNIFORM, i, N, x);
        assert_ok(gkv_gk_fit(N, x, NULL, &lm));
        assert_ok(gkv_gk_fit(N, x, &set, &mle));
        assert_true(lm.converged && lm.symmetric && lm.method == GKV_GK_LM);
        assert_true(lm.gk.g == 0 && lm.se[GKV_GK_G] == 0);
        assert_int_equal(lm.parameters, 3);
        assert_true(lm.log_likelihood > mle.log_likelihood - 3.0);
    }
    size_t at_bound = 0;
    for (uint64_t i = 0; i < 40; i++) {
        gkv_gk_fit_result lm;
        gkv_gk_random(&normal, NORMAL, 56, NORMAL * i, x);
        assert_ok(gkv_gk_fit(NORMAL, x, NULL, &lm));
        at_bound += lm.at_bound;
        assert_false(lm.symmetric);
    }
    assert_true(at_bound > 3);
}

/* The mean score of a parameter, in standard errors of the sum. */
static double score_of(const double *x, size_t n, const gkv_gk_fit_result *fit, int j)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double score[4];
        gkv_gk_score(&fit->gk, x[i], score);
        sum += score[j];
    }
    return sum * fit->se[j];
}

/* `converged` is true only at a maximum: not after one step, nor where no parameter is possible. At
 * a bound the likelihood decreases inwards. */
static void converged_is_verified(void **state)
{
    (void)state;
    enum { N = 500 };
    double x[N];
    gkv_gk_fit_settings set = mle_settings();
    gkv_gk_fit_result fit;
    family_draw(CAUCHY, 3, N, x);
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    assert_true(fit.converged);
    for (int j = 0; j < 4; j++)
        assert_close(score_of(x, N, &fit, j), 0, 1e-4);
    set.advanced.max_newton = 1;
    set.advanced.one_start = true;
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    assert_false(fit.converged);
    set = mle_settings();
    set.high[GKV_GK_K] = 0.5;
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    assert_true(fit.converged);
    assert_int_equal(fit.bound[GKV_GK_K], 1);
    double slope = 0.0;
    for (size_t i = 0; i < N; i++) {
        double score[4];
        gkv_gk_score(&fit.gk, x[i], score);
        slope += score[GKV_GK_K];
    }
    assert_true(slope > 0);
}

/* A B that is too small for the support: no value of A makes the sample possible. No penalty of the
 * solver is in the result. */
static void outside_the_support(void **state)
{
    (void)state;
    enum { N = 200 };
    double x[N];
    gkv_gk start = {.b = 0.1, .k = -0.5, .c = 0.8};
    gkv_gk_fit_settings set = mle_settings();
    gkv_gk_fit_result fit;
    family_draw(UNIFORM, 0, N, x);
    start.a = 0.5;
    set.start = &start;
    set.fixed[GKV_GK_B] = set.fixed[GKV_GK_G] = set.fixed[GKV_GK_K] = true;
    for (int method = GKV_GK_LM; method <= GKV_GK_MLE; method++) {
        set.method = (gkv_gk_method)method;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.log_likelihood == -INFINITY);
        assert_true(fit.aic == INFINITY && fit.bic == INFINITY);
    }
    assert_false(fit.converged);
    /* If B is free, the maximum has all values within A ± B. */
    set.fixed[GKV_GK_B] = false;
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    assert_true(fit.converged && isfinite(fit.log_likelihood));
    assert_true(fit.gk.a - fit.gk.b < x[0] && x[N - 1] < fit.gk.a + fit.gk.b);
}

/* Two groups of values: the density has a step between them, or its maximum at a corner of the
 * bound of k. */
static void two_groups(void **state)
{
    (void)state;
    enum { N = 200, RUNS = 8 };
    const gkv_gk normal = gkv_gk_standard();
    const gkv_gk_fit_settings set = mle_settings();
    double x[N];
    size_t worse = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        gkv_gk_fit_result fit;
        gkv_gk simplex;
        gkv_gk_random(&normal, N, 9, run * N, x);
        for (size_t i = 0; i < N / 2; i++)
            x[i] = 4.0 + 0.4 * (double)run + x[i] * (0.3 + 0.1 * (double)run);
        qsort(x, N, sizeof *x, family_compare);
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.converged);
        worse += fit.log_likelihood < nm_fit(N, x, &simplex) - 3.0;
    }
    assert_true(worse <= 2);
}

/* A normal distribution held has the mean and the standard deviation, however far an outlier is
 * away. If tails are free, they become heavy. There are no errors without a verified maximum. */
static void far_outlier(void **state)
{
    (void)state;
    enum { N = 201 };
    static const double outliers[] = {1e3, 1e9, 1e300};
    const gkv_gk normal = gkv_gk_standard();
    const gkv_gk start = {.b = 1, .c = 0.8};
    double x[N], mean, deviation;
    gkv_gk_random(&normal, N, 3, 0, x);
    for (size_t i = 0; i < 3; i++) {
        gkv_gk_fit_settings set = mle_settings();
        gkv_gk_fit_result fit;
        x[N - 1] = outliers[i];
        mean = deviation = 0.0;
        for (size_t j = 0; j < N; j++)
            mean += x[j] / outliers[i] / N;
        for (size_t j = 0; j < N; j++)
            deviation += (x[j] / outliers[i] - mean) * (x[j] / outliers[i] - mean) / N;
        set.start = &start;
        set.fixed[GKV_GK_G] = set.fixed[GKV_GK_K] = true;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.converged);
        assert_relative(fit.gk.a, mean * outliers[i], 1e-6);
        assert_relative(fit.gk.b, sqrt(deviation) * outliers[i], 1e-6);
        assert_relative(fit.se[GKV_GK_A], fit.gk.b / sqrt(N), 1e-6);
        const double by_moments = fit.log_likelihood;
        assert_relative(by_moments, -N * (log(fit.gk.b) + 0.5 * log(2 * acos(-1)) + 0.5), 1e-9);
        set.fixed[GKV_GK_G] = false;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.log_likelihood > by_moments);
        set = mle_settings();
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.log_likelihood > by_moments);
        for (int j = 0; j < 4; j++)
            assert_true(fit.converged || (isnan(fit.se[j]) && isnan(fit.low[j])));
    }
}

/* A free fit is not less likely than that with g = 0 held, by more than 1, and is the same if it
 * has g = 0. Two groups and uniform values need this g, normal values do not. */
static void symmetric(void **state)
{
    (void)state;
    enum { N = 300, KINDS = 4 };
    const gkv_gk normal = gkv_gk_standard(), start = {.b = 1, .c = 0.8};
    double x[N];
    for (int kind = 0; kind < KINDS; kind++) {
        gkv_gk_fit_settings set = mle_settings();
        gkv_gk_fit_result fit, held;
        gkv_gk_random(&normal, N, 11, 0, x);
        for (size_t i = 0; i < N && kind > 0; i++)
            x[i] = kind == 1   ? x[i] + (i < N / 2 ? 10 : 0)
                   : kind == 2 ? gkv_gk_cdf(&normal, x[i])
                               : exp(x[i]);
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        set.start = &start;
        set.fixed[GKV_GK_G] = true;
        assert_ok(gkv_gk_fit(N, x, &set, &held));
        assert_true(fit.converged && held.converged && !held.symmetric);
        assert_true(fit.log_likelihood > held.log_likelihood - 1.0);
        assert_int_equal(fit.symmetric, kind == 1 || kind == 2);
        if (!fit.symmetric) {
            assert_int_equal(fit.parameters, 4);
            continue;
        }
        assert_true(fit.gk.g == 0 && fit.se[GKV_GK_G] == 0 && fit.bound[GKV_GK_G] == 0);
        assert_int_equal(fit.parameters, 3);
        assert_close(fit.log_likelihood, held.log_likelihood, 1e-5);
        assert_close(fit.gk.k, held.gk.k, 1e-4);
        /* bounds of the settings that exclude 0 are respected */
        set = mle_settings();
        set.low[GKV_GK_G] = 0.1;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(!fit.symmetric && fit.gk.g >= 0.1);
    }
}

/* A start that competes never makes a fit worse, and a better maximum at the start is found. */
static void start_competes(void **state)
{
    (void)state;
    enum { N = 30 };
    static double x[N];
    const gkv_gk bad = {.a = -40, .b = 30, .g = -3, .k = 2, .c = gkv_gk_standard().c};
    gkv_gk_fit_settings set = mle_settings();
    size_t better = 0;
    for (uint64_t sample = 0; sample < 20; sample++) {
        gkv_gk_fit_result alone, fit;
        const uint64_t index = 4 + sample;
        family_draw(STUDENT_3, sample, N, x);
        const gkv_gk step = {.a = x[index], .b = 0.5, .g = 40, .k = 0.3, .c = bad.c};
        set.advanced.start_competes = false;
        set.start = NULL;
        assert_ok(gkv_gk_fit(N, x, &set, &alone));
        set.advanced.start_competes = true;
        set.start = &bad;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.log_likelihood >= alone.log_likelihood - 1e-6);
        set.start = &step;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.log_likelihood >= alone.log_likelihood - 1e-6);
        better += fit.log_likelihood > alone.log_likelihood + 0.1;
    }
    assert_true(better > 0);
}

/* Halves of different scales, and a pole in the middle: the likelihood has many maxima along g,
 * which is at a bound or far from that of the quantiles. A fit is not below one that begins with
 * halves. */
static void halves(void **state)
{
    (void)state;
    static const family which[] = {HALVES, CUBES};
    static const size_t sizes[] = {150, 600};
    double x[600];
    const gkv_gk starts[] = {{.b = 4.8, .g = -99, .k = -0.41, .c = 0.8},
                             {.b = 0.18, .g = 18, .k = 2.55, .c = 0.8}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint64_t i = 0; i < 6; i++) {
            gkv_gk_fit_settings set = mle_settings();
            gkv_gk_fit_result fit, from_halves;
            family_draw(which[i % 2], i, sizes[s], x);
            assert_ok(gkv_gk_fit(sizes[s], x, &set, &fit));
            assert_true(fit.converged);
            set.start = &starts[i % 2];
            assert_ok(gkv_gk_fit(sizes[s], x, &set, &from_halves));
            assert_true(fit.log_likelihood > from_halves.log_likelihood - 0.01);
        }
}

/* Most samples of a g-and-k distribution need no further start, also if k is at its bound, as for
 * nearly half of those of 99 normal values. The steps of all ascents of a fit are counted; other
 * starts take 30 and more. Where k is pressed to its bound, g = 0 is tried all the same. */
static void starts_are_rare(void **state)
{
    (void)state;
    enum { N = 99, SAMPLES = 200 };
    const gkv_gk normal = gkv_gk_standard();
    const gkv_gk_fit_settings set = mle_settings();
    size_t steps = 0, symmetric = 0, at_bound = 0;
    double x[N];
    for (uint64_t i = 0; i < SAMPLES; i++) {
        gkv_gk_fit_result fit;
        gkv_gk_random(&normal, N, 91, N * i, x);
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.converged);
        steps += fit.newton;
        symmetric += fit.symmetric;
        at_bound += fit.at_bound;
    }
    if (steps >= 9 * SAMPLES || symmetric == 0 || at_bound < SAMPLES / 4)
        print_error("%zu steps, %zu with g = 0, %zu at the bound\n", steps, symmetric, at_bound);
    assert_true(steps < 9 * SAMPLES);
    assert_true(symmetric > 0 && at_bound > SAMPLES / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greatest_maximum),
        cmocka_unit_test(second_maximum),
        cmocka_unit_test(far_apart),
        cmocka_unit_test(heavy_tails),
        cmocka_unit_test(contaminated),
        cmocka_unit_test(symmetric_by_lm),
        cmocka_unit_test(converged_is_verified),
        cmocka_unit_test(outside_the_support),
        cmocka_unit_test(two_groups),
        cmocka_unit_test(far_outlier),
        cmocka_unit_test(symmetric),
        cmocka_unit_test(start_competes),
        cmocka_unit_test(halves),
        cmocka_unit_test(starts_are_rare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
