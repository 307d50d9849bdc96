#include "core/vmath.h"

#include "core/simd.h"

const gkv_vmath *gkv_vmath_get(void)
{
#if defined(__x86_64__)
    switch (gkv_simd_level()) {
    case GKV_SIMD_AVX512: return &gkv_vmath_avx512;
    case GKV_SIMD_AVX2: return &gkv_vmath_avx2;
    default: break;
    }
#endif
    return &gkv_vmath_portable;
}
