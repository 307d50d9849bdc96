/* Random draws: Q of normals that depend on (seed, GKV_STREAM_USER, index). */
#include <string.h>

#include "core/rng.h"
#include "gk/gk_batch_kernels.h"
#include "gkvae/gk.h"

enum { BLOCK = 512 }; /* normals of one (seed, stream, step, index) of the generator */

/* Replaces z by Q(z). Only the g-and-k family has kernels. */
static void transform(const gkv_gk *gk, size_t n, double *z)
{
    if (gk->family == GKV_GK_FAMILY_GK) {
        const gki_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
        gki_gk_batch_forward_d(n, 1, &column, z, &(gki_gk_outputs_d){.x = z});
        return;
    }
    for (size_t i = 0; i < n; i++)
        z[i] = gkv_gk_Q(gk, z[i]);
}

void gkv_gk_random(const gkv_gk *gk, size_t n, uint64_t seed, uint64_t first, double *x)
{
    if (!gk || !x)
        return;
    for (size_t done = 0; done < n;) {
        const uint64_t block = (first + done) / BLOCK;
        const size_t skip = (size_t)((first + done) % BLOCK);
        const size_t count = n - done < BLOCK - skip ? n - done : BLOCK - skip;
        double normal[BLOCK];
        gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, block >> 32, block), skip + count,
                         normal);
        memcpy(x + done, normal + skip, count * sizeof *x);
        transform(gk, count, x + done);
        done += count;
    }
}
