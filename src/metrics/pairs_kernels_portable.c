#define TILE_ROWS 4
#define TILE_VECTORS 4
#include "metrics/pairs_kernels_body.h"

const gkv_pairs_kernels gkv_pairs_kernels_portable = GKV_PAIRS_KERNELS_TABLE;
