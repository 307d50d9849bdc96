#include "gk/batch_kernels_body.h"

const gkv_gk_kernels gkv_gk_kernels_portable = GKV_GK_KERNELS_TABLE;
