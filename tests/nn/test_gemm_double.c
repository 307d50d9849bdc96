#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "gemm_body.h"
