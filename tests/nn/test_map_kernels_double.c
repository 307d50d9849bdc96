#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "map_kernels_body.h"
