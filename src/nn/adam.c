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

void gki_adam_update(const gki_params *params, const gki_adam_step *step, size_t chunk)
{
    size_t first;
    const size_t count = gki_adam_chunk(params, chunk, &first);
    const double correction = sqrt(1 - pow(beta2, step->update));
    if (step->weight_decay > 0)
        decay(params, step, first, count);
    gki_nn_kernels_get()->adam(count, (gki_real)step->scale,
                               (gki_real)(step->rate * correction / (1 - pow(beta1, step->update))),
                               (gki_real)beta1, (gki_real)beta2, (gki_real)(epsilon * correction),
                               params->grads + first, params->m + first, params->v + first,
                               params->values + first);
}
