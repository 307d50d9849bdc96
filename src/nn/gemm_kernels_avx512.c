#if defined(__x86_64__)
#define GKV_SIMD_AVX512_FILE
/* 28 of 32 registers hold the tile of C, 2 hold B and 1 an element of A. */
#define TILE_ROWS 14
#define EACH_TILE_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#define EACH_TILE_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define SPARSE_VECTORS 4
#include "nn/gemm_kernels_body.h"
#include "nn/sparse_kernels_body.h"

const gkv_gemm_kernels gkv_gemm_kernels_avx512 = GKV_GEMM_KERNELS_TABLE;
#else
typedef int gkv_not_on_this_cpu; /* ISO C forbids an empty file */
#endif
