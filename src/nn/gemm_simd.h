/* Vector functions of the matrix kernels, in addition to simd_real.h and simd_lanes.h: a bit mask
 * of the lanes that are not zero, and the transpose of VR_LANES × VR_LANES elements. */
#ifndef GKV_NN_GEMM_SIMD_H
#define GKV_NN_GEMM_SIMD_H

#include <stdint.h>

#include "core/simd_lanes.h"
#include "core/simd_real.h"
#include "core/simd_transpose.h"

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
static inline void transpose(const gki_real *from, size_t from_row, gki_real *to, size_t to_row)
{
    vr columns[VR_LANES];
    vr_transpose(from, from_row, columns);
    for (size_t j = 0; j < VR_LANES; j++)
        vr_store(to + j * to_row, columns[j]);
}

#endif
