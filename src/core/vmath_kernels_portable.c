#include "core/vmath_kernels_body.h"

const gkv_vmath gkv_vmath_portable = GKV_VMATH_TABLE;
