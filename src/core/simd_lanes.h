/* Access to the first lanes of a vector, for the ends of rows. In addition to simd_types.h, for
 * AVX2 and AVX-512:
 *
 *   vf_lanes                         a selection of lanes
 *   vf_first_lanes(n)                the first min(n, VF_LANES) lanes
 *   vf_load_lanes(p, lanes)          loads these lanes; the others are 0 and are not read
 *   vf_store_lanes(p, lanes, v)      stores these lanes; the others are not written
 *
 * and the same for vd. */
#ifndef GKV_CORE_SIMD_LANES_H
#define GKV_CORE_SIMD_LANES_H

#include <stdint.h>

#include "core/simd_types.h"

#if defined(GKV_SIMD_AVX512_FILE)

typedef __mmask16 vf_lanes;
typedef __mmask8 vd_lanes;
static inline vf_lanes vf_first_lanes(size_t n)
{
    return (vf_lanes)((1U << (n < VF_LANES ? n : VF_LANES)) - 1);
}
static inline vf vf_load_lanes(const float *p, vf_lanes lanes)
{
    return _mm512_maskz_loadu_ps(lanes, p);
}
static inline void vf_store_lanes(float *p, vf_lanes lanes, vf v)
{
    _mm512_mask_storeu_ps(p, lanes, v);
}
static inline vd_lanes vd_first_lanes(size_t n)
{
    return (vd_lanes)((1U << (n < VD_LANES ? n : VD_LANES)) - 1);
}
static inline vd vd_load_lanes(const double *p, vd_lanes lanes)
{
    return _mm512_maskz_loadu_pd(lanes, p);
}
static inline void vd_store_lanes(double *p, vd_lanes lanes, vd v)
{
    _mm512_mask_storeu_pd(p, lanes, v);
}

#elif defined(GKV_SIMD_AVX2_FILE)

typedef __m256i vf_lanes;
typedef __m256i vd_lanes;
static inline vf_lanes vf_first_lanes(size_t n)
{
    const int left = n >= VF_LANES ? VF_LANES : (int)n;
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf vf_load_lanes(const float *p, vf_lanes lanes)
{
    return _mm256_maskload_ps(p, lanes);
}
static inline void vf_store_lanes(float *p, vf_lanes lanes, vf v)
{
    _mm256_maskstore_ps(p, lanes, v);
}
static inline vd_lanes vd_first_lanes(size_t n)
{
    const int64_t left = n >= VD_LANES ? VD_LANES : (int64_t)n;
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(left), _mm256_setr_epi64x(0, 1, 2, 3));
}
static inline vd vd_load_lanes(const double *p, vd_lanes lanes)
{
    return _mm256_maskload_pd(p, lanes);
}
static inline void vd_store_lanes(double *p, vd_lanes lanes, vd v)
{
    _mm256_maskstore_pd(p, lanes, v);
}

#endif
#endif
