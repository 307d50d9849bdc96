/* The parts of ranks; declared in rank_part.h. */
#include "infer/rank_part.h"

#include "dist/dist.h"

/* A multiple of the blocks of images that the model (50) and feature networks (8) process. */
enum { UNIT = 200 };

gki_part gki_part_of(const gkv_dist *dist, size_t n)
{
    gki_part p;
    gkv_dist_range(n, UNIT, gkv_dist_rank(dist), gkv_dist_size(dist), &p.first, &p.n);
    return p;
}

gkv_status gki_part_share(gkv_dist *dist, size_t n, size_t size, void *values)
{
    return gkv_dist_share(dist, n, UNIT, size, values);
}

gkv_status gki_part_share_first(gkv_dist *dist, size_t n, size_t most, size_t size, void *values)
{
    return gki_dist_share_first(dist, n, UNIT, most, size, values);
}
