/* Vectors of the two edges of levels, whose numbers are neighbours in memory, for kernels. In
 * addition to core/simd_real.h:
 *
 *   vr_gather_edges(edges, level, &lower, &upper)   the edges of the levels level[VR_LANES]
 *   vr_store_pairs(p, a, b)                         p[2i] ← a[i] and p[2i + 1] ← b[i]
 *   find_levels(n, x, edges, level, lower, upper)   the levels of n values, and their edges
 *
 * A pair is moved and added in one instruction, so that tables of levels need half as many. */
#ifndef GKV_LIKELIHOOD_LEVEL_PAIRS_H
#define GKV_LIKELIHOOD_LEVEL_PAIRS_H

#include "core/simd_real.h"
#include "likelihood/likelihood_kernels.h"

#if defined(GKV_SIMD_AVX512_FILE) && !defined(GKV_REAL_IS_DOUBLE)

static inline void vr_gather_edges(const gki_level_edges *edges, const int *level, vf *lower,
                                   vf *upper)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    /* a level has two pairs, of which the first one are its edges */
    const __m512i pair = _mm512_slli_epi32(_mm512_loadu_si512(level), 1);
    const __m512 first = _mm512_castpd_ps(
                     _mm512_i32gather_pd(_mm512_castsi512_si256(pair), edges->level, 8)),
                 second = _mm512_castpd_ps(
                     _mm512_i32gather_pd(_mm512_extracti64x4_epi64(pair, 1), edges->level, 8));
    *lower = _mm512_permutex2var_ps(first, even, second);
    *upper = _mm512_permutex2var_ps(first, _mm512_add_epi32(even, _mm512_set1_epi32(1)), second);
}

static inline void vr_store_pairs(float *p, vf a, vf b)
{
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                  high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    vf_store(p, _mm512_permutex2var_ps(a, low, b));
    vf_store(p + VF_LANES, _mm512_permutex2var_ps(a, high, b));
}

#elif defined(GKV_SIMD_AVX2_FILE) && !defined(GKV_REAL_IS_DOUBLE)

static inline __m128 two_pairs(const gki_level_edges *edges, const int *level)
{
    const __m128 first = _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)&edges->level[level[0]]);
    return _mm_loadh_pi(first, (const __m64 *)&edges->level[level[1]]);
}

static inline void vr_gather_edges(const gki_level_edges *edges, const int *level, vf *lower,
                                   vf *upper)
{
    const vf low = _mm256_setr_m128(two_pairs(edges, level), two_pairs(edges, level + 4)),
             high = _mm256_setr_m128(two_pairs(edges, level + 2), two_pairs(edges, level + 6));
    *lower = _mm256_shuffle_ps(low, high, 0x88);
    *upper = _mm256_shuffle_ps(low, high, 0xdd);
}

static inline void vr_store_pairs(float *p, vf a, vf b)
{
    const vf low = _mm256_unpacklo_ps(a, b), high = _mm256_unpackhi_ps(a, b);
    vf_store(p, _mm256_permute2f128_ps(low, high, 0x20));
    vf_store(p + VF_LANES, _mm256_permute2f128_ps(low, high, 0x31));
}

#else

static inline void vr_gather_edges(const gki_level_edges *edges, const int *level, vr *lower,
                                   vr *upper)
{
    gki_real first[VR_LANES], second[VR_LANES];
    for (size_t i = 0; i < VR_LANES; i++) {
        first[i] = edges->level[level[i]].lower;
        second[i] = edges->level[level[i]].upper;
    }
    *lower = vr_load(first);
    *upper = vr_load(second);
}

static inline void vr_store_pairs(gki_real *p, vr a, vr b)
{
    gki_real first[VR_LANES], second[VR_LANES];
    vr_store(first, a);
    vr_store(second, b);
    for (size_t i = 0; i < VR_LANES; i++) {
        p[2 * i] = first[i];
        p[2 * i + 1] = second[i];
    }
}

#endif

/* The arrays that find_levels() fills have the length of n rounded up to a multiple of this; what
 * is after the last value is level 0. */
enum { GKV_LEVELS_PADDED = VR_LANES > 8 ? VR_LANES : 8, GKV_LEVELS_CHUNK = 256 };

/* n is at most GKV_LEVELS_CHUNK. */
static inline void find_levels(size_t n, const gki_real *x, const gki_level_edges *edges,
                               int *level, gki_real *lower, gki_real *upper)
{
    gki_real scaled[GKV_LEVELS_CHUNK];
    const size_t all = (n + GKV_LEVELS_PADDED - 1) / GKV_LEVELS_PADDED * GKV_LEVELS_PADDED;
    for (size_t i = 0; i < all; i += VR_LANES) {
        const vr value = vr_load_part(x + i, i < n ? n - i : 0, 0);
        const vr nearest = vr_fma(value, vr_set(255), vr_set(0.5));
        /* the order of the operands makes NaN a level too */
        vr_store(scaled + i, vr_min(vr_max(nearest, vr_set(0)), vr_set(255)));
    }
    for (size_t i = 0; i < all; i++)
        level[i] = (int)scaled[i];
    for (size_t i = 0; i < all; i += VR_LANES) {
        vr below, above;
        vr_gather_edges(edges, level + i, &below, &above);
        vr_store(lower + i, below);
        vr_store(upper + i, above);
    }
}

#endif
