/* The least-squares solver for difficult or invalid problems: bounds, residuals that are not
 * finite, rank, refusals. test_mgh.c and test_nist.c test classical problems. */
#include "support.h"

#include "gkvae/lm.h"

/* --- Problems ------------------------------------------------------------- */

static gkv_status rosenbrock(void *user, const double *x, double *r)
{
    (void)user;
    r[0] = 10 * (x[1] - x[0] * x[0]);
    r[1] = 1 - x[0];
    return GKV_OK;
}

static gkv_status rosenbrock_jacobian(void *user, const double *x, double *j)
{
    (void)user;
    j[0] = -20 * x[0], j[1] = -1;
    j[2] = 10, j[3] = 0;
    return GKV_OK;
}

/* A minimum at 2. Residuals are not finite beyond 3, and at the first distant steps. */
static gkv_status partly_nan(void *user, const double *x, double *r)
{
    (void)user;
    r[0] = x[0] > 3 ? NAN : exp(x[0]) - exp(2);
    r[1] = x[0] > 3 ? INFINITY : .1 * (x[0] - 2);
    return GKV_OK;
}

static gkv_lm_result solve(size_t n, size_t p, gkv_lm_residuals *f, gkv_lm_jacobian *j, void *user,
                           double *x, const gkv_lm_settings *settings, double *covariance)
{
    gkv_lm *lm;
    gkv_lm_result result;
    assert_ok(gkv_lm_create(n, p, &lm));
    assert_ok(gkv_lm_solve(lm, f, j, user, settings, NULL, x, &result));
    if (covariance) {
        size_t rank;
        assert_ok(gkv_lm_covariance(lm, 0, covariance, &rank));
        assert_int_equal(rank, p);
    }
    gkv_lm_free(lm);
    assert_true(result.cost_after <= result.cost_before);
    return result;
}

/* A line and a·exp(−b t), each fitted to 12 points. */
enum { POINTS = 12 };

static double height(int i)
{
    return 3 * exp(-0.4 * i) + 0.05 * sin(5.0 * i);
}

static gkv_status line(void *user, const double *x, double *r)
{
    (void)user;
    for (int i = 0; i < POINTS; i++)
        r[i] = x[0] + x[1] * i - height(i);
    return GKV_OK;
}

static gkv_status line_jacobian(void *user, const double *x, double *j)
{
    (void)user, (void)x;
    for (int i = 0; i < POINTS; i++)
        j[i] = 1, j[POINTS + i] = i;
    return GKV_OK;
}

static gkv_status decay(void *user, const double *x, double *r)
{
    (void)user;
    for (int i = 0; i < POINTS; i++)
        r[i] = x[0] * exp(-x[1] * i) - height(i);
    return GKV_OK;
}

/* --- Tests ---------------------------------------------------------------- */

/* If x is 0 up to rounding, it must not determine the length of steps. The solver must leave the
 * start. */
static void starts_next_to_zero(void **state)
{
    (void)state;
    double best[2] = {0, 0};
    const double cost = solve(POINTS, 2, line, line_jacobian, NULL, best, NULL, NULL).cost_after;
    for (int digits = 5; digits <= 300; digits += 5)
        for (int differences = 0; differences < 2; differences++) {
            const double tiny = pow(10, -digits);
            double x[2] = {tiny, -tiny};
            assert_relative(
                solve(POINTS, 2, line, differences ? NULL : line_jacobian, NULL, x, NULL, NULL)
                    .cost_after,
                cost, 1e-9);
            double y[2] = {tiny, 1};
            assert_true(solve(POINTS, 2, decay, NULL, NULL, y, NULL, NULL).cost_after < 0.02);
        }
}

/* With a constrained sum, a coordinate of the start is 0 up to rounding. */
static void constrained_starts_with_zero_coordinates(void **state)
{
    (void)state;
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    set.advanced.n_equalities = 1;
    set.advanced.equalities = (double[]){1, 1};
    const double sums[] = {2, 0.2, 2.0 / 3, 4};
    for (int i = 0; i < 4; i++)
        for (int differences = 0; differences < 2; differences++) {
            /* on x0 + x1 = s the cost is a parabola in x1 */
            double x[2] = {sums[i] / 2, sums[i] / 2}, up = 0, down = 0;
            for (int t = 0; t < POINTS; t++)
                up += (t - 1) * (height(t) - sums[i]), down += (t - 1) * (t - 1);
            solve(POINTS, 2, line, differences ? NULL : line_jacobian, NULL, x, &set, NULL);
            assert_close(x[1], up / down, 1e-9);
            assert_close(x[0] + x[1], sums[i], 1e-14);
        }
}

static void not_a_number_is_a_rejected_step(void **state)
{
    (void)state;
    for (double start = -3; start <= 3; start += .5) {
        double x = start;
        const gkv_lm_result result = solve(2, 1, partly_nan, NULL, NULL, &x, NULL, NULL);
        assert_true(gkv_lm_converged(result.stop));
        assert_close(x, 2, 1e-8);
    }
    double x = 4;
    gkv_lm *lm;
    gkv_lm_result result;
    assert_ok(gkv_lm_create(2, 1, &lm));
    assert_fails(gkv_lm_solve(lm, partly_nan, NULL, NULL, NULL, NULL, &x, &result), GKV_ERR_NUMERIC,
                 "residual 0 is nan at the start");
    double covariance;
    assert_fails(gkv_lm_covariance(lm, 0, &covariance, NULL), GKV_ERR_ARGUMENT,
                 "no covariance before");
    gkv_lm_free(lm);
}

/* The minimum lies outside the region of finite residuals. The solver must not report
 * convergence. */
static gkv_status partly_finite(void *user, const double *x, double *r)
{
    (void)user;
    r[0] = x[0] >= 1 ? NAN : x[0] - 2;
    return GKV_OK;
}

static void a_wall_is_no_minimum(void **state)
{
    (void)state;
    double x = 0;
    const gkv_lm_result result = solve(1, 1, partly_finite, NULL, NULL, &x, NULL, NULL);
    assert_int_equal(gkv_lm_converged(result.stop), 0);
    assert_int_equal(result.stop, GKV_LM_NO_PROGRESS);
    assert_true(x < 1 && x > .9);
}

static void bounds(void **state)
{
    (void)state;
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    /* Rosenbrock's function with x0 ≤ ½ has the solution (½, ¼) and the cost ½·(½)². */
    double low[2] = {-INFINITY, -INFINITY}, high[2] = {.5, INFINITY}, x[2] = {-1.2, 1};
    set.low = low, set.high = high;
    gkv_lm_result result = solve(2, 2, rosenbrock, rosenbrock_jacobian, NULL, x, &set, NULL);
    assert_true(gkv_lm_converged(result.stop));
    assert_true(x[0] == .5);
    assert_close(x[1], .25, 1e-8);
    assert_relative(result.cost_after, .125, 1e-12);
    /* The solution is at every corner; one has equal bounds. Starts outside the bounds are moved
     * inside. */
    low[1] = high[1] = -2;
    x[0] = 9, x[1] = 9;
    result = solve(2, 2, rosenbrock, NULL, NULL, x, &set, NULL);
    assert_true(gkv_lm_converged(result.stop) && x[1] == -2 && x[0] <= .5);
    low[0] = high[0] = .1;
    result = solve(2, 2, rosenbrock, NULL, NULL, x, &set, NULL);
    assert_int_equal(result.stop, GKV_LM_GRADIENT);
    assert_true(x[0] == .1 && x[1] == -2);
    /* Inactive bounds do not change the solution. */
    double wide[2] = {-10, -10}, high2[2] = {10, 10}, y[2] = {-1.2, 1};
    set.low = wide, set.high = high2;
    solve(2, 2, rosenbrock, NULL, NULL, y, &set, NULL);
    assert_close(y[0], 1, 1e-7);

    low[0] = 1, high[0] = 0;
    set.low = low, set.high = high;
    gkv_lm *lm;
    assert_ok(gkv_lm_create(2, 2, &lm));
    assert_fails(gkv_lm_solve(lm, rosenbrock, NULL, NULL, &set, NULL, x, NULL), GKV_ERR_ARGUMENT,
                 "no value satisfies the bounds");
    gkv_lm_free(lm);
}

/* The data determine only the sum a + b of two parameters, and do not depend on a third one. */
static gkv_status deficient(void *user, const double *x, double *r)
{
    const double scale = *(double *)user;
    for (int i = 0; i < 5; i++)
        r[i] = x[0] + x[1] * scale - i;
    return GKV_OK;
}

static void rank_deficiency(void **state)
{
    (void)state;
    for (double scale = 1e-9; scale < 1e10; scale *= 1e6) {
        double x[3] = {0, 0, 7}, covariance[9];
        gkv_lm *lm;
        gkv_lm_result result;
        size_t rank;
        assert_ok(gkv_lm_create(5, 3, &lm));
        assert_ok(gkv_lm_solve(lm, deficient, NULL, &scale, NULL, NULL, x, &result));
        assert_true(gkv_lm_converged(result.stop));
        assert_relative(result.cost_after, 5, 1e-10);
        assert_close(x[0] + x[1] * scale, 2, 1e-6);
        assert_true(x[2] == 7);
        assert_ok(gkv_lm_covariance(lm, 1e-6, covariance, &rank));
        assert_int_equal(rank, 1);
        assert_true(isinf(covariance[8]) && covariance[2] == 0);
        /* the data do not determine a or b alone */
        assert_true(isinf(covariance[0]) && isinf(covariance[4]));
        assert_true(covariance[1] == 0 && covariance[5] == 0);
        gkv_lm_free(lm);
    }
}

/* The data determine x0 + x1, x2 and x3 + 2 x4. They determine x1 if x0 is fixed. */
static gkv_status collinear(void *user, const double *x, double *r)
{
    (void)user;
    for (int i = 0; i < 12; i++)
        r[i] = x[0] + x[1] + 1e3 * i * x[2] + i * i * (x[3] + 2 * x[4]) - sin(i);
    return GKV_OK;
}

static void only_what_is_determined_has_a_variance(void **state)
{
    (void)state;
    static const bool fixed[5] = {1, 0, 0, 1, 0};
    double full[25], determined[25];
    size_t rank;
    gkv_lm *lm;
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    assert_ok(gkv_lm_create(12, 5, &lm));
    for (int holds = 0; holds < 2; holds++) {
        double x[5] = {0};
        set.fixed = holds ? fixed : NULL;
        assert_ok(gkv_lm_solve(lm, collinear, NULL, NULL, &set, NULL, x, NULL));
        assert_ok(gkv_lm_covariance(lm, 1e-8, holds ? determined : full, &rank));
        assert_int_equal(rank, 3);
    }
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            if (i != 2 || j != 2)
                assert_true(i == j ? isinf(full[i * 6]) : full[i * 5 + j] == 0);
    /* x2 has the same variance if x1 and x4 are not fixed */
    assert_relative(full[2 * 6], determined[2 * 6], 1e-6);
    assert_true(isfinite(determined[6]) && determined[6] > 0 && isfinite(determined[24]) &&
                determined[24] > 0);
    assert_true(determined[0] == 0 && determined[18] == 0);
    gkv_lm_free(lm);
}

static gkv_status linear(void *user, const double *x, double *r)
{
    const double *a = user; /* 12 × 4 by columns, then 12 right-hand sides */
    for (int i = 0; i < 12; i++) {
        r[i] = -a[48 + i];
        for (int j = 0; j < 4; j++)
            r[i] += a[j * 12 + i] * x[j];
    }
    return GKV_OK;
}

static gkv_status linear_jacobian(void *user, const double *x, double *j)
{
    (void)x;
    memcpy(j, user, 48 * sizeof *j);
    return GKV_OK;
}

/* A linear problem with bad scaling: the covariance times JᵀJ is the identity. */
static void covariance_inverts(void **state)
{
    (void)state;
    double a[60], x[4] = {0}, covariance[16];
    for (int i = 0; i < 60; i++)
        a[i] = sin(1.3 * i * i) * pow(10, 3 * (i / 12) - 4);
    const gkv_lm_result result = solve(12, 4, linear, linear_jacobian, a, x, NULL, covariance);
    assert_true(gkv_lm_converged(result.stop));
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            double sum = 0, size = 0;
            for (int k = 0; k < 4; k++)
                for (int m = 0; m < 12; m++) {
                    sum += covariance[i * 4 + k] * a[k * 12 + m] * a[j * 12 + m];
                    size += fabs(covariance[i * 4 + k] * a[k * 12 + m] * a[j * 12 + m]);
                }
            assert_close(sum, i == j, 1e-13 * size);
            assert_true(covariance[i * 4 + j] == covariance[j * 4 + i]);
        }
    /* The normal equations hold. */
    double r[12];
    linear(a, x, r);
    for (int j = 0; j < 4; j++) {
        double dot = 0, rr = 0, aa = 0;
        for (int i = 0; i < 12; i++)
            dot += r[i] * a[j * 12 + i], rr += r[i] * r[i], aa += a[j * 12 + i] * a[j * 12 + i];
        assert_close(dot / sqrt(rr * aa), 0, 1e-9);
    }
}

static gkv_status failing(void *user, const double *x, double *r)
{
    if (++*(int *)user > 3)
        return GKV_ERR_INTERRUPTED;
    return rosenbrock(NULL, x, r);
}

static gkv_status failing_jacobian(void *user, const double *x, double *j)
{
    (void)user, (void)x, (void)j;
    return GKV_ERR_DATA;
}

/* A message that a failed call of the library left within a callback is kept. */
static gkv_status failing_within(void *user, const double *x, double *r)
{
    gkv_lm *lm;
    (void)user, (void)x, (void)r;
    return gkv_lm_create(1, 2, &lm);
}

static gkv_status nan_jacobian(void *user, const double *x, double *j)
{
    (void)user, (void)x;
    j[0] = j[1] = j[3] = 1, j[2] = NAN;
    return GKV_OK;
}

static void refusals_and_limits(void **state)
{
    (void)state;
    gkv_lm *lm;
    assert_fails(gkv_lm_create(1, 2, &lm), GKV_ERR_ARGUMENT, "1 residuals and 2 parameters");
    assert_fails(gkv_lm_create(3, 0, &lm), GKV_ERR_ARGUMENT, "0 parameters");
    assert_fails(gkv_lm_create(SIZE_MAX / 4, 3, &lm), GKV_ERR_ARGUMENT, "too large");
    gkv_lm_free(NULL);
    assert_ok(gkv_lm_create(2, 2, &lm));
    double x[2] = {-1.2, 1};
    int calls = 0;
    gkv_lm_result result;
    assert_fails(gkv_lm_solve(lm, failing, rosenbrock_jacobian, &calls, NULL, NULL, x, &result),
                 GKV_ERR_INTERRUPTED,
                 "the callback for the residuals returned GKV_ERR_INTERRUPTED");
    calls = 2;
    assert_fails(gkv_lm_solve(lm, failing, NULL, &calls, NULL, NULL, (double[]){-1.2, 1}, NULL),
                 GKV_ERR_INTERRUPTED, "the callback for the residuals");
    assert_fails(
        gkv_lm_solve(lm, rosenbrock, failing_jacobian, NULL, NULL, NULL, (double[]){-1.2, 1}, NULL),
        GKV_ERR_DATA, "the callback for the derivatives returned GKV_ERR_DATA");
    assert_fails(gkv_lm_solve(lm, failing_within, NULL, NULL, NULL, NULL, x, NULL),
                 GKV_ERR_ARGUMENT, "1 residuals and 2 parameters");
    assert_true(result.cost_after <= result.cost_before && isfinite(x[0]));
    assert_fails(gkv_lm_solve(lm, rosenbrock, nan_jacobian, NULL, NULL, NULL, x, NULL),
                 GKV_ERR_NUMERIC, "residual 0 in parameter 1");
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    set.max_iterations = 3;
    assert_ok(gkv_lm_solve(lm, rosenbrock, NULL, NULL, &set, NULL, (double[]){-1.2, 1}, &result));
    assert_int_equal(result.stop, GKV_LM_LIMIT);
    assert_int_equal(result.iterations, 3);
    for (size_t limit = 0; limit < 4; limit++) { /* the minimum is the start and two differences */
        double origin[2] = {-1.2, 1};
        gkv_lm_defaults(&set);
        if (limit > 0)
            set.advanced.max_evaluations = limit;
        else
            set.max_iterations = 0;
        assert_ok(gkv_lm_solve(lm, rosenbrock, NULL, NULL, &set, NULL, origin, &result));
        assert_int_equal(result.stop, GKV_LM_LIMIT);
        assert_int_equal(result.iterations, 0);
        assert_int_equal(result.residual_evaluations, 3);
        assert_true(origin[0] == -1.2 && origin[1] == 1);
    }
    set.advanced.max_evaluations = 0;
    assert_fails(gkv_lm_solve(lm, rosenbrock, NULL, NULL, &set, NULL, x, NULL), GKV_ERR_ARGUMENT,
                 "max_evaluations ≥ 1");
    gkv_lm_defaults(&set);
    set.weights = (const double[]){1, -1};
    assert_fails(gkv_lm_solve(lm, rosenbrock, NULL, NULL, &set, NULL, x, NULL), GKV_ERR_ARGUMENT,
                 "the weight of residual 1 is -1; weights");
    gkv_lm_defaults(&set);
    set.advanced.first_step = -1;
    assert_fails(gkv_lm_solve(lm, rosenbrock, NULL, NULL, &set, NULL, x, NULL), GKV_ERR_ARGUMENT,
                 "first_step");
    x[1] = NAN;
    assert_fails(gkv_lm_solve(lm, rosenbrock, NULL, NULL, NULL, NULL, x, NULL), GKV_ERR_ARGUMENT,
                 "parameter 1");
    /* The start is the solution. */
    assert_ok(gkv_lm_solve(lm, rosenbrock, NULL, NULL, NULL, NULL, (double[]){1, 1}, &result));
    assert_int_equal(result.stop, GKV_LM_ZERO);
    for (int stop = 0; stop < 9; stop++)
        assert_true(strlen(gkv_lm_stop_name((gkv_lm_stop)stop)) > 5);
    gkv_lm_free(lm);
}

/* --- Differences ---------------------------------------------------------- */

enum { CUBE = 20 };

/* a + b x² fitted to −0.01 x³: the solution is a = b = 0, so no parameter has a size there. */
static gkv_status parabola(void *user, const double *p, double *r)
{
    (void)user;
    for (int i = 0; i < CUBE; i++) {
        const double x = -1 + 2.0 * i / (CUBE - 1);
        r[i] = p[0] + p[1] * x * x + 0.01 * x * x * x;
    }
    return GKV_OK;
}

static gkv_status parabola_jacobian(void *user, const double *p, double *j)
{
    (void)user, (void)p;
    for (int i = 0; i < CUBE; i++) {
        const double x = -1 + 2.0 * i / (CUBE - 1);
        j[i] = 1, j[CUBE + i] = x * x;
    }
    return GKV_OK;
}

static void test_differences_at_zero(void **state)
{
    (void)state;
    double analytic[4], differences[4], x_exact[2] = {1, 1}, x[2] = {1, 1};
    const gkv_lm_result exact =
        solve(CUBE, 2, parabola, parabola_jacobian, NULL, x_exact, NULL, analytic);
    solve(CUBE, 2, parabola, NULL, NULL, x, NULL, differences);
    for (int i = 0; i < 4; i++)
        assert_close(differences[i], analytic[i], 1e-6 * fabs(analytic[i]));
    const double variance = 2 * exact.cost_after / (CUBE - 2);
    assert_close(sqrt(variance * differences[0]), 0.00154823, 5e-9);
    assert_close(sqrt(variance * differences[3]), 0.00313749, 5e-9);
}

enum { GROWTH = 30 };

/* a/c (1 − exp(−c t/b))^d: a/c, c/b and d are determined, but not a, b and c. */
static gkv_status growth(void *user, const double *p, double *r)
{
    (void)user;
    for (int i = 0; i < GROWTH; i++) {
        const double t = 1 + i, truth = 120 * pow(1 - exp(-0.15 * t), 1.8) + 0.5 * sin(3 * t);
        r[i] = p[0] / p[2] * pow(1 - exp(-p[2] * t / p[1]), p[3]) - truth;
    }
    return GKV_OK;
}

static void test_rank_by_differences(void **state)
{
    (void)state;
    double x[4] = {100, 6, 1, 1.5}, covariance[16];
    gkv_lm *lm;
    size_t rank = 0;
    assert_ok(gkv_lm_create(GROWTH, 4, &lm));
    assert_ok(gkv_lm_solve(lm, growth, NULL, NULL, NULL, NULL, x, NULL));
    assert_ok(gkv_lm_covariance(lm, 0, covariance, &rank));
    assert_int_equal(rank, 3);
    for (int i = 0; i < 3; i++)
        assert_true(isinf(covariance[5 * i]));
    assert_true(covariance[15] > 0 && covariance[15] < 1);
    gkv_lm_free(lm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences_at_zero),
        cmocka_unit_test(test_rank_by_differences),
        cmocka_unit_test(starts_next_to_zero),
        cmocka_unit_test(constrained_starts_with_zero_coordinates),
        cmocka_unit_test(not_a_number_is_a_rejected_step),
        cmocka_unit_test(a_wall_is_no_minimum),
        cmocka_unit_test(bounds),
        cmocka_unit_test(rank_deficiency),
        cmocka_unit_test(only_what_is_determined_has_a_variance),
        cmocka_unit_test(covariance_inverts),
        cmocka_unit_test(refusals_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
