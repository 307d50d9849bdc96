#include "density/draw_numbers.h"

#include <math.h>

#include "num/constants.h"

gki_draw gki_draw_begin(uint64_t seed, uint64_t draw)
{
    return (gki_draw){.rng =
                          gki_rng_at(seed, GKV_STREAM_TABLE_DRAW, draw >> 32, draw & UINT32_MAX)};
}

double gki_draw_choice(gki_draw *draw)
{
    double two[2];
    gki_rng_uniform_pair(draw->rng, draw->pair++, two);
    return two[0];
}

void gki_draw_normals(gki_draw *draw, double two[2])
{
    gki_rng_uniform_pair(draw->rng, draw->pair++, two);
    const double radius = sqrt(-2 * log(two[0])), angle = 2 * GKV_PI * two[1];
    two[0] = radius * cos(angle);
    two[1] = radius * sin(angle);
}

/* 2·Gamma(ν/2), by rejection (Marsaglia and Tsang, ACM Transactions on Mathematical Software 26,
 * 2000). For a shape below 1, that of shape + 1 times U^(1/shape). */
double gki_draw_chi_square(gki_draw *draw, double freedom)
{
    const double shape = freedom / 2, larger = shape < 1 ? shape + 1 : shape, d = larger - 1.0 / 3,
                 c = 1 / sqrt(9 * d);
    double u[2], z[2];
    for (;;) {
        gki_draw_normals(draw, z);
        gki_rng_uniform_pair(draw->rng, draw->pair++, u);
        const double v = 1 + c * z[0];
        if (v <= 0)
            continue;
        const double cube = v * v * v;
        if (log(u[0]) < 0.5 * z[0] * z[0] + d - d * cube + d * log(cube))
            return 2 * d * cube * (shape < 1 ? pow(u[1], 1 / shape) : 1);
    }
}
