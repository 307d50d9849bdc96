/* Fits in which c is estimated: derivatives against differences, maxima against a simplex of five
 * parameters and against fits with c held, errors by the curvature of the profile and by
 * simulation, intervals, tests of fit, data that do not determine c, and refusals. */
#include "flat_settings.h"
#include "support.h"

#include "gk/family.h"
#include "gk/score.h"
#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"
#include "nelder_mead.h"
#include "num/sort.h"
#include "samples.h"

enum { MOST = 1500 };

static gkv_gk_fit_settings free_c(void)
{
    gkv_gk_fit_settings set = mle_settings();
    set.free_c = true;
    return set;
}

static void draw(const gkv_gk *gk, uint64_t sample, size_t n, double *x)
{
    draw_sorted_sample(61, gk, sample, n, x);
}

/* --- Derivatives ---------------------------------------------------------- */

static void slopes_by_differences(void **state)
{
    (void)state;
    static const gkv_gk points[] = {
        {.a = 1, .b = 2, .g = 1.5, .k = 0.3, .c = 0.5},
        {.a = 1, .b = 2, .g = -4, .k = 0.1, .c = 0.8},
        {.a = 0, .b = 1, .g = 30, .k = 0.6, .c = 0.98},
        {.a = 0, .b = 1, .g = 0.01, .k = 0.2, .c = 0.1},
        {.a = 1, .b = 2, .g = 2, .k = 0.3, .c = 0.6, .family = GKV_GK_FAMILY_GGH}};
    for (size_t t = 0; t < sizeof points / sizeof *points; t++)
        for (double z = -4.5; z < 5; z += 1.0) {
            const gkv_gk *gk = &points[t];
            gki_wide score[GKI_GK_WITH_C], first[GKI_GK_WITH_C];
            double four[4];
            const double x = gkv_gk_Q(gk, z), h = 1e-5;
            gkv_gk up = *gk, down = *gk;
            const gki_gk_jet jet = gki_gk_jet_at(gk, gki_gk_Q_inverse_wide(gk, x), 1);
            gki_gk_slopes_with_c(gk, &jet, gki_gk_Q_inverse_wide(gk, x), score, first);
            up.c += h;
            down.c -= h;
            assert_close((double)score[4],
                         (gkv_gk_log_pdf(&up, x) - gkv_gk_log_pdf(&down, x)) / (2 * h),
                         2e-6 * fmax(1.0, fabs((double)score[4])));
            assert_close((double)first[4],
                         (gkv_gk_Q_inverse(&up, x) - gkv_gk_Q_inverse(&down, x)) / (2 * h),
                         2e-6 * fmax(1.0, fabs((double)first[4])));
            gkv_gk_score(gk, x, four);
            for (int j = 0; j < 4; j++)
                assert_close((double)score[j], four[j], 1e-12 * fmax(1.0, fabs(four[j])));
        }
    const gkv_gk gh = {.b = 1, .g = 1, .k = 0.1, .c = 0.8, .family = GKV_GK_FAMILY_GH};
    gki_wide score[GKI_GK_WITH_C], first[GKI_GK_WITH_C];
    const gki_gk_jet jet = gki_gk_jet_at(&gh, 1.0L, 1);
    gki_gk_slopes_with_c(&gh, &jet, 1.0L, score, first);
    assert_true(score[4] == 0 && first[4] == 0);
}

/* --- Maxima --------------------------------------------------------------- */

static const gkv_gk truths[] = {
    {.a = 3, .b = 1, .g = 2, .k = 0.5, .c = 0.5},   {.a = 3, .b = 1, .g = 2, .k = 0.5, .c = 0.8},
    {.a = 0, .b = 1, .g = -4, .k = 0.2, .c = 0.5},  {.a = 0, .b = 1, .g = -1, .k = 0.1, .c = 0.8},
    {.a = 0, .b = 1, .g = 0.2, .k = 0.1, .c = 0.8}, {.a = 5, .b = 2, .g = 1, .k = 1.0, .c = 0.95}};
enum { TRUTHS = sizeof truths / sizeof *truths };

/* The log-likelihood at ĉ is the maximum for c = ĉ, that with c held is not greater for any other
 * c, and the simplex finds no greater one. */
static void maxima_by_simplex(void **state)
{
    (void)state;
    static double x[MOST];
    for (size_t t = 0; t < TRUTHS; t++)
        for (uint64_t sample = 0; sample < (t < 2 ? 2 : 1) && t < 5; sample++) {
            const size_t n = sample == 0 && t < 2 ? 400 : 150;
            gkv_gk_fit_settings set = free_c();
            gkv_gk_fit_result fit, held;
            gkv_gk simplex;
            draw(&truths[t], 10 * t + sample, n, x);
            assert_ok(gkv_gk_fit_sorted(n, x, &set, &fit));
            assert_true(fit.c.free);
            assert_true(fit.converged || fit.gk.c > 0.98); /* a spike near c = 1 */
            const double most = nm_fit_c(n, x, &simplex);
            if (!(fit.log_likelihood >= most - 0.01))
                fail_msg(
                    "truth %zu, sample %zu: %.6f at c = %g, but the simplex has %.6f at c = %g", t,
                    (size_t)sample, fit.log_likelihood, fit.gk.c, most, simplex.c);
            set.free_c = false;
            assert_ok(gkv_gk_fit_sorted(n, x, &set, &held));
            assert_close(fit.c.held, 0.8, 0);
            assert_close(fit.c.held_log_likelihood, held.log_likelihood, 1e-7);
            if (!fit.c.determined)
                continue;
            if (fit.converged)
                assert_close(fit.c.ratio, 2 * (fit.log_likelihood - held.log_likelihood), 1e-6);
            else
                assert_true(isnan(fit.c.ratio) && isnan(fit.c.p_value) && isnan(fit.c.se));
            assert_int_equal(fit.parameters, 5);
            assert_close(fit.aic, 10 - 2 * fit.log_likelihood, 1e-9);
            set.c = fit.gk.c;
            assert_ok(gkv_gk_fit_sorted(n, x, &set, &held));
            assert_close(held.log_likelihood, fit.log_likelihood, 1e-5);
            assert_true(gkv_gk_is_valid(&fit.gk));
            double sum = 0.0;
            for (size_t i = 0; i < n; i++)
                sum += gkv_gk_log_pdf(&fit.gk, x[i]);
            assert_close(sum, fit.log_likelihood, 1e-8 * fabs(sum));
        }
}

/* The greatest log-likelihood with c held. */
static double held_at(size_t n, const double *x, double c, const gkv_gk *start)
{
    gkv_gk_fit_settings set = mle_settings();
    gkv_gk_fit_result held;
    gkv_gk from = *start;
    from.c = set.c = c;
    set.start = &from;
    assert_ok(gkv_gk_fit_sorted(n, x, &set, &held));
    return held.log_likelihood;
}

/* The variance of c is the inverse curvature of the profile, and the interval of the profile ends
 * where it has fallen as far as the quantile of χ² says. */
static void errors_by_profile(void **state)
{
    (void)state;
    enum { N = 500 };
    static double x[N];
    for (size_t t = 0; t < 1; t++) {
        gkv_gk_fit_settings set = free_c();
        gkv_gk_fit_result fit, fixed;
        set.intervals = GKV_GK_PROFILE;
        draw(&truths[t], 100 + t, N, x);
        assert_ok(gkv_gk_fit_sorted(N, x, &set, &fit));
        const double h = 0.1 * fit.c.se, most = fit.log_likelihood;
        const double bend = (2 * most - held_at(N, x, fit.gk.c + h, &fit.gk) -
                             held_at(N, x, fit.gk.c - h, &fit.gk)) /
                            (h * h);
        assert_close(fit.c.se * sqrt(bend), 1.0, 0.01);
        assert_close(fit.c.covariance[4], fit.c.se * fit.c.se, 1e-12);
        assert_close(most - held_at(N, x, fit.c.low, &fit.gk), profile_fall, 1e-3);
        assert_close(most - held_at(N, x, fit.c.high, &fit.gk), profile_fall, 1e-3);
        assert_false(fit.c.weak);
        /* the conditional covariance given c is that of a fit with c held */
        set.free_c = false;
        set.c = fit.gk.c;
        assert_ok(gkv_gk_fit_sorted(N, x, &set, &fixed));
        for (int i = 0; i < 4; i++) {
            const double lost = fit.c.covariance[i] * fit.c.covariance[i] / fit.c.covariance[4];
            assert_close((fit.covariance[i][i] - lost) / fixed.covariance[i][i], 1.0, 0.01);
            assert_true(fit.high[i] - fit.low[i] > 0.999 * (fixed.high[i] - fixed.low[i]));
        }
    }
}

/* The other intervals of the profile maximize over c too. */
static void intervals_over_c(void **state)
{
    (void)state;
    enum { N = 150 };
    static double x[N];
    gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result fit, held;
    set.intervals = GKV_GK_PROFILE;
    draw(&truths[1], 200, N, x);
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &fit));
    set.intervals = GKV_GK_WALD;
    for (int j = 0; j < 4; j++)
        for (int end = 0; end < 2; end++) {
            gkv_gk start = fit.gk;
            double *const places[4] = {&start.a, &start.b, &start.g, &start.k};
            *places[j] = end ? fit.high[j] : fit.low[j];
            set.start = &start;
            memset(set.fixed, 0, sizeof set.fixed);
            set.fixed[j] = true;
            assert_ok(gkv_gk_fit_sorted(N, x, &set, &held));
            assert_close(fit.log_likelihood - held.log_likelihood, profile_fall, 1e-3);
        }
}

/* 95% intervals contain the truth about as often, and p-values of the true c are about uniform. */
static void coverage(void **state)
{
    (void)state;
    enum { SAMPLES = 20, N = 200 };
    static double x[SAMPLES][N];
    static gkv_gk_sample samples[SAMPLES];
    static gkv_gk_fit_result fits[SAMPLES];
    const gkv_gk_fit_settings set = free_c();
    size_t covered = 0, small = 0, misfit = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        draw(&truths[1], 1000 + i, N, x[i]);
        samples[i] = (gkv_gk_sample){.n = N, .x = x[i], .sorted = true};
    }
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, &set, NULL, fits, NULL));
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(fits[i].converged && fits[i].c.determined);
        covered += fits[i].c.low <= 0.8 && fits[i].c.high >= 0.8;
        small += fits[i].c.p_value < 0.05;
        misfit += fits[i].p_value < 0.05;
    }
    assert_in_range(covered, 15, 20);
    assert_in_range(small, 0, 4);
    assert_in_range(misfit, 0, 4);
}

/* --- Other data ----------------------------------------------------------- */

/* Doubled weights halve the variance, and do not move the estimate. */
static void weights_count(void **state)
{
    (void)state;
    enum { N = 400 };
    static double x[N], two[N];
    gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result one, twice;
    draw(&truths[0], 300, N, x);
    for (size_t i = 0; i < N; i++)
        two[i] = 2;
    set.levels = 60;
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &one));
    const gkv_gk_sample sample = {.n = N, .x = x, .weights = two};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &twice, NULL));
    assert_close(twice.gk.c, one.gk.c, 1e-5);
    assert_close(twice.c.se / one.c.se, sqrt(0.5), 1e-4);
}

/* Rounded values are fitted as intervals: to a coarse unit the estimate is near that of the exact
 * values, and to a fine one it is equal. */
static void rounded_and_censored(void **state)
{
    (void)state;
    enum { N = 800 };
    static double x[N], rounded[N], lower[N], upper[N];
    gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result exact, fit;
    draw(&truths[1], 400, N, x);
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &exact));
    for (size_t i = 0; i < N; i++)
        rounded[i] = 0.1 * round(10 * x[i]);
    gkv_gk_sample sample = {.n = N, .x = rounded, .resolution = 0.1};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL));
    assert_true(fit.converged && fit.test == GKV_GK_TEST_BINS && fit.p_value > 0.001);
    assert_close(fit.gk.c, exact.gk.c, 0.5 * exact.c.se);
    assert_close(fit.c.se / exact.c.se, 1.0, 0.2);
    for (size_t i = 0; i < N; i++) {
        lower[i] = x[i] - 5e-7;
        upper[i] = i % 10 == 0 && x[i] > 5 ? INFINITY : x[i] + 5e-7;
        lower[i] = isinf(upper[i]) ? 5 : lower[i];
    }
    sample = (gkv_gk_sample){.n = N, .lower = lower, .upper = upper};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL));
    assert_true(fit.converged);
    assert_close(fit.gk.c, exact.gk.c, 1.5 * exact.c.se);
}

/* Symmetric data do not determine c, and the result says so: with light tails g is exactly 0. */
static void undetermined(void **state)
{
    (void)state;
    enum { N = 1000 };
    static double x[N];
    gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result fit;
    for (size_t i = 0; i < N; i++)
        x[i] = ((double)i + 0.5) / N;
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &fit));
    assert_true(fit.c.free && !fit.c.determined && fit.c.weak && fit.symmetric);
    assert_true(fit.gk.g == 0 && fit.gk.c == 0.8 && isinf(fit.c.se));
    assert_true(fit.c.low == 0 && fit.c.high == 1 && isnan(fit.c.p_value));
    assert_int_equal(fit.parameters, 3);
    draw(&(gkv_gk){.b = 1, .k = 0.3, .c = 0.8}, 500, N, x);
    set.intervals = GKV_GK_PROFILE;
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &fit));
    assert_true(fit.c.free && fit.c.weak);
    assert_true(fit.c.low == 0 || fit.c.high == 1);
}

/* The same bits on any number of threads. */
static void threads_agree(void **state)
{
    (void)state;
    enum { N = 1200 };
    static double x[N];
    const gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result one, four;
    draw(&truths[1], 600, N, x);
    const gkv_gk_sample sample = {.n = N, .x = x};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, &(gkv_run_options){.threads = 1}, &one, NULL));
    assert_ok(gkv_gk_fit_many(1, &sample, &set, &(gkv_run_options){.threads = 4}, &four, NULL));
    assert_memory_equal(&one.gk, &four.gk, sizeof one.gk);
    assert_memory_equal(&one.c.covariance, &four.c.covariance, sizeof one.c.covariance);
}

/* The generalised g-and-h family has a c too. */
static void generalised_g_and_h(void **state)
{
    (void)state;
    enum { N = 400 };
    static double x[N];
    const gkv_gk truth = {.a = 1, .b = 1, .g = 2, .k = 0.1, .c = 0.7, .family = GKV_GK_FAMILY_GGH};
    gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result fit;
    set.family = GKV_GK_FAMILY_GGH;
    draw(&truth, 700, N, x);
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &fit));
    assert_true(fit.converged && fit.c.determined);
    assert_close(fit.gk.c, 0.7, 3 * fit.c.se);
    assert_true(fit.c.se < 0.2);
}

/* --- Refusals and the flat function --------------------------------------- */

static void refused(void **state)
{
    (void)state;
    enum { N = 100 };
    static double x[N];
    gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result fit;
    gkv_gk_bootstrap_result boot;
    draw(&truths[0], 800, N, x);
    set.method = GKV_GK_LM;
    assert_int_equal(gkv_gk_fit(N, x, &set, &fit), GKV_ERR_ARGUMENT);
    assert_non_null(strstr(gkv_error_message(), "maximum likelihood"));
    set = free_c();
    set.family = GKV_GK_FAMILY_GH;
    assert_int_equal(gkv_gk_fit(N, x, &set, &fit), GKV_ERR_ARGUMENT);
    assert_non_null(strstr(gkv_error_message(), "no c"));
    set = free_c();
    const gkv_gk start = {.a = 3, .b = 1, .g = 0, .k = 0.1, .c = 0.8};
    set.start = &start;
    set.fixed[GKV_GK_G] = true;
    assert_int_equal(gkv_gk_fit(N, x, &set, &fit), GKV_ERR_ARGUMENT);
    assert_non_null(strstr(gkv_error_message(), "held at 0"));
    set = free_c();
    assert_ok(gkv_gk_fit(N, x, &set, &fit));
    const gkv_gk_sample sample = {.n = N, .x = x};
    assert_int_equal(gkv_gk_bootstrap(&sample, &fit, &set, NULL, NULL, NULL, &boot),
                     GKV_ERR_ARGUMENT);
    assert_non_null(strstr(gkv_error_message(), "hold c"));
}

static void held_parameters(void **state)
{
    (void)state;
    enum { N = 500 };
    static double x[N];
    gkv_gk_fit_settings set = free_c();
    gkv_gk_fit_result fit;
    const gkv_gk start = truths[0];
    set.start = &start;
    set.fixed[GKV_GK_G] = set.fixed[GKV_GK_K] = true;
    draw(&truths[0], 900, N, x);
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &fit));
    assert_true(fit.converged && fit.gk.g == 2 && fit.gk.k == 0.5);
    assert_int_equal(fit.parameters, 3);
    assert_close(fit.gk.c, 0.5, 4 * fit.c.se);
    set.fixed[GKV_GK_A] = set.fixed[GKV_GK_B] = true; /* c alone would be one parameter */
    assert_int_equal(gkv_gk_fit_sorted(N, x, &set, &fit), GKV_ERR_ARGUMENT);
}

static void flat_numbers(void **state)
{
    (void)state;
    enum { N = 300 };
    static double x[N], numbers[GKV_FLAT_FIT_NUMBERS];
    const size_t starts[] = {0, N};
    gkv_gk_fit_result fit;
    const gkv_gk_fit_settings set = free_c();
    draw(&truths[0], 950, N, x);
    assert_ok(gkv_gk_fit_sorted(N, x, &set, &fit));
    gkv_flat_settings *settings =
        flat_settings(gkv_flat_fit_settings, "method", "mle", "free_c", "yes", NULL);
    assert_ok(gkv_flat_gk_fit(1, starts, x, NULL, NULL, settings, NULL, numbers, NULL));
    assert_true(numbers[GKV_FLAT_FIT_C] == fit.gk.c);
    assert_true(numbers[GKV_FLAT_FIT_C_SE] == fit.c.se);
    assert_true(numbers[GKV_FLAT_FIT_C_LOW] == fit.c.low);
    assert_true(numbers[GKV_FLAT_FIT_C_HIGH] == fit.c.high);
    assert_memory_equal(numbers + GKV_FLAT_FIT_C_COVARIANCE, fit.c.covariance,
                        sizeof fit.c.covariance);
    assert_true(numbers[GKV_FLAT_FIT_C_P_VALUE] == fit.c.p_value);
    gkv_flat_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slopes_by_differences),
        cmocka_unit_test(maxima_by_simplex),
        cmocka_unit_test(errors_by_profile),
        cmocka_unit_test(intervals_over_c),
        cmocka_unit_test(coverage),
        cmocka_unit_test(weights_count),
        cmocka_unit_test(rounded_and_censored),
        cmocka_unit_test(undetermined),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(generalised_g_and_h),
        cmocka_unit_test(refused),
        cmocka_unit_test(held_parameters),
        cmocka_unit_test(flat_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
