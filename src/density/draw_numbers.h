/* The random numbers of one draw from a density, which are a function of the seed and of the number
 * of the draw. All functions are thread-safe. */
#ifndef GKV_DENSITY_DRAW_NUMBERS_H
#define GKV_DENSITY_DRAW_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"

typedef struct gki_draw {
    gki_rng rng;
    size_t pair; /* the next pair of numbers */
} gki_draw;

gki_draw gki_draw_begin(uint64_t seed, uint64_t draw);

/* The first number of a draw, uniform in (0, 1): it chooses between a candidate and the copula. A
 * candidate that takes numbers skips it. */
double gki_draw_choice(gki_draw *draw);

/* Two standard normals. */
void gki_draw_normals(gki_draw *draw, double two[2]);

/* χ² with ν > 0 degrees of freedom. */
double gki_draw_chi_square(gki_draw *draw, double freedom);

#endif
