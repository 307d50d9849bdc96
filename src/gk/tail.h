/* The tail factor e^{hz²/2} of the two g-and-h families. */
#ifndef GKV_GK_TAIL_H
#define GKV_GK_TAIL_H

#include <math.h>

#include "gk/skew.h"

static inline gki_gk_tail_part gki_gk_tail_exp(gki_wide z)
{
    return (gki_gk_tail_part){.L = z * z / 2, .L1 = z, .L2 = 1, .M = z * z, .M1 = 2 * z, .M2 = 2};
}

/* An approximation of the root of s e^{hs²/2} = y. The root is √(W(h y²)/h) with Lambert's function
 * W. The approximation of W has a relative error of a few hundredths. */
static inline gki_wide gki_gk_tail_exp_start(gki_wide y, gki_wide h)
{
    if (!(h > 0))
        return y;
    const gki_wide l = log1pl(h * y * y);
    return sqrtl(l * (1 - log1pl(l) / (2 + l)) / h);
}

/* The integrand of E|X|^r grows like e^{(rh − 1)z²/2}, up to lower orders. */
static inline double gki_gk_tail_exp_moments_below(double h)
{
    return h > 0 ? 1 / h : INFINITY;
}

#endif
