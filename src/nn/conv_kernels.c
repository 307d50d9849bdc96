/* The kernels of conv_kernels.h. The build compiles this file once for every instruction set. */
#include "nn/conv_kernels.h"

#include <stdbool.h>

#ifdef GKV_SIMD_PORTABLE_FILE
#include "nn/conv_plain.h"
#else
#include "nn/conv_tile.h"
#endif

GKV_SIMD_TABLE(gki_conv_kernels, .multiply = multiply);
