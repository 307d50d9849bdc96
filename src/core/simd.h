/* Which instruction set the kernels run on.
 *
 * A family of kernels is written once, in NAME_kernels_body.h, in terms of the
 * macros of simd_types.h, and compiled three times:
 *   NAME_kernels_portable.c   plain C and libm: the reference
 *   NAME_kernels_avx2.c       8 floats at a time, SLEEF
 *   NAME_kernels_avx512.c     16 floats at a time, SLEEF
 * Each defines one table of function pointers; NAME.c picks by gkv_simd_level().
 * The levels agree to rounding, not to the bit; within one level every element's
 * result is a function of its arguments alone, never of its place in an array. */
#ifndef GKV_CORE_SIMD_H
#define GKV_CORE_SIMD_H

typedef enum gkv_simd {
    GKV_SIMD_PORTABLE = 0,
    GKV_SIMD_AVX2,
    GKV_SIMD_AVX512,
    GKV_SIMD_LEVELS
} gkv_simd;

/* The best level of this CPU, or a lower one if the environment variable
 * GKVAE_SIMD asks for it (portable, avx2 or avx512). Decided at the first call. */
gkv_simd gkv_simd_level(void);

/* The level's name, as in "avx2". */
const char *gkv_simd_name(gkv_simd level);

/* The best level of this CPU, whatever the environment says. */
gkv_simd gkv_simd_best(void);

#endif
