/* Products and squared distances of all pairs of rows of two sets, computed in double, one tile of
 * pairs at a time.
 *
 * A set is packed into panels: x[panel][k][j] is element k < d of row j of the panel. Rows beyond
 * the last one are 0. A tile is made of up to GKV_PAIRS_ROWS rows of one set and up to
 * GKV_PAIRS_COLUMNS rows of the other. It covers whole panels of both. The matrix of a tile has
 * rows of GKV_PAIRS_COLUMNS elements.
 *
 * Every product is one chain of fused multiply-adds over k, in ascending order from zero, and so is
 * |x|². So the bits of a product depend only on its two rows. They do not depend on the order of
 * the two, on their indices or on the instruction set. The squared distance |x|² + |y|² − 2 x·y of
 * equal rows is exactly 0. The functions are thread-safe for different outputs. */
#ifndef GKV_METRICS_PAIRS_H
#define GKV_METRICS_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/simd.h"

enum { GKV_PAIRS_ROWS = 96, GKV_PAIRS_COLUMNS = 120 }; /* multiples of every panel */

/* The counts of one real row and the generated rows of a tile; gkvae/generation_metrics.h defines
 * the balls. Radii are squared. A ball with radius NaN is empty. */
typedef struct gki_pairs_balls {
    double precision;        /* radius of the real row's ball for k_precision */
    double density;          /* radius of the real row's ball for k_density */
    const double *generated; /* [n] radii of the generated rows' balls */
    /* [n] set to 1 where the generated row is in the real row's ball (distance ≤ precision) */
    double *covered;
    /* increased by the number of generated rows in the real row's ball (distance < density) */
    double inside;
    /* set to 1 if the real row is in the ball of a generated row (distance ≤ radius) */
    double recalled;
} gki_pairs_balls;

typedef struct gki_pairs_kernels {
    size_t panel; /* rows of a panel */
    /* Packs `count` rows of x[· × d] into panels and computes |x|² of each. The rows are index[0] …
     * index[count − 1], or 0 … count − 1 if index is NULL. */
    void (*pack)(size_t count, size_t d, const float *x, const uint32_t *index, double *panels,
                 double *norms);
    /* Computes c = A Bᵀ for the first `rows` rows of a and the first `columns` rows of b, and for
     * the rows that complete their panels. */
    void (*products)(size_t rows, size_t columns, size_t d, const double *a, const double *b,
                     double *c);
    /* Replaces c[n], the products of a row with n others, by the squared distances, and returns the
     * least of them. `own` is |x|² of the row, and norms[n] are |y|² of the others. */
    double (*distances)(size_t n, double own, const double *norms, double *c);
    /* Updates the counts from the squared distances c[n] of a row. */
    void (*count)(size_t n, const double *c, gki_pairs_balls *balls);
    /* Returns Σ (scale·c_j + 1)³. */
    double (*cubes)(size_t n, double scale, const double *c);
} gki_pairs_kernels;

GKV_SIMD_DECLARE(gki_pairs_kernels);

/* A set of rows, packed. */
typedef struct gki_panels {
    const gki_pairs_kernels *kernels;
    size_t n, d;
    double *x;     /* the panels */
    double *norms; /* [n] |x|² of each row */
} gki_panels;

/* Allocates panels for n rows of d elements. The caller frees them with gki_panels_free(), also
 * after a failure. GKV_ERR_MEMORY. */
gkv_status gki_panels_create(const gki_pairs_kernels *kernels, size_t n, size_t d, gki_panels *out);

/* Frees the members, not the struct, and sets them to zero. A zeroed struct is fine. */
void gki_panels_free(gki_panels *panels);

/* Packs rows index[0] … index[n − 1] of x[· × d], or rows 0 … n − 1 if index is NULL. */
void gki_panels_pack(gki_panels *panels, const float *x, const uint32_t *index);

/* The number of rows of a tile that begins at row `first` of a set of n rows and may have up to
 * `most` rows. */
static inline size_t gki_pairs_count(size_t n, size_t first, size_t most)
{
    return n - first < most ? n - first : most;
}

/* Computes the products of a tile, c[GKV_PAIRS_ROWS × GKV_PAIRS_COLUMNS]: the rows of `a` from
 * `row` on by the rows of `b` from `column` on. `row` and `column` are multiples of a panel. */
void gki_pairs_products(const gki_panels *a, size_t row, const gki_panels *b, size_t column,
                        double *c);

#endif
