/* The vectors of simd_types.h in the numeric type of the networks: vr is vf, or vd in the double
 * build. */
#ifndef GKV_CORE_SIMD_REAL_H
#define GKV_CORE_SIMD_REAL_H

#include "core/real.h"
#include "core/simd_types.h"

#ifdef GKV_REAL_IS_DOUBLE
typedef vd vr;
enum { VR_LANES = VD_LANES };
#define GKV_VR_(name) vd_##name
#else
typedef vf vr;
enum { VR_LANES = VF_LANES };
#define GKV_VR_(name) vf_##name
#endif

#define vr_load GKV_VR_(load)
#define vr_store GKV_VR_(store)
#define vr_load_part GKV_VR_(load_part)
#define vr_store_part GKV_VR_(store_part)
#define vr_set(x) GKV_VR_(set)((gki_real)(x))
#define vr_max GKV_VR_(max)
#define vr_min GKV_VR_(min)
#define vr_abs GKV_VR_(abs)
#define vr_sqrt GKV_VR_(sqrt)
#define vr_fma GKV_VR_(fma)
#define vr_exp GKV_VR_(exp)
#define vr_exp_m1 GKV_VR_(exp_m1)
#define vr_log GKV_VR_(log)
#define vr_tanh GKV_VR_(tanh)
#define vr_select GKV_VR_(select)

/* The sum of all lanes, added in a fixed order: the upper half is added to the lower half until one
 * lane is left. */
#if defined(GKV_SIMD_AVX512_FILE) || defined(GKV_SIMD_AVX2_FILE)
#ifdef GKV_REAL_IS_DOUBLE
static inline gki_real vr_sum(vr v)
{
#ifdef GKV_SIMD_AVX512_FILE
    const __m256d four = _mm512_castpd512_pd256(v) + _mm512_extractf64x4_pd(v, 1);
#else
    const __m256d four = v;
#endif
    const __m128d two = _mm256_castpd256_pd128(four) + _mm256_extractf128_pd(four, 1);
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}
#else
static inline gki_real vr_sum(vr v)
{
#ifdef GKV_SIMD_AVX512_FILE
    const __m256 eight = _mm512_castps512_ps256(v) + _mm512_extractf32x8_ps(v, 1);
#else
    const __m256 eight = v;
#endif
    const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
    const __m128 two = four + _mm_movehl_ps(four, four);
    return _mm_cvtss_f32(two) + _mm_cvtss_f32(_mm_shuffle_ps(two, two, 1));
}
#endif
#else
static inline gki_real vr_sum(vr v)
{
    return v;
}
#endif

/* x within bounds; the order of the operands keeps NaN. */
static inline vr vr_limited(vr x, double least, double most)
{
    return vr_min(vr_set(most), vr_max(vr_set(least), x));
}

/* The derivative of vr_limited in x: 1, or 0 beyond the bounds. */
static inline vr vr_within(vr x, double least, double most)
{
    return vr_select(x < vr_set(least), vr_set(0),
                     vr_select(x > vr_set(most), vr_set(0), vr_set(1)));
}

#endif
