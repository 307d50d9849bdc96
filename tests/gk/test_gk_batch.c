/* The kernels compared with the scalar functions, on every instruction set. */
#include "support.h"

#include <float.h>

#include "core/rng.h"
#include "core/simd.h"
#include "gk/gk_batch_kernels.h"
#include "gkvae/gk.h"

enum { D = 13, ROWS = 90, N = D * ROWS };

/* Valid parameters, from moderate to extreme. */
static const double params[D][4] = {
    {0, 1, 0, 0},    {3, 1, 2, .5},     {0, 1, .2, .1},     {2, 1, 5, -.1},    {0, .5, 1, 1},
    {1, 3, .4, 2.3}, {-5, .01, -3, .2}, {0, 1, 20, .5},     {0, 1, -.2, -.05}, {0, 1, 10, -.45},
    {.3, 2, 0, -.4}, {0, 1, -100, 6},   {0, 1e-3, 6, -.43},
};

static void each_level(void (*test)(void))
{
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        gki_gk_batch_use((gki_simd)level);
        test();
    }
    gki_gk_batch_use(GKV_SIMD_LEVELS);
}

static double a_d[D], b_d[D], g_d[D], k_d[D];
static float a_f[D], b_f[D], g_f[D], k_f[D];
static const gki_gk_columns_d columns_d = {a_d, b_d, g_d, k_d, .8};
static const gki_gk_columns_f columns_f = {a_f, b_f, g_f, k_f, .8F};

static int fill(void **state)
{
    (void)state;
    for (int j = 0; j < D; j++) {
        a_d[j] = params[j][0], b_d[j] = params[j][1], g_d[j] = params[j][2], k_d[j] = params[j][3];
        a_f[j] = (float)a_d[j], b_f[j] = (float)b_d[j], g_f[j] = (float)g_d[j],
        k_f[j] = (float)k_d[j];
    }
    return 0;
}

/* The parameters of column j, rounded to float if in_float is not 0. */
static gkv_gk column_of(int j, int in_float)
{
    if (in_float)
        return (gkv_gk){(double)a_f[j], (double)b_f[j], (double)g_f[j],
                        (double)k_f[j], (double).8F,    0};
    return (gkv_gk){a_d[j], b_d[j], g_d[j], k_d[j], .8, 0};
}

/* |z| from 1e-12 to 1e6 with both signs, and 0. */
static double z_of(int row)
{
    return row == 0 ? 0 : (row % 2 ? 1 : -1) * pow(10, -12 + 18.0 * row / (ROWS - 1));
}

static double ratio_of(const gkv_gk *gk, double z)
{
    return gkv_gk_d2Q(gk, z) / gkv_gk_dQ(gk, z);
}

static void inverse_double_(void)
{
    static double x[N], z[N], log_dq[N], dq[N], ratio[N];
    for (int i = 0; i < N; i++) {
        const gkv_gk gk = column_of(i % D, 0);
        x[i] = gkv_gk_Q(&gk, z_of(i / D));
    }
    gki_gk_batch_inverse_d(ROWS, D, &columns_d, x, z, log_dq, dq, ratio);
    for (int i = 0; i < N; i++) {
        const gkv_gk gk = column_of(i % D, 0);
        const double exact = gkv_gk_Q_inverse(&gk, x[i]);
        assert_relative(z[i], exact, 4e-14);
        assert_close(log_dq[i], gkv_gk_log_dQ(&gk, z[i]), 1e-12);
        assert_close(dq[i] / gkv_gk_dQ(&gk, z[i]), 1, 1e-12);
        assert_close(ratio[i], ratio_of(&gk, z[i]), 1e-10 * (1 + fabs(ratio[i])));
    }
}

static void inverse_float_(void)
{
    static float x[N], z[N], log_dq[N], dq[N], ratio[N];
    for (int i = 0; i < N; i++) {
        const gkv_gk gk = column_of(i % D, 1);
        const double value = gkv_gk_Q(&gk, z_of(i / D));
        x[i] = (float)fmin(fmax(value, -1e30), 1e30);
    }
    gki_gk_batch_inverse_f(ROWS, D, &columns_f, x, z, log_dq, dq, ratio);
    for (int i = 0; i < N; i++) {
        const gkv_gk gk = column_of(i % D, 1);
        /* The first operation in float rounds x − A. */
        const gkv_gk centred = {0, gk.b, gk.g, gk.k, gk.c, 0};
        const double exact = gkv_gk_Q_inverse(&centred, (double)(x[i] - a_f[i % D]));
        /* Where log|Q − A| is nearly flat in log|z|, rounding errors are magnified by 1/ρ. */
        const double slope =
            fabs(exact) > 0 ? gkv_gk_dQ(&centred, exact) * exact / gkv_gk_Q(&centred, exact) : 1;
        if (fabs(exact) < 1e36)
            assert_relative(z[i], exact, 1e-5 * fmax(1, .2 / slope));
        const double zi = (double)z[i];
        assert_true(isfinite(z[i]) && isfinite(log_dq[i]) && isfinite(dq[i]) && isfinite(ratio[i]));
        if (fabs(zi) < 1e20) {
            const double sensitive = 1 + fabs(ratio_of(&gk, zi)) * fabs(zi);
            assert_close((double)log_dq[i], gkv_gk_log_dQ(&gk, zi), 4e-6 * sensitive);
            assert_close((double)dq[i] / gkv_gk_dQ(&gk, zi), 1, 2e-5 * sensitive);
            assert_close((double)ratio[i], ratio_of(&gk, zi),
                         2e-5 * (1 + fabs((double)ratio[i])) * sensitive);
        }
    }
}

static void extremes_(void)
{
    static float x[N], z[N], log_dq[N], ratio[N];
    for (int i = 0; i < N; i++) {
        const int row = i / D;
        x[i] = row == 0 ? a_f[i % D]
                        : (row % 2 ? 1.F : -1.F) * powf(10, -44 + 74.0F * (float)row / (ROWS - 1));
    }
    gki_gk_batch_inverse_f(ROWS, D, &columns_f, x, z, log_dq, NULL, ratio);
    for (int i = 0; i < N; i++) {
        assert_true(isfinite(z[i]) && isfinite(log_dq[i]) && isfinite(ratio[i]));
        if (i < D) {
            assert_true(z[i] == 0);
            assert_close((double)log_dq[i], log((double)b_f[i]),
                         1e-6 * (1 + fabs(log((double)b_f[i]))));
            assert_relative((double)ratio[i], .8 * (double)g_f[i], 1e-6);
        }
    }
    /* Inputs that are not finite do not affect other elements. */
    float hostile[D] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, FLT_TRUE_MIN, 1, 2,
                        3,   4,        5,         6,       7};
    gki_gk_batch_inverse_f(1, D, &columns_f, hostile, hostile, log_dq, NULL, NULL);
    for (int j = 0; j < D; j++)
        assert_int_equal(isfinite(hostile[j]) != 0, j > 2);

    /* A bounded support. */
    const float a = 0, b = 1, g = 8, k = -.5F;
    const gki_gk_columns_f bounded = {&a, &b, &g, &k, .8F};
    float bounded_x[4] = {1e30F, -1e30F, 1.79F, -.19F};
    gki_gk_batch_inverse_f(4, 1, &bounded, bounded_x, bounded_x, log_dq, NULL, NULL);
    assert_true(bounded_x[0] > 1e36F && bounded_x[1] < -1e36F && isfinite(bounded_x[0]) &&
                isfinite(bounded_x[1]));
    const gkv_gk gk = {0, 1, 8, -.5, (double).8F, 0};
    assert_relative((double)bounded_x[2], gkv_gk_Q_inverse(&gk, (double)1.79F), 2e-4);

    /* A dense and wide grid: every lane converges for every set of parameters. */
    enum { MANY = 20000 };
    static float u[MANY], v[MANY];
    for (int j = 0; j < D; j++) {
        const gki_gk_columns_f one = {a_f + j, b_f + j, g_f + j, k_f + j, .8F};
        for (int i = 0; i < MANY; i++)
            u[i] = a_f[j] + b_f[j] * (float)(i - MANY / 2) * 1e-3F;
        gki_gk_batch_inverse_f(MANY, 1, &one, u, v, NULL, NULL, NULL);
        for (int i = 1; i < MANY; i++)
            assert_true(v[i] >= v[i - 1] - 3e-6F * fabsf(v[i]));
    }
}

/* The result of an element depends only on its own inputs, not on its index, its neighbours or the
 * split. */
static void position_(void)
{
    static float x[N], z[N], log_dq[N], other[N], alone, alone_log;
    for (int i = 0; i < N; i++)
        x[i] = (float)((i * 7919) % 1009 - 500) * .013F * (i % 17 == 0 ? 1e6F : 1);
    gki_gk_batch_inverse_f(ROWS, D, &columns_f, x, z, log_dq, NULL, NULL);
    for (int i = 0; i < N; i++) {
        const int j = i % D;
        const gki_gk_columns_f one = {a_f + j, b_f + j, g_f + j, k_f + j, .8F};
        gki_gk_batch_inverse_f(1, 1, &one, x + i, &alone, &alone_log, NULL, NULL);
        assert_memory_equal(&alone, z + i, sizeof alone);
        assert_memory_equal(&alone_log, log_dq + i, sizeof alone_log);
    }
    gki_gk_batch_inverse_f(17, D, &columns_f, x, other, NULL, NULL, NULL);
    gki_gk_batch_inverse_f(ROWS - 17, D, &columns_f, x + 17 * D, other + 17 * D, NULL, NULL, NULL);
    assert_memory_equal(other, z, sizeof z);
    /* The output may be the input array. */
    gki_gk_batch_inverse_f(ROWS, D, &columns_f, x, x, NULL, NULL, NULL);
    assert_memory_equal(x, z, sizeof z);
}

/* More columns than a tile holds. */
static void wide_(void)
{
    enum { WIDE = 2 * GKV_GK_TILE + 77, R = 3 };
    static double a[WIDE], b[WIDE], g[WIDE], k[WIDE], x[R * WIDE], z[R * WIDE];
    const gki_gk_columns_d columns = {a, b, g, k, .8};
    for (int j = 0; j < WIDE; j++)
        a[j] = j, b[j] = 1 + j * .01, g[j] = sin(j), k[j] = .3 * cos(j) * cos(j);
    for (int i = 0; i < R * WIDE; i++)
        z[i] = sin(i * 1.7) * 3;
    gki_gk_batch_forward_d(R, WIDE, &columns, z, &(gki_gk_outputs_d){.x = x});
    for (int i = 0; i < R * WIDE; i++) {
        const gkv_gk gk = {a[i % WIDE], b[i % WIDE], g[i % WIDE], k[i % WIDE], .8, 0};
        assert_relative(x[i], gkv_gk_Q(&gk, z[i]), 1e-13);
    }
    static double back[R * WIDE];
    gki_gk_batch_inverse_d(R, WIDE, &columns, x, back, NULL, NULL, NULL);
    for (int i = 0; i < R * WIDE; i++)
        assert_close(back[i], z[i], 1e-11);
}

static void compare_forward(const gkv_gk *gk, double z, const double got[8], double eps)
{
    double dq[4], dlog[4];
    gkv_gk_Q_gradient(gk, z, dq, dlog);
    const double sensitive = 1 + fabs(ratio_of(gk, z) * z) + fabs(gk->k) * log1p(z * z);
    const double relative = eps * sensitive, offset = gkv_gk_Q(gk, z) - gk->a;
    assert_close(got[0], gkv_gk_Q(gk, z), relative * (fabs(offset) + fabs(gk->a)));
    assert_close(got[1], gkv_gk_dQ(gk, z), relative * gkv_gk_dQ(gk, z));
    assert_close(got[2], gkv_gk_log_dQ(gk, z), relative * (1 + fabs(gkv_gk_log_dQ(gk, z))));
    assert_close(got[3], ratio_of(gk, z), relative * (1 + fabs(ratio_of(gk, z))));
    assert_close(got[4], dq[2], relative * (fabs(offset) * (1 + fabs(z)) + fabs(dq[2])));
    assert_close(got[5], dq[3], relative * fabs(dq[3]) + 1e-30);
    assert_close(got[6], dlog[2], relative * (1 + fabs(dlog[2]) + fabs(z)));
    assert_close(got[7], dlog[3], relative * (1 + fabs(dlog[3])));
}

static void forward_(void)
{
    static double z[N], out[8][N], g[N], k[N];
    static float z_f[N], out_f[8][N], gg[N], kk[N];
    for (int i = 0; i < N; i++) {
        z[i] = i < D ? 0 : ((i / D) % 2 ? -1 : 1) * pow(10, -6 + 8.0 * (i / D) / ROWS);
        z_f[i] = (float)z[i];
        g[i] = g_d[i % D], k[i] = k_d[i % D], gg[i] = g_f[i % D], kk[i] = k_f[i % D];
    }
    const gki_gk_outputs_d o = {out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7]};
    const gki_gk_outputs_f o_f = {out_f[0], out_f[1], out_f[2], out_f[3],
                                  out_f[4], out_f[5], out_f[6], out_f[7]};
    for (int by_element = 0; by_element < 2; by_element++) {
        if (by_element) {
            gki_gk_batch_shape_d(N, g, k, .8, z, &o);
            gki_gk_batch_shape_f(N, gg, kk, .8F, z_f, &o_f);
        } else {
            gki_gk_batch_forward_d(ROWS, D, &columns_d, z, &o);
            gki_gk_batch_forward_f(ROWS, D, &columns_f, z_f, &o_f);
        }
        for (int i = 0; i < N; i++) {
            double got[8];
            gkv_gk gk = column_of(i % D, 0);
            if (by_element)
                gk.a = 0, gk.b = 1;
            for (int q = 0; q < 8; q++)
                got[q] = out[q][i];
            compare_forward(&gk, z[i], got, 4e-14);
            gk = column_of(i % D, 1);
            if (by_element)
                gk.a = 0, gk.b = 1;
            for (int q = 0; q < 8; q++)
                got[q] = (double)out_f[q][i];
            if (fabs(gkv_gk_Q(&gk, (double)z_f[i])) < 1e36)
                compare_forward(&gk, (double)z_f[i], got, 4e-6);
        }
    }
}

/* Derivatives of the double kernels, compared with difference quotients of the same kernels. */
static void differences_(void)
{
    enum { M = 41 };
    static double u[M], g[M], k[M], out[8][M], up[8][M], down[8][M], moved[M];
    const gki_gk_outputs_d o = {out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7]};
    const gki_gk_outputs_d o_up = {up[0], up[1], up[2], up[3], up[4], up[5], up[6], up[7]};
    const gki_gk_outputs_d o_down = {down[0], down[1], down[2], down[3],
                                     down[4], down[5], down[6], down[7]};
    for (int i = 0; i < M; i++)
        u[i] = (i - 20) * .2, g[i] = 1.5 * sin(i), k[i] = .4 * cos(i) * cos(i);
    gki_gk_batch_shape_d(M, g, k, .8, u, &o);
    const double h = 1e-6;
    double *const inputs[3] = {u, g, k};
    /* for each input: the outputs that are the derivatives of x and of log Q' */
    const int of_x[3] = {1, 4, 5}, of_log[3] = {3, 6, 7};
    for (int which = 0; which < 3; which++) {
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < M; i++)
                moved[i] = inputs[which][i] + (side ? h : -h);
            gki_gk_batch_shape_d(M, which == 1 ? moved : g, which == 2 ? moved : k, .8,
                                 which == 0 ? moved : u, side ? &o_up : &o_down);
        }
        for (int i = 0; i < M; i++) {
            const double in_x = out[of_x[which]][i], in_log = out[of_log[which]][i];
            assert_close(in_x, (up[0][i] - down[0][i]) / (2 * h), 2e-8 * (1 + fabs(in_x)));
            assert_close(in_log, (up[2][i] - down[2][i]) / (2 * h), 2e-8);
        }
    }
}

#define ON_EACH_LEVEL(name)        \
    static void name(void **state) \
    {                              \
        (void)state;               \
        each_level(name##_);       \
    }
ON_EACH_LEVEL(inverse_double)
ON_EACH_LEVEL(inverse_float)
ON_EACH_LEVEL(extremes)
ON_EACH_LEVEL(position)
ON_EACH_LEVEL(wide)
ON_EACH_LEVEL(forward)
ON_EACH_LEVEL(differences)

static void nothing_to_do(void **state)
{
    (void)state;
    gki_gk_batch_inverse_f(0, D, &columns_f, NULL, NULL, NULL, NULL, NULL);
    gki_gk_batch_inverse_f(3, 0, &columns_f, NULL, NULL, NULL, NULL, NULL);
    gki_gk_batch_forward_d(0, D, &columns_d, NULL, &(gki_gk_outputs_d){0});
    float x = 1;
    gki_gk_batch_inverse_f(1, 1, &columns_f, &x, NULL, NULL, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inverse_double), cmocka_unit_test(inverse_float),
        cmocka_unit_test(extremes),       cmocka_unit_test(position),
        cmocka_unit_test(wide),           cmocka_unit_test(forward),
        cmocka_unit_test(differences),    cmocka_unit_test(nothing_to_do),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
