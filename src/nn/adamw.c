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

/* The factor of the new value in the average. */
static gki_real averaging_of(const gki_adamw *step)
{
    const double t = (double)step->updates;
    return 1 - (gki_real)fmin(step->average_decay, (1 + t) / (10 + t));
}

static void update_range(const gki_params *params, const gki_adam *update, gki_real *average,
                         size_t first, size_t end)
{
    if (first < end)
        gki_nn_kernels_get()->adam(end - first, update, params->grads + first, params->m + first,
                                   params->v + first, params->values + first,
                                   average ? average + first : NULL);
}

/* The step of a tensor; `param` may be NULL, for all that have no weight decay and the rate of the
 * step. */
static gki_adam step_of(const gki_adamw *step, const gki_param *param)
{
    const double t = (double)step->updates + 1, correction = sqrt(1 - pow(beta2, t)),
                 rate = step->rate * (param ? param->rate : 1);
    const bool decays = param && param->packed;
    return (gki_adam){.scale = (gki_real)step->scale,
                      .rate = (gki_real)(rate * correction / (1 - pow(beta1, t))),
                      .beta1 = (gki_real)beta1,
                      .beta2 = (gki_real)beta2,
                      .epsilon_hat = (gki_real)(epsilon * correction),
                      .keep = (gki_real)(1 - (decays ? step->rate * step->weight_decay : 0)),
                      .averaging = averaging_of(step)};
}

void gki_adamw_update_elements(const gki_params *params, size_t first, size_t end,
                               const gki_adamw *step)
{
    const gki_adam plain = step_of(step, NULL);
    for (size_t p = 0; p < params->count; p++) { /* in the order of their offsets */
        const gki_param *param = &params->list[p];
        const size_t param_end = param->offset + param->size;
        if (!param->trainable || param_end <= first || param->offset >= end ||
            (!param->packed && param->rate == 1))
            continue;
        const gki_adam own = step_of(step, param);
        const size_t from = param->offset > first ? param->offset : first,
                     to = param_end < end ? param_end : end;
        update_range(params, &plain, step->average, first, from);
        update_range(params, &own, step->average, from, to);
        first = to;
    }
    update_range(params, &plain, step->average, first, end);
}

void gki_adamw_update(const gki_params *params, size_t chunk, const gki_adamw *step)
{
    const size_t first = chunk * GKV_ADAMW_CHUNK;
    gki_adamw_update_elements(params, first, first + gki_adamw_chunk_size(params, first), step);
}

void gki_adamw_average(const gki_params *params, size_t chunk, const gki_adamw *step)
{
    const size_t first = chunk * GKV_ADAMW_CHUNK, end = first + gki_adamw_chunk_size(params, first);
    const gki_real averaging = averaging_of(step), *values = params->values;
    gki_real *average = step->average;
#pragma omp simd
    for (size_t i = first; i < end; i++)
        average[i] += averaging * (values[i] - average[i]);
}
