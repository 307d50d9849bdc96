/* Masks of the vectors of simd_types.h, and vf_any(m) and vd_any(m): whether any lane of m is
 * set. */
#ifndef GKV_CORE_SIMD_MASKS_H
#define GKV_CORE_SIMD_MASKS_H

#include "core/simd_types.h"

/* A mask is the result of a comparison. In a vector all bits of a lane are set or none; the
 * portable mask is 0 or 1. */
#if defined(GKV_SIMD_AVX512_FILE)
typedef vf_mask_ vf_mask;
typedef vd_mask_ vd_mask;
static inline int vf_any(vf_mask m)
{
    return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0;
}
static inline int vd_any(vd_mask m)
{
    return _mm512_test_epi64_mask((__m512i)m, (__m512i)m) != 0;
}
#elif defined(GKV_SIMD_AVX2_FILE)
typedef vf_mask_ vf_mask;
typedef vd_mask_ vd_mask;
static inline int vf_any(vf_mask m)
{
    return !_mm256_testz_si256((__m256i)m, (__m256i)m);
}
static inline int vd_any(vd_mask m)
{
    return !_mm256_testz_si256((__m256i)m, (__m256i)m);
}
#else
typedef int vf_mask;
typedef int vd_mask;
static inline int vf_any(vf_mask m)
{
    return m;
}
static inline int vd_any(vd_mask m)
{
    return m;
}
#endif

#endif
