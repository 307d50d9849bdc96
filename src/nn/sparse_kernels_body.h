/* Products with an input of mostly zeros, as binarized images are: only what is not zero
 * is multiplied. Follows gemm_kernels_body.h in the same file; the including file defines
 * SPARSE_VECTORS, so that as many sums are on their way as hide a multiply-add's latency. */
enum {
    SPARSE_DEPTH = 128, /* inputs whose weights stay in an L1 cache */
    SPARSE_TILE = 64,   /* rows whose lists do */
    SPARSE_PANEL = SPARSE_VECTORS * VR_LANES,
    LIST_VECTORS = SPARSE_VECTORS / 2, /* a panel of gradients is GKV_SPARSE_ROWS long */
    LIST_PANEL = LIST_VECTORS * VR_LANES
};

/* What is not zero of x[0 … n), in order. */
static size_t list_nonzeros(size_t n, const gkv_real *x, gkv_nonzero *list)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i += VR_LANES) {
        unsigned found = vr_nonzero(vr_load_lanes(x + i, vr_first_lanes(n - i)));
        for (; found; found &= found - 1) {
            const size_t place = i + (size_t)__builtin_ctz(found);
            list[count++] = (gkv_nonzero){(uint32_t)place, x[place]};
        }
    }
    return count;
}

/* sum += Σ value · row `place` of the panel. */
static ALWAYS_INLINE void add_listed(size_t vectors, size_t count, const gkv_nonzero *list, const gkv_real *panel,
                                     vr *sum)
{
    for (size_t i = 0; i < count; i++) {
        const vr value = vr_set(list[i].value);
        const gkv_real *row = panel + list[i].place * vectors * VR_LANES;
        for (size_t v = 0; v < vectors; v++)
            sum[v] = vr_fma(value, vr_load(row + v * VR_LANES), sum[v]);
    }
}

/* A block of inputs times `vectors` vectors of outputs, for a tile of rows. Each element of
 * Y takes the mean's share of the block, then its own inputs in order. */
static ALWAYS_INLINE void sparse_block(size_t vectors, const gkv_sparse_product *p, size_t rows, size_t first,
                                       size_t depth, size_t j, const size_t *counts,
                                       gkv_nonzero (*lists)[SPARSE_DEPTH], gkv_real *y)
{
    gkv_real panel[SPARSE_DEPTH * SPARSE_PANEL] __attribute__((aligned(64)));
    const vr_lanes lanes = vr_first_lanes(p->out - j); /* matters to a single vector only */
    vr mean[SPARSE_VECTORS], sum[SPARSE_VECTORS];
    for (size_t v = 0; v < vectors; v++) {
        pack_columns(p->out - j - v * VR_LANES, depth, p->weight + (j + v * VR_LANES) * p->in + first, p->in,
                     panel + v * VR_LANES, vectors * VR_LANES);
        mean[v] = vr_set(0);
    }
    for (size_t k = 0; k < depth; k++)
        for (size_t v = 0; v < vectors; v++)
            mean[v] = vr_fma(vr_set(-p->mean[first + k]), vr_load(panel + (k * vectors + v) * VR_LANES), mean[v]);
    for (size_t r = 0; r < rows; r++) {
        gkv_real *row = y + r * p->out + j;
        for (size_t v = 0; v < vectors; v++)
            sum[v] = mean[v] + (vectors == 1 ? vr_load_lanes(row, lanes) : vr_load(row + v * VR_LANES));
        add_listed(vectors, counts[r], lists[r], panel, sum);
        for (size_t v = 0; v < vectors; v++) {
            if (vectors == 1)
                vr_store_lanes(row, lanes, sum[v]);
            else
                vr_store(row + v * VR_LANES, sum[v]);
        }
    }
}

static void sparse_multiply(const gkv_sparse_product *p)
{
    gkv_nonzero lists[SPARSE_TILE][SPARSE_DEPTH];
    size_t counts[SPARSE_TILE];
    for (size_t top = 0; top < p->rows; top += SPARSE_TILE) {
        const size_t rows = p->rows - top < SPARSE_TILE ? p->rows - top : SPARSE_TILE;
        for (size_t first = 0; first < p->in; first += SPARSE_DEPTH) {
            const size_t depth = p->in - first < SPARSE_DEPTH ? p->in - first : SPARSE_DEPTH;
            for (size_t r = 0; r < rows; r++)
                counts[r] = list_nonzeros(depth, p->x + (top + r) * p->in + first, lists[r]);
            size_t j = 0;
            for (; j + SPARSE_PANEL <= p->out; j += SPARSE_PANEL)
                sparse_block(SPARSE_VECTORS, p, rows, first, depth, j, counts, lists, p->y + top * p->out);
            for (; j < p->out; j += VR_LANES)
                sparse_block(1, p, rows, first, depth, j, counts, lists, p->y + top * p->out);
        }
    }
}

/* Lists of what is not zero of `columns` ≤ VR_LANES columns of x, each in order of rows. */
static void list_columns(size_t rows, size_t columns, const gkv_real *x, size_t x_row, gkv_nonzero *lists,
                         size_t list_size, size_t *counts)
{
    enum { WORD = 30 }; /* rows whose bits are collected, all columns at once, before they are counted out */
    const vr_lanes lanes = vr_first_lanes(columns);
    memset(counts, 0, columns * sizeof *counts);
    for (size_t top = 0; top < rows; top += WORD) {
        const size_t end = rows - top < WORD ? rows : top + WORD;
        vr_bits bits = {0}, bit = -(vr_bits)(vr_set(0) == vr_set(0)); /* true is −1 */
        for (size_t r = top; r < end; r++, bit += bit)
            bits |= (vr_bits)(vr_load_lanes(x + r * x_row, lanes) != vr_set(0)) & bit;
        for (size_t i = 0; i < columns; i++) {
            gkv_nonzero *list = lists + i * list_size + counts[i];
            for (unsigned word = (unsigned)bits[i]; word; word &= word - 1) {
                const size_t r = top + (size_t)__builtin_ctz(word);
                *list++ = (gkv_nonzero){(uint32_t)r, x[r * x_row + i]};
            }
            counts[i] = (size_t)(list - (lists + i * list_size));
        }
    }
}

/* to[j][i] ← from[i][j] for i < columns ≤ VR_LANES, j < rows ≤ VR_LANES. */
static void transpose_part(size_t columns, size_t rows, const gkv_real *from, size_t from_row, gkv_real *to,
                           size_t to_row)
{
    if (columns == VR_LANES && rows == VR_LANES) {
        transpose(from, from_row, to, to_row);
        return;
    }
    for (size_t j = 0; j < rows; j++)
        for (size_t i = 0; i < columns; i++)
            to[j * to_row + i] = from[i * from_row + j];
}

/* Columns [j, j + LIST_PANEL) of d_y, zeros beyond its last, and their sums over the rows. */
static void load_panel(const gkv_sparse_gradient *p, size_t top, size_t rows, size_t j, gkv_real *panel, vr *sums)
{
    vr_lanes lanes[LIST_VECTORS];
    for (size_t v = 0; v < LIST_VECTORS; v++) {
        sums[v] = vr_set(0);
        lanes[v] = vr_first_lanes(j + v * VR_LANES < p->out ? p->out - j - v * VR_LANES : 0);
    }
    for (size_t r = 0; r < rows; r++) {
        const gkv_real *d_y = p->d_y + (top + r) * p->out + j;
        for (size_t v = 0; v < LIST_VECTORS; v++) {
            const vr d = vr_load_lanes(d_y + v * VR_LANES, lanes[v]);
            vr_store(panel + r * LIST_PANEL + v * VR_LANES, d);
            sums[v] = sums[v] + d;
        }
    }
}

/* block[k][o] ↔ d_weight[j + o][i + k] for `columns` inputs k and a panel of outputs o. */
static void move_block(const gkv_sparse_gradient *p, bool store, size_t j, size_t i, size_t columns, gkv_real *block)
{
    for (size_t v = 0; v < LIST_VECTORS && j + v * VR_LANES < p->out; v++) {
        const size_t place = j + v * VR_LANES, left = p->out - place, outputs = left < VR_LANES ? left : VR_LANES;
        gkv_real *d_weight = p->d_weight + place * p->in + p->first + i, *column = block + v * VR_LANES;
        if (store)
            transpose_part(columns, outputs, column, LIST_PANEL, d_weight, p->in);
        else
            transpose_part(outputs, columns, d_weight, p->in, column, LIST_PANEL);
    }
}

/* Up to GKV_SPARSE_ROWS rows of the batch, from `top`: the first overwrite d_weight, others
 * add to it. */
static void sparse_gradient_rows(const gkv_sparse_gradient *p, size_t top, size_t rows)
{
    gkv_real panel[GKV_SPARSE_ROWS * LIST_PANEL] __attribute__((aligned(64)));
    gkv_real block[VR_LANES * LIST_PANEL] __attribute__((aligned(64)));
    size_t counts[GKV_SPARSE_COLUMNS];
    for (size_t i = 0; i < p->count; i += VR_LANES)
        list_columns(rows, p->count - i < VR_LANES ? p->count - i : VR_LANES,
                     p->x + top * p->in + p->first + i, p->in, p->lists + i * rows, rows, counts + i);
    for (size_t j = 0; j < p->out; j += LIST_PANEL) {
        vr sums[LIST_VECTORS];
        load_panel(p, top, rows, j, panel, sums);
        for (size_t i = 0; i < p->count; i += VR_LANES) {
            const size_t columns = p->count - i < VR_LANES ? p->count - i : VR_LANES;
            if (top > 0)
                move_block(p, false, j, i, columns, block);
            for (size_t k = 0; k < columns; k++) {
                gkv_real *to = block + k * LIST_PANEL;
                vr sum[LIST_VECTORS];
                for (size_t v = 0; v < LIST_VECTORS; v++)
                    sum[v] = vr_fma(vr_set(-p->mean[p->first + i + k]), sums[v],
                                    top > 0 ? vr_load(to + v * VR_LANES) : vr_set(0));
                add_listed(LIST_VECTORS, counts[i + k], p->lists + (i + k) * rows, panel, sum);
                for (size_t v = 0; v < LIST_VECTORS; v++)
                    vr_store(to + v * VR_LANES, sum[v]);
            }
            move_block(p, true, j, i, columns, block);
        }
    }
}

static void sparse_gradient(const gkv_sparse_gradient *p)
{
    for (size_t top = 0; top < p->rows; top += GKV_SPARSE_ROWS)
        sparse_gradient_rows(p, top, p->rows - top < GKV_SPARSE_ROWS ? p->rows - top : GKV_SPARSE_ROWS);
}

#define GKV_GEMM_KERNELS_TABLE                                                                              \
    {                                                                                                       \
        .panel = PANEL, .multiply = multiply, .pack = pack, .sparse_multiply = sparse_multiply,             \
        .sparse_gradient = sparse_gradient                                                                  \
    }
