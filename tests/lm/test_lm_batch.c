/* The batched solver compared with the solver for one problem: both give the same bits, on every
 * instruction set, for any number of threads and for all settings. */
#include "support.h"

#include "core/error.h"
#include "gkvae/lm_batch.h"
#include "lm/runner.h"

enum { COUNT = 53, N = 23, P = 3 };

/* y ≈ b0 + b1 exp(−b2 t) with some outliers. Starts are from good to hopeless, and residuals are
 * not finite for large b2, so that the lanes soon differ. */
typedef struct family {
    double t[N], y[COUNT][N], start[COUNT][P], wall;
    double low[COUNT * P], high[COUNT * P], weights[COUNT * N];
    bool fixed[COUNT * P];
} family;

static family data;

static double uniform(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / 16777216.0;
}

static int fill(void **state)
{
    (void)state;
    unsigned seed = 7;
    data.wall = 9;
    for (int i = 0; i < N; i++)
        data.t[i] = .2 * i;
    for (int c = 0; c < COUNT; c++) {
        const double b[P] = {4 * uniform(&seed) - 2, 5 * uniform(&seed), .2 + 3 * uniform(&seed)};
        for (int i = 0; i < N; i++) {
            data.y[c][i] = b[0] + b[1] * exp(-b[2] * data.t[i]) + .1 * (uniform(&seed) - .5);
            if (uniform(&seed) < .05)
                data.y[c][i] += 6;
            data.weights[c * N + i] = uniform(&seed) < .1 ? 0 : 3 * uniform(&seed);
        }
        const double far = c % 5 == 4 ? 30 : 1;
        for (int j = 0; j < P; j++) {
            data.start[c][j] = b[j] + far * 2 * (uniform(&seed) - .5);
            data.low[c * P + j] = uniform(&seed) < .3 ? b[j] - .3 * uniform(&seed) + .1 : -INFINITY;
            data.high[c * P + j] = uniform(&seed) < .3
                                       ? fmax(b[j], data.low[c * P + j]) + .2 * uniform(&seed)
                                       : INFINITY;
            data.fixed[c * P + j] = uniform(&seed) < .2;
        }
        if (c % 7 == 3)
            data.start[c][2] = 8.9; /* near the end of the finite region */
    }
    /* outside the finite region */
    memcpy(data.start[5], (double[]){0, 1, 10}, sizeof data.start[5]);
    memcpy(data.start[8], (double[]){0, NAN, 1}, sizeof data.start[8]);
    /* J is NaN at this one */
    memcpy(data.start[11], (double[]){0, 1, 0x1p-30}, sizeof data.start[11]);
    return 0;
}

static double value(size_t problem, const double *b, size_t i)
{
    return b[2] > data.wall ? NAN : b[0] + b[1] * exp(-b[2] * data.t[i]) - data.y[problem][i];
}

static double slope(const double *b, size_t i, size_t j)
{
    const double e = exp(-b[2] * data.t[i]);
    return b[2] == 0x1p-30 ? NAN : j == 0 ? 1 : j == 1 ? e : -b[1] * data.t[i] * e;
}

static gkv_status one_r(void *user, const double *b, double *r)
{
    for (size_t i = 0; i < N; i++)
        r[i] = value(*(size_t *)user, b, i);
    return GKV_OK;
}

static gkv_status one_j(void *user, const double *b, double *jacobian)
{
    (void)user;
    for (size_t j = 0; j < P; j++)
        for (size_t i = 0; i < N; i++)
            jacobian[j * N + i] = slope(b, i, j);
    return GKV_OK;
}

static gkv_status many_r(void *user, const gkv_lm_group *group, const double *x, double *r)
{
    (void)user;
    for (size_t l = 0; l < group->lanes; l++) {
        const double b[P] = {x[l], x[group->lanes + l], x[2 * group->lanes + l]};
        assert_true(group->problem[l] < COUNT);
        for (size_t i = 0; i < N; i++) /* the residuals of idle lanes must have no effect */
            r[i * group->lanes + l] = group->active[l] ? value(group->problem[l], b, i) : NAN;
    }
    return GKV_OK;
}

static gkv_status many_j(void *user, const gkv_lm_group *group, const double *x, double *jacobian)
{
    (void)user;
    for (size_t l = 0; l < group->lanes; l++) {
        const double b[P] = {x[l], x[group->lanes + l], x[2 * group->lanes + l]};
        for (size_t j = 0; j < P; j++)
            for (size_t i = 0; i < N; i++)
                jacobian[(j * N + i) * group->lanes + l] =
                    group->active[l] ? slope(b, i, j) : INFINITY;
    }
    return GKV_OK;
}

static void assert_same(const double *a, const double *b, size_t n, const char *what,
                        size_t problem)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) {
            print_error("%s %zu of problem %zu is %.17g, not %.17g\n", what, i, problem, a[i],
                        b[i]);
            fail();
        }
}

typedef struct solutions {
    double x[COUNT][P], covariances[COUNT][P * P];
    gkv_lm_result results[COUNT];
} solutions;

/* Solves each problem alone, and reports faults as a batch does. */
static void solve_each(const gkv_lm_settings *set, int analytic, solutions *out)
{
    gkv_lm *lm;
    assert_ok(gkv_lm_create(N, P, &lm));
    memcpy(out->x, data.start, sizeof out->x);
    for (size_t c = 0; c < COUNT; c++) {
        gkv_lm_settings own = *set;
        own.low = set->low ? set->low + c * P : NULL;
        own.high = set->high ? set->high + c * P : NULL;
        own.fixed = set->fixed ? set->fixed + c * P : NULL;
        own.weights = set->weights ? set->weights + c * N : NULL;
        memset(&out->results[c], 0, sizeof out->results[c]);
        const gkv_status status = gkv_lm_solve(lm, one_r, analytic ? one_j : NULL, &c, &own, NULL,
                                               out->x[c], &out->results[c]);
        if (status == GKV_OK) {
            assert_ok(gkv_lm_covariance(lm, 0, out->covariances[c], NULL));
        } else {
            assert_true(status == GKV_ERR_NUMERIC || status == GKV_ERR_ARGUMENT);
            out->results[c].stop = GKV_LM_FAULT;
            for (int i = 0; i < P * P; i++)
                out->covariances[c][i] = NAN;
        }
    }
    gkv_lm_free(lm);
}

static void compare(const gkv_lm_settings *set, int analytic)
{
    static solutions alone, together;
    solve_each(set, analytic, &alone);
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (int threads = 1; threads <= 3; threads += 2) {
            gkv_lm_batch *batch;
            gki_lm_use((gki_simd)level);
            assert_ok(gkv_lm_batch_create(N, P, &(gkv_run_options){.threads = threads}, &batch));
            memset(&together, 0xff, sizeof together);
            memcpy(together.x, data.start, sizeof together.x);
            assert_ok(gkv_lm_batch_solve(batch, COUNT, many_r, analytic ? many_j : NULL, NULL, set,
                                         NULL, &together.x[0][0], together.results,
                                         &together.covariances[0][0]));
            gkv_lm_batch_free(batch);
            for (size_t c = 0; c < COUNT; c++) {
                const gkv_lm_result *a = &alone.results[c], *b = &together.results[c];
                assert_same(together.x[c], alone.x[c], P, "parameter", c);
                assert_int_equal(b->stop, a->stop);
                if (c == 8)
                    continue; /* one solver refuses the problem, and the other does not begin it */
                assert_same(together.covariances[c], alone.covariances[c], P * P, "covariance", c);
                assert_same(&b->cost_after, &a->cost_after, 1, "cost", c);
                assert_same(&b->cost_before, &a->cost_before, 1, "first cost", c);
                assert_int_equal(b->iterations, a->iterations);
                assert_int_equal(b->accepted, a->accepted);
                assert_int_equal(b->residual_evaluations, a->residual_evaluations);
                assert_int_equal(b->jacobian_evaluations, a->jacobian_evaluations);
            }
        }
    gki_lm_use(GKV_SIMD_LEVELS);
    size_t converged = 0, rejected = 0;
    for (size_t c = 0; c < COUNT; c++) {
        converged += gkv_lm_converged(alone.results[c].stop);
        rejected += alone.results[c].iterations - alone.results[c].accepted;
    }
    assert_true(converged > COUNT / 2);
    assert_true(rejected > 10);
}

static void same_bits(void **state)
{
    (void)state;
    gkv_lm_settings set;
    for (int analytic = 0; analytic < 2; analytic++)
        for (int loss = GKV_LM_SQUARES; loss <= GKV_LM_CAUCHY; loss++)
            for (int mix = 0; mix < 16; mix += analytic ? 1 : 5) {
                gkv_lm_defaults(&set);
                set.loss = (gkv_lm_loss)loss;
                set.loss_scale = .3;
                set.max_iterations = 60;
                if (mix & 1)
                    set.low = data.low, set.high = data.high;
                if (mix & 2)
                    set.fixed = data.fixed;
                if (mix & 4)
                    set.weights = data.weights;
                if (mix & 8)
                    set.advanced.acceleration = .75;
                compare(&set, analytic);
            }
}

/* Any number of problems, from none to more than the lanes of all threads. */
static void any_count(void **state)
{
    (void)state;
    static double all[COUNT][P], x[COUNT][P];
    gkv_lm_batch *batch;
    assert_true(gkv_lm_lanes() >= 1 && gkv_lm_lanes() <= GKV_LM_LANES_MAX);
    for (int threads = 0; threads <= 4; threads++) {
        assert_ok(gkv_lm_batch_create(N, P, &(gkv_run_options){.threads = threads}, &batch));
        memcpy(all, data.start, sizeof all);
        assert_ok(gkv_lm_batch_solve(batch, COUNT, many_r, many_j, NULL, NULL, NULL, &all[0][0],
                                     NULL, NULL));
        for (size_t count = 0; count <= 20; count++) {
            memcpy(x, data.start, sizeof x);
            assert_ok(gkv_lm_batch_solve(batch, count, many_r, many_j, NULL, NULL, NULL, &x[0][0],
                                         NULL, NULL));
            assert_same(&x[0][0], &all[0][0], count * P, "number", count);
            assert_same(&x[count][0], &data.start[count][0], (COUNT - count) * P,
                        "number left alone", count);
        }
        gkv_lm_batch_free(batch);
    }
}

/* Fails at the first residuals of problem 40, with a message in the thread that computes them. */
static gkv_status failing(void *user, const gkv_lm_group *group, const double *x, double *r)
{
    for (size_t l = 0; l < group->lanes; l++)
        if (group->active[l] && group->problem[l] == 40)
            return gki_fail(GKV_ERR_INTERRUPTED, "problem %zu does not want to", group->problem[l]);
    return many_r(user, group, x, r);
}

/* Fails there without a message. */
static gkv_status silent(void *user, const gkv_lm_group *group, const double *x, double *r)
{
    for (size_t l = 0; l < group->lanes; l++)
        if (group->active[l] && group->problem[l] == 40)
            return GKV_ERR_INTERRUPTED;
    return many_r(user, group, x, r);
}

static void failures(void **state)
{
    (void)state;
    static double x[COUNT][P];
    static gkv_lm_result results[COUNT];
    gkv_lm_batch *batch;
    for (int threads = 1; threads <= 3; threads++) {
        assert_ok(gkv_lm_batch_create(N, P, &(gkv_run_options){.threads = threads}, &batch));
        memcpy(x, data.start, sizeof x);
        memset(results, 0, sizeof results);
        assert_fails(gkv_lm_batch_solve(batch, COUNT, failing, many_j, NULL, NULL, NULL, &x[0][0],
                                        results, NULL),
                     GKV_ERR_INTERRUPTED, "problem 40 does not want to");
        memcpy(x, data.start, sizeof x);
        assert_fails(gkv_lm_batch_solve(batch, COUNT, silent, many_j, NULL, NULL, NULL, &x[0][0],
                                        NULL, NULL),
                     GKV_ERR_INTERRUPTED, "the callback for the residuals returned");
        assert_same(x[40], data.start[40], P, "parameter", 40);
        assert_same(x[COUNT - 1], data.start[COUNT - 1], P, "parameter", COUNT - 1);
        /* with more threads, the one of problem 0 may start after the batch has ended */
        if (threads == 1)
            assert_true(gkv_lm_converged(results[0].stop));
        for (size_t c = 0; c < COUNT; c++)
            for (int j = 0; j < P; j++)
                assert_true(isfinite(x[c][j]) || c == 8);
        gkv_lm_batch_free(batch);
    }
    gkv_lm_settings set;
    gkv_lm_defaults(&set);
    assert_fails(gkv_lm_batch_create(N, P, &(gkv_run_options){.threads = -1}, &batch),
                 GKV_ERR_ARGUMENT, "threads = -1");
    assert_fails(gkv_lm_batch_create(2, P, &(gkv_run_options){.threads = 1}, &batch),
                 GKV_ERR_ARGUMENT, "2 residuals and 3 parameters");
    assert_fails(gkv_lm_batch_create(SIZE_MAX / 4, P, &(gkv_run_options){.threads = 1}, &batch),
                 GKV_ERR_ARGUMENT, "too large");
    gkv_lm_batch_free(NULL);
    assert_ok(gkv_lm_batch_create(N, P, &(gkv_run_options){.threads = 2}, &batch));
    set.advanced.n_equalities = 1;
    set.advanced.equalities = (double[]){1, 0, 0};
    assert_fails(
        gkv_lm_batch_solve(batch, COUNT, many_r, many_j, NULL, &set, NULL, &x[0][0], NULL, NULL),
        GKV_ERR_ARGUMENT, "does not support equality constraints");
    gkv_lm_defaults(&set);
    static double low[COUNT * P], high[COUNT * P];
    high[7 * P + 1] = -1;
    set.low = low;
    set.high = high;
    assert_fails(
        gkv_lm_batch_solve(batch, COUNT, many_r, many_j, NULL, &set, NULL, &x[0][0], NULL, NULL),
        GKV_ERR_ARGUMENT, "of parameter 1 (problem 7)");
    gkv_lm_batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits),
        cmocka_unit_test(any_count),
        cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
