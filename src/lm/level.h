/* Which instruction set solvers run on. */
#ifndef GKV_LM_LEVEL_H
#define GKV_LM_LEVEL_H

#include "core/simd.h"

gkv_simd gkv_lm_level(void);

/* For tests: that of the solvers created from now on; GKV_SIMD_LEVELS, the default, leaves it to
 * the CPU. Not thread-safe. */
void gkv_lm_use(gkv_simd level);

#endif
