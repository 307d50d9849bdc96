/* The linear algebra of the solver, on every instruction set. The solver's results for extreme
 * units and sizes. */
#include "support.h"

#include "core/simd.h"
#include "gkvae/lm.h"
#include "lm/runner.h"

static double noise(size_t i)
{
    return sin(1.7 * (double)i * (double)i + .3);
}

/* The data of a lane: columns with sizes from 1e-200 to 1e200, one column of zeros, and one
 * dependent column. */
static double entry(size_t lane, size_t i, size_t j, size_t p)
{
    if (j == 1 && lane % 3 == 1)
        return 0;
    if (j == 2 && lane % 4 == 2)
        return 3 * entry(lane, i, 0, p);
    const double size = lane % 5 == 3 && j < p ? pow(10, 200 - 100.0 * (double)j) : 1;
    return size * (noise(i * 31 + j * 7 + lane) + (double)(j == 0));
}

static void factor_keeps_products(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{1, 1},   {3, 3},   {7, 2},  {40, 4},
                                      {128, 5}, {129, 4}, {500, 3}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int level = 0; level <= (int)gki_simd_best() + 1; level++) {
            const size_t n = sizes[s][0], p = sizes[s][1];
            const gki_lm_kernels *k = level > (int)gki_simd_best()
                                          ? gki_lm_kernels_single(gki_simd_best())
                                          : gki_lm_kernels_of((gki_simd)level);
            gki_lm_runner runner;
            assert_ok(gki_lm_runner_open(&runner, k, n, p));
            for (size_t l = 0; l < k->lanes; l++)
                for (size_t j = 0; j <= p; j++)
                    for (size_t i = 0; i < n; i++) {
                        runner.system[(j * n + i) * k->lanes + l] = entry(l, i, j, p);
                        runner.change[i * k->lanes + l] = entry(l, i, p, p);
                    }
            k->factor(n, p, runner.system, runner.tau, runner.triangle);
            k->rotate(n, p, runner.system, runner.tau, runner.change, runner.rhs);
            for (size_t l = 0; l < k->lanes; l++)
                for (size_t a = 0; a < p; a++) {
                    /* The same reflections transform the last column and b. */
                    assert_true(runner.rhs[a * k->lanes + l] ==
                                runner.triangle[(p * p + a) * k->lanes + l]);
                    for (size_t b = a; b <= p; b++) {
                        /* RᵀR = JᵀJ and Rᵀq = Jᵀr, for columns scaled to length 1 */
                        double left = 0, right = 0, na = 0, nb = 0, la = 1e-300, lb = 1e-300;
                        for (size_t i = 0; i < n; i++) {
                            la = fmax(la, fabs(entry(l, i, a, p)));
                            lb = fmax(lb, fabs(entry(l, i, b, p)));
                        }
                        for (size_t i = 0; i <= a; i++)
                            left += runner.triangle[(a * p + i) * k->lanes + l] / la *
                                    (runner.triangle[(b * p + i) * k->lanes + l] / lb);
                        for (size_t i = 0; i < n; i++) {
                            const double x = entry(l, i, a, p) / la, y = entry(l, i, b, p) / lb;
                            right += x * y, na += x * x, nb += y * y;
                        }
                        assert_close(left, right, 1e-14 * sqrt(na * nb));
                    }
                }
            gki_lm_runner_close(&runner);
        }
}

/* The damped step solves (JᵀJ + λD²) d = −Jᵀr in the unconstrained parameters. `norm` is its
 * length. The step-norm derivative agrees with differences in λ. */
static void steps_solve_the_damped_system(void **state)
{
    (void)state;
    enum { SIZE = 30, M = 4 };
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (double lambda = 0; lambda<1e6; lambda = lambda> 0 ? 1e4 * lambda : 1e-8)
            for (int excluded = -1; excluded < M; excluded++) {
                const gki_lm_kernels *k = gki_lm_kernels_of((gki_simd)level);
                const size_t lanes = k->lanes;
                gki_lm_runner runner;
                assert_ok(gki_lm_runner_open(&runner, k, SIZE, M));
                for (size_t l = 0; l < lanes; l++) {
                    runner.lambda[l] = lambda;
                    for (size_t j = 0; j < M; j++) {
                        runner.trust[j * lanes + l] = 1 + (double)j;
                        runner.unconstrained[j * lanes + l] = (int)j != excluded;
                    }
                    for (size_t j = 0; j <= M; j++)
                        for (size_t i = 0; i < SIZE; i++)
                            runner.system[(j * SIZE + i) * lanes + l] = noise(i * 17 + j + 5 * l);
                }
                const double *right = runner.triangle + M * M * lanes;
                double near[GKV_LM_LANES_MAX];
                k->factor(SIZE, M, runner.system, runner.tau, runner.triangle);
                for (size_t l = 0; l < lanes; l++)
                    runner.lambda[l] = lambda * (1 + 1e-5) + 1e-9;
                k->step(M, runner.triangle, right, runner.unconstrained, runner.trust,
                        runner.lambda, runner.raw, near, runner.work);
                for (size_t l = 0; l < lanes; l++)
                    runner.lambda[l] = lambda;
                k->step(M, runner.triangle, right, runner.unconstrained, runner.trust,
                        runner.lambda, runner.raw, runner.numbers, runner.work);
                k->step_norm_derivative(M, runner.trust, runner.numbers, runner.norm_derivative,
                                        runner.work);
                for (size_t l = 0; l < lanes; l++) {
                    double square = 0;
                    for (size_t a = 0; a < M; a++) {
                        const double own = runner.raw[a * lanes + l], scale = 1 + (double)a;
                        double sum = lambda * scale * scale * own;
                        for (size_t i = 0; i < SIZE; i++) {
                            double moved = noise(i * 17 + M + 5 * l);
                            for (size_t b = 0; b < M; b++)
                                moved += noise(i * 17 + b + 5 * l) * runner.raw[b * lanes + l];
                            sum += noise(i * 17 + a + 5 * l) * moved;
                        }
                        if ((int)a == excluded)
                            assert_true(own == 0);
                        else
                            assert_close(sum, 0, 1e-12 * (1 + lambda * scale * scale * fabs(own)));
                        square += scale * own * scale * own;
                    }
                    assert_relative(runner.numbers[l], sqrt(square), 1e-14);
                    const double slope = (near[l] - runner.numbers[l]) / (lambda * 1e-5 + 1e-9);
                    assert_relative(-runner.numbers[l] * runner.norm_derivative[l], slope, 1e-3);
                }
                gki_lm_runner_close(&runner);
            }
}

/* --- Units and sizes ------------------------------------------------------ */

typedef struct units {
    double x, r;
} units;

static gkv_status scaled_r(void *user, const double *x, double *r)
{
    const units *u = user;
    for (int i = 0; i < 25; i++) {
        const double t = .2 * i;
        r[i] = u->r * (x[0] / u->x * exp(-x[1] * u->x * t) + x[2] -
                       (2 * exp(-t) + .5 + .1 * noise((size_t)i)));
    }
    return GKV_OK;
}

static gkv_status scaled_j(void *user, const double *x, double *j)
{
    const units *u = user;
    for (int i = 0; i < 25; i++) {
        const double t = .2 * i, e = exp(-x[1] * u->x * t);
        j[i] = u->r / u->x * e;
        j[25 + i] = -u->r * u->x * (x[0] / u->x) * t * e;
        j[50 + i] = u->r;
    }
    return GKV_OK;
}

/* If units change by powers of 2, results have the same bits. For extreme units they differ by
 * rounding errors. */
static void units_do_not_matter(void **state)
{
    (void)state;
    gkv_lm *lm;
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    assert_ok(gkv_lm_create(25, 3, &lm));
    units plain = {1, 1};
    double x[3] = {1, .5, .1}, covariance[9];
    gkv_lm_result expected;
    assert_ok(gkv_lm_solve(lm, scaled_r, scaled_j, &plain, &set, NULL, x, &expected));
    assert_true(gkv_lm_converged(expected.stop));
    assert_ok(gkv_lm_covariance(lm, 0, covariance, NULL));
    static const double powers[][2] = {{20, 0},   {-33, 0}, {0, 50},     {0, -40},
                                       {12, -70}, {300, 0}, {-350, 400}, {0, -450}};
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
        units u = {exp2(powers[i][0]), exp2(powers[i][1])};
        double y[3] = {1 * u.x, .5 / u.x, .1}, own[9];
        gkv_lm_result result;
        assert_ok(gkv_lm_solve(lm, scaled_r, scaled_j, &u, &set, NULL, y, &result));
        assert_ok(gkv_lm_covariance(lm, 0, own, NULL));
        assert_true(gkv_lm_converged(result.stop));
        if (i < 5) {
            assert_int_equal(result.iterations, expected.iterations);
            assert_true(y[0] / u.x == x[0] && y[1] * u.x == x[1] && y[2] == x[2]);
            assert_true(own[1] * u.r * u.r == covariance[1]);
        }
        assert_relative(y[0] / u.x, x[0], 1e-9);
        assert_relative(y[1] * u.x, x[1], 1e-9);
        if (i < 6)
            assert_relative(own[8] * u.r * u.r, covariance[8], 1e-8);
    }
    gkv_lm_free(lm);
}

enum { LONG = 3000, WIDE = 12 };

static gkv_status long_r(void *user, const double *x, double *r)
{
    const double *table = user;
    for (size_t i = 0; i < LONG; i++) {
        r[i] = 1e-3 * table[3 * i + 1];
        for (size_t j = 0; j < WIDE; j++)
            r[i] += table[i * WIDE + j] * (x[j] + .1 * x[j] * x[j] - (double)j);
    }
    return GKV_OK;
}

/* Problems of many blocks of rows have the same solution on every instruction set, and the gradient
 * is 0 there. */
static void long_problems(void **state)
{
    (void)state;
    static double table[LONG * WIDE], r[LONG];
    double x[2][WIDE];
    gkv_lm_result result[2];
    for (size_t i = 0; i < LONG * WIDE; i++)
        table[i] = noise(i);
    for (int level = 0; level < 2; level++) {
        gkv_lm *lm;
        gki_lm_use(level ? gki_simd_best() : GKV_SIMD_PORTABLE);
        assert_ok(gkv_lm_create(LONG, WIDE, &lm));
        memset(x[level], 0, sizeof x[level]);
        assert_ok(gkv_lm_solve(lm, long_r, NULL, table, NULL, NULL, x[level], &result[level]));
        assert_true(gkv_lm_converged(result[level].stop));
        gkv_lm_free(lm);
    }
    gki_lm_use(GKV_SIMD_LEVELS);
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    assert_int_equal(result[0].residual_evaluations, result[1].residual_evaluations);
    long_r(table, x[0], r);
    for (size_t j = 0; j < WIDE; j++) {
        double dot = 0, square = 0, size = 0;
        for (size_t i = 0; i < LONG; i++) {
            const double slope = table[i * WIDE + j] * (1 + .2 * x[0][j]);
            dot += slope * r[i], square += slope * slope, size += r[i] * r[i];
        }
        assert_close(dot / sqrt(square * size), 0, 1e-7);
    }
}

/* --- Boxes ---------------------------------------------------------------- */

enum { ROWS = 30, COLUMNS = 8 };

static gkv_status linear_r(void *user, const double *x, double *r)
{
    const double *a = user; /* column-major; the last column is the right-hand side */
    for (int i = 0; i < ROWS; i++) {
        r[i] = -a[COLUMNS * ROWS + i];
        for (int j = 0; j < COLUMNS; j++)
            r[i] += a[j * ROWS + i] * x[j];
    }
    return GKV_OK;
}

static gkv_status linear_j(void *user, const double *x, double *j)
{
    (void)x;
    memcpy(j, user, COLUMNS * ROWS * sizeof *j);
    return GKV_OK;
}

/* Linear problems with bounds and nearly equal columns are solved in a few steps, and satisfy the
 * Karush–Kuhn–Tucker conditions. */
static void boxes(void **state)
{
    (void)state;
    gkv_lm *lm;
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    assert_ok(gkv_lm_create(ROWS, COLUMNS, &lm));
    size_t steps = 0, at_edge = 0;
    for (size_t trial = 0; trial < 100; trial++) {
        double a[(COLUMNS + 1) * ROWS], low[COLUMNS], high[COLUMNS], x[COLUMNS], r[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            a[COLUMNS * ROWS + i] = .2 * noise(i + trial);
            for (size_t j = 0; j < COLUMNS; j++) {
                a[j * ROWS + i] = noise(i * 5 + trial) + .3 * noise(i * 13 + 29 * j + 3 * trial);
                a[COLUMNS * ROWS + i] += a[j * ROWS + i] * (1.2 + .6 * noise(j + trial));
            }
        }
        for (size_t j = 0; j < COLUMNS; j++) {
            low[j] = 1 + .7 * noise(3 * j + trial);
            high[j] = low[j] + .6 + .5 * noise(7 * j + trial);
            x[j] = low[j] + .5 * (high[j] - low[j]);
        }
        set.low = low;
        set.high = high;
        set.advanced.acceleration = trial % 2 ? .75 : 0;
        gkv_lm_result result;
        assert_ok(gkv_lm_solve(lm, linear_r, linear_j, a, &set, NULL, x, &result));
        assert_true(gkv_lm_converged(result.stop));
        steps += result.iterations;
        linear_r(a, x, r);
        for (size_t j = 0; j < COLUMNS; j++) {
            double dot = 0, square = 0, size = 0;
            for (size_t i = 0; i < ROWS; i++)
                dot += a[j * ROWS + i] * r[i], square += a[j * ROWS + i] * a[j * ROWS + i],
                    size += r[i] * r[i];
            assert_true(x[j] >= low[j] && x[j] <= high[j]);
            if (x[j] == low[j])
                assert_true(dot >= 0);
            else if (x[j] == high[j])
                assert_true(dot <= 0);
            else
                assert_close(dot / sqrt(square * size), 0, 1e-9);
            at_edge += x[j] == low[j] || x[j] == high[j];
        }
    }
    assert_true(at_edge > 200 && at_edge < 700);
    assert_true(steps < 600);
    gkv_lm_free(lm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factor_keeps_products),
        cmocka_unit_test(steps_solve_the_damped_system),
        cmocka_unit_test(units_do_not_matter),
        cmocka_unit_test(long_problems),
        cmocka_unit_test(boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
