#include "gk/fit_kernels.h"

#include "core/simd.h"

const gkv_gk_fit_kernels *gkv_gk_fit_kernels_get(void)
{
#if defined(__x86_64__)
    switch (gkv_simd_level()) {
    case GKV_SIMD_AVX512: return &gkv_gk_fit_kernels_avx512;
    case GKV_SIMD_AVX2: return &gkv_gk_fit_kernels_avx2;
    default: break;
    }
#endif
    return &gkv_gk_fit_kernels_portable;
}
