/* Settings and functions that the least-squares solvers refuse, and results that a caller does not
 * want. */
#include "flat_settings.h"
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/lm.h"
#include "gkvae/lm_batch.h"
#include "straight.h"

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
    for (unsigned wanted = 0; wanted < 4; wanted++) {
        double x[P] = {0}, covariance[P * P] = {-1}, numbers[GKV_FLAT_LM_NUMBERS] = {-1};
        assert_ok(gkv_flat_lm_solve(N, P, straight, NULL, NULL, NULL, NULL, NULL, NULL, NULL, x,
                                    wanted & 1 ? covariance : NULL, wanted & 2 ? numbers : NULL));
        assert_close(x[0], 1, 1e-9);
        assert_close(x[1], -2, 1e-9);
        assert_true(covariance[0] == -1 || wanted & 1);
        assert_true(wanted & 2 ? numbers[GKV_FLAT_LM_COST_AFTER] >= 0 &&
                                     numbers[GKV_FLAT_LM_COST_AFTER] < 1e-15
                               : numbers[0] == -1);
        assert_true(!(wanted & 2) || (numbers[GKV_FLAT_LM_ITERATIONS] < 50 &&
                                      gkv_lm_converged((gkv_lm_stop)numbers[GKV_FLAT_LM_STOP])));
    }
}

static void every_stop_has_a_name(void **state)
{
    (void)state;
    for (int stop = 0; stop < 100; stop++)
        assert_true(*gkv_lm_stop_name((gkv_lm_stop)stop));
    assert_false(gkv_lm_converged((gkv_lm_stop)99));
}

/* --- Functions that cannot be used ---------------------------------------- */

/* r of straight() at the origin, and no number elsewhere. */
static gkv_status island(void *user, const double *x, double *r)
{
    assert_ok(straight(user, x, r));
    r[2] = x[0] == 0 && x[1] == 0 ? 0 : NAN;
    return GKV_OK;
}

/* Derivatives in parameter 1 that are all *(double *)user. */
static gkv_status slopes(void *user, const double *x, double *jacobian)
{
    (void)x;
    for (size_t i = 0; i < N; i++) {
        jacobian[i] = i == 0;
        jacobian[N + i] = *(double *)user;
    }
    return GKV_OK;
}

/* No number at the first call, and a failure at the second. */
static gkv_status fading(void *user, const double *x, double *jacobian)
{
    double not_a_number = NAN;
    return ++*(int *)user > 1 ? GKV_ERR_DATA : slopes(&not_a_number, x, jacobian);
}

static void solve_fails(gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian, void *user,
                        const gkv_lm_settings *set, gkv_status status, const char *text)
{
    double x[P] = {0};
    gkv_lm *lm = NULL;
    assert_ok(gkv_lm_create(N, P, &lm));
    assert_fails(gkv_lm_solve(lm, residuals, jacobian, user, set, NULL, x, NULL), status, text);
    assert_true(x[0] == 0 && x[1] == 0);
    gkv_lm_free(lm);
}

static void derivatives_must_be_numbers(void **state)
{
    (void)state;
    const double sum[P] = {1, 1};
    double much = 1.7e308, not_a_number = NAN;
    int calls = 0;
    gkv_lm_settings constrained = defaults();
    constrained.advanced.equalities = sum;
    constrained.advanced.n_equalities = 1;
    solve_fails(island, NULL, NULL, NULL, GKV_ERR_NUMERIC,
                "derivative in parameter 0 cannot be computed at 0");
    solve_fails(island, NULL, NULL, &constrained, GKV_ERR_NUMERIC,
                "derivative in unconstrained direction 0 cannot be computed");
    solve_fails(straight, slopes, &not_a_number, NULL, GKV_ERR_NUMERIC,
                "residual 0 in parameter 1 is not finite");
    solve_fails(straight, slopes, &much, &constrained, GKV_ERR_NUMERIC,
                "derivatives in unconstrained direction 0 are too large");
    solve_fails(straight, slopes, &much, NULL, GKV_ERR_NUMERIC,
                "derivatives in parameter 1 are too large");
    solve_fails(straight, fading, &calls, NULL, GKV_ERR_DATA,
                "the callback for the derivatives returned GKV_ERR_DATA");
    assert_int_equal(calls, 2);
}

static void flat_solvers_refuse_too(void **state)
{
    (void)state;
    double x[P] = {0}, covariance[P * P] = {0}, numbers[GKV_FLAT_LM_NUMBERS] = {0};
#define SOLVE(n, residuals, settings)                                                   \
    gkv_flat_lm_solve(n, P, residuals, NULL, NULL, NULL, NULL, NULL, NULL, settings, x, \
                      covariance, numbers)
    assert_fails(SOLVE(1, straight, NULL), GKV_ERR_ARGUMENT, "1 residuals and 2 parameters");
    assert_true(isnan(covariance[0]) && isnan(numbers[0]));
    gkv_flat_settings *set = flat_settings(gkv_flat_lm_settings, NULL);
    assert_fails(gkv_flat_set(set, "loss", "square"), GKV_ERR_ARGUMENT,
                 "loss = square: give squares, huber, soft_l1, cauchy");
    assert_ok(gkv_flat_set(set, "loss", "huber"));
    assert_ok(gkv_flat_set(set, "loss_scale", "0"));
    assert_fails(SOLVE(N, straight, set), GKV_ERR_ARGUMENT, "loss");
    gkv_flat_free(set);
    assert_fails(SOLVE(N, island, NULL), GKV_ERR_NUMERIC, "cannot be computed");
    assert_true(isnan(covariance[P * P - 1]) && isnan(numbers[GKV_FLAT_LM_COST_AFTER]));
}

/* --- Constraints that say nothing, and data that do not determine x --------- */

/* r = (x₀ + x₁ − 1, x₂ − 2, 0). */
static gkv_status summed(void *user, const double *x, double *r)
{
    (void)user;
    r[0] = x[0] + x[1] - 1;
    r[1] = x[2] - 2;
    r[2] = 0;
    return GKV_OK;
}

/* A combination of zeros and one that repeats another are not constraints. What no residual tells
 * apart has an infinite variance, with constraints too. */
static void undetermined_directions_have_no_variance(void **state)
{
    (void)state;
    const double combinations[2 * N] = {0, 0, 0, 0, 0, 1};
    double x[N] = {0, 0, 5}, covariance[N * N];
    gkv_lm *lm = NULL;
    gkv_lm_settings set = defaults();
    size_t rank = 0;
    set.advanced.equalities = combinations;
    set.advanced.n_equalities = 2;
    set.advanced.first_step = 0; /* as far as it goes */
    assert_ok(gkv_lm_create(N, N, &lm));
    assert_ok(gkv_lm_solve(lm, summed, NULL, NULL, &set, NULL, x, NULL));
    assert_close(x[0] + x[1], 1, 1e-9);
    assert_true(x[2] == 5);
    assert_ok(gkv_lm_covariance(lm, 0, covariance, &rank));
    assert_int_equal(rank, 1);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            assert_true(covariance[i * N + j] == (i == j && i < 2 ? INFINITY : 0));
    gkv_lm_free(lm);
}

/* --- Batches -------------------------------------------------------------- */

static gkv_status no_residuals(void *user, const gkv_lm_group *group, const double *x, double *r)
{
    (void)user, (void)x;
    for (size_t i = 0; i < N * group->lanes; i++)
        r[i] = 1;
    return GKV_OK;
}

static gkv_status no_slopes(void *user, const gkv_lm_group *group, const double *x,
                            double *jacobian)
{
    (void)user, (void)group, (void)x, (void)jacobian;
    return GKV_ERR_DATA;
}

static void batches_pass_failures_on(void **state)
{
    (void)state;
    double x[5 * P] = {0};
    gkv_lm_batch *batch = NULL;
    assert_fails(gkv_lm_batch_create(1, P, ON_THREADS(1), &batch), GKV_ERR_ARGUMENT,
                 "1 residuals and 2 parameters");
    assert_null(batch);
    assert_ok(gkv_lm_batch_create(N, P, ON_THREADS(1), &batch));
    assert_ok(gkv_lm_batch_solve(batch, 0, no_residuals, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
    assert_fails(
        gkv_lm_batch_solve(batch, 5, no_residuals, no_slopes, NULL, NULL, NULL, x, NULL, NULL),
        GKV_ERR_DATA, "the callback for the derivatives returned GKV_ERR_DATA");
    assert_fails(
        gkv_lm_batch_solve(batch, 5, no_residuals, NULL, NULL, NULL, ON_THREADS(-1), x, NULL, NULL),
        GKV_ERR_ARGUMENT, "threads = -1");
    gkv_lm_batch_free(batch);
    assert_fails(gkv_lm_batch_create(N, P, ON_THREADS(-1), &batch), GKV_ERR_ARGUMENT,
                 "threads = -1");
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
        cmocka_unit_test(derivatives_must_be_numbers),
        cmocka_unit_test(flat_solvers_refuse_too),
        cmocka_unit_test(undetermined_directions_have_no_variance),
        cmocka_unit_test(batches_pass_failures_on),
        cmocka_unit_test(results_may_be_left_out),
        cmocka_unit_test(every_stop_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
