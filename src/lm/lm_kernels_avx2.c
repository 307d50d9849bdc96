#if defined(__x86_64__)
#define GKV_SIMD_AVX2_FILE
#include "lm/lm_kernels_body.h"

const gkv_lm_kernels gkv_lm_kernels_avx2 = GKV_LM_KERNELS_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
