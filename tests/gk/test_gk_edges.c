/* No values, NaN and infinity in the functions of the distributions, and names of status codes. */
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/gk.h"
#include "gkvae/gk_batch.h"

static const double zero, one = 1, eight = .8;
#define PARAMETERS 1, &zero, 1, &one, 1, &zero, 1, &zero, 1, &eight

static void no_values_are_no_fault(void **state)
{
    (void)state;
    const gkv_gk gk = gkv_gk_standard();
    const gkv_gk_at_x nothing = {0};
    const gkv_gk_at_x_f nothing_f = {0};
    for (int f = 0; f < GKV_FLAT_FUNCTIONS; f++)
        assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, (gkv_flat_function)f, false, 0, NULL,
                                       PARAMETERS, NULL));
    assert_ok(gkv_flat_gk_draw(GKV_GK_FAMILY_GK, 0, PARAMETERS, 1, 0, NULL));
    assert_ok(gkv_gk_batch_x(&gk, 0, NULL, &nothing));
    assert_ok(gkv_gk_batch_x_f(&gk, 0, NULL, &nothing_f));
    assert_ok(gkv_gk_batch_quantile(&gk, 0, GKV_GK_LOWER, NULL, NULL));
}

/* An output that is NULL is left out. */
static void no_outputs_are_no_fault(void **state)
{
    (void)state;
    const double x[2] = {0, 1};
    for (int f = 0; f < GKV_FLAT_FUNCTIONS; f++)
        assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, (gkv_flat_function)f, false, 2, x,
                                       PARAMETERS, NULL));
    assert_ok(gkv_flat_gk_draw(GKV_GK_FAMILY_GK, 2, PARAMETERS, 1, 0, NULL));
    assert_fails(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, (gkv_flat_function)99, false, 2, x,
                                      PARAMETERS, NULL),
                 GKV_ERR_ARGUMENT, "function number 99");
}

static void values_are_needed(void **state)
{
    (void)state;
    double out[2];
    for (int f = 0; f < GKV_FLAT_ENTROPY; f++) {
        out[1] = 0;
        assert_fails(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, (gkv_flat_function)f, false, 2, NULL,
                                          PARAMETERS, out),
                     GKV_ERR_ARGUMENT, "gkv_flat_gk_evaluate: x is NULL");
        assert_true(isnan(out[1]));
    }
}

/* NaN in, NaN out; nothing invalid is called valid. */
static void bounds_of_no_numbers_are_none(void **state)
{
    (void)state;
    assert_true(isnan(gkv_gk_k_min(NAN, .8)) && isnan(gkv_gk_k_min(1, NAN)));
    assert_true(isnan(gkv_gk_k_min(1, -.1)));
    assert_true(isinf(gkv_gk_k_min(1, 1)) && isfinite(gkv_gk_k_min(0, 1)));
    assert_true(isnan(gkv_gk_k_min_within(1, .8, NAN)));
    assert_true(isnan(gkv_gk_least_k(NULL, 1)) && isnan(gkv_gk_c_max_within(NULL, 1)));
    const double wrong[] = {NAN, INFINITY, -INFINITY};
    for (int member = 0; member < 5; member++)
        for (size_t i = 0; i < 3; i++) {
            gkv_gk gk = gkv_gk_standard();
            *(double *[]){&gk.a, &gk.b, &gk.g, &gk.k, &gk.c}[member] = wrong[i];
            assert_false(gkv_gk_is_valid(&gk));
            assert_int_equal(gkv_gk_check(&gk), GKV_ERR_ARGUMENT);
        }
    gkv_gk none = gkv_gk_standard();
    none.family = 77;
    assert_false(gkv_gk_is_valid(&none));
    assert_true(isnan(gkv_gk_least_k(&none, 1)) && isnan(gkv_gk_c_max_within(&none, 1)));
    assert_true(gkv_gk_is_valid(&(gkv_gk){.b = 1, .c = .8}));
    assert_false(gkv_gk_is_valid_within(&(gkv_gk){.b = 1, .c = .8}, NAN));
    const gkv_gk mended = gkv_gk_project(&none, 0);
    assert_true(gkv_gk_is_valid(&mended));
}

static void unconstrained_values_become_valid(void **state)
{
    (void)state;
    const double wrong[] = {NAN, INFINITY, -INFINITY};
    for (int member = 0; member < 4; member++)
        for (size_t i = 0; i < 3; i++) {
            double u[4] = {0};
            gkv_gk gk;
            u[member] = wrong[i];
            const gkv_status status = gkv_gk_from_unconstrained(GKV_GK_FAMILY_GK, .8, u, &gk, NULL);
            if (member == 0 || member == 2) /* A and g; those of B and k are clamped */
                assert_int_equal(status, GKV_ERR_ARGUMENT);
            else
                assert_true(status == GKV_OK && gkv_gk_is_valid(&gk));
        }
    /* far above the least k, u is k − k_min */
    double u[4];
    const gkv_gk heavy = {.b = 1, .k = 50, .c = .8};
    assert_ok(gkv_gk_to_unconstrained(&heavy, u));
    gkv_gk back;
    assert_ok(gkv_gk_from_unconstrained(GKV_GK_FAMILY_GK, .8, u, &back, NULL));
    assert_relative(back.k, 50, 1e-12);
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (int status = GKV_OK; status <= GKV_ERR_INTERNAL; status++)
        assert_int_equal(strncmp(gkv_status_name((gkv_status)status), "GKV_", 4), 0);
    assert_string_equal(gkv_status_name((gkv_status)999), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_values_are_no_fault),
        cmocka_unit_test(no_outputs_are_no_fault),
        cmocka_unit_test(values_are_needed),
        cmocka_unit_test(bounds_of_no_numbers_are_none),
        cmocka_unit_test(unconstrained_values_become_valid),
        cmocka_unit_test(every_status_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
