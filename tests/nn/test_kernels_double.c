#include "kernels_body.h"
