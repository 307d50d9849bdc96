/* The functions of gkvae/gk_batch.h. They pass the arrays to the kernels in chunks that stay in the
 * cache. This file includes gk_arrays_real.h twice, for double and for float. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/vmath.h"
#include "gk/gk_batch_kernels.h"
#include "gk/family.h"
#include "gkvae/gk_batch.h"
#include "num/constants.h"

enum { CHUNK = 512 };

#define AT(array, offset) ((array) ? (array) + (offset) : NULL)

#define REAL double
#define K(name) name##_d
#define P(name) name
#define EXP exp_d
/* the greatest |z| for which probabilities of a rounded z are accurate enough */
#define RELIABLE 8.0
#define CLAMPED 1e299 /* a little less than the |z| to which the kernels clamp z */
#define SCORES 37.0   /* the greatest |z| for which the kernels compute normal scores */
#define LARGEST DBL_MAX
#include "gk/gk_arrays_real.h"

#define REAL float
#define K(name) name##_f
#define P(name) name##_f
#define EXP exp_f
#define RELIABLE 3.5
#define CLAMPED 0.99e37
#define SCORES 12.5
#define LARGEST FLT_MAX
#include "gk/gk_arrays_real.h"
