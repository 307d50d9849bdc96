/* A convolution as a matrix product. A row of the left matrix holds the pixels under the kernel at
 * one output. */
#include "nn/conv.h"

#include <string.h>

/* The number of elements that are copied at a time. A copy may read and write up to CHUNK − 1
 * elements beyond its end. These elements are still in the scratch memory, and the next copy
 * overwrites those that were written. */
enum { CHUNK = 8 };

size_t gki_conv_pooled(const gki_conv *conv, size_t side)
{
    return (side + 2 * conv->padding - conv->kernel + 1) / 2;
}

size_t gki_conv_depth(const gki_conv *conv)
{
    return conv->kernel * conv->kernel * conv->in;
}

/* The number of outputs of one channel in one of the four arrays of y. */
static size_t positions(const gki_conv *conv)
{
    return gki_conv_pooled(conv, conv->height) * gki_conv_pooled(conv, conv->width);
}

size_t gki_conv_outputs(const gki_conv *conv)
{
    return positions(conv) * conv->out;
}

static size_t padded_row(const gki_conv *conv)
{
    return (conv->width + 2 * conv->padding) * conv->in;
}

static size_t padded_size(const gki_conv *conv)
{
    return (conv->height + 2 * conv->padding) * padded_row(conv) + CHUNK;
}

size_t gki_conv_scratch(const gki_conv *conv)
{
    return padded_size(conv) + 4 * positions(conv) * gki_conv_depth(conv) + CHUNK;
}

/* Copies the image and puts zeros around it. */
static void pad(const gki_conv *conv, const gki_real *x, gki_real *padded)
{
    const size_t row = padded_row(conv), left = conv->padding * conv->in,
                 count = conv->width * conv->in;
    memset(padded, 0, padded_size(conv) * sizeof *padded);
    for (size_t i = 0; i < conv->height; i++)
        memcpy(padded + (i + conv->padding) * row + left, x + i * count, count * sizeof *x);
}

/* Fills the left matrix, [4·positions, depth]. */
static void unfold(const gki_conv *conv, const gki_real *padded, gki_real *to)
{
    const size_t row = padded_row(conv), run = conv->kernel * conv->in;
    const size_t rows = gki_conv_pooled(conv, conv->height),
                 columns = gki_conv_pooled(conv, conv->width);
    for (size_t array = 0; array < 4; array++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++) {
                const gki_real *from =
                    padded + (2 * i + array / 2) * row + (2 * j + array % 2) * conv->in;
                for (size_t k = 0; k < conv->kernel; k++, from += row, to += run)
                    for (size_t c = 0; c < run; c += CHUNK)
                        memcpy(to + c, from + c, CHUNK * sizeof *to);
            }
}

void gki_conv_forward(const gki_conv *conv, const gki_gemm_kernels *kernels, const gki_real *x,
                      const gki_real *weight, const gki_real *packed, const gki_real *bias,
                      gki_real *scratch, gki_real *y)
{
    gki_real *const padded = scratch, *const unfolded = scratch + padded_size(conv);
    pad(conv, x, padded);
    unfold(conv, padded, unfolded);
    gki_gemm_forward(kernels, 4 * positions(conv), conv->out, gki_conv_depth(conv), unfolded,
                     weight, packed, bias, y);
}
