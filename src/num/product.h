/* Dense products of small matrices in float and in double, with kernels written for AVX2 and
 * AVX-512.
 *
 * The matrices are small (a tile of 50 or 64 rows, a few to a few hundred columns), and many tiles
 * use the same right operand. A general library packs both operands at each call. These kernels
 * read them in place.
 *
 * Every element of a product is one chain of multiply-adds over the inner index, in ascending
 * order. The chain starts from an element of S, or from zero. With AVX2 and AVX-512 the multiply-
 * adds are fused. So the bits of an element depend only on its row of A and its column of B. They
 * do not depend on the other rows of the call, or on the positions of the row and the column.
 *
 * All functions are thread-safe for different outputs. */
#ifndef GKV_NUM_PRODUCT_H
#define GKV_NUM_PRODUCT_H

#include <stddef.h>

#include "core/simd.h"

/* C = S + A B with A [m, k], B [k, n], C [m, n] and S [m, n]. One of a_row and a_step is 1: A is
 * either an array of rows or a transposed view of one. */
typedef struct gki_product_f {
    size_t m, n, k;
    const float *a;
    size_t a_row, a_step; /* element (i, j) of A is a[i·a_row + j·a_step] */
    const float *b;
    size_t b_row; /* distance of the rows of B, in elements */
    float *c;
    size_t c_row;       /* distance of the rows of C */
    const float *start; /* S; NULL for zeros; it may be C */
    size_t start_row;   /* distance of the rows of S; 0 if all rows of S are the same row */
} gki_product_f;

typedef struct gki_product_d {
    size_t m, n, k;
    const double *a;
    size_t a_row, a_step;
    const double *b;
    size_t b_row;
    double *c;
    size_t c_row;
    const double *start;
    size_t start_row;
} gki_product_d;

/* The kernels of one instruction set. C may be a part of A if n is at most half a panel, or exactly
 * a panel. */
typedef struct gki_product_kernels {
    size_t panel_f, panel_d; /* the number of columns of C that are computed at a time */
    void (*multiply_f)(const gki_product_f *product);
    void (*multiply_d)(const gki_product_d *product);
} gki_product_kernels;

GKV_SIMD_DECLARE(gki_product_kernels);

/* Computes a product. */
void gki_multiply_d(const gki_product_d *product);

/* X[rows, d] ← X U for an upper triangular U[d, d]. Elements below its diagonal are zeros. */
void gki_multiply_upper_f(size_t rows, size_t d, const float *u, float *x);
void gki_multiply_upper_d(size_t rows, size_t d, const double *u, double *x);

/* X[rows, d] ← X L for a lower triangular L[d, d]. Elements above its diagonal are zeros. */
void gki_multiply_lower_d(size_t rows, size_t d, const double *l, double *x);

/* The lower triangle of C[d, d] ← C + ZᵀZ for Z[rows, d]. Elements of C above the diagonal may
 * change too. */
void gki_add_gram_d(size_t rows, size_t d, const double *z, double *c);

#endif
