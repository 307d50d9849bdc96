#if defined(__x86_64__)
#define GKV_SIMD_AVX512_FILE
#include "gk/fit_kernels_body.h"

const gkv_gk_fit_kernels gkv_gk_fit_kernels_avx512 = GKV_GK_FIT_KERNELS_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
