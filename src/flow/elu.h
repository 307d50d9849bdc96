/* A smooth map of the reals onto (−1, ∞) with bend(0) = 0 and slope 1 there:
 * x for x ≥ 0, e^x − 1 below. It keeps a posterior flow's layer invertible for
 * every raw parameter, and, unlike the softplus of Rezende & Mohamed (2015,
 * appendix A.1), leaves parameters that are already valid as they are. */
#ifndef GKV_FLOW_ELU_H
#define GKV_FLOW_ELU_H

#include <math.h>

#include "core/real.h"

/* So 1 + bend(x) stays away from 0, in float too. A bound and not a factor: bend(x) − x
 * is then of the order of x² at 0, which planar flows divide by ‖w‖². */
static const double gkv_elu_least = -1 + 0x1p-23;

static inline double gkv_elu(double x)
{
    return x >= 0 ? x : fmax(expm1(x), gkv_elu_least);
}

static inline double gkv_elu_slope(double x)
{
    return x >= 0 ? 1 : expm1(x) > gkv_elu_least ? exp(x) : 0;
}

#endif
