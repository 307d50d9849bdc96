/* Products and squared distances of all pairs of rows of two sets, a tile at a time, in double.
 *
 * A set is packed into panels: x[panel][k][j] with k < d is element k of row j of the panel; rows beyond the last
 * are 0. A tile is up to GKV_PAIRS_ROWS rows of one set by GKV_PAIRS_COLUMNS of the other, whole
 * panels of both, and its matrix has rows of GKV_PAIRS_COLUMNS elements.
 *
 * Every product is one chain of fused multiply-adds over k, in order and from zero, and so is |x|². So the bits of a
 * product depend only on its two rows: not on their order, their places or the instruction set. The squared
 * distance |x|² + |y|² − 2 x·y of equal rows is exactly 0. */
#ifndef GKV_METRICS_PAIRS_H
#define GKV_METRICS_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/simd.h"

enum { GKV_PAIRS_ROWS = 96, GKV_PAIRS_COLUMNS = 120 }; /* multiples of every panel */

/* The counts of gkvae/generation_metrics.h for one real row and the generated rows of a tile. Radii are squared; a ball
 * with radius NaN is empty. */
typedef struct gkv_pairs_balls {
    double precision, density; /* radii of the real row's balls, by their two k */
    const double *generated;   /* [n] radii of the generated rows' balls */
    double *covered;           /* [n] becomes 1 where the generated row is in the real row's ball (≤) */
    double inside;             /* grows by the number of generated rows in the real row's ball (<) */
    double recalled;           /* becomes 1 if the real row is in a generated one's ball (≤) */
} gkv_pairs_balls;

typedef struct gkv_pairs_kernels {
    size_t panel;
    /* `count` rows of x[· × d] into panels, and |x|² of each; rows index[0] …, or 0 … for NULL. */
    void (*pack)(size_t count, size_t d, const float *x, const uint32_t *index, double *panels, double *norms);
    /* c = A Bᵀ for the first `rows` rows of a and the first `columns` rows of b, and the rows that complete their
     * panels. */
    void (*products)(size_t rows, size_t columns, size_t d, const double *a, const double *b, double *c);
    /* Replaces c[n], the products of a row, with its squared distances, and returns the least. `own` is |x|² of the
     * row, and norms[n] are those of the other rows. */
    double (*distances)(size_t n, double own, const double *norms, double *c);
    /* Updates the counts from the squared distances c[n] of a row. */
    void (*count)(size_t n, const double *c, gkv_pairs_balls *balls);
    /* Σ (scale c_j + 1)³ */
    double (*cubes)(size_t n, double scale, const double *c);
} gkv_pairs_kernels;

GKV_SIMD_DECLARE(gkv_pairs_kernels);

/* A set of rows, packed. */
typedef struct gkv_panels {
    const gkv_pairs_kernels *kernels;
    size_t n, d;
    double *x;
    double *norms; /* [n] */
} gkv_panels;

/* Allocates panels for n rows of d elements. gkv_panels_free frees them, also after a failure, and accepts {0}. */
gkv_status gkv_panels_create(const gkv_pairs_kernels *kernels, size_t n, size_t d, gkv_panels *out);
void gkv_panels_free(gkv_panels *panels);

/* Packs rows index[0] … index[n − 1] of x, or rows 0 … n − 1 if index is NULL. */
void gkv_panels_pack(gkv_panels *panels, const float *x, const uint32_t *index);

/* The number of rows of a tile that begins at row `first` of a set of n rows and has at most `most` rows. */
static inline size_t gkv_pairs_count(size_t n, size_t first, size_t most)
{
    return n - first < most ? n - first : most;
}

/* The products of a tile, c[GKV_PAIRS_ROWS × GKV_PAIRS_COLUMNS]: rows of `a` from `row` on, by rows of `b` from
 * `column` on. `row` and `column` each begin a tile. */
void gkv_pairs_products(const gkv_panels *a, size_t row, const gkv_panels *b, size_t column, double *c);

#endif
