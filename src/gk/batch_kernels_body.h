/* The batched g-and-k functions, once for every instruction set (core/simd.h) and
 * both numeric types: batch_kernels_real.h is the text, this file its two copies. */
#include "core/simd_types.h"
#include "gk/batch.h"

/* A mask is what a comparison gives: all bits of a lane or none, or 0/1 alone. */
#if defined(GKV_SIMD_AVX512_FILE)
typedef vf_mask_ vf_mask;
typedef vd_mask_ vd_mask;
static inline int vf_any(vf_mask m) { return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0; }
static inline int vd_any(vd_mask m) { return _mm512_test_epi64_mask((__m512i)m, (__m512i)m) != 0; }
#elif defined(GKV_SIMD_AVX2_FILE)
typedef vf_mask_ vf_mask;
typedef vd_mask_ vd_mask;
static inline int vf_any(vf_mask m) { return !_mm256_testz_si256((__m256i)m, (__m256i)m); }
static inline int vd_any(vd_mask m) { return !_mm256_testz_si256((__m256i)m, (__m256i)m); }
#else
typedef int vf_mask;
typedef int vd_mask;
static inline int vf_any(vf_mask m) { return m; }
static inline int vd_any(vd_mask m) { return m; }
#endif

#define REAL float
#define V vf
#define F(name) vf_##name
#define S(name) name##_f
#define LANES VF_LANES
#define LEAST 1e-30F   /* below, T = (1+s²)^k = 1 to rounding: z = y */
#define MOST 1e37F     /* z is held to it */
#define FAR_OUT 0x1p30F   /* 1+s² = s² from here on */
#define SETTLED 2e-3F  /* a step this small leaves an error of its cube */
#define NARROW 1.000001F
#include "gk/batch_kernels_real.h"

#define REAL double
#define V vd
#define F(name) vd_##name
#define S(name) name##_d
#define LANES VD_LANES
#define LEAST 1e-290
#define MOST 1e300
#define FAR_OUT 0x1p30
#define SETTLED 1e-5
#define NARROW 1.00000000000001
#include "gk/batch_kernels_real.h"

#define GKV_GK_KERNELS_TABLE                                            \
    {                                                                   \
        .inverse_f = inverse_f, .inverse_d = inverse_d,                 \
        .forward_f = forward_f, .forward_d = forward_d,                 \
        .shape_f = shape_f, .shape_d = shape_d                          \
    }
