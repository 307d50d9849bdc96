/* The portable product, for both numeric types (core/both_types.h); part of product_kernels.c.
 *
 * A tile of TILE_ROWS × COLUMNS elements of C is computed at a time, in loops of constant length,
 * which compilers turn into vectors. At the edges of C, the last row stands for the rows beyond it,
 * and zeros stand for the columns beyond the last one; neither are stored. */

/* Rows i … and columns j … of C. `whole` is a constant: all COLUMNS columns exist. */
static inline __attribute__((always_inline)) void S(tile)(const S(gki_product) * p, size_t i,
                                                          size_t j, bool whole)
{
    const size_t columns = whole ? COLUMNS : p->n - j,
                 rows = p->m - i < TILE_ROWS ? p->m - i : TILE_ROWS;
    REAL sum[TILE_ROWS][COLUMNS] = {{0}}, row[COLUMNS] = {0};
    const REAL *a[TILE_ROWS];
    for (size_t r = 0; r < TILE_ROWS; r++) {
        a[r] = p->a + (i + (r < rows ? r : rows - 1)) * p->a_row;
        for (size_t q = 0; p->start && r < rows && q < columns; q++)
            sum[r][q] = p->start[(i + r) * p->start_row + j + q];
    }
    for (size_t k = 0; k < p->k; k++) {
        const REAL *b = p->b + k * p->b_row + j;
        for (size_t q = 0; q < columns; q++)
            row[q] = b[q];
        for (size_t r = 0; r < TILE_ROWS; r++)
            for (size_t q = 0; q < COLUMNS; q++)
                sum[r][q] += a[r][k * p->a_step] * row[q];
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t q = 0; q < columns; q++)
            p->c[(i + r) * p->c_row + j + q] = sum[r][q];
}

static void S(multiply)(const S(gki_product) * p)
{
    for (size_t j = 0; j < p->n; j += COLUMNS)
        for (size_t i = 0; i < p->m; i += TILE_ROWS) {
            if (p->n - j >= COLUMNS)
                S(tile)(p, i, j, true);
            else
                S(tile)(p, i, j, false);
        }
}
