/* The transpose of VR_LANES × VR_LANES numbers, in registers. */
#ifndef GKV_CORE_SIMD_TRANSPOSE_H
#define GKV_CORE_SIMD_TRANSPOSE_H

#include <stddef.h>

#include "core/simd_real.h"

/* out[j][i] ← from[i·from_row + j] for i, j < VR_LANES. */
#if defined(GKV_REAL_IS_DOUBLE) || defined(GKV_SIMD_PORTABLE_FILE)

static inline void vr_transpose(const gki_real *from, size_t from_row, vr out[VR_LANES])
{
    for (size_t j = 0; j < VR_LANES; j++) {
        gki_real column[VR_LANES];
        for (size_t i = 0; i < VR_LANES; i++)
            column[i] = from[i * from_row + j];
        out[j] = vr_load(column);
    }
}

#elif defined(GKV_SIMD_AVX512_FILE)

/* Loads four rows of 16 numbers and transposes the 4 × 4 numbers in every 128 bits. */
static inline void vr_transpose_quarter(const float *from, size_t from_row, __m512 out[4])
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

/* After vr_transpose_quarter() of each quarter, 128 bits of q0[i] … q3[i] hold column i of four
 * rows. These 4 × 4 blocks of 128 bits are transposed in turn. */
static inline void vr_transpose(const float *from, size_t from_row, vr out[VR_LANES])
{
    __m512 q0[4], q1[4], q2[4], q3[4];
    vr_transpose_quarter(from, from_row, q0);
    vr_transpose_quarter(from + 4 * from_row, from_row, q1);
    vr_transpose_quarter(from + 8 * from_row, from_row, q2);
    vr_transpose_quarter(from + 12 * from_row, from_row, q3);
    for (size_t i = 0; i < 4; i++) {
        const __m512 even_01 = _mm512_shuffle_f32x4(q0[i], q1[i], 0x88);
        const __m512 odd_01 = _mm512_shuffle_f32x4(q0[i], q1[i], 0xdd);
        const __m512 even_23 = _mm512_shuffle_f32x4(q2[i], q3[i], 0x88);
        const __m512 odd_23 = _mm512_shuffle_f32x4(q2[i], q3[i], 0xdd);
        out[i] = _mm512_shuffle_f32x4(even_01, even_23, 0x88);
        out[i + 8] = _mm512_shuffle_f32x4(even_01, even_23, 0xdd);
        out[i + 4] = _mm512_shuffle_f32x4(odd_01, odd_23, 0x88);
        out[i + 12] = _mm512_shuffle_f32x4(odd_01, odd_23, 0xdd);
    }
}

#else

static inline void vr_transpose_half(const float *from, size_t from_row, __m256 out[4])
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

static inline void vr_transpose(const float *from, size_t from_row, vr out[VR_LANES])
{
    __m256 top[4], bottom[4];
    vr_transpose_half(from, from_row, top);
    vr_transpose_half(from + 4 * from_row, from_row, bottom);
    for (size_t i = 0; i < 4; i++) {
        out[i] = _mm256_permute2f128_ps(top[i], bottom[i], 0x20);
        out[i + 4] = _mm256_permute2f128_ps(top[i], bottom[i], 0x31);
    }
}

#endif
#endif
