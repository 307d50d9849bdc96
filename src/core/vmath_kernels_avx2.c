#if defined(__x86_64__)
#define GKV_SIMD_AVX2_FILE
#include "core/vmath_kernels_body.h"

const gkv_vmath gkv_vmath_avx2 = GKV_VMATH_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
