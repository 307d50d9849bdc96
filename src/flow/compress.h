/* Compression of what a network reads in a prior flow: f(z) = z/√(1 + (z/τ)²) with τ = 5. It is
 * close to z for small |z|, and bounded by τ.
 *
 * A network thus sees far numbers as numbers at the edge of those that it has learned from, and
 * hardly reacts to their size. Otherwise it extrapolates linearly: far numbers saturate all its
 * log-scales, each layer of a chain moves the others further out, and the inverse of a long chain
 * is lost in rounding errors. */
#ifndef GKV_FLOW_COMPRESS_H
#define GKV_FLOW_COMPRESS_H

#include <math.h>

#include "core/real.h"

static const gki_real gki_compress_by = (gki_real)0.2; /* 1/τ */

static inline gki_real gki_compress(gki_real z)
{
    const gki_real x = gki_compress_by * z;
    return z / (gki_real)sqrt((double)(1 + x * x));
}

/* f'(z) */
static inline gki_real gki_compress_slope(gki_real z)
{
    const gki_real x = gki_compress_by * z, by = 1 / (gki_real)sqrt((double)(1 + x * x));
    return by * by * by;
}

#endif
