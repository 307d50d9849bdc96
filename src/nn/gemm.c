#include "nn/gemm.h"
#include "nn/blas.h"

#include <string.h>

enum {
    PACK_DEPTH = 256,    /* rows of a panel that is packed within a product: it fills an L1 cache */
    PACK_PANEL = 32,     /* columns of the widest panel */
    PORTABLE_PANEL = 16, /* columns of a panel without kernels */
    PACK_PIECE = 65536,  /* elements of a piece of packing, roughly */
    CENTRED = 8192,      /* most elements of the input that are centred at a time */
    SUMS = 64            /* most columns of gradients that are summed at a time */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t gki_packed_size(size_t out, size_t in)
{
    return (out + PACK_PANEL - 1) / PACK_PANEL * PACK_PANEL * in;
}

/* The number of columns of a piece, which is made of whole panels. */
static size_t piece_columns(size_t in)
{
    const size_t panels = PACK_PIECE / PACK_PANEL / in;
    return PACK_PANEL * (panels ? panels : 1);
}

size_t gki_pack_pieces(size_t out, size_t in)
{
    const size_t columns = piece_columns(in);
    return (out + columns - 1) / columns;
}

void gki_pack_piece(const gki_gemm_kernels *kernels, size_t out, size_t in, const gki_real *weight,
                    size_t piece, bool streams, gki_real *packed)
{
    const size_t first = piece * piece_columns(in), end = least(out, first + piece_columns(in));
    for (size_t j = first; j < end; j += kernels->panel)
        (streams ? kernels->pack_streaming : kernels->pack)(least(kernels->panel, out - j), in,
                                                            weight + j * in, in, packed + j * in);
}

static const gki_product_kernels *products_of(const gki_gemm_kernels *kernels)
{
    return kernels ? kernels->products : &gki_product_kernels_portable;
}

void gki_gemm_product(const gki_gemm_kernels *kernels, const gki_product *p)
{
    const bool plain = p->a_step == 1;
    /* If A is one row, both steps may be 1. BLAS refuses a row distance below k. */
    const size_t whole_row = p->a_row < p->k ? p->k : p->a_row;
    if (kernels ||
        !gki_blas_product(!plain, false, p->m, p->n, p->k, 1, p->a, plain ? whole_row : p->a_step,
                          p->b, p->b_row, p->start ? 1 : 0, p->c, p->c_row))
        products_of(kernels)->GKV_MULTIPLY(p);
}

/* Packs as gki_gemm_kernels.pack does, for a panel of PORTABLE_PANEL columns. */
static void pack_portable(size_t count, size_t depth, const gki_real *w, size_t w_row,
                          gki_real *out)
{
    const size_t width = gki_packed_width(PORTABLE_PANEL, count);
    for (size_t k = 0; k < depth; k++)
        for (size_t j = 0; j < width; j++)
            out[k * width + j] = j < count ? w[j * w_row + k] : 0;
}

/* The forward product by OpenBLAS. Returns false if it cannot be loaded. */
static bool forward_by_blas(size_t rows, size_t out, size_t depth, const gki_real *x, size_t x_row,
                            const gki_real *w, size_t w_row, const gki_real *bias, gki_real *y)
{
    for (size_t r = 0; bias && r < rows; r++)
        memcpy(y + r * out, bias, out * sizeof *y);
    return gki_blas_product(false, true, rows, out, depth, 1, x, x_row, w, w_row, 1, y, out);
}

/* Y = X Wᵀ + 1 biasᵀ, or Y += X Wᵀ if `bias` is NULL, over `depth` columns of X and W. Their rows
 * are x_row and w_row elements apart. */
static void forward(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t depth,
                    const gki_real *x, size_t x_row, const gki_real *w, size_t w_row,
                    const gki_real *packed, const gki_real *bias, gki_real *y)
{
    if (!kernels && forward_by_blas(rows, out, depth, x, x_row, w, w_row, bias, y))
        return;
    const gki_product_kernels *products = products_of(kernels);
    const size_t whole = kernels ? kernels->panel : PORTABLE_PANEL;
    gki_real panel[PACK_DEPTH * PACK_PANEL] __attribute__((aligned(64)));
    for (size_t j = 0; j < out; j += whole) {
        const size_t columns = least(whole, out - j), width = gki_packed_width(whole, columns);
        gki_product product = {.m = rows,
                               .n = columns,
                               .k = depth,
                               .a = x,
                               .a_row = x_row,
                               .a_step = 1,
                               .b = packed,
                               .b_row = width,
                               .c = y + j,
                               .c_row = out,
                               .start = bias ? bias + j : y + j,
                               .start_row = bias ? 0 : out};
        if (packed) {
            product.b += j * depth;
            products->GKV_MULTIPLY(&product);
            continue;
        }
        product.b = panel;
        for (size_t first = 0; first < depth; first += PACK_DEPTH) {
            product.k = least(PACK_DEPTH, depth - first);
            product.a = x + first;
            (kernels ? kernels->pack : pack_portable)(columns, product.k, w + j * w_row + first,
                                                      w_row, panel);
            products->GKV_MULTIPLY(&product);
            product.start = product.c;
            product.start_row = out;
        }
    }
}

void gki_gemm_forward(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t in,
                      const gki_real *x, const gki_real *weight, const gki_real *packed,
                      const gki_real *bias, gki_real *y)
{
    forward(kernels, rows, out, in, x, in, weight, in, packed, bias, y);
}

void gki_gemm_backward(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t in,
                       const gki_real *d_y, const gki_real *weight, gki_real *d_x)
{
    gki_gemm_product(kernels, &(gki_product){.m = rows,
                                             .n = in,
                                             .k = out,
                                             .a = d_y,
                                             .a_row = out,
                                             .a_step = 1,
                                             .b = weight,
                                             .b_row = in,
                                             .c = d_x,
                                             .c_row = in});
}

/* Computes columns [column, column + columns) of rows [first, first + count) of dW = dYᵀ X, or adds
 * them to dW. */
static void gradient(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t in,
                     size_t first, size_t count, size_t column, size_t columns, const gki_real *d_y,
                     const gki_real *x, bool adds, gki_real *d_weight)
{
    gki_real *sums = d_weight + first * in + column;
    gki_gemm_product(kernels, &(gki_product){.m = count,
                                             .n = columns,
                                             .k = rows,
                                             .a = d_y + first,
                                             .a_row = 1,
                                             .a_step = out,
                                             .b = x + column,
                                             .b_row = in,
                                             .c = sums,
                                             .c_row = in,
                                             .start = adds ? sums : NULL,
                                             .start_row = in});
}

void gki_gemm_gradient(const gki_gemm_kernels *kernels, size_t rows, size_t out, size_t in,
                       size_t first, size_t count, const gki_real *d_y, const gki_real *x,
                       bool adds, gki_real *d_weight)
{
    gradient(kernels, rows, out, in, first, count, 0, in, d_y, x, adds, d_weight);
}

/* True if lists of nonzero inputs are faster than a dense product. The mean estimates the fraction
 * of nonzero inputs: it equals that fraction for binary inputs, and is at most that fraction for
 * inputs in [0, 1]. */
static bool worth_lists(size_t in, const gki_real *mean)
{
    double sum = 0;
    for (size_t i = 0; i < in; i++)
        sum += (double)mean[i];
    return sum <= 0.25 * (double)in;
}

void gki_sparse_forward(const gki_gemm_kernels *kernels, const gki_sparse_product *p)
{
    if (kernels && worth_lists(p->in, p->mean)) {
        kernels->sparse_multiply(p);
        return;
    }
    gki_real centred[CENTRED]; /* a block of X − 1 meanᵀ */
    const size_t depth = least(p->in, CENTRED / 64), tile = CENTRED / depth;
    for (size_t top = 0; top < p->rows; top += tile) {
        const size_t rows = least(tile, p->rows - top);
        for (size_t first = 0; first < p->in; first += depth) {
            const size_t count = least(depth, p->in - first);
            for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < count; i++)
                    centred[r * count + i] =
                        p->x[(top + r) * p->in + first + i] - p->mean[first + i];
            forward(kernels, rows, p->out, count, centred, count, p->weight + first, p->in, NULL,
                    first == 0 ? p->bias : NULL, p->y + top * p->out);
        }
    }
}

void gki_sparse_weight_gradient(const gki_gemm_kernels *kernels, const gki_sparse_gradient *p)
{
    if (kernels && worth_lists(p->in, p->mean)) {
        kernels->sparse_gradient(p);
        return;
    }
    gradient(kernels, p->rows, p->out, p->in, 0, p->out, p->first, p->count, p->d_y, p->x,
             p->before > 0, p->d_weight);
    const gki_real *d_y = p->batch_d_y ? p->batch_d_y : p->d_y;
    const size_t batch = p->batch_d_y ? p->batch_rows : p->rows;
    if (p->before + p->rows < batch)
        return; /* the last rows subtract the term of the mean */
    for (size_t top = 0; top < p->out; top += SUMS) { /* subtracts d_yᵀ 1 meanᵀ */
        const size_t count = least(SUMS, p->out - top);
        gki_real sums[SUMS] = {0};
        for (size_t r = 0; r < batch; r++)
            for (size_t o = 0; o < count; o++)
                sums[o] += d_y[r * p->out + top + o];
        for (size_t o = 0; o < count; o++)
            for (size_t i = p->first; i < p->first + p->count; i++)
                p->d_weight[(top + o) * p->in + i] -= sums[o] * p->mean[i];
    }
}
