/* Kernels on the pixels of maps (nn/map.h), and the products of convolutions. There is one table
 * for each instruction set (core/simd.h). All are thread-safe. Arrays x[pixels, channels] have
 * neighbouring pixels. Output arrays do not overlap input arrays unless the comment allows it. d_x
 * is the gradient of the loss in x, and t_x is a tangent of x. */
#ifndef GKV_NN_MAP_KERNELS_H
#define GKV_NN_MAP_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

/* A matrix product of a convolution.
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
 * column of B alone.
 *
 * Distances are in elements. One of a_row and a_step is 1. */
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

typedef struct gki_map_kernels {
    /* LayerNorm over the channels of each pixel, and SiLU: out ← SiLU(y) and slope ← SiLU'(y) for y
     * = gain·x̂ + shift and x̂ = (x − mean)/sd. stats[2, pixels] receives the means and then 1/sd
     * of the pixels. sd² is the variance with divisor `channels`, plus 1e-5. */
    void (*norm_silu)(size_t pixels, size_t channels, const gki_real *x, const gki_real *gain,
                      const gki_real *shift, gki_real *stats, gki_real *slope, gki_real *out);
    /* Before the call, d is the gradient in the output. It becomes the gradient in y. d_x receives
     * the gradient in x, plus `add` unless that is NULL. */
    void (*norm_silu_backward)(size_t pixels, size_t channels, const gki_real *x,
                               const gki_real *gain, const gki_real *stats, const gki_real *slope,
                               const gki_real *add, gki_real *d, gki_real *d_x);
    /* Adds to the gradients of gain and shift, from the gradient d in y. */
    void (*norm_silu_gradient)(size_t pixels, size_t channels, const gki_real *x,
                               const gki_real *stats, const gki_real *d, gki_real *d_gain,
                               gki_real *d_shift);
    /* t_out ← the tangent of the output, from a tangent of x. */
    void (*norm_silu_tangent)(size_t pixels, size_t channels, const gki_real *x,
                              const gki_real *gain, const gki_real *stats, const gki_real *slope,
                              const gki_real *t, gki_real *t_out);
    /* out ← SiLU(x) and x ← SiLU'(x). */
    void (*silu)(size_t n, gki_real *x, gki_real *out);
    /* out ← x ⊙ y */
    void (*product)(size_t n, const gki_real *x, const gki_real *y, gki_real *out);
    /* sums ← sums + Σ_pixels x */
    void (*add_pixels)(size_t pixels, size_t channels, const gki_real *x, gki_real *sums);
    /* Max-pooling 2×2 and ReLU of two rows of at least 2·pixels pixels: out[pixels, channels] ← the
     * greatest of 0 and the four values. */
    void (*pool_relu)(size_t pixels, size_t channels, const gki_real *row0, const gki_real *row1,
                      gki_real *out);
    /* The gradient d_out[pixels, channels] goes to the place of the greatest value, the first of
     * equal ones, where `out` is above 0. All other values of these pixels in d_row0 and d_row1
     * become 0. */
    void (*pool_relu_backward)(size_t pixels, size_t channels, const gki_real *row0,
                               const gki_real *row1, const gki_real *out, const gki_real *d_out,
                               gki_real *d_row0, gki_real *d_row1);
    /* t_out ← the values of a tangent at these places, or 0 where `out` is 0. */
    void (*pool_relu_tangent)(size_t pixels, size_t channels, const gki_real *row0,
                              const gki_real *row1, const gki_real *out, const gki_real *t_row0,
                              const gki_real *t_row1, gki_real *t_out);
    /* A row of the output of a depthwise convolution:
     *   out[x, c] ← start[c] + Σ_{i, j < kernel} in[i·pitch + (x + j)·channels + c] w[i, j, c]
     * `start` is NULL for zeros. If `reversed`, w[kernel − 1 − i, kernel − 1 − j, c] stands for
     * w[i, j, c]. */
    void (*depthwise)(size_t pixels, size_t channels, size_t kernel, const gki_real *in,
                      size_t pitch, const gki_real *weight, bool reversed, const gki_real *start,
                      gki_real *out);
    /* Adds the gradient in the weights that this row of the output contributes. */
    void (*depthwise_gradient)(size_t pixels, size_t channels, size_t kernel, const gki_real *in,
                               size_t pitch, const gki_real *d_out, gki_real *d_weight);
    /* The product of a convolution. */
    void (*multiply)(const gki_conv_product *product);
} gki_map_kernels;

GKV_SIMD_DECLARE(gki_map_kernels);

#endif
