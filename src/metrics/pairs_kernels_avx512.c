#if defined(__x86_64__)
#define GKV_SIMD_AVX512_FILE
/* 24 of 32 registers hold the tile and 3 hold columns. */
#define TILE_ROWS 8
#define TILE_VECTORS 3
#include "metrics/pairs_kernels_body.h"

const gkv_pairs_kernels gkv_pairs_kernels_avx512 = GKV_PAIRS_KERNELS_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
