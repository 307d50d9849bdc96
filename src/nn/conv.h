/* A convolution of one image, forward only. The stride is 1, and the image is padded with zeros.
 *
 *   x [height, width, in]   weight [out, kernel, kernel, in]   bias [out]
 *   y [4, pooled height, pooled width, out]
 *
 * The outputs are in the order that max-pooling 2×2 needs: y[2a + b][i][j] is the output at row 2i
 * + a and column 2j + b. So pooling is the elementwise maximum of four arrays (pool_relu of
 * nn/nn_kernels.h). A last row or column that belongs to no pooling window is not computed. All
 * functions are thread-safe. */
#ifndef GKV_NN_CONV_H
#define GKV_NN_CONV_H

#include <stddef.h>

#include "core/real.h"
#include "nn/gemm.h"

typedef struct gki_conv {
    /* size of the image in pixels; each is at least kernel + 1 − 2·padding */
    size_t height, width;
    size_t in, out;         /* numbers of input and output channels */
    size_t kernel, padding; /* sides of the square kernel, and of the border of zeros, in pixels */
} gki_conv;

/* The side of the pooled array, for a side of the image. */
size_t gki_conv_pooled(const gki_conv *conv, size_t side);

/* The number of elements in a row of the weight: kernel²·in. */
size_t gki_conv_depth(const gki_conv *conv);

/* The number of elements in one of the four arrays of y. */
size_t gki_conv_outputs(const gki_conv *conv);

/* The number of elements of the scratch memory. */
size_t gki_conv_scratch(const gki_conv *conv);

/* Computes y. `kernels` and `packed` are as in gki_gemm_forward() for the weight [out, depth];
 * either may be NULL. */
void gki_conv_forward(const gki_conv *conv, const gki_gemm_kernels *kernels, const gki_real *x,
                      const gki_real *weight, const gki_real *packed, const gki_real *bias,
                      gki_real *scratch, gki_real *y);

#endif
