/* The elementwise functions of every instruction set of this CPU, compared with libm. */
#include "support.h"

#include "core/simd.h"
#include "core/vmath.h"

enum { N = 517 }; /* not a multiple of the length of any vector */

static const gki_vmath *table(int level)
{
    if (level > (int)gki_simd_best())
        return NULL;
#if defined(__x86_64__)
    if (level == GKV_SIMD_AVX512)
        return &gki_vmath_avx512;
    if (level == GKV_SIMD_AVX2)
        return &gki_vmath_avx2;
#endif
    return &gki_vmath_portable;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void check_f(gki_vmap_f *map, double (*exact)(double), double tolerance)
{
    float x[N], y[N], one;
    for (int i = 0; i < N; i++)
        x[i] = (float)(40.0 * (i - N / 2) / N); /* −20 … 20, through 0 */
    map(N, x, y);
    for (int i = 0; i < N; i++) {
        assert_relative(y[i], exact((double)x[i]), tolerance);
        map(1, &x[i], &one); /* the same bits at any index */
        assert_memory_equal(&one, &y[i], sizeof one);
    }
    map(N, x, x);
    assert_memory_equal(x, y, sizeof x);
}

static void check_d(gki_vmap_d *map, double (*exact)(double), double tolerance)
{
    double x[N], y[N], one;
    for (int i = 0; i < N; i++)
        x[i] = 40.0 * (i - N / 2) / N;
    map(N, x, y);
    for (int i = 0; i < N; i++) {
        assert_relative(y[i], exact(x[i]), tolerance);
        map(1, &x[i], &one);
        assert_memory_equal(&one, &y[i], sizeof one);
    }
    map(N, x, x);
    assert_memory_equal(x, y, sizeof x);
}

static void functions_agree_with_libm(void **state)
{
    (void)state;
    for (int level = 0; level < GKV_SIMD_LEVELS; level++) {
        const gki_vmath *maps = table(level);
        if (!maps)
            continue;
        check_f(maps->exp_f, exp, 3e-7);
        check_f(maps->expm1_f, expm1, 3e-7);
        check_f(maps->tanh_f, tanh, 3e-7);
        check_f(maps->sigmoid_f, sigmoid, 4e-7);
        check_d(maps->exp_d, exp, 5e-16);
        check_d(maps->expm1_d, expm1, 5e-16);
        check_d(maps->tanh_d, tanh, 5e-16);
        check_d(maps->sigmoid_d, sigmoid, 6e-16);
    }
}

static void ends_are_kept(void **state)
{
    (void)state;
    for (int level = 0; level < GKV_SIMD_LEVELS; level++) {
        const gki_vmath *maps = table(level);
        if (!maps)
            continue;
        const float far[4] = {-INFINITY, -1e30F, 1e30F, INFINITY};
        float y[4];
        maps->sigmoid_f(4, far, y);
        assert_true(y[0] == 0 && y[1] == 0 && y[2] == 1 && y[3] == 1);
        maps->tanh_f(4, far, y);
        assert_true(y[0] == -1 && y[1] == -1 && y[2] == 1 && y[3] == 1);
        maps->exp_f(4, far, y);
        assert_true(y[0] == 0 && y[1] == 0 && isinf(y[2]) && isinf(y[3]));
        const float nan = NAN;
        maps->exp_f(1, &nan, y);
        assert_true(isnan(y[0]));
    }
}

/* The error in units in the last place of the exact value, for a type with `digits` bits and a
 * least positive value of 2^(least − digits). */
static double ulps(double got, long double exact, int digits, int least)
{
    if (isnan(exact) || isinf((double)exact) || exact == 0)
        return (double)exact == got || (isnan(exact) && isnan(got)) ? 0 : INFINITY;
    int exponent;
    frexpl(exact, &exponent);
    return (double)(fabsl((long double)got - exact) /
                    ldexpl(1, (exponent < least ? least : exponent) - digits));
}

/* Arguments with all exponents, near 1, and where exp underflows and overflows. */
static double argument(int i)
{
    const double t = fmod(i * 0.6180339887498949, 1);
    switch (i % 4) {
    case 0: return ldexp(0.5 + t, -1070 + i % 2090);
    case 1: return 1 + (t - 0.5) * ldexp(1, -(i % 50));
    case 2: return (t - 0.5) * 1500;
    default: return (t - 0.5) * 4;
    }
}

static void exp_and_log_err_by_less_than_one_ulp(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    static double x[MANY], y[MANY];
    static float x_f[MANY], y_f[MANY];
    if (!has_long_double())
        skip();
    for (int level = GKV_SIMD_PORTABLE + 1; level < GKV_SIMD_LEVELS; level++) {
        const gki_vmath *maps = table(level);
        if (!maps)
            continue;
        for (int i = 0; i < MANY; i++) {
            x[i] = argument(i);
            x_f[i] = (float)(i % 4 == 0   ? ldexp(x[i], -(int)(0.86 * (-1070 + i % 2090)))
                             : i % 4 == 2 ? x[i] / 7
                                          : x[i]);
        }
        maps->exp_d(MANY, x, y);
        for (int i = 0; i < MANY; i++)
            assert_true(y[i] == (double)expl(x[i]) ||
                        ulps(y[i], expl(x[i]), DBL_MANT_DIG, DBL_MIN_EXP) < 1);
        maps->log_d(MANY, x, y);
        for (int i = 0; i < MANY; i++)
            assert_true(ulps(y[i], logl(x[i]), DBL_MANT_DIG, DBL_MIN_EXP) < 1);
        maps->exp_f(MANY, x_f, y_f);
        for (int i = 0; i < MANY; i++) {
            const long double exact = expl((long double)x_f[i]);
            assert_true(y_f[i] == (float)exact ||
                        ulps((double)y_f[i], exact, FLT_MANT_DIG, FLT_MIN_EXP) < 1);
        }
        maps->log_f(MANY, x_f, y_f);
        for (int i = 0; i < MANY; i++)
            assert_true(ulps((double)y_f[i], logl((long double)x_f[i]), FLT_MANT_DIG, FLT_MIN_EXP) <
                        1);
        const double ends[6] = {0, INFINITY, -1, -INFINITY, NAN, 5e-324};
        maps->log_d(6, ends, y);
        assert_true(y[0] == -INFINITY && y[1] == INFINITY && isnan(y[2]) && isnan(y[3]) &&
                    isnan(y[4]) && fabs(y[5] - log(5e-324)) < 1e-12);
    }
}

static void box_muller_agrees_with_its_formula(void **state)
{
    (void)state;
    for (int level = 0; level < GKV_SIMD_LEVELS; level++) {
        const gki_vmath *maps = table(level);
        if (!maps)
            continue;
        double u[N], v[N], a[N], b[N];
        for (int i = 0; i < N; i++) {
            u[i] = (i + 0.5) / N;
            v[i] = ((i * 37) % N + 0.5) / N;
        }
        maps->box_muller_d(N, u, v, a, b);
        for (int i = 0; i < N; i++) {
            const double radius = sqrt(-2 * log(u[i])), angle = 6.283185307179586476925 * v[i];
            assert_close(a[i], radius * cos(angle), 1e-14);
            assert_close(b[i], radius * sin(angle), 1e-14);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_with_libm),
        cmocka_unit_test(ends_are_kept),
        cmocka_unit_test(exp_and_log_err_by_less_than_one_ulp),
        cmocka_unit_test(box_muller_agrees_with_its_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
