/* The g-and-k kernels. The build compiles this file once for every instruction set (core/simd.h).
 * gk_kernels_both.h and normal_kernels_both.h have their code for both numeric types. */
#include "gk/gk_batch_kernels.h"
#include "gk/gk_root.h"
#include "num/constants.h"

#define GKV_SIMD_MORE(name, suffix_f, suffix_d) \
    static inline vf vf_##name(vf x)            \
    {                                           \
        return suffix_f(x);                     \
    }                                           \
    static inline vd vd_##name(vd x)            \
    {                                           \
        return suffix_d(x);                     \
    }
#if defined(GKV_SIMD_AVX512_FILE)
GKV_SIMD_MORE(expm1, Sleef_expm1f16_u10avx512f, Sleef_expm1d8_u10avx512f)
GKV_SIMD_MORE(erfc, Sleef_erfcf16_u15avx512f, Sleef_erfcd8_u15avx512f)
#elif defined(GKV_SIMD_AVX2_FILE)
GKV_SIMD_MORE(expm1, Sleef_expm1f8_u10avx2, Sleef_expm1d4_u10avx2)
GKV_SIMD_MORE(erfc, Sleef_erfcf8_u15avx2, Sleef_erfcd4_u15avx2)
#else
GKV_SIMD_MORE(expm1, expm1f, expm1)
GKV_SIMD_MORE(erfc, erfcf, erfc)
#endif

/* The coefficients of Wichura's rational functions: numerator and denominator for each of three
 * regions. */
static const double wichura[6][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
     1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
     3.3430575583588128105e+4, 2.5090809287301226727e+3},
    {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
     2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
     5.2264952788528545610e+3},
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9},
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15},
};

enum { SIDE_BY_SIDE = 8 }; /* vectors of roots that are computed at the same time */

static inline size_t next_column(size_t column, size_t onward, size_t period)
{
    column += onward;
    return column < period ? column : column - period;
}

#define GKV_BOTH_TYPES "gk/gk_kernels_both.h"
#include "core/both_types.h"
#define GKV_BOTH_TYPES "gk/normal_kernels_both.h"
#include "core/both_types.h"

GKV_SIMD_TABLE(gki_gk_kernels, .inverse_f = inverse_f, .inverse_d = inverse_d,
               .forward_f = forward_f, .forward_d = forward_d, .shape_f = shape_f,
               .shape_d = shape_d, .probability_f = probability_f, .probability_d = probability_d,
               .normal_score_f = normal_score_f, .normal_score_d = normal_score_d);
