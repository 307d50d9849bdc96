/* Mixtures: densities, draws and conditionals. */
#include "support.h"

#include "mixture/two_components.h"

static void density_is_the_weighted_sum(void **state)
{
    (void)state;
    enum { ROWS = 200 };
    static double log_pdf[ROWS], again[ROWS], responsibilities[ROWS * 2];
    assert_ok(gkv_mgk_mixture_responsibilities(truth, ROWS, x, &(gkv_run_options){.threads = 1},
                                               log_pdf, responsibilities));
    assert_ok(gkv_mgk_mixture_log_pdf(truth, ROWS, x, &(gkv_run_options){.threads = 3}, again));
    assert_memory_equal(log_pdf, again, sizeof again);
    assert_true(gkv_mgk_mixture_count(truth) == 2 && gkv_mgk_mixture_dimensions(truth) == D);
    for (size_t i = 0; i < ROWS; i++) {
        double w[D], f[2];
        for (size_t k = 0; k < 2; k++)
            f[k] = gkv_mgk_mixture_weights(truth)[k] *
                   exp(gkv_mgk_log_pdf(gkv_mgk_mixture_component(truth, k), x + i * D, w));
        assert_relative(exp(log_pdf[i]), f[0] + f[1], 1e-9);
        assert_close(responsibilities[2 * i], f[0] / (f[0] + f[1]), 1e-9);
        assert_close(responsibilities[2 * i] + responsibilities[2 * i + 1], 1, 1e-14);
    }
    /* A row with density 0, and a row with NaN. */
    const double odd[2 * D] = {INFINITY, 0, 0, NAN, 0, 0};
    assert_ok(gkv_mgk_mixture_responsibilities(truth, 2, odd, &(gkv_run_options){.threads = 1},
                                               log_pdf, responsibilities));
    assert_true(log_pdf[0] == -INFINITY && isnan(log_pdf[1]) && isnan(responsibilities[2]) &&
                isnan(responsibilities[3]));
    assert_relative(responsibilities[0], 1.0 / 3, 1e-14);
    assert_true(gkv_mgk_mixture_component(truth, 2) == NULL);
}

static void samples_have_the_weights(void **state)
{
    (void)state;
    double first = 0;
    for (size_t i = 0; i < N; i++)
        first += component[i] == 0;
    assert_close(first / N, 1.0 / 3, 4.5 * sqrt(2.0 / 9 / N));
    double some[10 * D];
    size_t which[10];
    assert_ok(
        gkv_mgk_mixture_sample(truth, 10, 31, 500, &(gkv_run_options){.threads = 1}, some, which));
    assert_memory_equal(some, x + 500 * D, sizeof some);
    assert_memory_equal(which, component + 500, sizeof which);
}

static void conditional_times_marginal_is_joint(void **state)
{
    (void)state;
    gkv_mgk_mixture *marginal, *conditional;
    const size_t given[1] = {1};
    assert_ok(gkv_mgk_mixture_marginal(truth, 1, given, &marginal));
    for (size_t i = 0; i < 20; i++) {
        const double *row = x + i * D, rest[2] = {row[0], row[2]};
        assert_ok(gkv_mgk_mixture_conditional(truth, 1, given, &row[1], &conditional));
        const double joint = mean_of(truth, 1, row);
        assert_close(mean_of(marginal, 1, &row[1]) + mean_of(conditional, 1, rest), joint,
                     1e-9 * (1 + fabs(joint)));
        gkv_mgk_mixture_free(conditional);
    }
    gkv_mgk_mixture_free(marginal);
    assert_ok(gkv_mgk_mixture_conditional(truth, 0, NULL, NULL, &conditional));
    assert_relative(mean_of(conditional, 10, x), mean_of(truth, 10, x), 1e-12);
    gkv_mgk_mixture_free(conditional);
    assert_fails(gkv_mgk_mixture_conditional(truth, 1, given, (double[]){NAN}, &conditional),
                 GKV_ERR_NUMERIC, "is 0 or not a number");
    assert_fails(gkv_mgk_mixture_marginal(truth, 1, (size_t[]){9}, &marginal), GKV_ERR_ARGUMENT,
                 "coordinate 9");
    /* A component whose conditional weight is 0 is left out. */
    assert_ok(gkv_mgk_mixture_conditional(truth, 1, (size_t[]){0}, (double[]){-1e4}, &conditional));
    assert_int_equal(gkv_mgk_mixture_count(conditional), 1);
    gkv_mgk_mixture_free(conditional);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(density_is_the_weighted_sum),
        cmocka_unit_test(samples_have_the_weights),
        cmocka_unit_test(conditional_times_marginal_is_joint),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
