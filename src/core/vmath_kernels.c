/* The elementwise functions. The build compiles this file once for every instruction set (simd.h).
 * vmath_both.h has the code for both numeric types. */
#include "core/simd_types.h"
#include "core/vmath.h"

#define GKV_BOTH_TYPES "core/vmath_both.h"
#include "core/both_types.h"

GKV_SIMD_TABLE(gki_vmath, .exp_f = map_exp_f, .expm1_f = map_expm1_f, .log_f = map_log_f,
               .tanh_f = map_tanh_f, .sigmoid_f = map_sigmoid_f, .exp_d = map_exp_d,
               .expm1_d = map_expm1_d, .log_d = map_log_d, .tanh_d = map_tanh_d,
               .sigmoid_d = map_sigmoid_d, .box_muller_f = box_muller_f,
               .box_muller_d = box_muller_d);
