/* The measurement and the model of a step on many ranks. */
#define _XOPEN_SOURCE 700
#include "train/trainer_fixture.h"

#include "app/step_scaling.h"

static gki_scaling_costs some_costs(void)
{
    return (gki_scaling_costs){.passes = 0.016,
                               .gradient = 0.008,
                               .packing = 0.0005,
                               .update = 0.0015,
                               .refits = 0.001,
                               .batch = 200,
                               .buckets = 8,
                               .parameters = 1500000,
                               .gradient_bytes = 6e6,
                               .row_bytes = 3e5};
}

/* One rank sends nothing. Without messages, N ranks lack only the filling of the pipeline. */
static void test_limits(void **state)
{
    (void)state;
    const gki_scaling_costs costs = some_costs();
    const gki_scaling_link none = {"none", INFINITY, 0}, slow = {"slow", 1e3, 1};
    assert_close(gki_scaling_predict(&costs, &slow, 1), 0.027, 1e-12);
    assert_close(gki_scaling_predict(&costs, &none, 1), 0.027, 1e-12);
    assert_close(gki_scaling_predict(&costs, &none, 4),
                 0.0015 + 0.0015 / 4 + 0.004 + 0.002 * 11 / 8.0, 1e-12);
    /* 300 ranks have one image each, or none */
    assert_close(gki_scaling_predict(&costs, &none, 300),
                 0.0015 + 0.0015 / 300 + 0.016 / 200 + 0.008 / 200 * 307 / 8.0, 1e-12);
}

/* By hand: 2 ranks, 10 MB/s, 1 ms. A message takes 1 ms + 75 ms, and rows 1 ms + 30 ms. */
static void test_messages(void **state)
{
    (void)state;
    const gki_scaling_costs costs = some_costs();
    const gki_scaling_link link = {"slow", 1e7, 1e-3};
    assert_close(gki_scaling_predict(&costs, &link, 2),
                 0.0015 + 0.00075 + 0.008 + 0.031 + 9 * (0.004 / 8 + 0.076) + 0.076 + 0.002 + 0.3,
                 1e-12);
    /* 64 ranks: a chain of 71 stages, 6 rounds, and 63 of 64 parts of the values */
    const double stage = 4 / 200.0 * 0.008 / 8 + 0.076;
    assert_close(gki_scaling_predict(&costs, &link, 64),
                 0.0015 + 0.0015 / 64 + 4 / 200.0 * 0.016 + 0.006 + 0.03 + 71 * stage + 0.076 +
                     0.012 + 0.6 * 63 / 64,
                 1e-12);
    for (size_t i = 0; i < GKV_SCALING_LINKS; i++)
        assert_true(gki_scaling_predict(&costs, &gki_scaling_links[i], 2) >
                    gki_scaling_predict(&costs, &(gki_scaling_link){"none", INFINITY, 0}, 2));
}

static void test_measurement(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    gkv_dataset *dataset = NULL;
    gki_scaling_costs costs;
    gki_scaling_ranks ranks;
    double copy = 0;
    set(&settings, "train.epochs", "1000");
    set(&settings, "train.threads", "1");
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings.data, &dataset));
    assert_ok(gki_scaling_measure(&settings, dataset, 0.2, NULL, &costs, &ranks));
    assert_true(costs.passes > 0 && costs.gradient > 0 && costs.update > 0);
    assert_true(costs.passes < 1 && costs.gradient < 1 && costs.update < 1);
    assert_int_equal(costs.batch, 170);
    assert_true(costs.buckets >= 3); /* of encoder, decoder and flow */
    assert_close(costs.gradient_bytes, 4.0 * (double)costs.parameters, 0); /* no statistics */
    /* d_out of the first layer, and the four numbers of each draw */
    assert_close(costs.row_bytes, 170 * 4.0 * (24 + 4), 0);
    assert_true(ranks.step == 0 && ranks.buckets == 0 && ranks.rows == 0);
    assert_ok(gki_scaling_copy(&costs, &copy));
    assert_true(copy > 0 && copy < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_messages),
                                       cmocka_unit_test(test_measurement)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
