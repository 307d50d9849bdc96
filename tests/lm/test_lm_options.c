/* Weights, losses, fixed parameters, linear equality constraints, geodesic acceleration and the
 * monitor. */
#include "support.h"

#include "gkvae/lm.h"

/* y ≈ b0 + b1 exp(−b2 t) + b3 t with noise, and with three outliers for tests of losses. */
enum { N = 40, P = 4 };

typedef struct curve {
    size_t n;
    double t[2 * N], y[2 * N];
    int nan_column; /* a column whose derivatives are NaN, or −1 */
    int calls;
} curve;

static curve make_curve(int outliers)
{
    curve data = {.n = N, .nan_column = -1};
    for (int i = 0; i < N; i++) {
        data.t[i] = .1 * i;
        data.y[i] = 1 + 3 * exp(-1.4 * data.t[i]) + .3 * data.t[i] + .05 * sin(17.0 * i * i);
        if (outliers && i % 13 == 5)
            data.y[i] += 4 - 6 * (i % 2);
    }
    return data;
}

static gkv_status curve_r(void *user, const double *b, double *r)
{
    curve *data = user;
    data->calls++;
    for (size_t i = 0; i < data->n; i++)
        r[i] = b[0] + b[1] * exp(-b[2] * data->t[i]) + b[3] * data->t[i] - data->y[i];
    return GKV_OK;
}

static gkv_status curve_j(void *user, const double *b, double *j)
{
    const curve *data = user;
    const size_t n = data->n;
    for (size_t i = 0; i < n; i++) {
        const double e = exp(-b[2] * data->t[i]);
        j[i] = 1, j[n + i] = e, j[2 * n + i] = -b[1] * data->t[i] * e, j[3 * n + i] = data->t[i];
    }
    for (size_t i = 0; data->nan_column >= 0 && i < n; i++)
        j[(size_t)data->nan_column * n + i] = NAN;
    return GKV_OK;
}

static const double start[P] = {1.3, 2, 1, 0};

static gkv_lm_result solve(curve *data, int analytic, const gkv_lm_settings *set, double *x,
                           double *covariance, size_t *rank)
{
    gkv_lm *lm;
    gkv_lm_result result;
    assert_ok(gkv_lm_create(data->n, P, &lm));
    assert_ok(gkv_lm_solve(lm, curve_r, analytic ? curve_j : NULL, data, x, set, &result));
    if (covariance)
        assert_ok(gkv_lm_covariance(lm, 0, covariance, rank));
    gkv_lm_free(lm);
    assert_true(result.cost_after <= result.cost_before);
    return result;
}

static void weights_count_residuals(void **state)
{
    (void)state;
    for (int loss = GKV_LM_SQUARES; loss <= GKV_LM_CAUCHY; loss++) {
        curve data = make_curve(1), repeated = {.nan_column = -1};
        double weights[N], x[P], y[P], cx[P * P], cy[P * P];
        for (int i = 0; i < N; i++) {
            weights[i] = i % 3;
            for (int k = 0; k < i % 3; k++, repeated.n++)
                repeated.t[repeated.n] = data.t[i], repeated.y[repeated.n] = data.y[i];
        }
        gkv_lm_settings set;
        gkv_lm_defaults(&set);
        set.loss = (gkv_lm_loss)loss;
        set.loss_scale = .2;
        memcpy(x, start, sizeof x);
        memcpy(y, start, sizeof y);
        const gkv_lm_result b = solve(&repeated, 1, &set, y, cy, NULL);
        set.weights = weights;
        const gkv_lm_result a = solve(&data, 1, &set, x, cx, NULL);
        assert_true(gkv_lm_converged(a.stop) && gkv_lm_converged(b.stop));
        assert_relative(a.cost_after, b.cost_after, 1e-12);
        for (int j = 0; j < P; j++)
            assert_relative(x[j], y[j], 1e-7);
        for (int j = 0; j < P * P; j++)
            assert_relative(cx[j], cy[j], 1e-5);
    }
}

/* ρ by its definition in the header. */
static double rho(gkv_lm_loss loss, double r, double c)
{
    const double s = r * r / (c * c);
    switch (loss) {
    case GKV_LM_HUBER: return c * c * (s <= 1 ? s : 2 * sqrt(s) - 1);
    case GKV_LM_SOFT_L1: return c * c * 2 * (sqrt(1 + s) - 1);
    case GKV_LM_CAUCHY: return c * c * log1p(s);
    default: return r * r;
    }
}

static double cost_of(curve *data, gkv_lm_loss loss, double c, const double *x)
{
    double r[N], sum = 0;
    curve_r(data, x, r);
    for (int i = 0; i < N; i++)
        sum += .5 * rho(loss, r[i], c);
    return sum;
}

static void losses_are_minimized(void **state)
{
    (void)state;
    for (int loss = GKV_LM_SQUARES; loss <= GKV_LM_CAUCHY; loss++)
        for (int analytic = 0; analytic < 2; analytic++)
            for (double c = .02; c < 3; c *= 5) {
                curve data = make_curve(1);
                gkv_lm_settings set;
                gkv_lm_defaults(&set);
                set.loss = (gkv_lm_loss)loss;
                set.loss_scale = c;
                double x[P];
                memcpy(x, start, sizeof x);
                const gkv_lm_result result = solve(&data, analytic, &set, x, NULL, NULL);
                assert_true(gkv_lm_converged(result.stop));
                assert_true(result.iterations < 120);
                assert_relative(result.cost_before, cost_of(&data, set.loss, c, start), 1e-12);
                assert_relative(result.cost_after, cost_of(&data, set.loss, c, x), 1e-12);
                for (int j = 0; j < P; j++) { /* no point nearby has a lower cost */
                    for (double h = 1e-4; h < .1; h *= 10)
                        for (int side = -1; side <= 1; side += 2) {
                            double y[P];
                            memcpy(y, x, sizeof y);
                            y[j] += side * h;
                            assert_true(cost_of(&data, set.loss, c, y) > result.cost_after);
                        }
                }
                /* Outliers shift the least-squares solution, but not those of the robust losses. */
                if (loss != GKV_LM_SQUARES && c < .2)
                    assert_close(x[0] + x[1], 4, .15);
            }
    curve data = make_curve(0);
    gkv_lm_settings set;
    double x[P];
    gkv_lm *lm;
    assert_ok(gkv_lm_create(N, P, &lm));
    gkv_lm_defaults(&set);
    set.loss = GKV_LM_HUBER;
    set.loss_scale = 0;
    memcpy(x, start, sizeof x);
    assert_fails(gkv_lm_solve(lm, curve_r, NULL, &data, x, &set, NULL), GKV_ERR_ARGUMENT,
                 "loss_scale");
    set.loss = (gkv_lm_loss)9;
    assert_fails(gkv_lm_solve(lm, curve_r, NULL, &data, x, &set, NULL), GKV_ERR_ARGUMENT,
                 "no loss 9");
    double weights[N] = {1, 1, -1};
    gkv_lm_defaults(&set);
    set.weights = weights;
    assert_fails(gkv_lm_solve(lm, curve_r, NULL, &data, x, &set, NULL), GKV_ERR_ARGUMENT,
                 "weight of residual 2 is -1");
    assert_memory_equal(x, start, sizeof x);
    gkv_lm_free(lm);
}

static void fixed_parameters_stay(void **state)
{
    (void)state;
    for (int analytic = 0; analytic < 2; analytic++) {
        curve data = make_curve(0);
        double x[P], covariance[P * P];
        size_t rank;
        memcpy(x, start, sizeof x);
        x[2] = 1.5;
        const unsigned char fixed[P] = {0, 0, 1, 0}, all[P] = {1, 1, 1, 1};
        gkv_lm_settings set;
        gkv_lm_defaults(&set);
        set.fixed = fixed;
        data.nan_column = 2; /* the solver must ignore the derivatives of a fixed parameter */
        gkv_lm_result result = solve(&data, analytic, &set, x, covariance, &rank);
        assert_true(gkv_lm_converged(result.stop));
        assert_true(x[2] == 1.5);
        assert_int_equal(rank, 3);
        /* The remaining problem is linear. Its normal equations hold, and the covariance is their
         * inverse. */
        double r[N], j[N * P];
        data.nan_column = -1;
        curve_r(&data, x, r);
        curve_j(&data, x, j);
        for (int a = 0; a < P; a++) {
            double dot = 0;
            for (int i = 0; i < N; i++)
                dot += r[i] * j[a * N + i];
            if (a != 2)
                assert_close(dot, 0, 1e-6);
            assert_true(covariance[2 * P + a] == 0 && covariance[a * P + 2] == 0);
            for (int b = 0; b < P && a != 2; b++) {
                double sum = 0;
                for (int k = 0; k < P; k++)
                    for (int i = 0; i < N; i++)
                        sum += covariance[a * P + k] * j[k * N + i] * j[b * N + i];
                if (b != 2)
                    assert_close(sum, a == b, 1e-6);
            }
        }
        set.fixed = all;
        memcpy(x, start, sizeof x);
        result = solve(&data, analytic, &set, x, covariance, &rank);
        assert_int_equal(result.stop, GKV_LM_GRADIENT);
        assert_int_equal(rank, 0);
        assert_memory_equal(x, start, sizeof x);
        for (int i = 0; i < P * P; i++)
            assert_true(covariance[i] == 0);
    }
}

/* The problem with b1 = 5 − 2 b0 and b3 = c − b0 substituted. */
static gkv_status eliminated_r(void *user, const double *v, double *r)
{
    return curve_r(user, (double[]){v[0], 5 - 2 * v[0], v[1], .75 - v[0]}, r);
}

static void combinations_are_constrained(void **state)
{
    (void)state;
    /* The constraints 2 b0 + b1 = 5 and b0 + b3 = ¾, and a third one that depends on them. */
    const double combinations[3 * P] = {2, 1, 0, 0, 1e9, 0, 0, 1e9, 3, 1, 0, 1};
    for (int analytic = 0; analytic < 2; analytic++) {
        curve data = make_curve(0);
        double x[P] = {1.5, 2, 1, -.75}, covariance[P * P], v[2] = {1.5, 1}, of_v[4];
        size_t rank;
        gkv_lm_settings set;
        gkv_lm_defaults(&set);
        gkv_lm *lm;
        gkv_lm_result a, b;
        assert_ok(gkv_lm_create(N, 2, &lm));
        assert_ok(gkv_lm_solve(lm, eliminated_r, NULL, &data, v, &set, &b));
        assert_ok(gkv_lm_covariance(lm, 0, of_v, NULL));
        gkv_lm_free(lm);
        set.equalities = combinations;
        set.n_equalities = 3;
        a = solve(&data, analytic, &set, x, covariance, &rank);
        assert_true(gkv_lm_converged(a.stop) && gkv_lm_converged(b.stop));
        assert_int_equal(rank, 2);
        assert_relative(a.cost_after, b.cost_after, 1e-10);
        assert_close(2 * x[0] + x[1], 5, 4e-15);
        assert_close(x[0] + x[3], .75, 2e-15);
        assert_relative(x[0], v[0], 1e-6);
        assert_relative(x[2], v[1], 1e-6);
        const double slopes[P][2] = {{1, 0}, {-2, 0}, {0, 1}, {-1, 0}};
        for (int i = 0; i < P; i++)
            for (int j = 0; j < P; j++) {
                double sum = 0;
                for (int k = 0; k < 4; k++)
                    sum += slopes[i][k / 2] * of_v[k] * slopes[j][k % 2];
                assert_relative(covariance[i * P + j], sum, 1e-5);
            }
    }
    /* Constraints together with a fixed parameter; then no parameter can change. */
    curve data = make_curve(0);
    double x[P] = {1.5, 2, 1, -.75}, covariance[P * P];
    const unsigned char fixed[P] = {0, 0, 1, 0};
    size_t rank;
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    set.equalities = combinations;
    set.n_equalities = 2;
    set.fixed = fixed;
    gkv_lm_result result = solve(&data, 1, &set, x, covariance, &rank);
    assert_true(gkv_lm_converged(result.stop) && result.accepted > 0);
    assert_true(x[2] == 1 && covariance[2 * P + 2] == 0 && covariance[0] > 0);
    assert_int_equal(rank, 1);
    assert_close(2 * x[0] + x[1], 5, 4e-15);
    const double all[3 * P] = {1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1};
    set.equalities = all;
    set.n_equalities = 3;
    const double origin[P] = {1.5, 2, 1, -.75};
    double y[P];
    memcpy(y, origin, sizeof y);
    result = solve(&data, 0, &set, y, covariance, &rank);
    assert_int_equal(result.stop, GKV_LM_GRADIENT);
    assert_int_equal(rank, 0);
    for (int j = 0; j < P; j++)
        assert_true(y[j] == origin[j] && covariance[j * P + j] == 0);
    /* The same workspace solves a problem without constraints. */
    gkv_lm *lm;
    assert_ok(gkv_lm_create(N, P, &lm));
    assert_ok(gkv_lm_solve(lm, curve_r, curve_j, &data, y, &set, NULL));
    gkv_lm_defaults(&set);
    assert_ok(gkv_lm_solve(lm, curve_r, curve_j, &data, y, &set, &result));
    assert_ok(gkv_lm_covariance(lm, 0, covariance, &rank));
    assert_int_equal(rank, P);
    assert_close(y[2], 1.4, .2);
    /* Refusals. */
    set.equalities = combinations;
    set.n_equalities = P;
    assert_fails(gkv_lm_solve(lm, curve_r, curve_j, &data, y, &set, NULL), GKV_ERR_ARGUMENT,
                 "need an array `equalities`");
    const double low[P] = {-9, -9, -9, -9};
    set.n_equalities = 1;
    set.low = low;
    assert_fails(gkv_lm_solve(lm, curve_r, curve_j, &data, y, &set, NULL), GKV_ERR_ARGUMENT,
                 "together with bounds");
    set.low = NULL;
    set.equalities = (double[]){1, INFINITY, 0, 0};
    assert_fails(gkv_lm_solve(lm, curve_r, curve_j, &data, y, &set, NULL), GKV_ERR_ARGUMENT,
                 "coefficient 1");
    gkv_lm_free(lm);
}

/* --- Acceleration --------------------------------------------------------- */

/* A narrow valley along the curve x1 = x0³ from the start to (1, 1). */
static gkv_status valley(void *user, const double *x, double *r)
{
    ++*(int *)user;
    r[0] = 1e3 * (x[1] - x[0] * x[0] * x[0]);
    r[1] = 1 - x[0];
    return GKV_OK;
}

static gkv_status valley_j(void *user, const double *x, double *j)
{
    (void)user;
    j[0] = -3e3 * x[0] * x[0], j[1] = -1;
    j[2] = 1e3, j[3] = 0;
    return GKV_OK;
}

/* The same valley, but every second call returns residuals that are not finite. These calls are
 * probes first. */
static gkv_status holed(void *user, const double *x, double *r)
{
    const gkv_status status = valley(user, x, r);
    if (*(int *)user % 2 == 0)
        r[0] = NAN;
    return status;
}

static void acceleration_follows_valleys(void **state)
{
    (void)state;
    gkv_lm *lm;
    gkv_lm_settings set;
    gkv_lm_result plain, accelerated;
    assert_ok(gkv_lm_create(2, 2, &lm));
    gkv_lm_defaults(&set);
    int calls = 0;
    double x[2] = {-2, -8}, y[2] = {-2, -8};
    assert_ok(gkv_lm_solve(lm, valley, valley_j, &calls, x, &set, &plain));
    assert_int_equal(calls, plain.residual_evaluations);
    calls = 0;
    set.acceleration = .75;
    assert_ok(gkv_lm_solve(lm, valley, valley_j, &calls, y, &set, &accelerated));
    assert_int_equal(calls, accelerated.residual_evaluations);
    assert_true(gkv_lm_converged(plain.stop) && gkv_lm_converged(accelerated.stop));
    for (int j = 0; j < 2; j++) {
        assert_close(x[j], 1, 1e-10);
        assert_close(y[j], 1, 1e-10);
    }
    assert_true(2 * accelerated.iterations < plain.iterations);
    assert_true(accelerated.residual_evaluations > accelerated.iterations + 1);
    /* With probes that are not finite the solver takes the step without acceleration. */
    calls = 0;
    memcpy(y, (double[]){-2, -8}, sizeof y);
    assert_ok(gkv_lm_solve(lm, holed, valley_j, &calls, y, &set, &accelerated));
    assert_true(gkv_lm_converged(accelerated.stop));
    assert_close(y[0], 1, 1e-10);
    assert_int_equal(accelerated.accepted, plain.accepted);
    set.acceleration = -1;
    assert_fails(gkv_lm_solve(lm, valley, valley_j, &calls, y, &set, NULL), GKV_ERR_ARGUMENT,
                 "acceleration");
    gkv_lm_free(lm);
}

/* --- The monitor ---------------------------------------------------------- */

typedef struct watch {
    int calls, until;
    double cost, x[P];
} watch;

static int look(void *user, const gkv_lm_progress *progress)
{
    watch *seen = user;
    assert_int_equal(progress->iterations, seen->calls);
    assert_true(progress->accepted <= progress->iterations);
    assert_int_equal(progress->jacobian_evaluations, progress->accepted + 1);
    assert_true(progress->cost <= seen->cost * (1 + 1e-13));
    assert_true(progress->gradient >= 0 && progress->gradient <= 1 + 1e-12);
    assert_true((progress->step > 0) == (seen->calls > 0));
    assert_true(progress->damping >= 0);
    seen->cost = progress->cost;
    memcpy(seen->x, progress->x, sizeof seen->x);
    return ++seen->calls == seen->until;
}

static void the_monitor_sees_every_step(void **state)
{
    (void)state;
    const double combinations[P] = {1, 1, 0, 0};
    for (int holds = 0; holds < 2; holds++) {
        curve data = make_curve(0);
        watch seen = {.cost = INFINITY};
        double x[P];
        gkv_lm_settings set;
        gkv_lm_defaults(&set);
        set.monitor = look;
        set.monitor_user = &seen;
        set.equalities = combinations;
        set.n_equalities = holds ? 1 : 0;
        memcpy(x, start, sizeof x);
        gkv_lm_result result = solve(&data, 1, &set, x, NULL, NULL);
        assert_true(gkv_lm_converged(result.stop));
        assert_int_equal(seen.calls, result.iterations + 1);
        assert_true(seen.cost == result.cost_after);
        assert_memory_equal(seen.x, x, sizeof x);
        for (int until = 1; until < 4; until++) {
            seen = (watch){.until = until, .cost = INFINITY};
            memcpy(x, start, sizeof x);
            result = solve(&data, 1, &set, x, NULL, NULL);
            assert_int_equal(result.stop, GKV_LM_ASKED);
            assert_false(gkv_lm_converged(result.stop));
            assert_int_equal(result.iterations, until - 1);
            assert_memory_equal(seen.x, x, sizeof x);
            assert_true(seen.cost == result.cost_after);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_count_residuals),
        cmocka_unit_test(losses_are_minimized),
        cmocka_unit_test(fixed_parameters_stay),
        cmocka_unit_test(combinations_are_constrained),
        cmocka_unit_test(acceleration_follows_valleys),
        cmocka_unit_test(the_monitor_sees_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
