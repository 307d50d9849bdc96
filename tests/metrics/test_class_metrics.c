/* The histogram, entropy and confidence of class probabilities. */
#include "generation_fixture.h"

static void by_hand(void **state)
{
    (void)state;
    const float p[] = {
        0.25F, 0.5F,    0.25F,   /* class 1 */
        0.5F,  0,       0.5F,    /* class 0, the first of two equal ones */
        0,     0.9375F, 0.0625F, /* class 1, confident */
        0,     1,       0,       /* class 1, confident */
    };
    double histogram[3];
    gkv_class_metrics got;
    assert_ok(gkv_class_metrics_of(4, 3, p, histogram, &got));
    assert_true(histogram[0] == 0.25 && histogram[1] == 0.75 && histogram[2] == 0);
    assert_close(got.entropy, -0.25 * log(0.25) - 0.75 * log(0.75), 1e-15);
    assert_true(got.confidence == (0.5 + 0.5 + 0.9375 + 1) / 4);
    assert_true(got.confident == 0.5);
    gkv_class_metrics again;
    assert_ok(gkv_class_metrics_of(4, 3, p, NULL, &again));
    assert_true(again.entropy == got.entropy && again.confidence == got.confidence &&
                again.confident == got.confident);
}

static void one_class_and_all(void **state)
{
    (void)state;
    enum { CLASSES = 10 };
    float one[5 * CLASSES] = {0}, all[CLASSES * CLASSES] = {0};
    for (int i = 0; i < 5; i++)
        one[i * CLASSES + 7] = 1;
    for (int i = 0; i < CLASSES; i++)
        all[i * CLASSES + i] = 0.875F;
    double histogram[CLASSES];
    gkv_class_metrics got;
    assert_ok(gkv_class_metrics_of(5, CLASSES, one, histogram, &got));
    assert_true(got.entropy == 0 && !signbit(got.entropy) && histogram[7] == 1);
    assert_true(got.confidence == 1 && got.confident == 1);
    assert_ok(gkv_class_metrics_of(CLASSES, CLASSES, all, histogram, &got));
    assert_close(got.entropy, log(10), 1e-14);
    assert_true(got.confident == 0 && got.confidence == 0.875);
    const float only[] = {0.5F, 0.25F}; /* a single class */
    assert_ok(gkv_class_metrics_of(2, 1, only, histogram, &got));
    assert_true(got.entropy == 0 && got.confidence == 0.375);
    const float limit[] = {0.9F, 0.90000004F}; /* the float 0.9 is just below 0.9 */
    assert_ok(gkv_class_metrics_of(2, 1, limit, NULL, &got));
    assert_true(got.confident == 0.5);
}

static void refusals(void **state)
{
    (void)state;
    float p[4] = {0.5F, 0.5F, 0.25F, 0.75F};
    gkv_class_metrics out = {.entropy = 5};
    assert_fails(gkv_class_metrics_of(2, 2, NULL, NULL, &out), GKV_ERR_ARGUMENT,
                 "probabilities is NULL");
    assert_fails(gkv_class_metrics_of(2, 2, p, NULL, NULL), GKV_ERR_ARGUMENT, "is NULL");
    assert_fails(gkv_class_metrics_of(0, 2, p, NULL, &out), GKV_ERR_ARGUMENT,
                 "0 rows of 2 columns");
    assert_fails(gkv_class_metrics_of(2, 0, p, NULL, &out), GKV_ERR_ARGUMENT,
                 "2 rows of 0 columns");
    static const float wrong[] = {-0.1F, 1.5F, NAN, INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        p[3] = wrong[i];
        assert_fails(gkv_class_metrics_of(2, 2, p, NULL, &out), GKV_ERR_DATA,
                     "row 1 of the probabilities has");
        assert_fails(gkv_class_metrics_of(2, 2, p, NULL, &out), GKV_ERR_DATA,
                     "in column 1; it must be in [0,1]");
    }
    assert_true(out.entropy == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(one_class_and_all),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
