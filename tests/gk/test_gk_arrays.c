/* The public batch functions compared with the scalar functions, on every instruction set. */
#include "support.h"

#include <float.h>

#include "core/simd.h"
#include "gk/gk_batch_kernels.h"
#include "gkvae/gk_batch.h"

static const gkv_gk shapes[] = {
    {0, 1, 0, 0, .8, 0},    {3, 1, 2, .5, .8, 0},     {2, 1, 5, -.1, .8, 0},
    {1, 3, .4, 2.3, .8, 0}, {0, 1, 20, .5, .8, 0},    {0, .01, -3, .9, .95, 0},
    {0, 1, 1, -.06, .8, 0}, {-7, 1e3, -.3, 5, .3, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, N = 1201 };

static void each_level(void (*test)(const gkv_gk *gk))
{
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        gki_gk_batch_use((gki_simd)level);
        for (int i = 0; i < SHAPES; i++)
            test(&shapes[i]);
    }
    gki_gk_batch_use(GKV_SIMD_LEVELS);
}

/* Values of z in −45 … 45, densest around 0, and values that are not finite. */
static double grid_z(int i)
{
    const double t = (i - N / 2) / (N / 2.);
    return i == 3 ? INFINITY : i == 4 ? -INFINITY : i == 5 ? NAN : 45 * t * fabs(t);
}

static void same(double got, double expected, double relative)
{
    if (isnan(expected))
        assert_true(isnan(got));
    else
        assert_relative(got, expected, relative);
}

static void at_x(const gkv_gk *gk)
{
    static double x[N], out[8][N], score[4 * N];
    for (int i = 0; i < N; i++)
        x[i] = isfinite(grid_z(i)) ? gkv_gk_Q(gk, grid_z(i)) : grid_z(i);
    const gkv_gk_at_x all = {out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7], score};
    assert_ok(gkv_gk_batch_x(gk, N, x, &all));
    for (int i = 0; i < N; i++) {
        double exact[4], moved[4];
        const double tolerance = 2e-13;
        same(out[0][i], gkv_gk_Q_inverse(gk, x[i]), tolerance);
        const double log_f = gkv_gk_score(gk, x[i], exact);
        if (isfinite(log_f))
            assert_close(out[1][i], log_f, tolerance * fmax(1, fabs(log_f)));
        else
            same(out[1][i], log_f, 0);
        same(out[2][i], gkv_gk_pdf(gk, x[i]), tolerance);
        same(out[3][i], gkv_gk_cdf(gk, x[i]), tolerance);
        same(out[4][i], gkv_gk_cdf_upper(gk, x[i]), tolerance);
        same(out[5][i], gkv_gk_log_cdf(gk, x[i]), tolerance);
        same(out[6][i], gkv_gk_log_cdf_upper(gk, x[i]), tolerance);
        if (!isfinite(x[i]) || x[i] == gk->a)
            continue;
        const double slope = gkv_gk_dlog_pdf(gk, x[i]), unit = 1 / gkv_gk_dQ(gk, out[0][i]);
        assert_close(out[7][i], slope, 1e-11 * (fabs(slope) + unit * (1 + fabs(gk->g))));
        /* the effect on the score of an error of 1e-14 in z; it is large where Q' is nearly 0 */
        gkv_gk_score(gk, gkv_gk_Q(gk, out[0][i] * (1 + 1e-10)), moved);
        for (int j = 0; j < 4; j++)
            assert_close(
                score[4 * i + j], exact[j],
                1e-4 * fabs(moved[j] - exact[j]) +
                    1e-11 * (1 + fabs(exact[j]) +
                             (j < 2 ? (unit + 1 / gk->b) * (1 + fabs(gk->g)) : fabs(out[0][i]))));
    }
    /* A single output, written to the input array by two calls, has the same bits. */
    static double alone[N];
    memcpy(alone, x, sizeof x);
    assert_ok(gkv_gk_batch_x(gk, 700, alone, &(gkv_gk_at_x){.cdf = alone}));
    assert_ok(gkv_gk_batch_x(gk, N - 700, alone + 700, &(gkv_gk_at_x){.cdf = alone + 700}));
    for (int i = 0; i < N; i++)
        assert_true(alone[i] == out[3][i] || (isnan(alone[i]) && isnan(out[3][i])));
}

static void at_x_float(const gkv_gk *gk)
{
    static float x[N], out[8][N];
    const gkv_gk rounded = {(double)(float)gk->a, (double)(float)gk->b, (double)(float)gk->g,
                            (double)(float)gk->k, (double)(float)gk->c, 0};
    const gkv_gk centred = {0, rounded.b, rounded.g, rounded.k, rounded.c, 0};
    for (int i = 0; i < N; i++)
        x[i] = (float)(isfinite(grid_z(i)) ? gkv_gk_Q(&rounded, grid_z(i)) : grid_z(i));
    const gkv_gk_at_x_f all = {out[0], out[1], out[2], out[3], out[4], out[5], out[6], NULL, NULL};
    assert_ok(gkv_gk_batch_x_f(gk, N, x, &all));
    for (int i = 6; i < N; i++) {
        /* x − A is rounded once. */
        const double value = (double)(float)(x[i] - (float)gk->a), eps = 1e-5;
        const double log_f = gkv_gk_log_pdf(&centred, value), z = gkv_gk_Q_inverse(&centred, value);
        assert_close((double)out[0][i], z, eps * fabs(z));
        /* Near a spike of the density the rounding of x has a large effect. */
        const double loose =
            eps * fmax(1, fabs(log_f)) + 5e-7 * fabs(value * gkv_gk_dlog_pdf(&centred, value));
        assert_close((double)out[1][i], log_f, loose);
        if (fabs(z) > 3.4)
            continue;
        const double slack = eps * (1 + z * z);
        assert_relative((double)out[2][i], exp(log_f), slack + loose);
        assert_relative((double)out[3][i], gkv_gk_cdf(&centred, value), slack);
        assert_relative((double)out[4][i], gkv_gk_cdf_upper(&centred, value), slack);
        assert_relative((double)out[5][i], gkv_gk_log_cdf(&centred, value), slack);
        assert_relative((double)out[6][i], gkv_gk_log_cdf_upper(&centred, value), slack);
    }
    assert_true(out[3][3] == 1 && out[3][4] == 0 && isnan(out[3][5]));
}

static void at_z(const gkv_gk *gk)
{
    static double z[N], out[4][N];
    static float z_f[N], out_f[4][N];
    for (int i = 0; i < N; i++)
        z[i] = grid_z(i), z_f[i] = (float)grid_z(i);
    assert_ok(gkv_gk_batch_z(gk, N, z, &(gkv_gk_at_z){out[0], out[1], out[2], out[3]}));
    assert_ok(
        gkv_gk_batch_z_f(gk, N, z_f, &(gkv_gk_at_z_f){out_f[0], out_f[1], out_f[2], out_f[3]}));
    assert_true(isinf(out[0][3]) && isinf(out[0][4]) && isnan(out[0][5]));
    for (int i = 6; i < N; i++) {
        const double log_dq = gkv_gk_log_dQ(gk, z[i]),
                     scale = fabs(gkv_gk_Q(gk, z[i]) - gk->a) + fabs(gk->a);
        const double log_f = -z[i] * z[i] / 2 - .91893853320467274178 - log_dq;
        assert_close(out[0][i], gkv_gk_Q(gk, z[i]), 1e-14 * scale);
        assert_relative(out[1][i], gkv_gk_dQ(gk, z[i]), 1e-12);
        assert_close(out[2][i], log_dq, 1e-12);
        assert_close(out[3][i], log_f, 1e-12 * (1 + fabs(log_f)));
        if (scale < 1e30)
            assert_close((double)out_f[0][i], gkv_gk_Q(gk, (double)z_f[i]), 3e-5 * scale);
        assert_close((double)out_f[3][i], log_f, 3e-4 * (1 + fabs(log_f)));
    }
}

static void quantiles(const gkv_gk *gk)
{
    static const double ps[] = {0,   5e-324, 1e-310,    1e-200, 1e-30, 1e-9,     1e-3,
                                .07, .08,    .3,        .49999, .5,    .5000001, .7,
                                .93, .9999,  1 - 1e-12, 1,      -.1,   1.1,      NAN};
    static const double logs[] = {-INFINITY, -1e300, -1e6,  -800,   -650, -30, -2.5, -.7,
                                  -.69,      -.2,    -1e-5, -1e-30, 0,    .1,  NAN};
    double x[32];
    float p_f[32], x_f[32];
    double (*const exact[])(const gkv_gk *, double) = {
        gkv_gk_quantile, gkv_gk_quantile_upper, gkv_gk_quantile_log, gkv_gk_quantile_log_upper};
    for (int tail = 0; tail < 4; tail++) {
        const double *p = tail < 2 ? ps : logs;
        const size_t n = tail < 2 ? sizeof ps / sizeof *ps : sizeof logs / sizeof *logs;
        for (size_t i = 0; i < n; i++)
            p_f[i] = (float)p[i];
        assert_ok(gkv_gk_batch_quantile(gk, n, (gkv_gk_tail)tail, p, x));
        assert_ok(gkv_gk_batch_quantile_f(gk, n, (gkv_gk_tail)tail, p_f, x_f));
        for (size_t i = 0; i < n; i++) {
            const double expected = exact[tail](gk, p[i]);
            if (isfinite(expected)) /* near the median the rounding of p dominates */
                assert_close(x[i], expected,
                             1e-13 * (fabs(expected - gk->a) + fabs(gk->a)) + 3e-16 * gk->b);
            else
                same(x[i], expected, 0);
            const double rounded = exact[tail](gk, (double)p_f[i]);
            if (fabs(rounded) < 1e30)
                assert_close((double)x_f[i], rounded,
                             2e-5 * (fabs(rounded - gk->a) + fabs(gk->a)) + 3e-7 * gk->b);
        }
    }
}

#define ON_EACH_LEVEL(name)              \
    static void name##_all(void **state) \
    {                                    \
        (void)state;                     \
        each_level(name);                \
    }
ON_EACH_LEVEL(at_x)
ON_EACH_LEVEL(at_x_float)
ON_EACH_LEVEL(at_z)
ON_EACH_LEVEL(quantiles)

static void refusals(void **state)
{
    (void)state;
    const double x = 1;
    const float x_f = 1;
    double z;
    float z_f;
    const gkv_gk gh = {0, 1, .5, .1, .8, GKV_GK_FAMILY_GH}, bad = {0, 1, 1, -.4, .8, 0},
                 tiny = {0, 1e-300, 1, .1, .8, 0};
    assert_fails(gkv_gk_batch_x(&gh, 1, &x, &(gkv_gk_at_x){.z = &z}), GKV_ERR_ARGUMENT,
                 "not the g-and-h");
    assert_fails(gkv_gk_batch_z(&gh, 1, &x, &(gkv_gk_at_z){.x = &z}), GKV_ERR_ARGUMENT,
                 "a batch is for the g-and-k");
    assert_fails(gkv_gk_batch_x(&bad, 1, &x, &(gkv_gk_at_x){.z = &z}), GKV_ERR_ARGUMENT,
                 "not increasing");
    assert_fails(gkv_gk_batch_x_f(&tiny, 1, &x_f, &(gkv_gk_at_x_f){.z = &z_f}), GKV_ERR_ARGUMENT,
                 "rounded to float");
    assert_fails(gkv_gk_batch_quantile(&shapes[0], 1, (gkv_gk_tail)9, &x, &z), GKV_ERR_ARGUMENT,
                 "no tail");
    assert_ok(gkv_gk_batch_x(&shapes[0], 0, NULL, &(gkv_gk_at_x){.z = &z}));
    assert_ok(gkv_gk_batch_x(&shapes[0], 1, &x, &(gkv_gk_at_x){0}));
    /* x/B overflows a double, but the result is correct. */
    const gkv_gk narrow = {0, 1e-100, .5, 1, .8, 0};
    const double far = 1e300;
    assert_ok(gkv_gk_batch_x(&narrow, 1, &far, &(gkv_gk_at_x){.z = &z}));
    assert_relative(z, gkv_gk_Q_inverse(&narrow, far), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_x_all), cmocka_unit_test(at_x_float_all),
        cmocka_unit_test(at_z_all), cmocka_unit_test(quantiles_all),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
