/* The map of normal scores to Student's t: t = T_ν⁻¹(Φ(z)). A table of asinh t with cubic Hermite
 * interpolation in z; densities use the derivative of the interpolant, so that they integrate to
 * 1. */
#ifndef GKV_DENSITY_SCORE_MAP_H
#define GKV_DENSITY_SCORE_MAP_H

#include <stddef.h>

/* The nodes are z = i/GKV_SCORE_MAP_STEPS up to 40. */
enum { GKV_SCORE_MAP_STEPS = 32, GKV_SCORE_MAP_NODES = 40 * GKV_SCORE_MAP_STEPS + 1 };

typedef struct gki_score_map {
    double freedom;
    double value[GKV_SCORE_MAP_NODES], slope[GKV_SCORE_MAP_NODES];
} gki_score_map;

void gki_score_map_fill(gki_score_map *map, double freedom);

/* t of z, and log dt/dz. */
double gki_score_map_forward(const gki_score_map *map, double z, double *log_slope);

/* z of t. */
double gki_score_map_inverse(const gki_score_map *map, double t);

#endif
