/* Products with an input of mostly zeros, such as binarized images. Only elements that are not zero
 * are multiplied. SPARSE_VECTORS sums are computed at a time, which hides the latency of a
 * multiply-add. gemm_kernels.c includes this file. */
enum {
    SPARSE_DEPTH = 128, /* inputs of a block; its weights stay in an L1 cache */
    SPARSE_TILE = 64,   /* rows of a block; their lists stay in an L1 cache */
    SPARSE_PANELS = SPARSE_VECTORS / 2,
    SPARSE_COLUMNS = SPARSE_PANELS * PANEL,
    /* vectors of a row of a panel of gradients, which has GKV_SPARSE_ROWS rows */
    LIST_VECTORS = SPARSE_VECTORS / 2,
    LIST_PANEL = LIST_VECTORS * VR_LANES
};

/* Lists the nonzero elements of x[0 … n) in ascending order and returns their number. */
static size_t list_nonzeros(size_t n, const gki_real *x, gki_nonzero *list)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i += VR_LANES) {
        unsigned found = vr_nonzero(vr_load_lanes(x + i, vr_first_lanes(n - i)));
        for (; found; found &= found - 1) {
            const size_t index = i + (size_t)__builtin_ctz(found);
            list[count++] = (gki_nonzero){(uint32_t)index, x[index]};
        }
    }
    return count;
}

/* sum += Σ value · (row `index` of the panel), over the elements of the list. */
static ALWAYS_INLINE void add_listed(size_t vectors, size_t count, const gki_nonzero *list,
                                     const gki_real *panel, vr *sum)
{
    for (size_t i = 0; i < count; i++) {
        const vr value = vr_set(list[i].value);
        const gki_real *row = panel + list[i].index * vectors * VR_LANES;
        for (size_t v = 0; v < vectors; v++)
            sum[v] = vr_fma(value, vr_load(row + v * VR_LANES), sum[v]);
    }
}

/* A block of a product: a tile of rows by `depth` inputs by some packed panels of outputs. */
typedef struct sparse_block {
    size_t rows, depth;
    /* the row of each panel for the first input of the block */
    const gki_real *panel[SPARSE_PANELS];
    /* the part of each panel that the next block needs; it is prefetched */
    const gki_real *next[SPARSE_PANELS];
    const gki_real *mean;               /* [depth] the means of the inputs */
    const gki_real *start;              /* S as in gki_product */
    size_t start_row, y_row;            /* distances of the rows of S and of Y */
    const size_t *counts;               /* [rows] lengths of the lists */
    gki_nonzero (*lists)[SPARSE_DEPTH]; /* [rows] the nonzero inputs of each row */
    gki_real *y;
} sparse_block;

/* Adds a block to Y. Each element of Y first receives the term of the mean, and then the terms of
 * its nonzero inputs in ascending order. The number of panels and the number of vectors of a panel
 * are constants at every call. Only the lanes of `lanes` are used in the last vector. */
static ALWAYS_INLINE void multiply_block(size_t panels, size_t vectors, const sparse_block *s,
                                         vr_lanes lanes)
{
    const size_t width = vectors * VR_LANES, all = panels * vectors;
    vr mean[SPARSE_VECTORS], sum[SPARSE_VECTORS];
    for (size_t v = 0; v < all; v++)
        mean[v] = vr_set(0);
    for (size_t k = 0; k < s->depth; k++)
        for (size_t v = 0; v < all; v++)
            mean[v] = vr_fma(vr_set(-s->mean[k]),
                             vr_load(s->panel[v / vectors] + k * width + v % vectors * VR_LANES),
                             mean[v]);
    for (size_t r = 0; r < s->rows; r++) {
        const gki_real *start = s->start + r * s->start_row;
        gki_real *y = s->y + r * s->y_row;
        for (size_t v = 0; v + 1 < all; v++)
            sum[v] = mean[v] + vr_load(start + v * VR_LANES);
        sum[all - 1] = mean[all - 1] + vr_load_lanes(start + (all - 1) * VR_LANES, lanes);
        for (size_t i = 0; i < s->counts[r]; i++) {
            const vr value = vr_set(s->lists[r][i].value);
            const size_t row = s->lists[r][i].index * width;
            for (size_t v = 0; v < all; v++)
                sum[v] = vr_fma(
                    value, vr_load(s->panel[v / vectors] + row + v % vectors * VR_LANES), sum[v]);
        }
        for (size_t v = 0; v + 1 < all; v++)
            vr_store(y + v * VR_LANES, sum[v]);
        vr_store_lanes(y + (all - 1) * VR_LANES, lanes, sum[all - 1]);
        for (size_t k = r * s->depth / s->rows; k < (r + 1) * s->depth / s->rows; k++)
            for (size_t v = 0; v < all; v++)
                __builtin_prefetch(s->next[v / vectors] + k * width + v % vectors * VR_LANES, 0, 2);
    }
}

/* Adds the terms of inputs [first, first + s->depth) to columns [j, j + columns) of Y. The columns
 * are SPARSE_PANELS whole panels, or at most one panel. */
static void sparse_columns(const gki_sparse_product *p, sparse_block *s, size_t first, size_t j,
                           size_t columns)
{
    gki_real packed[SPARSE_DEPTH * SPARSE_COLUMNS] __attribute__((aligned(64)));
    const size_t panels = (columns + PANEL - 1) / PANEL, width = gki_packed_width(PANEL, columns);
    for (size_t q = 0; q < panels; q++) {
        const size_t column = j + q * PANEL;
        if (p->packed) {
            s->panel[q] = p->packed + column * p->in + first * width;
            s->next[q] = j + 2 * SPARSE_COLUMNS <= p->out
                             ? s->panel[q] + SPARSE_COLUMNS * p->in
                             : p->packed + q * PANEL * p->in + (first + s->depth) * PANEL;
        } else {
            gki_real *out = packed + q * SPARSE_DEPTH * PANEL;
            pack(p->out - column < PANEL ? p->out - column : PANEL, s->depth,
                 p->weight + column * p->in + first, p->in, out);
            s->panel[q] = s->next[q] = out;
        }
    }
    if (panels == SPARSE_PANELS && columns == SPARSE_COLUMNS)
        multiply_block(SPARSE_PANELS, 2, s, vr_first_lanes(VR_LANES));
    else if (width == PANEL)
        multiply_block(1, 2, s, vr_first_lanes(columns - VR_LANES));
    else
        multiply_block(1, 1, s, vr_first_lanes(columns));
}

static void sparse_multiply(const gki_sparse_product *p)
{
    gki_nonzero lists[SPARSE_TILE][SPARSE_DEPTH];
    size_t counts[SPARSE_TILE];
    for (size_t top = 0; top < p->rows; top += SPARSE_TILE) {
        const size_t rows = p->rows - top < SPARSE_TILE ? p->rows - top : SPARSE_TILE;
        for (size_t first = 0; first < p->in; first += SPARSE_DEPTH) {
            sparse_block s = {.rows = rows,
                              .depth = p->in - first < SPARSE_DEPTH ? p->in - first : SPARSE_DEPTH,
                              .mean = p->mean + first,
                              .counts = counts,
                              .lists = lists,
                              .y_row = p->out,
                              .start_row = first == 0 ? 0 : p->out};
            for (size_t r = 0; r < rows; r++)
                counts[r] = list_nonzeros(s.depth, p->x + (top + r) * p->in + first, lists[r]);
            for (size_t j = 0, columns; j < p->out; j += columns) {
                const size_t left = p->out - j;
                columns = left >= SPARSE_COLUMNS ? SPARSE_COLUMNS : left < PANEL ? left : PANEL;
                s.y = p->y + top * p->out + j;
                s.start = first == 0 ? p->bias + j : s.y;
                sparse_columns(p, &s, first, j, columns);
            }
        }
    }
}

/* Lists the nonzero elements of each of `columns` ≤ VR_LANES columns of x, in ascending order of
 * rows. */
static void list_columns(size_t rows, size_t columns, const gki_real *x, size_t x_row,
                         gki_nonzero *lists, size_t list_size, size_t *counts)
{
    /* rows whose bits are collected, for all columns at once, before lists are made from them */
    enum { WORD = 30 };
    const vr_lanes lanes = vr_first_lanes(columns);
    memset(counts, 0, columns * sizeof *counts);
    for (size_t top = 0; top < rows; top += WORD) {
        const size_t end = rows - top < WORD ? rows : top + WORD;
        vr_bits bits = {0}, bit = -(vr_bits)(vr_set(0) == vr_set(0)); /* true is −1 */
        for (size_t r = top; r < end; r++, bit += bit)
            bits |= (vr_bits)(vr_load_lanes(x + r * x_row, lanes) != vr_set(0)) & bit;
        for (size_t i = 0; i < columns; i++) {
            gki_nonzero *list = lists + i * list_size + counts[i];
            for (unsigned word = (unsigned)bits[i]; word; word &= word - 1) {
                const size_t r = top + (size_t)__builtin_ctz(word);
                *list++ = (gki_nonzero){(uint32_t)r, x[r * x_row + i]};
            }
            counts[i] = (size_t)(list - (lists + i * list_size));
        }
    }
}

/* to[j][i] ← from[i][j] for i < columns ≤ VR_LANES, j < rows ≤ VR_LANES. */
static void transpose_part(size_t columns, size_t rows, const gki_real *from, size_t from_row,
                           gki_real *to, size_t to_row)
{
    if (columns == VR_LANES && rows == VR_LANES) {
        transpose(from, from_row, to, to_row);
        return;
    }
    for (size_t j = 0; j < rows; j++)
        for (size_t i = 0; i < columns; i++)
            to[j * to_row + i] = from[i * from_row + j];
}

/* Copies columns [j, j + LIST_PANEL) of d_y into a panel, with zeros beyond the last column, and
 * sums them over the rows of the block of GKV_SPARSE_ROWS rows of the batch. The sums are zeros if
 * the rows before have the beginning of the block. */
static void load_panel(const gki_sparse_gradient *p, size_t top, size_t rows, size_t j,
                       gki_real *panel, vr *sums)
{
    vr_lanes lanes[LIST_VECTORS];
    for (size_t v = 0; v < LIST_VECTORS; v++) {
        sums[v] = vr_set(0);
        lanes[v] = vr_first_lanes(j + v * VR_LANES < p->out ? p->out - j - v * VR_LANES : 0);
    }
    for (size_t r = 0; r < rows; r++) {
        const gki_real *d_y = p->d_y + (top + r) * p->out + j;
        for (size_t v = 0; v < LIST_VECTORS; v++) {
            const vr d = vr_load_lanes(d_y + v * VR_LANES, lanes[v]);
            vr_store(panel + r * LIST_PANEL + v * VR_LANES, d);
            sums[v] = sums[v] + d;
        }
    }
    const size_t position = p->before + top, end = position + GKV_SPARSE_ROWS;
    for (size_t r = position + rows; r < end && r < p->batch_rows; r++)
        for (size_t v = 0; v < LIST_VECTORS; v++)
            sums[v] =
                sums[v] + vr_load_lanes(p->batch_d_y + r * p->out + j + v * VR_LANES, lanes[v]);
    for (size_t v = 0; v < LIST_VECTORS && position % GKV_SPARSE_ROWS > 0; v++)
        sums[v] = vr_set(0);
}

/* Loads or stores a block of the gradient: block[k][o] is d_weight[j + o][i + k], for `columns`
 * inputs k and a panel of outputs o. */
static void move_block(const gki_sparse_gradient *p, bool store, size_t j, size_t i, size_t columns,
                       gki_real *block)
{
    for (size_t v = 0; v < LIST_VECTORS && j + v * VR_LANES < p->out; v++) {
        const size_t output = j + v * VR_LANES, left = p->out - output,
                     outputs = left < VR_LANES ? left : VR_LANES;
        gki_real *d_weight = p->d_weight + output * p->in + p->first + i,
                 *column = block + v * VR_LANES;
        if (store)
            transpose_part(columns, outputs, column, LIST_PANEL, d_weight, p->in);
        else
            transpose_part(outputs, columns, d_weight, p->in, column, LIST_PANEL);
    }
}

/* Processes rows of one block, from `top` on. The first rows of the batch overwrite d_weight, and
 * later ones add to it. */
static void sparse_gradient_rows(const gki_sparse_gradient *p, size_t top, size_t rows)
{
    gki_real panel[GKV_SPARSE_ROWS * LIST_PANEL] __attribute__((aligned(64)));
    gki_real block[VR_LANES * LIST_PANEL] __attribute__((aligned(64)));
    size_t counts[GKV_SPARSE_COLUMNS];
    const bool adds = p->before + top > 0;
    for (size_t i = 0; i < p->count; i += VR_LANES)
        list_columns(rows, p->count - i < VR_LANES ? p->count - i : VR_LANES,
                     p->x + top * p->in + p->first + i, p->in, p->lists + i * rows, rows,
                     counts + i);
    for (size_t j = 0; j < p->out; j += LIST_PANEL) {
        vr sums[LIST_VECTORS];
        load_panel(p, top, rows, j, panel, sums);
        for (size_t i = 0; i < p->count; i += VR_LANES) {
            const size_t columns = p->count - i < VR_LANES ? p->count - i : VR_LANES;
            for (size_t o = j; o < j + LIST_PANEL && o < p->out; o++) /* written below */
                __builtin_prefetch(p->d_weight + o * p->in + p->first + i, 1);
            if (adds)
                move_block(p, false, j, i, columns, block);
            for (size_t k = 0; k < columns; k++) {
                gki_real *out = block + k * LIST_PANEL;
                vr sum[LIST_VECTORS];
                for (size_t v = 0; v < LIST_VECTORS; v++)
                    sum[v] = vr_fma(vr_set(-p->mean[p->first + i + k]), sums[v],
                                    adds ? vr_load(out + v * VR_LANES) : vr_set(0));
                add_listed(LIST_VECTORS, counts[i + k], p->lists + (i + k) * rows, panel, sum);
                for (size_t v = 0; v < LIST_VECTORS; v++)
                    vr_store(out + v * VR_LANES, sum[v]);
            }
            move_block(p, true, j, i, columns, block);
        }
    }
}

static void sparse_gradient(const gki_sparse_gradient *p)
{
    for (size_t top = 0, rows; top < p->rows; top += rows) {
        const size_t left = p->rows - top,
                     of_block = GKV_SPARSE_ROWS - (p->before + top) % GKV_SPARSE_ROWS;
        rows = left < of_block ? left : of_block;
        sparse_gradient_rows(p, top, rows);
    }
}
