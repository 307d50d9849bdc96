#include "gk/fit_kernels_body.h"

const gkv_gk_fit_kernels gkv_gk_fit_kernels_portable = GKV_GK_FIT_KERNELS_TABLE;
