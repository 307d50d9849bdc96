#include "nn/nn_kernels_body.h"

const gkv_nn_kernels gkv_nn_kernels_portable = GKV_NN_KERNELS_TABLE;
