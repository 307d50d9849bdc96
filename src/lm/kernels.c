#include "lm/kernels.h"

const gkv_lm_kernels *gkv_lm_kernels_of(gkv_simd level)
{
#if defined(__x86_64__)
    switch (level) {
    case GKV_SIMD_AVX512: return &gkv_lm_kernels_avx512;
    case GKV_SIMD_AVX2: return &gkv_lm_kernels_avx2;
    default: break;
    }
#else
    (void)level;
#endif
    return &gkv_lm_kernels_portable;
}

const gkv_lm_kernels *gkv_lm_kernels_single(gkv_simd level)
{
#if defined(__x86_64__)
    if (level >= GKV_SIMD_AVX2)
        return &gkv_lm_kernels_single_avx2;
#else
    (void)level;
#endif
    return &gkv_lm_kernels_portable;
}
