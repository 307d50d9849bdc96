/* The flat functions of least squares compared with the functions of structs. */
#include "flat_settings.h"
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/lm_batch.h"

#define SAME(x, y, count) assert_memory_equal(x, y, (count) * sizeof(double))

/* y ≈ b0 exp(−b1 t) */
enum { POINTS = 30, P = 2, PROBLEMS = 11 };

static double y[PROBLEMS][POINTS];

static gkv_status decay(void *context, const double *v, double *r)
{
    const double *observed = context;
    for (int i = 0; i < POINTS; i++)
        r[i] = v[0] * exp(-v[1] * .1 * i) - observed[i];
    return GKV_OK;
}

static gkv_status many(void *context, size_t lanes, const size_t *problem, const bool *active,
                       const double *v, double *r)
{
    (void)context;
    for (size_t l = 0; l < lanes; l++)
        for (size_t i = 0; i < POINTS && active[l]; i++)
            r[i * lanes + l] = v[l] * exp(-v[lanes + l] * .1 * (double)i) - y[problem[l]][i];
    return GKV_OK;
}

static gkv_status many_derivatives(void *context, size_t lanes, const size_t *problem,
                                   const bool *active, const double *v, double *jacobian)
{
    (void)context;
    (void)problem;
    for (size_t l = 0; l < lanes; l++)
        for (size_t i = 0; i < POINTS && active[l]; i++) {
            const double t = .1 * (double)i, e = exp(-v[lanes + l] * t);
            jacobian[i * lanes + l] = e;
            jacobian[(POINTS + i) * lanes + l] = -v[l] * t * e;
        }
    return GKV_OK;
}

static void least_squares(void **state)
{
    (void)state;
    const double low[P] = {0, .25};
    double start[P] = {1, .2}, flat_start[P] = {1, .2}, covariance[P * P], expected[P * P],
           numbers[GKV_FLAT_LM_NUMBERS], weights[POINTS];
    for (int i = 0; i < POINTS; i++)
        weights[i] = 1 + i % 2;
    for (int k = 0; k < PROBLEMS; k++)
        for (int i = 0; i < POINTS; i++)
            y[k][i] = 3 * exp(-(.04 + .01 * k) * i) + .05 * sin(i);
    gkv_lm *lm;
    gkv_lm_settings set;
    gkv_lm_result r;
    gkv_lm_defaults(&set);
    set.weights = weights;
    set.low = low;
    set.loss = GKV_LM_HUBER;
    set.loss_scale = .04;
    set.cost_tolerance = set.step_tolerance = set.gradient_tolerance = 1e-8;
    set.advanced.acceleration = .75;
    assert_ok(gkv_lm_create(POINTS, P, &lm));
    assert_ok(gkv_lm_solve(lm, decay, NULL, y[0], &set, NULL, start, &r));
    assert_ok(gkv_lm_covariance(lm, 0, expected, NULL));
    gkv_lm_free(lm);
    gkv_flat_settings *flat = flat_settings(
        gkv_flat_lm_settings, "loss", "huber", "loss_scale", "0.04", "cost_tolerance", "1e-8",
        "step_tolerance", "1e-8", "gradient_tolerance", "1e-8", "acceleration", "0.75", NULL);
    assert_ok(gkv_flat_lm_solve(POINTS, P, decay, NULL, y[0], weights, low, NULL, NULL, flat,
                                flat_start, covariance, numbers));
    gkv_flat_free(flat);
    SAME(flat_start, start, P);
    SAME(covariance, expected, P * P);
    SAME(numbers,
         ((const double[]){r.stop, (double)r.iterations, (double)r.accepted,
                           (double)r.residual_evaluations, (double)r.jacobian_evaluations,
                           r.cost_before, r.cost_after}),
         GKV_FLAT_LM_NUMBERS);
}

static void many_problems(void **state)
{
    (void)state;
    double v[PROBLEMS][P], covariances[PROBLEMS][P * P], numbers[PROBLEMS][GKV_FLAT_LM_NUMBERS];
    for (int with = 0; with < 2; with++) {
        for (int k = 0; k < PROBLEMS; k++)
            v[k][0] = v[k][1] = 1;
        assert_ok(gkv_flat_lm_solve_many(PROBLEMS, POINTS, P, many, with ? many_derivatives : NULL,
                                         NULL, NULL, NULL, NULL, NULL, NULL, 1, &v[0][0],
                                         &covariances[0][0], &numbers[0][0]));
        for (int k = 0; k < PROBLEMS; k++) {
            double one[P] = {1, 1}, own[GKV_FLAT_LM_NUMBERS];
            assert_ok(gkv_flat_lm_solve(POINTS, P, decay, NULL, y[k], NULL, NULL, NULL, NULL, NULL,
                                        one, NULL, own));
            assert_relative(v[k][0], one[0], 1e-9);
            assert_relative(v[k][1], one[1], 1e-9);
            assert_relative(numbers[k][GKV_FLAT_LM_COST_AFTER], own[GKV_FLAT_LM_COST_AFTER], 1e-12);
            assert_true(gkv_lm_converged((gkv_lm_stop)numbers[k][GKV_FLAT_LM_STOP]));
        }
    }
}

static gkv_status broken(void *context, size_t lanes, const size_t *problem, const bool *active,
                         const double *v, double *r)
{
    (void)context, (void)lanes, (void)problem, (void)active, (void)v, (void)r;
    return GKV_ERR_DATA;
}

/* What the outputs hold after an error. */
static void refusals(void **state)
{
    (void)state;
    double v[2][P] = {{1, 1}, {1, 1}}, covariances[2][P * P] = {{0}},
           numbers[2][GKV_FLAT_LM_NUMBERS] = {{0}};
    assert_fails(gkv_flat_lm_solve_many(2, POINTS, P, broken, NULL, NULL, NULL, NULL, NULL, NULL,
                                        NULL, 1, &v[0][0], &covariances[0][0], &numbers[0][0]),
                 GKV_ERR_DATA, "");
    assert_true(isnan(covariances[0][0]) && isnan(covariances[1][P * P - 1]));
    assert_true(isnan(numbers[0][0]) && isnan(numbers[1][GKV_FLAT_LM_COST_AFTER]));
    assert_true(v[0][0] == 1 && v[1][1] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_squares),
        cmocka_unit_test(many_problems),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
