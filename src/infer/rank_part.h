/* The part of a set of images that a rank makes. It computes their features; all ranks then have
 * all features, and share the comparisons of sets. */
#ifndef GKV_INFER_RANK_PART_H
#define GKV_INFER_RANK_PART_H

#include "core/error.h"
#include "gkvae/dist.h"

/* Images [first, first + n) of a set. */
typedef struct gki_part {
    size_t first, n;
} gki_part;

/* This rank's part of n images: whole blocks of the functions that make them. */
gki_part gki_part_of(const gkv_dist *dist, size_t n);

/* Gives values[n], elements of `size` bytes of which each rank has its part, to all ranks. */
gkv_status gki_part_share(gkv_dist *dist, size_t n, size_t size, void *values);

/* Gives the first `most` of the n values to all ranks, and no others. */
gkv_status gki_part_share_first(gkv_dist *dist, size_t n, size_t most, size_t size, void *values);

#endif
