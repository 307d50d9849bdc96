/* For lm_kernels.c: loads and stores of elements of all lanes, sums of products, and lengths of
 * vectors. */
#ifndef GKV_LM_LANES_H
#define GKV_LM_LANES_H

#include "core/simd_types.h"
#include "lm/lm_kernels.h"

#define LANES ((size_t)VD_LANES)

/* Whether a comparison holds in any lane. */
#if defined(GKV_SIMD_AVX512_FILE)
typedef vd_mask_ lane_mask;
static inline int any(lane_mask m)
{
    return _mm512_test_epi64_mask((__m512i)m, (__m512i)m) != 0;
}
#elif defined(GKV_SIMD_AVX2_FILE)
typedef vd_mask_ lane_mask;
static inline int any(lane_mask m)
{
    return !_mm256_testz_si256((__m256i)m, (__m256i)m);
}
#else
typedef int lane_mask;
static inline int any(lane_mask m)
{
    return m;
}
#endif

static inline lane_mask both(lane_mask a, lane_mask b)
{
    return a & b;
}
static inline lane_mask either(lane_mask a, lane_mask b)
{
    return a | b;
}

/* Lengths below this count as 0, so that reciprocals are finite. */
#define TINY 1e-300

static inline vd get(const double *array, size_t element)
{
    return vd_load(array + element * LANES);
}

static inline void put(double *array, size_t element, vd value)
{
    vd_store(array + element * LANES, value);
}

/* A vec4 holds vec4 consecutive elements of each lane. Sums have vec4 partial sums, the first of
 * elements 0, 4, 8 … and so on. Additions to different partial sums do not wait for each other, and
 * a single lane can use vector instructions. */
#if defined(GKV_SIMD_AVX512_FILE) || defined(GKV_SIMD_AVX2_FILE)
typedef struct vec4 {
    vd a, b, c, d;
} vec4;

static inline vec4 get4(const double *x, size_t i)
{
    return (vec4){get(x, i), get(x, i + 1), get(x, i + 2), get(x, i + 3)};
}

static inline vec4 add_product(vec4 sum, vec4 x, vec4 y)
{
    return (vec4){sum.a + x.a * y.a, sum.b + x.b * y.b, sum.c + x.c * y.c, sum.d + x.d * y.d};
}

static inline vd total(vec4 sum)
{
    return (sum.a + sum.b) + (sum.c + sum.d);
}

static inline void subtract4(double *x, size_t i, vd amount, vec4 y)
{
    put(x, i, get(x, i) - amount * y.a);
    put(x, i + 1, get(x, i + 1) - amount * y.b);
    put(x, i + 2, get(x, i + 2) - amount * y.c);
    put(x, i + 3, get(x, i + 3) - amount * y.d);
}
#elif defined(__AVX__)
typedef double quad __attribute__((vector_size(32), aligned(8), may_alias));
typedef struct vec4 {
    quad abcd;
} vec4;

static inline vec4 get4(const double *x, size_t i)
{
    return (vec4){*(const quad *)(x + i)};
}

static inline vec4 add_product(vec4 sum, vec4 x, vec4 y)
{
    return (vec4){sum.abcd + x.abcd * y.abcd};
}

static inline vd total(vec4 sum)
{
    return (sum.abcd[0] + sum.abcd[1]) + (sum.abcd[2] + sum.abcd[3]);
}

static inline void subtract4(double *x, size_t i, vd amount, vec4 y)
{
    const quad all = {amount, amount, amount, amount};
    *(quad *)(x + i) -= all * y.abcd;
}
#else
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));
typedef struct vec4 {
    pair ab, cd;
} vec4;

static inline vec4 get4(const double *x, size_t i)
{
    return (vec4){*(const pair *)(x + i), *(const pair *)(x + i + 2)};
}

static inline vec4 add_product(vec4 sum, vec4 x, vec4 y)
{
    return (vec4){sum.ab + x.ab * y.ab, sum.cd + x.cd * y.cd};
}

static inline vd total(vec4 sum)
{
    return (sum.ab[0] + sum.ab[1]) + (sum.cd[0] + sum.cd[1]);
}

static inline void subtract4(double *x, size_t i, vd amount, vec4 y)
{
    const pair both = {amount, amount};
    *(pair *)(x + i) -= both * y.ab;
    *(pair *)(x + i + 2) -= both * y.cd;
}
#endif

/* The next `left` < 4 elements, followed by zeros. */
static inline vec4 get_rest(const double *x, size_t i, size_t left)
{
    double rest[4 * VD_LANES] = {0};
    for (size_t k = 0; k < left; k++)
        put(rest, k, get(x, i + k));
    return get4(rest, 0);
}

static inline vec4 zero4(void)
{
    static const double zeros[4 * VD_LANES];
    return get4(zeros, 0);
}

/* Σ a_i b_i */
static inline vd dot(size_t n, const double *a, const double *b)
{
    vec4 sum = zero4();
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        sum = add_product(sum, get4(a, i), get4(b, i));
    if (i < n)
        sum = add_product(sum, get_rest(a, i, n - i), get_rest(b, i, n - i));
    return total(sum);
}

/* √(top² + ‖v‖²), without overflow or underflow; NaN if an element is NaN. */
static inline vd length_of(size_t n, const double *v, vd top)
{
    const vd square = top * top + dot(n, v, v), one = vd_set(1);
    const lane_mask plain = both(square > vd_set(1e-280), square < vd_set(1e280));
    if (!any(plain == 0))
        return vd_sqrt(square);
    vd largest = vd_abs(top);
    for (size_t i = 0; i < n; i++)
        largest = vd_max(vd_abs(get(v, i)), largest);
    const lane_mask nothing = largest < vd_set(TINY);
    const vd unit = one / vd_select(nothing, one, largest);
    vd sum = (top * unit) * (top * unit);
    for (size_t i = 0; i < n; i++)
        sum = sum + (get(v, i) * unit) * (get(v, i) * unit);
    const vd scaled = vd_select(nothing, vd_set(0), largest * vd_sqrt(sum));
    return vd_select(either(plain, square != square), vd_sqrt(square), scaled);
}

#endif
