/* gkvae/gk_batch.h over the kernels, in chunks that stay in the cache: arrays_real.h is
 * the text, this file its two copies. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/vmath.h"
#include "gk/gk_batch_kernels.h"
#include "gk/family.h"
#include "gkvae/gk_batch.h"

enum { CHUNK = 512 };

#define AT(array, offset) ((array) ? (array) + (offset) : NULL)

#define REAL double
#define K(name) name##_d
#define P(name) name
#define EXP exp_d
#define RELIABLE 8.0 /* |z| up to which probabilities of a rounded z are good enough */
#define HELD 1e299   /* what the kernels cannot get beyond, nearly */
#define SCORES 37.0  /* |z| up to which the kernels' normal scores go */
#define LARGEST DBL_MAX
#include "gk/gk_arrays_real.h"

#define REAL float
#define K(name) name##_f
#define P(name) name##_f
#define EXP exp_f
#define RELIABLE 3.5
#define HELD 0.99e37
#define SCORES 12.5
#define LARGEST FLT_MAX
#include "gk/gk_arrays_real.h"
