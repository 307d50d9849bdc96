#include "num/product.h"

/* The columns of C in pieces: whole panels, and half panels at the end. A kernel reads all that it
 * needs of A before it writes such a piece. */

/* The first column of the piece that ends before column `end`. */
static size_t piece_start(size_t panel, size_t end)
{
    const size_t first = (end - 1) / panel * panel, half = panel / 2;
    return end - first < panel && end - first > half ? first + half : first;
}

/* The end of the piece that starts at column `first`. */
static size_t piece_end(size_t panel, size_t first, size_t columns)
{
    const size_t left = columns - first, half = panel / 2;
    return left >= panel ? first + panel : left > half ? first + half : columns;
}

void gki_multiply_d(const gki_product_d *product)
{
    gki_product_kernels_get()->multiply_d(product);
}

#define GKV_BOTH_TYPES "num/product_both.h"
#include "core/both_types.h"

/* From left to right: column j of the result needs columns k ≥ j of X. */
void gki_multiply_lower_d(size_t rows, size_t d, const double *l, double *x)
{
    const gki_product_kernels *kernels = gki_product_kernels_get();
    for (size_t first = 0, end; first < d; first = end) {
        end = piece_end(kernels->panel_d, first, d);
        kernels->multiply_d(&(gki_product_d){.m = rows,
                                             .n = end - first,
                                             .k = d - first,
                                             .a = x + first,
                                             .a_row = d,
                                             .a_step = 1,
                                             .b = l + first * d + first,
                                             .b_row = d,
                                             .c = x + first,
                                             .c_row = d});
    }
}

void gki_add_gram_d(size_t rows, size_t d, const double *z, double *c)
{
    const gki_product_kernels *kernels = gki_product_kernels_get();
    for (size_t first = 0, end; first < d; first = end) {
        end = piece_end(kernels->panel_d, first, d);
        kernels->multiply_d(&(gki_product_d){.m = d - first,
                                             .n = end - first,
                                             .k = rows,
                                             .a = z + first,
                                             .a_row = 1,
                                             .a_step = d,
                                             .b = z + first,
                                             .b_row = d,
                                             .c = c + first * d + first,
                                             .c_row = d,
                                             .start = c + first * d + first,
                                             .start_row = d});
    }
}
