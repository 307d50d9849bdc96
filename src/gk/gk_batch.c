/* Passes arrays to the kernels; gk_batch_both.h has the code for both numeric types.
 *
 * A narrow array is one long array with cyclic columns, so that no lane is idle even for d = 2. A
 * wide array is split into blocks of columns. The functions of gkvae/gk_batch.h, for one set of
 * parameters, pass chunks that stay in the cache. */
#include "gk/gk_batch_kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/vmath.h"
#include "gk/family.h"
#include "gkvae/gk_batch.h"
#include "num/constants.h"

enum { CHUNK = 512 };

/* the greatest |z| for which probabilities of a rounded z are accurate enough */
#define RELIABLE CHOOSE(3.5, 8.0)
#define CLAMPED CHOOSE(0.99e37, 1e299) /* a little less than the |z| to which the kernels clamp z */
#define SCORES CHOOSE(12.5, 37.0) /* the greatest |z| for which the kernels compute normal scores */

static const gki_gk_kernels *chosen; /* NULL: the CPU decides */

static const gki_gk_kernels *kernels(void)
{
    return chosen ? chosen : gki_gk_kernels_get();
}

void gki_gk_batch_use(gki_simd level)
{
    chosen = level == GKV_SIMD_LEVELS ? NULL : gki_gk_kernels_of(level);
}

#define AT(array, offset) ((array) ? (array) + (offset) : NULL)

#define GKV_BOTH_TYPES "gk/gk_batch_both.h"
#include "core/both_types.h"
