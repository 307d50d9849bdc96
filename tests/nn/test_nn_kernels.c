#include "nn_kernels_body.h"
