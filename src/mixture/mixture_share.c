/* Giving a mixture to all ranks. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/mixture.h"

/* The bytes of a component: margins, mean and factor. */
static size_t component_bytes(size_t d)
{
    return d * (sizeof(gkv_gk) + (1 + d) * sizeof(double));
}

/* Copies a component to memory. */
static void pack_component(const gkv_mgk *from, char *to)
{
    const size_t d = from->d;
    memcpy(to, from->margins, d * sizeof *from->margins);
    to += d * sizeof *from->margins;
    memcpy(to, from->mean, d * sizeof *from->mean);
    memcpy(to + d * sizeof *from->mean, from->cholesky, d * d * sizeof *from->cholesky);
}

/* Makes a component of such memory, which is aligned for its numbers. */
static gkv_status unpack_component(size_t d, const char *from, gkv_mgk **out)
{
    const gkv_gk *margins = (const void *)from;
    const double *mean = (const void *)(from + d * sizeof *margins);
    return gki_mgk_build(d, margins, mean, mean + d, out);
}

/* Replaces *mixture by the one in memory: weights and their logarithms, then components. */
static gkv_status unpack(size_t count, size_t d, const char *memory, gkv_mgk_mixture **mixture)
{
    gkv_mgk_mixture *made = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_mgk_mixture_alloc(count, d, &made));
    const size_t bytes = count * sizeof *made->weights;
    memcpy(made->weights, memory, bytes);
    memcpy(made->log_weights, memory + bytes, bytes);
    for (size_t k = 0; k < count; k++)
        GKV_TRY_GOTO(
            unpack_component(d, memory + 2 * bytes + k * component_bytes(d), &made->components[k]));
    gkv_mgk_mixture_free(*mixture);
    *mixture = made;
    made = NULL;
done:
    gkv_mgk_mixture_free(made);
    return status;
}

gkv_status gki_mgk_mixture_share(gkv_dist *dist, int root, gkv_mgk_mixture **mixture)
{
    const bool gives = gkv_dist_rank(dist) == root;
    uint64_t sizes[2] = {0};
    char *memory = NULL;
    gkv_status status = GKV_OK;
    if (gives) {
        sizes[0] = (*mixture)->count;
        sizes[1] = (*mixture)->d;
    }
    GKV_TRY(gkv_dist_broadcast(dist, root, sizeof sizes, sizes));
    const size_t count = (size_t)sizes[0], d = (size_t)sizes[1], weights = count * sizeof(double),
                 bytes = 2 * weights + count * component_bytes(d);
    GKV_TRY_GOTO(gki_alloc(bytes, 1, &memory));
    if (gives) {
        memcpy(memory, (*mixture)->weights, weights);
        memcpy(memory + weights, (*mixture)->log_weights, weights);
        for (size_t k = 0; k < count; k++)
            pack_component((*mixture)->components[k],
                           memory + 2 * weights + k * component_bytes(d));
    }
    GKV_TRY_GOTO(gkv_dist_broadcast(dist, root, bytes, memory));
    if (!gives)
        GKV_TRY_GOTO(unpack(count, d, memory, mixture));
done:
    free(memory);
    return status;
}
