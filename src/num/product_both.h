/* Products that exist for both numeric types (core/both_types.h); part of product.c. */

/* From right to left: column j of the result needs columns k ≤ j of X, which are not yet
 * overwritten. */
void S(gki_multiply_upper)(size_t rows, size_t d, const REAL *u, REAL *x)
{
    const gki_product_kernels *kernels = gki_product_kernels_get();
    for (size_t end = d, first; end > 0; end = first) {
        first = piece_start(kernels->S(panel), end);
        kernels->S(multiply)(&(S(gki_product)){.m = rows,
                                               .n = end - first,
                                               .k = end,
                                               .a = x,
                                               .a_row = d,
                                               .a_step = 1,
                                               .b = u + first,
                                               .b_row = d,
                                               .c = x + first,
                                               .c_row = d});
    }
}
