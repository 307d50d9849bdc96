#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "conv_kernels_body.h"
