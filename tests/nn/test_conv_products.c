#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "conv_products_body.h"
