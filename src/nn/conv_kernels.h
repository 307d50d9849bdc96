/* The matrix products of convolutions, with kernels written for AVX2 and AVX-512.
 *
 * A convolution of maps (nn/map.h) is a product whose left matrix has, for each pixel of the
 * output, the pixels under the kernel. For one row of pixels these are the rows of one array for
 * each row of the kernel, since neighbouring pixels are neighbours in memory. So the kernels read
 * the matrix in place, as a sum over segments:
 *
 *   C = S + 1 biasᵀ + Σ_g Σ_s A_gs B_gs        A_gs [m, k], B_gs [k, n], C and S [m, n]
 *
 *   outputs of a row    m = pixels, n = outputs, s = rows of the kernel, k = kernel · inputs
 *   gradient in inputs  the same, with transposed weights in reversed order
 *   gradient of weights m = kernel · inputs, n = outputs, g = images, s = rows, k = pixels of a row
 *
 * An element of C is one chain of multiply-adds over g, s and k in ascending order, which starts
 * with S + bias. With AVX2 and AVX-512 these are fused. So its bits depend on its row of A and its
 * column of B alone. All functions are thread-safe for different outputs. */
#ifndef GKV_NN_CONV_KERNELS_H
#define GKV_NN_CONV_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

/* Distances are in elements. One of a_row and a_step is 1. */
typedef struct gki_conv_product {
    size_t m, n, k;
    size_t segments, groups;
    const gki_real *a;
    size_t a_row, a_step; /* element (i, j) of A_gs is a[i·a_row + j·a_step + s·… + g·…] */
    size_t a_segment, a_group;
    const gki_real *b;
    size_t b_row, b_segment, b_group;
    gki_real *c;
    size_t c_row;
    const gki_real *start; /* S, or NULL for zeros; it may be C */
    size_t start_row;
    const gki_real *bias; /* [n], or NULL for zeros */
} gki_conv_product;

typedef struct gki_conv_kernels {
    void (*multiply)(const gki_conv_product *product);
} gki_conv_kernels;

GKV_SIMD_DECLARE(gki_conv_kernels);

#endif
