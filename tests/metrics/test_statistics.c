/* Running means, log-mean-exp and active units. */
#include "support.h"

#include "gkvae/image_metrics.h"

static void mean_and_error_of_known_numbers(void **state)
{
    (void)state;
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    const gkv_mean_se result = gkv_mean_se_of(8, values);
    assert_int_equal(result.n, 8);
    assert_close(result.mean, 5, 1e-15);
    assert_close(result.se, sqrt(32.0 / 7 / 8), 1e-15);
    assert_true(isnan(gkv_mean_se_of(1, values).se));
    assert_close(gkv_mean_se_of(1, values).mean, 2, 0);
    assert_true(isnan(gkv_mean_se_of(0, NULL).mean));
}

static void accurate_for_a_large_mean(void **state)
{
    (void)state;
    gkv_accumulator accumulator = {0};
    for (int i = 0; i < 100000; i++)
        gkv_accumulator_add(&accumulator, 1e9 + (i % 2 ? 0.5 : -0.5));
    assert_close(accumulator.mean, 1e9, 1e-6);
    assert_relative(gkv_accumulator_variance(&accumulator), 0.25 * 100000 / 99999, 1e-6);
}

static void merging_equals_adding(void **state)
{
    (void)state;
    gkv_accumulator all = {0}, parts[3] = {{0}};
    for (int i = 0; i < 1000; i++) {
        const double value = sin(i) * 100 + 7;
        gkv_accumulator_add(&all, value);
        gkv_accumulator_add(&parts[i < 10 ? 0 : i < 700 ? 1 : 2], value);
    }
    gkv_accumulator merged = {0}, empty = {0};
    gkv_accumulator_merge(&merged, &empty);
    for (int i = 0; i < 3; i++)
        gkv_accumulator_merge(&merged, &parts[i]);
    gkv_accumulator_merge(&merged, &empty);
    assert_int_equal(merged.n, 1000);
    assert_relative(merged.mean, all.mean, 1e-12);
    assert_relative(merged.m2, all.m2, 1e-12);
}

static void a_bad_value_shows(void **state)
{
    (void)state;
    const double values[] = {1, NAN, 2};
    assert_true(isnan(gkv_mean_se_of(3, values).mean));
    const double infinite[] = {1, INFINITY, 2};
    const double mean = gkv_mean_se_of(3, infinite).mean;
    assert_true(isinf(mean) || isnan(mean));
}

static void log_mean_exp_of_extremes(void **state)
{
    (void)state;
    const double plain[] = {0, log(3)};
    assert_close(gkv_log_mean_exp(2, plain), log(2), 1e-15);
    const double tiny[] = {-1e5, -1e5 + log(3)};
    assert_close(gkv_log_mean_exp(2, tiny), -1e5 + log(2), 1e-10);
    const double large[] = {1e300, 1e300};
    assert_close(gkv_log_mean_exp(2, large), 1e300, 0);
    const double some[] = {-INFINITY, 5, -INFINITY, -INFINITY};
    assert_close(gkv_log_mean_exp(4, some), 5 - log(4), 1e-15);
    const double none[] = {-INFINITY, -INFINITY};
    assert_true(gkv_log_mean_exp(2, none) == -INFINITY);
    const double up[] = {1, INFINITY};
    assert_true(gkv_log_mean_exp(2, up) == INFINITY);
    const double bad[] = {INFINITY, NAN};
    assert_true(isnan(gkv_log_mean_exp(2, bad)));
    assert_true(isnan(gkv_log_mean_exp(0, plain)));
}

static void active_units_by_variance(void **state)
{
    (void)state;
    /* Variances 1, 0, 0.0121 and 0.0025: two above Burda's threshold. */
    const double means[] = {1, 3, 0.11, 0.05, -1, 3, -0.11, -0.05};
    double variance[4];
    size_t active = 99;
    assert_ok(gkv_active_units(2, 4, means, GKV_ACTIVE_THRESHOLD, variance, &active));
    assert_int_equal(active, 2);
    assert_close(variance[0], 1, 1e-15);
    assert_close(variance[1], 0, 0);
    assert_close(variance[2], 0.0121, 1e-15);
    assert_close(variance[3], 0.0025, 1e-15);
    assert_ok(gkv_active_units(2, 4, means, 0.5, NULL, &active));
    assert_int_equal(active, 1);
    /* with one image there is no variance */
    assert_ok(gkv_active_units(1, 4, means, 0.01, NULL, &active));
    assert_int_equal(active, 0);
}

static void active_units_refuse(void **state)
{
    (void)state;
    const double means[] = {1, INFINITY};
    size_t active = 0;
    assert_fails(gkv_active_units(0, 2, means, 0.01, NULL, &active), GKV_ERR_ARGUMENT,
                 "of 0 posterior means");
    assert_fails(gkv_active_units(1, 0, means, 0.01, NULL, &active), GKV_ERR_ARGUMENT,
                 "0 dimensions");
    assert_fails(gkv_active_units(1, 2, means, 0.01, NULL, &active), GKV_ERR_DATA, "dimension 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_error_of_known_numbers),
        cmocka_unit_test(accurate_for_a_large_mean),
        cmocka_unit_test(merging_equals_adding),
        cmocka_unit_test(a_bad_value_shows),
        cmocka_unit_test(log_mean_exp_of_extremes),
        cmocka_unit_test(active_units_by_variance),
        cmocka_unit_test(active_units_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
