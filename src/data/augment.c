#include "data/augment.h"

#include <math.h>

enum {
    CELLS = 4, /* cells of the B-spline along each axis */
    /* control points: one at each knot, and one more at either end */
    POINTS = CELLS + 3,
    AFFINE = 4,                           /* random numbers of the affine map */
    DRAWS = AFFINE + 2 * POINTS * POINTS, /* all random numbers */
    /* pixels whose source positions are computed at a time */
    IMAGES_BLOCK = 16
};

/* Standard deviations: radians, shear, log scale, and a fraction of the image's side. */
static const gki_real turn_sd = (gki_real)0.087, shear_sd = (gki_real)0.1,
                      scale_sd = (gki_real)0.07, point_sd = (gki_real)0.06;

/* A deformation. Index 0 is the vertical axis, downwards, and index 1 is the horizontal axis. */
typedef struct field {
    /* from positions in `out` to positions in the image, both relative to the centre */
    gki_real map[2][2];
    /* displacements of the control points along each axis [POINTS × POINTS], unscaled */
    const gki_real *points[2];
    gki_real scale[2]; /* factors of the displacements, in pixels */
} field;

/* Computes the affine map from AFFINE standard normals. */
static void draw_map(const gki_real *normal, field *f)
{
    const gki_real turn = turn_sd * normal[0], shear = shear_sd * normal[1];
    const double down = exp((double)(scale_sd * normal[2])),
                 right = exp((double)(scale_sd * normal[3]));
    const gki_real c = (gki_real)cos((double)turn), s = (gki_real)sin((double)turn);
    f->map[0][0] = (gki_real)down * c, f->map[0][1] = -(gki_real)right * s;
    f->map[1][0] = (gki_real)down * (s + shear * c),
    f->map[1][1] = (gki_real)right * (c - shear * s);
}

/* Computes the coefficients of the cubic B-spline in one cell, as a polynomial in the relative
 * position t in the cell, 0 … 1. The control points p are `stride` elements apart. */
static void cubic(const gki_real *p, size_t stride, gki_real c[4])
{
    const gki_real a = p[0], b = p[stride], d = p[2 * stride], e = p[3 * stride];
    c[0] = (a + 4 * b + d) / 6;
    c[1] = (d - a) / 2;
    c[2] = (a - 2 * b + d) / 2;
    c[3] = (e - a + 3 * (b - d)) / 6;
}

/* The value of a cubic polynomial. */
static inline gki_real value(const gki_real c[4], gki_real t)
{
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
}

/* The level of a pixel in one channel, or 0 outside the image. */
static gki_real level_at(const uint8_t *levels, size_t height, size_t width, size_t step, long row,
                         long column)
{
    return row >= 0 && column >= 0 && row < (long)height && column < (long)width
               ? levels[(row * (long)width + column) * (long)step]
               : 0;
}

/* The value of a channel at (y, x) by bilinear interpolation. Pixel (0, 0) has its centre at (0,
 * 0). */
static inline uint8_t sample(const uint8_t *levels, size_t height, size_t width, size_t step,
                             gki_real y, gki_real x)
{
    if (!(y > -1 && x > -1 && y < (gki_real)height && x < (gki_real)width))
        return 0;
    /* rounded down, not towards 0 */
    const long row = (long)(y + 1) - 1, column = (long)(x + 1) - 1;
    const gki_real below = y - (gki_real)row, beside = x - (gki_real)column;
    gki_real four[4];
    if (row >= 0 && column >= 0 && row + 1 < (long)height && column + 1 < (long)width) {
        const uint8_t *here = levels + (row * (long)width + column) * (long)step,
                      *under = here + width * step;
        if (!(here[0] | here[step] | under[0] | under[step]))
            return 0;
        four[0] = here[0], four[1] = here[step], four[2] = under[0], four[3] = under[step];
    } else {
        for (long k = 0; k < 4; k++)
            four[k] = level_at(levels, height, width, step, row + k / 2, column + k % 2);
    }
    const gki_real upper = four[0] + beside * (four[1] - four[0]),
                   lower = four[2] + beside * (four[3] - four[2]);
    return (uint8_t)(upper + below * (lower - upper) + (gki_real)0.5);
}

/* Computes one row of `out`. First, splines across the rows give the control points of this row.
 * Then splines along the row give the displacement of each pixel. */
static inline void deform_row(const uint8_t *image, size_t height, size_t width, size_t channels,
                              const field *f, size_t row, uint8_t *out)
{
    const gki_real centre[2] = {(gki_real)(height - 1) / 2, (gki_real)(width - 1) / 2};
    const gki_real cells = CELLS / (gki_real)width, v = (gki_real)row - centre[0];
    const gki_real across = ((gki_real)row + (gki_real)0.5) * CELLS / (gki_real)height;
    const size_t above = (size_t)across < CELLS ? (size_t)across : CELLS - 1;
    gki_real points[2][POINTS], along[2][CELLS][4];
    for (size_t axis = 0; axis < 2; axis++) {
        for (size_t j = 0; j < POINTS; j++) {
            gki_real c[4];
            cubic(f->points[axis] + above * POINTS + j, POINTS, c);
            points[axis][j] = f->scale[axis] * value(c, across - (gki_real)above);
        }
        for (size_t cell = 0; cell < CELLS; cell++)
            cubic(points[axis] + cell, 1, along[axis][cell]);
    }
    for (size_t cell = 0; cell < CELLS; cell++)
        for (size_t first = cell * width / CELLS, end = (cell + 1) * width / CELLS, count;
             first < end; first += count) {
            gki_real position[2][IMAGES_BLOCK]; /* positions in the image */
            count = end - first < IMAGES_BLOCK ? end - first : IMAGES_BLOCK;
            for (size_t axis = 0; axis < 2; axis++) {
                const gki_real *c = along[axis][cell];
                const gki_real turn = f->map[axis][1], start = centre[axis] + f->map[axis][0] * v;
#pragma omp simd
                for (size_t k = 0; k < count; k++) {
                    const gki_real column = (gki_real)(int)(first + k);
                    position[axis][k] =
                        start + turn * (column - centre[1]) +
                        value(c, (column + (gki_real)0.5) * cells - (gki_real)(int)cell);
                }
            }
            for (size_t k = 0; k < count; k++)
                for (size_t c = 0; c < channels; c++)
                    out[(first + k) * channels + c] =
                        sample(image + c, height, width, channels, position[0][k], position[1][k]);
        }
}

void gki_augment(const uint8_t *image, size_t height, size_t width, size_t channels, gki_rng rng,
                 uint8_t *out)
{
    gki_real normal[DRAWS];
    gki_rng_normal(rng, DRAWS, normal);
    field f = {.points = {normal + AFFINE, normal + AFFINE + POINTS * POINTS},
               .scale = {point_sd * (gki_real)height, point_sd * (gki_real)width}};
    draw_map(normal, &f);
    for (size_t row = 0; row < height; row++)
        if (channels == 1) /* a constant, for speed */
            deform_row(image, height, width, 1, &f, row, out + row * width);
        else
            deform_row(image, height, width, channels, &f, row, out + row * width * channels);
}
