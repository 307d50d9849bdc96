/* Matrix products of the linear layers and of mixtures, by hand for AVX2 and AVX-512.
 *
 * A layer's matrices are small (a tile of 50 rows, a few hundred columns), and every
 * weight is used by several tiles. A general library packs both operands at each call;
 * here only W of the forward product is ever packed, once a step if the workspace keeps
 * room for it (nn/workspace.h), and everything else is read where it lies.
 *
 * Every element of a product is one chain of fused multiply-adds over the inner index,
 * in order, that starts from a bias, from what C holds, or from zero. So its bits are a function of
 * its row of A and its column of B: not of the other rows of the call, nor of the place
 * of either, nor of whether W was packed before. Where there is no such kernel OpenBLAS
 * does the work, and bits may depend on the number of rows of a call. */
#ifndef GKV_NN_GEMM_H
#define GKV_NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/real.h"
#include "core/simd.h"

/* C = S + A B, A [m, k], B [k, n], C and S [m, n]. One of a_row and a_step is 1: A as it is,
 * or a transposed view of it. S is NULL for zeros, the same row for all with a step of 0, or C. */
typedef struct gkv_product {
    size_t m, n, k;
    const gkv_real *a;
    size_t a_row, a_step; /* A's element (i, j) is a[i·a_row + j·a_step] */
    const gkv_real *b;
    size_t b_row;
    gkv_real *c;
    size_t c_row;
    const gkv_real *start;
    size_t start_row;
} gkv_product;

/* An element that is not zero, and its place in a row or a column. */
typedef struct gkv_nonzero {
    uint32_t place;
    gkv_real value;
} gkv_nonzero;

/* Rows of a batch that one pass of `sparse_gradient` takes, of whose gradients an L1 cache
 * holds two vectors each; and columns that a call may ask for. */
enum { GKV_SPARSE_ROWS = 256, GKV_SPARSE_COLUMNS = 112 };

/* Y = (X − 1 meanᵀ) Wᵀ + 1 biasᵀ with X mostly zeros; `packed` is W packed, or NULL. */
typedef struct gkv_sparse_product {
    size_t rows, in, out;
    const gkv_real *x, *mean; /* [rows, in], [in] */
    const gkv_real *weight, *packed, *bias; /* [out, in], [out] */
    gkv_real *y;              /* [rows, out] */
} gkv_sparse_product;

/* d_weight = d_yᵀ (X − 1 meanᵀ), columns [first, first + count), count ≤ GKV_SPARSE_COLUMNS. */
typedef struct gkv_sparse_gradient {
    size_t rows, in, out, first, count;
    const gkv_real *x, *mean, *d_y;
    gkv_nonzero *lists; /* room for count · min(rows, GKV_SPARSE_ROWS) */
    gkv_real *d_weight; /* [out, in] */
} gkv_sparse_gradient;

typedef struct gkv_gemm_kernels {
    size_t panel; /* columns of a packed panel; the last one may be half as wide */
    void (*multiply)(const gkv_product *product);
    /* A panel of Wᵀ: to[k][j] ← w[j][k] for j < count ≤ panel, k < depth, zeros beyond count.
     * Rows of `to` are gkv_packed_width(panel, count) long. */
    void (*pack)(size_t count, size_t depth, const gkv_real *w, size_t w_row, gkv_real *to);
    void (*sparse_multiply)(const gkv_sparse_product *product);
    void (*sparse_gradient)(const gkv_sparse_gradient *gradient);
} gkv_gemm_kernels;

/* The kernels of an instruction set. NULL for the portable one, where OpenBLAS works. */
GKV_SIMD_DECLARE(gkv_gemm_kernels);

static inline size_t gkv_packed_width(size_t panel, size_t count)
{
    return count <= panel / 2 ? panel / 2 : panel;
}

/* Any product, by these kernels or OpenBLAS; its start is NULL or C. */
void gkv_gemm_product(const gkv_gemm_kernels *kernels, const gkv_product *product);

/* Elements of a packed weight [out, in], at any instruction set. */
size_t gkv_packed_size(size_t out, size_t in);

/* Packing in pieces that are independent of each other. */
size_t gkv_pack_pieces(size_t out, size_t in);
void gkv_pack_piece(const gkv_gemm_kernels *kernels, size_t out, size_t in, const gkv_real *weight, size_t piece,
                    gkv_real *packed);

/* Y = X Wᵀ + 1 biasᵀ, or Y = Y + X Wᵀ without a bias: X [rows, in], W [out, in], Y [rows, out]; `packed` is W packed,
 * or NULL. */
void gkv_gemm_forward(const gkv_gemm_kernels *kernels, size_t rows, size_t out, size_t in, const gkv_real *x,
                      const gkv_real *weight, const gkv_real *packed, const gkv_real *bias, gkv_real *y);

/* dX = dY W. */
void gkv_gemm_backward(const gkv_gemm_kernels *kernels, size_t rows, size_t out, size_t in, const gkv_real *d_y,
                       const gkv_real *weight, gkv_real *d_x);

/* dW = dYᵀ X, rows [first, first + count) of dW. */
void gkv_gemm_gradient(const gkv_gemm_kernels *kernels, size_t rows, size_t out, size_t in, size_t first, size_t count,
                       const gkv_real *d_y, const gkv_real *x, gkv_real *d_weight);

/* The same with an input of mostly zeros less its mean: see the structs. Where the mean says
 * that the zeros are few, or there are no kernels, by a dense product. */
void gkv_sparse_forward(const gkv_gemm_kernels *kernels, const gkv_sparse_product *product);
void gkv_sparse_weight_gradient(const gkv_gemm_kernels *kernels, const gkv_sparse_gradient *gradient);

#endif
