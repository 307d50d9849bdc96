/* Includes a file twice: for float, then for double. Algorithms that exist in both types are
 * written once in a file NAME_both.h, in these names:
 *
 *                            float                      double
 *   REAL                     float                      double
 *   LARGEST                  FLT_MAX                    DBL_MAX (with <float.h>)
 *   CHOOSE(x, y)             x                          y
 *   S(name)                  name_f                     name_d
 *   P(name)                  name_f                     name: public functions, as gkv_gk_batch_x
 *   V, LANES, F(name)        vf, VF_LANES, vf_name      vd, VD_LANES, vd_name (core/simd_types.h)
 *
 * A C file includes it so:
 *
 *   #define GKV_BOTH_TYPES "gk/gk_batch_both.h"
 *   #include "core/both_types.h"
 *
 * Afterwards none of the names is defined. This has nothing to do with gki_real (core/real.h), the
 * one type of a build. */
#ifndef GKV_BOTH_TYPES
#error "define GKV_BOTH_TYPES as the file to include"
#endif

#define REAL float
#define LARGEST FLT_MAX
#define CHOOSE(x, y) x
#define S(name) name##_f
#define P(name) name##_f
#define V vf
#define LANES VF_LANES
#define F(name) vf_##name
#include GKV_BOTH_TYPES
#undef REAL
#undef LARGEST
#undef CHOOSE
#undef S
#undef P
#undef V
#undef LANES
#undef F

#define REAL double
#define LARGEST DBL_MAX
#define CHOOSE(x, y) y
#define S(name) name##_d
#define P(name) name
#define V vd
#define LANES VD_LANES
#define F(name) vd_##name
#include GKV_BOTH_TYPES
#undef REAL
#undef LARGEST
#undef CHOOSE
#undef S
#undef P
#undef V
#undef LANES
#undef F

#undef GKV_BOTH_TYPES
