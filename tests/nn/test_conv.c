#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "conv_body.h"
