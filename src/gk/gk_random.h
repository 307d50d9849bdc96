/* The parts of gkv_gk_random, for draws whose parameters differ. */
#ifndef GKV_GK_RANDOM_H
#define GKV_GK_RANDOM_H

#include "gkvae/gk.h"

/* Writes the normals of draws first … first + n − 1 of the seed to z[n]. */
void gki_gk_random_normals(size_t n, uint64_t seed, uint64_t first, double *z);

/* Replaces z[n] by Q(z). */
void gki_gk_random_transform(const gkv_gk *gk, size_t n, double *z);

#endif
