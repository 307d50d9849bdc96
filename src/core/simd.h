/* Which instruction set the kernels run on.
 *
 * A family of kernels is one file, NAME_kernels.c, in terms of the types of simd_types.h.
 * gkv_kernels() of cmake/modules.cmake compiles it once for each instruction set:
 *   portable   plain C and libm: the reference
 *   avx2       8 floats at a time, SLEEF
 *   avx512     16 floats at a time, SLEEF
 * The file ends with GKV_SIMD_TABLE(type, .function = function, …), which defines a table of
 * function pointers, and its header has GKV_SIMD_DECLARE(type), which declares the tables and how
 * to choose one. The levels agree to rounding, not to the bit. Within one level the result of an
 * element is a function of its arguments alone, never of its index in an array. */
#ifndef GKV_CORE_SIMD_H
#define GKV_CORE_SIMD_H

typedef enum gki_simd {
    GKV_SIMD_PORTABLE = 0,
    GKV_SIMD_AVX2,
    GKV_SIMD_AVX512,
    GKV_SIMD_LEVELS
} gki_simd;

/* The best level of this CPU, or a lower one if the environment variable
 * GKVAE_SIMD asks for it (portable, avx2 or avx512). Decided at the first call. */
gki_simd gki_simd_level(void);

/* The level's name, as in "avx2". */
const char *gki_simd_name(gki_simd level);

/* The best level of this CPU, whatever the environment says. */
gki_simd gki_simd_best(void);

/* For a header: the tables of a family; TYPE_of(level) for a level that this CPU has; and
 * TYPE_get() for gki_simd_level(). */
#define GKV_SIMD_DECLARE(type)                                     \
    extern const type type##_portable, type##_avx2, type##_avx512; \
    const type *type##_of(gki_simd level);                         \
    static inline const type *type##_get(void)                     \
    {                                                              \
        return type##_of(gki_simd_level());                        \
    }                                                              \
    const type *type##_of(gki_simd level)

/* For the end of NAME_kernels.c. The portable build also defines TYPE_of(). */
#if defined(GKV_SIMD_AVX512_FILE)
#define GKV_SIMD_TABLE(type, ...) const type type##_avx512 = {__VA_ARGS__}
#elif defined(GKV_SIMD_AVX2_FILE)
#define GKV_SIMD_TABLE(type, ...) const type type##_avx2 = {__VA_ARGS__}
#elif defined(GKV_SIMD_SINGLE_FILE) /* one lane, in AVX2's registers */
#define GKV_SIMD_TABLE(type, ...) const type type##_single_avx2 = {__VA_ARGS__}
#else
#define GKV_SIMD_PORTABLE_FILE
#define GKV_SIMD_TABLE(type, ...)                              \
    const type type##_portable = {__VA_ARGS__};                \
    const type *type##_of(gki_simd level)                      \
    {                                                          \
        return GKV_SIMD_CHOOSE(type, &type##_portable, level); \
    }                                                          \
    extern const type type##_portable
#endif

/* The table of a level; `portable` may be NULL where a family has no portable kernels. */
#if defined(__x86_64__)
#define GKV_SIMD_CHOOSE(type, portable, level)   \
    ((level) == GKV_SIMD_AVX512 ? &type##_avx512 \
     : (level) == GKV_SIMD_AVX2 ? &type##_avx2   \
                                : (portable))
#else
#define GKV_SIMD_CHOOSE(type, portable, level) ((void)(level), (portable))
#endif

#endif
