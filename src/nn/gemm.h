/* Matrix products of the linear layers and of mixtures, with kernels written for AVX2 and AVX-512.
 *
 * Dense products are those of num/product.h, whose statement about bits holds here. Only W of the
 * forward product is ever packed, once a step if the workspace has memory for it
 * (nn/workspace.h); bits do not depend on whether it was packed before. Without AVX2, OpenBLAS
 * computes the products if it can be loaded, and bits may depend on the number of rows of a call.
 *
 * All functions are thread-safe for different outputs. */
#ifndef GKV_NN_GEMM_H
#define GKV_NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/real.h"
#include "core/simd.h"
#include "num/product.h"

/* A dense product in the numeric type of the networks, and its kernel. */
#ifdef GKV_REAL_IS_DOUBLE
typedef gki_product_d gki_product;
#define GKV_MULTIPLY multiply_d
#else
typedef gki_product_f gki_product;
#define GKV_MULTIPLY multiply_f
#endif

/* An element that is not zero. */
typedef struct gki_nonzero {
    uint32_t index; /* its index in a row or in a column */
    gki_real value;
} gki_nonzero;

enum {
    /* rows of a batch in one pass of `sparse_gradient`; an L1 cache holds two vectors of the
     * gradients of each */
    GKV_SPARSE_ROWS = 256,
    GKV_SPARSE_COLUMNS = 112 /* most columns of one call of `sparse_gradient` */
};

/* Y = (X − 1 meanᵀ) Wᵀ + 1 biasᵀ for X of mostly zeros. */
typedef struct gki_sparse_product {
    size_t rows, in, out;
    const gki_real *x;      /* [rows, in] */
    const gki_real *mean;   /* [in] */
    const gki_real *weight; /* [out, in] */
    const gki_real *packed; /* the packed weight, or NULL */
    const gki_real *bias;   /* [out] */
    gki_real *y;            /* [rows, out] */
} gki_sparse_product;

/* Columns [first, first + count) of d_weight = d_yᵀ (X − 1 meanᵀ), with count ≤
 * GKV_SPARSE_COLUMNS. */
typedef struct gki_sparse_gradient {
    size_t rows, in, out, first, count;
    const gki_real *x;    /* [rows, in] */
    const gki_real *mean; /* [in] */
    const gki_real *d_y;  /* [rows, out] */
    /* If the rows are a part of a batch: the rows before them, those of the batch, and d_y of the
     * batch [batch_rows, out]. d_weight then holds the sum over the rows before them, and receives
     * what one call for all rows would have at the last of these rows. Zeros and NULL otherwise. */
    size_t before, batch_rows;
    const gki_real *batch_d_y;
    gki_nonzero *lists; /* scratch memory for count · min(rows, GKV_SPARSE_ROWS) elements */
    gki_real *d_weight; /* [out, in] */
} gki_sparse_gradient;

/* The kernels of one instruction set. */
typedef struct gki_gemm_kernels {
    /* Columns of a packed panel. The last panel may be half as wide. */
    size_t panel;
    const gki_product_kernels *products; /* the dense products */
    /* Packs a panel of Wᵀ: out[k][j] ← w[j][k] for j < count ≤ panel and k < depth, with zeros for
     * j ≥ count. Rows of `out` have gki_packed_width(panel, count) elements. */
    void (*pack)(size_t count, size_t depth, const gki_real *w, size_t w_row, gki_real *out);
    /* The same past the caches, for packed weights that would not stay there until they are used.
     * `out` is aligned to a vector. */
    void (*pack_streaming)(size_t count, size_t depth, const gki_real *w, size_t w_row,
                           gki_real *out);
    void (*sparse_multiply)(const gki_sparse_product *product);
    void (*sparse_gradient)(const gki_sparse_gradient *gradient);
} gki_gemm_kernels;

/* The table is NULL for the portable instruction set, for which OpenBLAS computes the products, or
 * the portable kernels of num/product.h if it cannot be loaded. */
GKV_SIMD_DECLARE(gki_gemm_kernels);

/* The width of a packed panel that holds `count` columns. */
static inline size_t gki_packed_width(size_t panel, size_t count)
{
    return count <= panel / 2 ? panel / 2 : panel;
}

/* Computes a product by the kernels, or by OpenBLAS if `kernels` is NULL and it can be loaded. Its
 * start is NULL or C. */
void gki_gemm_product(const gki_gemm_kernels *kernels, const gki_product *product);

/* The number of elements of a packed weight [out, in]. It is the same for every instruction set. */
size_t gki_packed_size(size_t out, size_t in);

/* The number of pieces in which a weight [out, in] is packed, and the packing of one piece, past
 * the caches if `streams`. Pieces are independent, so different threads may pack different ones. */
size_t gki_pack_pieces(size_t out, size_t in);
void gki_pack_piece(const gki_gemm_kernels *kernels, size_t out, size_t in, const gki_real *weight,
                    size_t piece, bool streams, gki_real *packed);

/* Y = X Wᵀ + 1 biasᵀ, or Y = Y + X Wᵀ if `bias` is NULL, with X [rows, in], W [out, in], Y [rows,
 * out]. `packed` is the packed W, or NULL; the result is the same. */
void gki_gemm_forward(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t in,
                      const gki_real *x, const gki_real *weight, const gki_real *packed,
                      const gki_real *bias, gki_real *y);

/* dX = dY W, with the shapes of the forward product. */
void gki_gemm_backward(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t in,
                       const gki_real *d_y, const gki_real *weight, gki_real *d_x);

/* Rows [first, first + count) of dW = dYᵀ X, or of dW = dW + dYᵀ X if `adds`. */
void gki_gemm_gradient(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t in,
                       size_t first, size_t count, const gki_real *d_y, const gki_real *x,
                       bool adds, gki_real *d_weight);

/* The products of the structs above. A dense product is used instead if the mean shows that X has
 * few zeros, or if `kernels` is NULL. */
void gki_sparse_forward(const gki_gemm_kernels *kernels, const gki_sparse_product *product);
void gki_sparse_weight_gradient(const gki_gemm_kernels *kernels,
                                const gki_sparse_gradient *gradient);

#endif
