/* The elementwise functions, for both numeric types (core/both_types.h); part of
 * vmath_kernels.c. */

#define MAP(name, expression)                                \
    static void name(size_t n, const REAL *x, REAL *y)       \
    {                                                        \
        for (size_t i = 0; i < n; i += LANES) {              \
            const V v = F(load_part)(x + i, n - i, (REAL)1); \
            F(store_part)(y + i, n - i, expression);         \
        }                                                    \
    }
MAP(S(map_exp), F(exp)(v))
MAP(S(map_log), F(log)(v))
MAP(S(map_tanh), F(tanh)(v))
MAP(S(map_sigmoid), F(set)((REAL)1) / (F(set)((REAL)1) + F(exp)(-v)))
#undef MAP

static void S(map_expm1)(size_t n, const REAL *x, REAL *y)
{
    for (size_t i = 0; i < n; i += LANES) {
        V minus_one;
        F(exp_m1)(F(load_part)(x + i, n - i, (REAL)1), &minus_one);
        F(store_part)(y + i, n - i, minus_one);
    }
}

static void S(box_muller)(size_t n, const REAL *u, const REAL *v, REAL *a, REAL *b)
{
    for (size_t i = 0; i < n; i += LANES) {
        const V radius = F(sqrt)(F(set)((REAL)-2) * F(log)(F(load_part)(u + i, n - i, (REAL)0.5)));
        const V angle =
            F(set)((REAL)6.283185307179586476925) * F(load_part)(v + i, n - i, (REAL)0.5);
        F(store_part)(a + i, n - i, radius * F(cos)(angle));
        F(store_part)(b + i, n - i, radius * F(sin)(angle));
    }
}
