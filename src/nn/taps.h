/* The packed weight of a convolution. Its weight is a tensor [taps · in, out], where the taps are
 * the pixels of the kernel in the order of rows. The packed weight [taps · out, in] is that of the
 * convolution which computes the gradient in the input: the taps are in reversed order, and each
 * is transposed. */
#ifndef GKV_NN_TAPS_H
#define GKV_NN_TAPS_H

#include "nn/params.h"

/* Packs the weight of one tap, of param->taps. Taps are independent. */
void gki_taps_pack(const gki_param *param, const gki_real *weight, size_t tap, gki_real *packed);

/* Writes rows [row, row + rows) and columns [column, column + columns) of the packed weight to
 * to[rows, columns]. */
void gki_taps_block(const gki_param *param, const gki_real *weight, size_t row, size_t rows,
                    size_t column, size_t columns, gki_real *to);

#endif
