/* Vector functions of the matrix kernels, in addition to simd_real.h and simd_lanes.h: a bit mask
 * of the lanes that are not zero, and the transpose of VR_LANES × VR_LANES elements. */
#ifndef GKV_NN_GEMM_SIMD_H
#define GKV_NN_GEMM_SIMD_H

#include <stdint.h>

#include "core/simd_lanes.h"
#include "core/simd_real.h"

typedef GKV_VR_(lanes) vr_lanes;
#define vr_first_lanes GKV_VR_(first_lanes)
#define vr_load_lanes GKV_VR_(load_lanes)
#define vr_store_lanes GKV_VR_(store_lanes)

/* The lanes that are not zero, one bit each. */
static inline unsigned vr_nonzero(vr v)
{
#if defined(GKV_SIMD_AVX512_FILE) && defined(GKV_REAL_IS_DOUBLE)
    return _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_NEQ_UQ);
#elif defined(GKV_SIMD_AVX512_FILE)
    return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
#elif defined(GKV_REAL_IS_DOUBLE)
    return (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(v, _mm256_setzero_pd(), _CMP_NEQ_UQ));
#else
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ));
#endif
}

/* The result of a comparison of vectors: in each lane, all bits are set or none. */
#ifdef GKV_REAL_IS_DOUBLE
typedef vd_mask_ vr_bits;
#else
typedef vf_mask_ vr_bits;
#endif

/* to[j][i] ← from[i][j] for i, j < VR_LANES. */
#if defined(GKV_REAL_IS_DOUBLE)

static inline void transpose(const gki_real *from, size_t from_row, gki_real *to, size_t to_row)
{
    for (size_t i = 0; i < VR_LANES; i++)
        for (size_t j = 0; j < VR_LANES; j++)
            to[j * to_row + i] = from[i * from_row + j];
}

#elif defined(GKV_SIMD_AVX512_FILE)

/* Loads four rows of 16 elements and transposes the 4 × 4 elements in every 128 bits. */
static inline void transpose_quarter(const float *from, size_t from_row, __m512 out[4])
{
    const __m512 a = _mm512_loadu_ps(from), b = _mm512_loadu_ps(from + from_row);
    const __m512 c = _mm512_loadu_ps(from + 2 * from_row), d = _mm512_loadu_ps(from + 3 * from_row);
    const __m512d ab_low = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
    const __m512d ab_high = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
    const __m512d cd_low = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
    const __m512d cd_high = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
    out[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab_low, cd_low));
    out[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab_low, cd_low));
    out[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high));
    out[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high));
}

/* After transpose_quarter() of each quarter, 128 bits of q0[i] … q3[i] hold column i of four rows.
 * These 4 × 4 blocks of 128 bits are transposed in turn. */
static inline void transpose(const float *from, size_t from_row, float *to, size_t to_row)
{
    __m512 q0[4], q1[4], q2[4], q3[4];
    transpose_quarter(from, from_row, q0);
    transpose_quarter(from + 4 * from_row, from_row, q1);
    transpose_quarter(from + 8 * from_row, from_row, q2);
    transpose_quarter(from + 12 * from_row, from_row, q3);
    for (size_t i = 0; i < 4; i++) {
        const __m512 even_01 = _mm512_shuffle_f32x4(q0[i], q1[i], 0x88);
        const __m512 odd_01 = _mm512_shuffle_f32x4(q0[i], q1[i], 0xdd);
        const __m512 even_23 = _mm512_shuffle_f32x4(q2[i], q3[i], 0x88);
        const __m512 odd_23 = _mm512_shuffle_f32x4(q2[i], q3[i], 0xdd);
        _mm512_storeu_ps(to + i * to_row, _mm512_shuffle_f32x4(even_01, even_23, 0x88));
        _mm512_storeu_ps(to + (i + 8) * to_row, _mm512_shuffle_f32x4(even_01, even_23, 0xdd));
        _mm512_storeu_ps(to + (i + 4) * to_row, _mm512_shuffle_f32x4(odd_01, odd_23, 0x88));
        _mm512_storeu_ps(to + (i + 12) * to_row, _mm512_shuffle_f32x4(odd_01, odd_23, 0xdd));
    }
}

#else

static inline void transpose_half(const float *from, size_t from_row, __m256 out[4])
{
    const __m256 a = _mm256_loadu_ps(from), b = _mm256_loadu_ps(from + from_row);
    const __m256 c = _mm256_loadu_ps(from + 2 * from_row), d = _mm256_loadu_ps(from + 3 * from_row);
    const __m256d ab_low = _mm256_castps_pd(_mm256_unpacklo_ps(a, b));
    const __m256d ab_high = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
    const __m256d cd_low = _mm256_castps_pd(_mm256_unpacklo_ps(c, d));
    const __m256d cd_high = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
    out[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab_low, cd_low));
    out[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab_low, cd_low));
    out[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high));
    out[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high));
}

static inline void transpose(const float *from, size_t from_row, float *to, size_t to_row)
{
    __m256 top[4], bottom[4];
    transpose_half(from, from_row, top);
    transpose_half(from + 4 * from_row, from_row, bottom);
    for (size_t i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * to_row, _mm256_permute2f128_ps(top[i], bottom[i], 0x20));
        _mm256_storeu_ps(to + (i + 4) * to_row, _mm256_permute2f128_ps(top[i], bottom[i], 0x31));
    }
}

#endif
#endif
