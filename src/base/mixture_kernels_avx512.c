#if defined(__x86_64__)
#define GKV_SIMD_AVX512_FILE
#include "base/mixture_kernels_body.h"

const gkv_mixture_kernels gkv_mixture_kernels_avx512 = GKV_MIXTURE_KERNELS_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
