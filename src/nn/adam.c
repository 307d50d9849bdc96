#include "nn/adam.h"

#include <math.h>

#include "nn/nn_kernels.h"

static const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

size_t gki_adam_chunks(const gki_params *params)
{
    return (params->trainable + GKV_ADAM_CHUNK - 1) / GKV_ADAM_CHUNK;
}

size_t gki_adam_chunk(const gki_params *params, size_t chunk, size_t *first)
{
    *first = chunk * GKV_ADAM_CHUNK;
    const size_t left = params->trainable - *first;
    return left < GKV_ADAM_CHUNK ? left : GKV_ADAM_CHUNK;
}

/* Weight decay of the weights in the chunk, not through Adam's moments. */
static void decay(const gki_params *params, const gki_adam_step *step, size_t first, size_t count)
{
    const gki_real keep = (gki_real)(1 - step->rate * step->weight_decay);
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

/* Updates elements [from, to) with a factor of the learning rate. */
static void update(const gki_params *params, const gki_adam_step *step, size_t from, size_t to,
                   double factor)
{
    const double correction = sqrt(1 - pow(beta2, step->update)),
                 rate = factor * step->rate * correction / (1 - pow(beta1, step->update));
    if (from < to)
        gki_nn_kernels_get()->adam(to - from, (gki_real)step->scale, (gki_real)rate,
                                   (gki_real)beta1, (gki_real)beta2,
                                   (gki_real)(epsilon * correction), params->grads + from,
                                   params->m + from, params->v + from, params->values + from);
}

void gki_adam_update(const gki_params *params, const gki_adam_step *step, size_t chunk)
{
    size_t first;
    const size_t count = gki_adam_chunk(params, chunk, &first), last = first + count;
    if (step->weight_decay > 0)
        decay(params, step, first, count);
    for (size_t p = 0; p < params->count; p++) {
        const gki_param *param = &params->list[p];
        const size_t end = param->offset + param->size;
        if (param->rate == 1 || !param->trainable || end <= first || param->offset >= last)
            continue;
        const size_t from = param->offset > first ? param->offset : first;
        update(params, step, first, from, 1);
        first = end < last ? end : last;
        update(params, step, from, first, param->rate);
    }
    update(params, step, first, last, 1);
}
