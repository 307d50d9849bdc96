/* Vectors of floats and doubles for the kernels, and functions of vectors.
 *
 * The build defines GKV_SIMD_AVX512_FILE or GKV_SIMD_AVX2_FILE for a file, or neither for the
 * portable reference (see simd.h). Arithmetic operators and comparisons apply to the vector types
 * directly, by the vector extensions of GCC and clang.
 *
 *   vf, vd                           vectors of VF_LANES floats and of VD_LANES doubles
 *   vf_load(p), vf_store(p, v)       unaligned access to VF_LANES elements
 *   vf_set(x)                        x in all lanes
 *   vf_exp, vf_log, vf_log1p, vf_tanh, vf_sin, vf_cos, vf_sqrt, vf_abs, vf_max, vf_min, vf_fma
 *   vf_select(m, a, b)               a where the comparison m holds, b elsewhere
 *   vf_exp_m1(x, &minus_one)         e^x, and e^x − 1 without cancellation, for x ≤ 80
 *
 * Every vf_ function has a vd_ counterpart. All are accurate to 1 ulp. exp and log are in
 * simd_math.h; log1p, tanh, sin and cos are SLEEF's. The portable ones are those of libm. */
#ifndef GKV_CORE_SIMD_TYPES_H
#define GKV_CORE_SIMD_TYPES_H

#include <math.h>
#include <stddef.h>
#include <string.h>

#if defined(GKV_SIMD_AVX512_FILE) || defined(GKV_SIMD_AVX2_FILE)
#include <immintrin.h>
#include <sleef.h>
#endif

#if defined(GKV_SIMD_AVX512_FILE)

typedef __m512 vf;
typedef __m512d vd;
enum { VF_LANES = 16, VD_LANES = 8 };
static inline vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline void vf_store(float *p, vf v)
{
    _mm512_storeu_ps(p, v);
}
static inline vf vf_set(float x)
{
    return _mm512_set1_ps(x);
}
static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}
static inline vf vf_abs(vf a)
{
    return _mm512_abs_ps(a);
}
static inline vf vf_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline vd vd_load(const double *p)
{
    return _mm512_loadu_pd(p);
}
static inline void vd_store(double *p, vd v)
{
    _mm512_storeu_pd(p, v);
}
static inline vd vd_set(double x)
{
    return _mm512_set1_pd(x);
}
static inline vd vd_max(vd a, vd b)
{
    return _mm512_max_pd(a, b);
}
static inline vd vd_min(vd a, vd b)
{
    return _mm512_min_pd(a, b);
}
static inline vd vd_abs(vd a)
{
    return _mm512_abs_pd(a);
}
static inline vd vd_sqrt(vd a)
{
    return _mm512_sqrt_pd(a);
}
static inline vd vd_fma(vd a, vd b, vd c)
{
    return _mm512_fmadd_pd(a, b, c);
}
#define GKV_SLEEF_F(name) Sleef_##name##f16_u10avx512f
#define GKV_SLEEF_D(name) Sleef_##name##d8_u10avx512f

#elif defined(GKV_SIMD_AVX2_FILE)

typedef __m256 vf;
typedef __m256d vd;
enum { VF_LANES = 8, VD_LANES = 4 };
static inline vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v);
}
static inline vf vf_set(float x)
{
    return _mm256_set1_ps(x);
}
static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}
static inline vf vf_abs(vf a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}
static inline vf vf_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}
static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}
static inline vd vd_load(const double *p)
{
    return _mm256_loadu_pd(p);
}
static inline void vd_store(double *p, vd v)
{
    _mm256_storeu_pd(p, v);
}
static inline vd vd_set(double x)
{
    return _mm256_set1_pd(x);
}
static inline vd vd_max(vd a, vd b)
{
    return _mm256_max_pd(a, b);
}
static inline vd vd_min(vd a, vd b)
{
    return _mm256_min_pd(a, b);
}
static inline vd vd_abs(vd a)
{
    return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a);
}
static inline vd vd_sqrt(vd a)
{
    return _mm256_sqrt_pd(a);
}
static inline vd vd_fma(vd a, vd b, vd c)
{
    return _mm256_fmadd_pd(a, b, c);
}
#define GKV_SLEEF_F(name) Sleef_##name##f8_u10avx2
#define GKV_SLEEF_D(name) Sleef_##name##d4_u10avx2

#else

typedef float vf;
typedef double vd;
enum { VF_LANES = 1, VD_LANES = 1 };
static inline vf vf_load(const float *p)
{
    return *p;
}
static inline void vf_store(float *p, vf v)
{
    *p = v;
}
static inline vf vf_set(float x)
{
    return x;
}
static inline vf vf_max(vf a, vf b)
{
    return a > b ? a : b;
}
static inline vf vf_min(vf a, vf b)
{
    return a < b ? a : b;
}
static inline vf vf_abs(vf a)
{
    return fabsf(a);
}
static inline vf vf_sqrt(vf a)
{
    return sqrtf(a);
}
static inline vf vf_fma(vf a, vf b, vf c)
{
    return fmaf(a, b, c);
}
static inline vd vd_load(const double *p)
{
    return *p;
}
static inline void vd_store(double *p, vd v)
{
    *p = v;
}
static inline vd vd_set(double x)
{
    return x;
}
static inline vd vd_max(vd a, vd b)
{
    return a > b ? a : b;
}
static inline vd vd_min(vd a, vd b)
{
    return a < b ? a : b;
}
static inline vd vd_abs(vd a)
{
    return fabs(a);
}
static inline vd vd_sqrt(vd a)
{
    return sqrt(a);
}
static inline vd vd_fma(vd a, vd b, vd c)
{
    return fma(a, b, c);
}
#define GKV_SLEEF_F(name) name##f
#define GKV_SLEEF_D(name) name

#endif

/* a where the comparison `mask` holds, b elsewhere. */
#if defined(GKV_SIMD_AVX512_FILE) || defined(GKV_SIMD_AVX2_FILE)
typedef int vf_mask_ __attribute__((vector_size(sizeof(vf))));
typedef long long vd_mask_ __attribute__((vector_size(sizeof(vd))));
#define vf_select(mask, a, b) \
    ((vf)(((vf_mask_)(mask) & (vf_mask_)(a)) | (~(vf_mask_)(mask) & (vf_mask_)(b))))
#define vd_select(mask, a, b) \
    ((vd)(((vd_mask_)(mask) & (vd_mask_)(a)) | (~(vd_mask_)(mask) & (vd_mask_)(b))))
#else
#define vf_select(mask, a, b) ((mask) ? (a) : (b))
#define vd_select(mask, a, b) ((mask) ? (a) : (b))
#endif

#define GKV_SIMD_FUNCTION(name)      \
    static inline vf vf_##name(vf x) \
    {                                \
        return GKV_SLEEF_F(name)(x); \
    }                                \
    static inline vd vd_##name(vd x) \
    {                                \
        return GKV_SLEEF_D(name)(x); \
    }
GKV_SIMD_FUNCTION(log1p)
GKV_SIMD_FUNCTION(tanh)
GKV_SIMD_FUNCTION(sin)
GKV_SIMD_FUNCTION(cos)
#if defined(GKV_SIMD_AVX512_FILE) || defined(GKV_SIMD_AVX2_FILE)
#include "core/simd_math.h"
#else
GKV_SIMD_FUNCTION(exp)
GKV_SIMD_FUNCTION(log)
static inline vf vf_exp_m1(vf x, vf *minus_one)
{
    *minus_one = expm1f(x);
    return expf(x);
}
static inline vd vd_exp_m1(vd x, vd *minus_one)
{
    *minus_one = expm1(x);
    return exp(x);
}
#endif
#undef GKV_SIMD_FUNCTION

/* Load and store the next min(left, lanes) elements at p. In a load, the other lanes hold `pad`. */
static inline vf vf_load_part(const float *p, size_t left, float pad)
{
    if (left >= VF_LANES)
        return vf_load(p);
    float lanes[VF_LANES];
    for (size_t i = 0; i < VF_LANES; i++)
        lanes[i] = i < left ? p[i] : pad;
    return vf_load(lanes);
}

static inline void vf_store_part(float *p, size_t left, vf v)
{
    if (left >= VF_LANES) {
        vf_store(p, v);
        return;
    }
    float lanes[VF_LANES];
    vf_store(lanes, v);
    memcpy(p, lanes, left * sizeof *p);
}

static inline vd vd_load_part(const double *p, size_t left, double pad)
{
    if (left >= VD_LANES)
        return vd_load(p);
    double lanes[VD_LANES];
    for (size_t i = 0; i < VD_LANES; i++)
        lanes[i] = i < left ? p[i] : pad;
    return vd_load(lanes);
}

static inline void vd_store_part(double *p, size_t left, vd v)
{
    if (left >= VD_LANES) {
        vd_store(p, v);
        return;
    }
    double lanes[VD_LANES];
    vd_store(lanes, v);
    memcpy(p, lanes, left * sizeof *p);
}

#endif
