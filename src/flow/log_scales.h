/* Trained log-scales of dimensions, s_j = bound·tanh(raw_j), for steps of prior flows. */
#ifndef GKV_FLOW_LOG_SCALES_H
#define GKV_FLOW_LOG_SCALES_H

#include <math.h>

#include "nn/params.h"

/* s_j */
static inline double gki_log_scale(const gki_params *params, gki_param_id raw, double bound,
                                   size_t j)
{
    return bound * tanh((double)gki_param_value(params, raw)[j]);
}

/* ∂s_j/∂raw_j */
static inline double gki_log_scale_slope(const gki_params *params, gki_param_id raw, double bound,
                                         size_t j)
{
    const double t = tanh((double)gki_param_value(params, raw)[j]);
    return bound * (1 - t * t);
}

#endif
