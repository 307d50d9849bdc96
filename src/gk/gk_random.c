/* Random draws: Q of normals that depend on (seed, GKV_STREAM_USER, index). */
#include "gk/gk_random.h"

#include <string.h>

#include "core/rng.h"
#include "gk/gk_batch_kernels.h"

enum { BLOCK = 512 }; /* normals of one (seed, stream, step, index) of the generator */

/* Only the g-and-k family has kernels. */
void gki_gk_random_transform(const gkv_gk *gk, size_t n, double *z)
{
    if (gk->family == GKV_GK_FAMILY_GK) {
        const gki_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
        gki_gk_batch_forward_d(n, 1, &column, z, &(gki_gk_outputs_d){.x = z});
        return;
    }
    for (size_t i = 0; i < n; i++)
        z[i] = gkv_gk_Q(gk, z[i]);
}

/* Writes the normals of the draws from `first` on, at most n, that are in one block to z. Returns
 * their number. */
static size_t normals_of_block(size_t n, uint64_t seed, uint64_t first, double *z)
{
    double normal[BLOCK];
    const uint64_t block = first / BLOCK;
    const size_t skip = (size_t)(first % BLOCK);
    const size_t count = n < BLOCK - skip ? n : BLOCK - skip;
    gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, block >> 32, block), skip + count, normal);
    memcpy(z, normal + skip, count * sizeof *z);
    return count;
}

void gki_gk_random_normals(size_t n, uint64_t seed, uint64_t first, double *z)
{
    for (size_t done = 0; done < n;)
        done += normals_of_block(n - done, seed, first + done, z + done);
}

void gkv_gk_random(const gkv_gk *gk, size_t n, uint64_t seed, uint64_t first, double *x)
{
    if (!gk || !x)
        return;
    for (size_t done = 0; done < n;) { /* transforms a block while it is in the cache */
        const size_t count = normals_of_block(n - done, seed, first + done, x + done);
        gki_gk_random_transform(gk, count, x + done);
        done += count;
    }
}
