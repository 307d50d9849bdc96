#include "nn/adamw.h"

#include <math.h>

#include "nn/nn_kernels.h"

static const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

size_t gki_adamw_chunks(const gki_params *params)
{
    return (params->trainable + GKV_ADAMW_CHUNK - 1) / GKV_ADAMW_CHUNK;
}

size_t gki_adamw_chunk_size(const gki_params *params, size_t first)
{
    return params->trainable - first < GKV_ADAMW_CHUNK ? params->trainable - first
                                                       : GKV_ADAMW_CHUNK;
}

double gki_adamw_squares(const gki_params *params, size_t chunk)
{
    const size_t first = chunk * GKV_ADAMW_CHUNK;
    return gki_nn_kernels_get()->sum_squares(gki_adamw_chunk_size(params, first),
                                             params->grads + first);
}

/* The decay does not pass through Adam's moments. */
static void decay(const gki_params *params, size_t first, size_t count, double by)
{
    const gki_real keep = (gki_real)(1 - by);
    for (size_t p = 0; p < params->count; p++) {
        const gki_param *param = &params->list[p];
        if (!param->packed)
            continue;
        const size_t end = param->offset + param->size;
        const size_t from = param->offset > first ? param->offset : first,
                     to = end < first + count ? end : first + count;
#pragma omp simd
        for (size_t i = from; i < to; i++)
            params->values[i] *= keep;
    }
}

void gki_adamw_update(const gki_params *params, size_t chunk, const gki_adamw *step)
{
    const size_t first = chunk * GKV_ADAMW_CHUNK, count = gki_adamw_chunk_size(params, first);
    const double t = (double)step->updates + 1;
    const double correction = sqrt(1 - pow(beta2, t));
    if (step->weight_decay > 0)
        decay(params, first, count, step->rate * step->weight_decay);
    gki_nn_kernels_get()->adam(
        count, (gki_real)step->scale, (gki_real)(step->rate * correction / (1 - pow(beta1, t))),
        (gki_real)beta1, (gki_real)beta2, (gki_real)(epsilon * correction), params->grads + first,
        params->m + first, params->v + first, params->values + first);
    if (step->average)
        gki_adamw_average(params, chunk, step);
}

void gki_adamw_average(const gki_params *params, size_t chunk, const gki_adamw *step)
{
    const size_t first = chunk * GKV_ADAMW_CHUNK, end = first + gki_adamw_chunk_size(params, first);
    const double t = (double)step->updates;
    const gki_real keep = (gki_real)fmin(step->average_decay, (1 + t) / (10 + t));
    const gki_real *values = params->values;
    gki_real *average = step->average;
#pragma omp simd
    for (size_t i = first; i < end; i++)
        average[i] += (1 - keep) * (values[i] - average[i]);
}
