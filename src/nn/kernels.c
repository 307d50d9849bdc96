#include "nn/kernels.h"

#include "core/simd.h"

const gkv_nn_kernels *gkv_nn_kernels_get(void)
{
#if defined(__x86_64__)
    switch (gkv_simd_level()) {
    case GKV_SIMD_AVX512: return &gkv_nn_kernels_avx512;
    case GKV_SIMD_AVX2: return &gkv_nn_kernels_avx2;
    default: break;
    }
#endif
    return &gkv_nn_kernels_portable;
}
