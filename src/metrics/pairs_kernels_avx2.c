#if defined(__x86_64__)
#define GKV_SIMD_AVX2_FILE
/* 12 of 16 registers hold the tile, 3 hold columns and 1 an element of a row. */
#define TILE_ROWS 4
#define TILE_VECTORS 3
#include "metrics/pairs_kernels_body.h"

const gkv_pairs_kernels gkv_pairs_kernels_avx2 = GKV_PAIRS_KERNELS_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
