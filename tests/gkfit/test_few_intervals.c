/* Samples of intervals that determine few parameters, or none. */
#include "support.h"

#include "gkvae/gk_fit.h"
#include "samples.h"

/* Held parameters need no data. A normal distribution has as many parameters as 1, 2, 7 allow. */
static void held_parameters_are_counted(void **state)
{
    (void)state;
    enum { N = 3 };
    const double x[N] = {1, 2, 7}, weights[N] = {100, 110, 90};
    const gkv_gk start = {.a = NAN, .b = NAN, .c = .8};
    gkv_gk_sample sample = {.x = x, .n = N, .weights = weights, .resolution = 1, .start = &start};
    gkv_gk_fit_settings set = mle_settings();
    set.fixed[2] = set.fixed[3] = true;
    gkv_gk_fit_result fit, other;
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL));
    assert_true(fit.converged && fit.parameters == 2);
    assert_close(fit.gk.a, 3.17, .1);
    assert_close(fit.gk.b, 2.5, .2);
    /* NaN is not a value of a held parameter */
    set.fixed[0] = true;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &other, NULL), GKV_ERR_ARGUMENT,
                 "a fixed parameter is nan");
    set.fixed[0] = false;
    sample.n = 2;
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &other, NULL), GKV_ERR_DATA,
                 "2 distinct values cannot determine 2 parameters");
}

/* If all intervals contain a value, the likelihood has no maximum. */
static void one_common_interval(void **state)
{
    (void)state;
    enum { N = 50 };
    double x[N], low[N], high[N];
    gkv_gk_fit_settings set = mle_settings();
    gkv_gk_fit_result fit;
    gkv_gk_random(&(gkv_gk){.b = 1, .g = .2, .k = .1, .c = .8}, N, 4, 0, x);
    gkv_gk_sample sample = {.x = x, .n = N, .resolution = 1e9};
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                 "all values lie in one interval");
    for (size_t i = 0; i < N; i++)
        low[i] = x[i] - 1000, high[i] = INFINITY;
    sample = (gkv_gk_sample){.lower = low, .upper = high, .n = N};
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                 "all intervals contain");
    low[0] = high[0] = x[0] + 1e5; /* within the others: its density has a pole */
    assert_fails(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL), GKV_ERR_DATA,
                 "all intervals contain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_parameters_are_counted),
        cmocka_unit_test(one_common_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
