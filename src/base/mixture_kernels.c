#include "base/mixture_kernels.h"

#include "core/simd.h"

const gkv_mixture_kernels *gkv_mixture_kernels_get(void)
{
#if defined(__x86_64__)
    switch (gkv_simd_level()) {
    case GKV_SIMD_AVX512: return &gkv_mixture_kernels_avx512;
    case GKV_SIMD_AVX2: return &gkv_mixture_kernels_avx2;
    default: break;
    }
#endif
    return &gkv_mixture_kernels_portable;
}
