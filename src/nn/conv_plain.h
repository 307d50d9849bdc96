/* The portable product of map_kernels.h; part of map_kernels.c. A tile of C is computed at a
 * time, in loops of constant length, which compilers turn into vectors. At the edges of C, the last
 * row stands for the rows beyond it, and zeros for the columns; neither are stored. */

enum { ROWS = 4, COLUMNS = 8 };

typedef struct tile_sums {
    gki_real sum[ROWS][COLUMNS];
} tile_sums;

/* Adds a segment to a tile of `columns` columns. */
static void add_segment(const gki_conv_product *p, size_t rows, size_t columns, const gki_real *a,
                        const gki_real *b, tile_sums *sums)
{
    gki_real row[COLUMNS] = {0};
    for (size_t k = 0; k < p->k; k++) {
        for (size_t q = 0; q < columns; q++)
            row[q] = b[k * p->b_row + q];
        for (size_t r = 0; r < ROWS; r++) {
            const gki_real factor = a[(r < rows ? r : rows - 1) * p->a_row + k * p->a_step];
            for (size_t q = 0; q < COLUMNS; q++)
                sums->sum[r][q] += factor * row[q];
        }
    }
}

/* Rows i … and columns j … of C. */
static void tile(const gki_conv_product *p, size_t i, size_t j)
{
    const size_t rows = p->m - i < ROWS ? p->m - i : ROWS,
                 columns = p->n - j < COLUMNS ? p->n - j : COLUMNS;
    tile_sums sums = {0};
    for (size_t r = 0; r < rows; r++)
        for (size_t q = 0; q < columns; q++)
            sums.sum[r][q] = (p->start ? p->start[(i + r) * p->start_row + j + q] : 0) +
                             (p->bias ? p->bias[j + q] : 0);
    for (size_t g = 0; g < p->groups; g++)
        for (size_t s = 0; s < p->segments; s++)
            add_segment(p, rows, columns, p->a + i * p->a_row + s * p->a_segment + g * p->a_group,
                        p->b + j + s * p->b_segment + g * p->b_group, &sums);
    for (size_t r = 0; r < rows; r++)
        for (size_t q = 0; q < columns; q++)
            p->c[(i + r) * p->c_row + j + q] = sums.sum[r][q];
}

static void multiply(const gki_conv_product *p)
{
    for (size_t j = 0; j < p->n; j += COLUMNS)
        for (size_t i = 0; i < p->m; i += ROWS)
            tile(p, i, j);
}
