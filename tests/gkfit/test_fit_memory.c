/* Fits of samples that run out of memory. */
#include "failing_memory.h"

#include "core/error.h"
#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"

enum { ALL = 1000, DENSE = 10, FEW = 2, N = 60, D = 2, LARGE = 1100 };

static double x[N * D], lower[N], upper[N];

static int make(void **state)
{
    (void)state;
    const gkv_gk gk = {.a = 1, .b = 2, .g = .4, .k = .1, .c = .8};
    gkv_gk_random(&gk, N * D, 1, 0, x);
    for (size_t i = 0; i < N; i++) {
        lower[i] = floor(x[i]);
        upper[i] = lower[i] + 1;
    }
    return 0;
}

static gkv_status fit_by(gkv_gk_method method)
{
    gkv_gk_fit_result result;
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = method;
    return gkv_gk_fit(N, x, &set, &result);
}

static gkv_status by_octiles(void)
{
    return fit_by(GKV_GK_OCTILES);
}

static gkv_status by_quantiles(void)
{
    return fit_by(GKV_GK_LM);
}

static gkv_status by_likelihood(void)
{
    return fit_by(GKV_GK_MLE);
}

/* One value far from all others makes the fit doubtful: it is begun again elsewhere. */
static gkv_status of_outlier(void)
{
    double values[N];
    gkv_gk_fit_result result;
    memcpy(values, x, sizeof values);
    for (size_t i = 0; i < N / 6; i++)
        values[i] = 1e6 + (double)i;
    return gkv_gk_fit(N, values, NULL, &result);
}

/* Two groups of values: further starts are tried with a part of the sample, also with g = 0. */
static gkv_status of_groups(void)
{
    double values[LARGE];
    gkv_gk_fit_result result;
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    for (size_t i = 0; i < LARGE; i++)
        values[i] = .1 * x[i % N] + (i % 2 ? 10 : 0) + 1e-4 * (double)i;
    return gkv_gk_fit(LARGE, values, &set, &result);
}

/* Values with many ties are intervals. A held parameter makes the maximum doubtful. */
static gkv_status of_rounded(void)
{
    double values[N];
    const gkv_gk start = {.a = 1, .b = 2, .g = .4, .k = .1, .c = .8};
    gkv_gk_fit_result result;
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    set.anderson_darling = true;
    set.start = &start;
    set.fixed[3] = true;
    for (size_t i = 0; i < N; i++)
        values[i] = floor(x[i]);
    const gkv_gk_sample sample = {.n = N, .x = values, .resolution = GKV_GK_RESOLUTION_AUTO};
    return gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &result, NULL);
}

/* Fits by the flat function with settings of two pairs. */
static gkv_status flat_fit(size_t count, const double *low, const double *high, const char *first,
                           const char *value, const char *second, const char *other)
{
    static const size_t starts[] = {0, N, 2 * N};
    double rows[D * GKV_FLAT_FIT_NUMBERS];
    gkv_status statuses[D], status = GKV_OK;
    gkv_flat_settings *settings = NULL;
    gkv_run_options *options = NULL;
    GKV_TRY_GOTO(gkv_flat_fit_settings(&settings));
    GKV_TRY_GOTO(gkv_flat_set(settings, first, value));
    GKV_TRY_GOTO(gkv_flat_set(settings, second, other));
    GKV_TRY_GOTO(gkv_flat_options(1, NULL, NULL, &options));
    status = gkv_flat_gk_fit(count, starts, low, high, NULL, settings, options, rows, statuses);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(statuses[i] != GKV_OK, isnan(rows[i * GKV_FLAT_FIT_NUMBERS]));
done:
    gkv_flat_free(settings);
    gkv_flat_free(options);
    return status;
}

static gkv_status of_many(void)
{
    return flat_fit(D, x, NULL, "method", "lm", "anderson_darling", "yes");
}

static gkv_status of_censored(void)
{
    return flat_fit(1, lower, upper, "method", "mle", "likelihood", "yes");
}

static gkv_status of_profile(void)
{
    return flat_fit(1, x, NULL, "method", "mle", "intervals", "profile");
}

/* The profile of one parameter of a large sample. */
static gkv_status of_large_profile(void)
{
    double values[LARGE];
    const gkv_gk start = {.a = 1, .b = 2, .g = .4, .k = .1, .c = .8};
    gkv_gk_fit_result result;
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    set.intervals = GKV_GK_PROFILE;
    set.start = &start;
    set.fixed[0] = set.fixed[1] = set.fixed[3] = true;
    gkv_gk_random(&start, LARGE, 1, 0, values);
    return gkv_gk_fit(LARGE, values, &set, &result);
}

static gkv_status of_bootstrap_of_intervals(void)
{
    const gkv_gk_sample sample = {.n = N, .lower = lower, .upper = upper};
    gkv_gk_fit_result fit;
    gkv_gk_fit_settings set;
    gkv_gk_bootstrap_settings boot;
    gkv_gk_bootstrap_result result;
    gkv_gk_fit_defaults(&set);
    gkv_gk_bootstrap_defaults(&boot);
    set.method = GKV_GK_MLE;
    set.advanced.one_start = true;
    boot.replicates = 19;
    boot.nonparametric = true;
    GKV_TRY(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &fit, NULL));
    return gkv_gk_bootstrap(&sample, &fit, &set, &boot, ON_THREADS(1), NULL, &result);
}

static gkv_status of_sorted_octiles(void)
{
    static const double sorted[] = {1, 2, 3, 5, 7, 11, 13, 17, 19, 23};
    gkv_gk gk;
    return gkv_gk_fit_octiles(10, sorted, .8, &gk);
}

static gkv_status of_bootstrap(void)
{
    enum { REPLICATES = 19 };
    double estimates[4 * REPLICATES];
    const gkv_gk_sample sample = {.n = N, .x = x};
    gkv_gk_fit_result fit;
    gkv_gk_bootstrap_settings set;
    gkv_gk_bootstrap_result result;
    gkv_gk_bootstrap_defaults(&set);
    set.replicates = REPLICATES;
    const gkv_status status = gkv_gk_fit(N, x, NULL, &fit);
    return status != GKV_OK
               ? status
               : gkv_gk_bootstrap(&sample, &fit, NULL, &set, ON_THREADS(1), estimates, &result);
}

static gkv_status of_goodness(void)
{
    double a2, p_value;
    const gkv_gk gk = gkv_gk_standard();
    return gkv_gk_anderson_darling(&gk, &(gkv_gk_sample){.n = N, .x = x}, &a2, &p_value);
}

MEMORY_TEST(of_groups, FEW)
MEMORY_TEST(of_rounded, ALL)
MEMORY_TEST(of_large_profile, FEW)
MEMORY_TEST(of_bootstrap_of_intervals, ALL)
MEMORY_TEST(of_sorted_octiles, ALL)
MEMORY_TEST(by_octiles, ALL)
MEMORY_TEST(by_quantiles, ALL)
MEMORY_TEST(by_likelihood, ALL)
MEMORY_TEST(of_outlier, ALL)
MEMORY_TEST(of_many, ALL)
MEMORY_TEST(of_censored, ALL)
MEMORY_TEST(of_profile, DENSE)
MEMORY_TEST(of_bootstrap, ALL)
MEMORY_TEST(of_goodness, ALL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_octiles_fails),
        cmocka_unit_test(by_quantiles_fails),
        cmocka_unit_test(by_likelihood_fails),
        cmocka_unit_test(of_outlier_fails),
        cmocka_unit_test(of_many_fails),
        cmocka_unit_test(of_censored_fails),
        cmocka_unit_test(of_profile_fails),
        cmocka_unit_test(of_bootstrap_fails),
        cmocka_unit_test(of_goodness_fails),
        cmocka_unit_test(of_groups_fails),
        cmocka_unit_test(of_rounded_fails),
        cmocka_unit_test(of_large_profile_fails),
        cmocka_unit_test(of_bootstrap_of_intervals_fails),
        cmocka_unit_test(of_sorted_octiles_fails),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
