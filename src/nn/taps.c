#include "nn/taps.h"

void gki_taps_block(const gki_param *param, const gki_real *weight, size_t row, size_t rows,
                    size_t column, size_t columns, gki_real *to)
{
    const size_t in = param->rows / param->taps, out = param->cols;
    for (size_t k = row; k < row + rows; k++, to += columns) {
        const size_t tap = param->taps - 1 - k / out;
        const gki_real *from = weight + (tap * in + column) * out + k % out;
        for (size_t c = 0; c < columns; c++)
            to[c] = from[c * out];
    }
}

void gki_taps_pack(const gki_param *param, const gki_real *weight, size_t tap, gki_real *packed)
{
    const size_t in = param->rows / param->taps, out = param->cols;
    gki_taps_block(param, weight, tap * out, out, 0, in, packed + tap * out * in);
}
