#include "lm/lm_kernels_body.h"

const gkv_lm_kernels gkv_lm_kernels_portable = GKV_LM_KERNELS_TABLE;
