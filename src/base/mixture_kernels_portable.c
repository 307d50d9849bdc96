#include "base/mixture_kernels_body.h"

const gkv_mixture_kernels gkv_mixture_kernels_portable = GKV_MIXTURE_KERNELS_TABLE;
