#if defined(__x86_64__)
#define GKV_SIMD_AVX2_FILE
/* 12 of 16 registers hold the tile of C, 2 hold B and 1 an element of A. */
#define TILE_ROWS 6
#define EACH_TILE_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define EACH_TILE_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define SPARSE_VECTORS 8
#include "nn/gemm_kernels_body.h"
#include "nn/sparse_kernels_body.h"

const gkv_gemm_kernels gkv_gemm_kernels_avx2 = GKV_GEMM_KERNELS_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
