/* The exponential linear unit (Clevert et al. 2016): ELU(x) = x for x ≥ 0, and e^x − 1 below. It
 * maps the reals onto (−1, ∞), with ELU(0) = 0 and slope 1 at 0. It keeps a layer of a posterior
 * flow invertible for every raw parameter. The softplus of Rezende & Mohamed (2015, appendix A.1)
 * does so too, but it also changes parameters that are already valid. */
#ifndef GKV_FLOW_ELU_H
#define GKV_FLOW_ELU_H

#include <math.h>

#include "core/real.h"

/* The lower bound of ELU, which keeps 1 + ELU(x) away from 0, in float too. A bound leaves ELU(x) −
 * x of the order of x² at 0, which a factor would not. Planar flows need that, since they divide it
 * by ‖w‖². */
static const double gki_elu_least = -1 + 0x1p-23;

static inline double gki_elu(double x)
{
    return x >= 0 ? x : fmax(expm1(x), gki_elu_least);
}

static inline double gki_elu_slope(double x)
{
    return x >= 0 ? 1 : expm1(x) > gki_elu_least ? exp(x) : 0;
}

#endif
