/* Vectors of roots of the g-and-k distribution: the terms of Q, and the iteration for Q⁻¹, which
 * gk_root_both.h has for both numeric types. For kernels, which are compiled for each instruction
 * set. */
#ifndef GKV_GK_ROOT_H
#define GKV_GK_ROOT_H

#include <float.h>

#include "core/simd_masks.h"

/* for smaller s, T and (1+s²)^k round to 1, so that z = y */
#define Z_MIN CHOOSE(1e-30F, 1e-290)
#define Z_MAX CHOOSE(1e37F, 1e300)      /* |z| is clamped to this */
#define FAR_OUT CHOOSE(0x1p30F, 0x1p30) /* for larger s, 1+s² rounds to s² */
/* the last step has a smaller square; its error is of the order of its fourth power */
#define CONVERGED CHOOSE(4e-4F, 1e-8)
/* a bracket is closed if the ratio of its ends is below this */
#define NARROW CHOOSE(1.000001F, 1.00000000000001)

#define GKV_BOTH_TYPES "gk/gk_root_both.h"
#include "core/both_types.h"

#endif
