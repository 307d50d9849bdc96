/* The parts of ranks; declared in rank_part.h. */
#include "infer/rank_part.h"

#include <stdlib.h>

#include "core/memory.h"

/* A multiple of the blocks of images that the model (50) and feature networks (8) process. */
enum { UNIT = 200 };

static gki_part part_of_rank(size_t n, int rank, int ranks)
{
    gki_part p;
    gkv_dist_range(n, UNIT, rank, ranks, &p.first, &p.n);
    return p;
}

gki_part gki_part_of(const gkv_dist *dist, size_t n)
{
    return part_of_rank(n, gkv_dist_rank(dist), gkv_dist_size(dist));
}

gkv_status gki_part_share(gkv_dist *dist, size_t n, size_t size, void *values)
{
    return gkv_dist_share(dist, n, UNIT, size, values);
}

gkv_status gki_part_share_first(gkv_dist *dist, size_t n, size_t most, size_t size, void *values)
{
    const int ranks = gkv_dist_size(dist);
    size_t *lengths = NULL;
    if (ranks == 1)
        return GKV_OK;
    GKV_TRY(gki_alloc((size_t)ranks, sizeof *lengths, &lengths));
    for (int r = 0; r < ranks; r++) {
        const gki_part p = part_of_rank(n, r, ranks);
        const size_t end = p.first + p.n < most ? p.first + p.n : most;
        lengths[r] = end > p.first ? (end - p.first) * size : 0;
    }
    const gkv_status status =
        gkv_dist_gather(dist, lengths, (char *)values + gki_part_of(dist, n).first * size, values);
    free(lengths);
    return status;
}
