/* Settings that the least-squares solvers refuse, and results that a caller does not want. */
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/lm.h"
#include "gkvae/lm_batch.h"

enum { N = 3, P = 2 };

/* r = (x₀ − 1, x₁ + 2, 0). */
static gkv_status straight(void *user, const double *x, double *r)
{
    (void)user;
    r[0] = x[0] - 1;
    r[1] = x[1] + 2;
    r[2] = 0;
    return GKV_OK;
}

static void refuses(const gkv_lm_settings *set, const char *text)
{
    double x[P] = {0};
    gkv_lm *lm = NULL;
    gkv_lm_result result;
    assert_ok(gkv_lm_create(N, P, &lm));
    assert_fails(gkv_lm_solve(lm, straight, NULL, NULL, set, NULL, x, &result), GKV_ERR_ARGUMENT,
                 text);
    assert_true(x[0] == 0 && x[1] == 0);
    gkv_lm_free(lm);
}

static gkv_lm_settings defaults(void)
{
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    return set;
}

static void tolerances_are_not_negative(void **state)
{
    (void)state;
    const double wrong[] = {-1e-9, NAN};
    for (size_t i = 0; i < 2; i++) {
        gkv_lm_settings cost = defaults(), step = defaults(), gradient = defaults();
        cost.cost_tolerance = wrong[i];
        step.step_tolerance = wrong[i];
        gradient.gradient_tolerance = wrong[i];
        refuses(&cost, "tolerance");
        refuses(&step, "tolerance");
        refuses(&gradient, "tolerance");
    }
}

static void the_scale_of_a_loss_is_in_range(void **state)
{
    (void)state;
    const double wrong[] = {0, -1, NAN, 1e-200, 1e200, INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gkv_lm_settings set = defaults();
        set.loss = GKV_LM_HUBER;
        set.loss_scale = wrong[i];
        refuses(&set, "scale");
    }
}

static void bounds_leave_a_value(void **state)
{
    (void)state;
    const double wrong[][2] = {
        {2, 1}, {INFINITY, INFINITY}, {-INFINITY, -INFINITY}, {NAN, 1}, {0, NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const double low[P] = {0, wrong[i][0]}, high[P] = {1, wrong[i][1]};
        gkv_lm_settings set = defaults();
        set.low = low;
        set.high = high;
        refuses(&set, "parameter 1");
    }
}

static void weights_are_finite_and_not_negative(void **state)
{
    (void)state;
    const double wrong[] = {-1, NAN, INFINITY};
    for (size_t i = 0; i < 3; i++) {
        const double weights[N] = {1, 1, wrong[i]};
        gkv_lm_settings set = defaults();
        set.weights = weights;
        refuses(&set, "weight of residual 2");
    }
}

static void equalities_have_limits(void **state)
{
    (void)state;
    const double sum[2 * P] = {1, 1, 1, -1}, bound[P] = {-9, -9}, wrong[P] = {1, INFINITY};
    gkv_lm_settings set = defaults();
    set.advanced.n_equalities = 1;
    refuses(&set, "equalities");
    set.advanced.equalities = sum;
    set.advanced.n_equalities = 2; /* no parameter would be free */
    refuses(&set, "equalities");
    set.advanced.n_equalities = 1;
    set.low = bound;
    refuses(&set, "bounds");
    set.low = NULL;
    set.high = bound;
    refuses(&set, "bounds");
    set.high = NULL;
    set.advanced.equalities = wrong;
    refuses(&set, "coefficient 1");
}

static gkv_status never(void *user, const gkv_lm_group *group, const double *x, double *r)
{
    (void)user, (void)group, (void)x, (void)r;
    fail();
    return GKV_OK;
}

static void a_batch_has_no_equalities(void **state)
{
    (void)state;
    const double sum[P] = {1, 1};
    double x[P] = {0};
    gkv_lm_batch *batch = NULL;
    gkv_lm_settings with_count = defaults(), with_array = defaults();
    with_count.advanced.n_equalities = 1;
    with_array.advanced.equalities = sum;
    assert_ok(gkv_lm_batch_create(N, P, ON_THREADS(1), &batch));
    assert_fails(gkv_lm_batch_solve(batch, 1, never, NULL, NULL, &with_count, NULL, x, NULL, NULL),
                 GKV_ERR_ARGUMENT, "equality");
    assert_fails(gkv_lm_batch_solve(batch, 1, never, NULL, NULL, &with_array, NULL, x, NULL, NULL),
                 GKV_ERR_ARGUMENT, "equality");
    gkv_lm_batch_free(batch);
}

/* Each of the results of the flat function may be left out. */
static void results_may_be_left_out(void **state)
{
    (void)state;
    for (unsigned wanted = 0; wanted < 16; wanted++) {
        double x[P] = {0}, covariance[P * P] = {-1}, cost = -1;
        size_t iterations = SIZE_MAX;
        bool converged = false;
        assert_ok(gkv_flat_lm_solve(N, P, straight, NULL, NULL, NULL, NULL, NULL, NULL,
                                    GKV_LM_SQUARES, 1, 50, x, wanted & 1 ? covariance : NULL,
                                    wanted & 2 ? &cost : NULL, wanted & 4 ? &iterations : NULL,
                                    wanted & 8 ? &converged : NULL));
        assert_close(x[0], 1, 1e-9);
        assert_close(x[1], -2, 1e-9);
        assert_true(covariance[0] == -1 || wanted & 1);
        assert_true(wanted & 2 ? cost >= 0 && cost < 1e-15 : cost == -1);
        assert_true(wanted & 4 ? iterations < 50 : iterations == SIZE_MAX);
        assert_int_equal(converged, (wanted & 8) != 0);
    }
}

static void every_stop_has_a_name(void **state)
{
    (void)state;
    for (int stop = 0; stop < 100; stop++)
        assert_true(*gkv_lm_stop_name((gkv_lm_stop)stop));
    assert_false(gkv_lm_converged((gkv_lm_stop)99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tolerances_are_not_negative),
        cmocka_unit_test(the_scale_of_a_loss_is_in_range),
        cmocka_unit_test(bounds_leave_a_value),
        cmocka_unit_test(weights_are_finite_and_not_negative),
        cmocka_unit_test(equalities_have_limits),
        cmocka_unit_test(a_batch_has_no_equalities),
        cmocka_unit_test(results_may_be_left_out),
        cmocka_unit_test(every_stop_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
