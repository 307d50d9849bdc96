/* The kernels of products. The build compiles this file once for every instruction set
 * (core/simd.h). product_tile_both.h, and product_plain_both.h for the portable kernels, have the
 * code for both numeric types. */
#include "num/product.h"

#include <stdbool.h>

#ifdef GKV_SIMD_PORTABLE_FILE
/* A row of a tile has 32 bytes; with vectors of 16 bytes, eight registers hold a tile. */
enum { TILE_ROWS = 4, PANEL_F = 8, PANEL_D = 4 };
#define COLUMNS (32 / sizeof(REAL))
#define GKV_BOTH_TYPES "num/product_plain_both.h"
#else
#include "core/simd_lanes.h"

#ifdef GKV_SIMD_AVX512_FILE
/* 28 of 32 registers hold the tile of C, 2 hold B and 1 an element of A. */
#define TILE_ROWS 14
#define EACH_TILE_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#define EACH_TILE_HEIGHT(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#else
/* 12 of 16 registers hold the tile of C, 2 hold B and 1 an element of A. */
#define TILE_ROWS 6
#define EACH_TILE_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define EACH_TILE_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif
enum { PREFETCH = 16 };
#define PANEL_F (2 * VF_LANES)
#define PANEL_D (2 * VD_LANES)
#define GKV_BOTH_TYPES "num/product_tile_both.h"
#endif

#include "core/both_types.h"

GKV_SIMD_TABLE(gki_product_kernels, .panel_f = PANEL_F, .panel_d = PANEL_D,
               .multiply_f = multiply_f, .multiply_d = multiply_d);
