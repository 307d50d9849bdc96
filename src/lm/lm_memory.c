/* What a runner works in. */
#include <stdint.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "lm/runner.h"

/* Gives the arrays their places in the memory, if there is any yet. Returns how many numbers they are. */
static size_t lay_out(gkv_lm_runner *d)
{
    const size_t n = d->n, p = d->p, lanes = d->kernels->lanes;
    const struct {
        double **array;
        size_t elements;
    } arrays[] = {
        {&d->system, n * (p + 1)},  {&d->reflections, n * (p + 1)},
        {&d->residual, n},          {&d->fresh, n},
        {&d->weights, n},           {&d->change, n},
        {&d->new_tau, d->tau_count},{&d->tau, d->tau_count},
        {&d->new_triangle, p * (p + 1)}, {&d->triangle, p * (p + 1)},
        {&d->x, p},       {&d->low, p},   {&d->high, p},    {&d->fixed, p}, {&d->point, p},
        {&d->step, p},    {&d->raw, p},   {&d->scale, p},   {&d->trust, p}, {&d->free, p}, {&d->inner, p},
        {&d->norms, p},   {&d->cosines, p}, {&d->moved, p}, {&d->bent, p},  {&d->shifted, p},
        {&d->work, p * (2 * p + 4)}, {&d->numbers, 1}, {&d->lambda, 1}, {&d->fall, 1}, {&d->mask, 1}, {&d->share, 1},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (d->memory)
            *arrays[i].array = d->memory + total;
        total += arrays[i].elements * lanes;
    }
    return total;
}

gkv_status gkv_lm_runner_open(gkv_lm_runner *d, const gkv_lm_kernels *kernels, size_t n, size_t p)
{
    *d = (gkv_lm_runner){.n = n};
    if (p < 1 || n < p)
        return gkv_fail(GKV_ERR_ARGUMENT, "least squares need at least as many residuals as parameters, and one: "
                                          "%zu residuals, %zu parameters", n, p);
    if (n > SIZE_MAX / sizeof(double) / GKV_LM_LANES_MAX / 16 / (p + 1))
        return gkv_fail(GKV_ERR_ARGUMENT, "a least-squares problem of %zu residuals and %zu parameters is too large", n,
                        p);
    gkv_lm_runner_fit(d, kernels, p);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(lay_out(d), sizeof(double), &d->memory));
    GKV_TRY_GOTO(gkv_alloc(p, sizeof(size_t), &d->order));
    lay_out(d);
    return GKV_OK;
done:
    gkv_lm_runner_close(d);
    return status;
}

void gkv_lm_runner_fit(gkv_lm_runner *d, const gkv_lm_kernels *kernels, size_t p)
{
    d->kernels = kernels;
    d->group.lanes = kernels->lanes;
    d->p = p;
    d->tau_count = 2 * p * ((d->n + GKV_LM_BLOCK - 1) / GKV_LM_BLOCK);
    lay_out(d);
}

void gkv_lm_runner_close(gkv_lm_runner *d)
{
    free(d->memory);
    free(d->order);
    d->memory = NULL;
    d->order = NULL;
}
