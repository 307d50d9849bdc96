/* The dense products: a register tile of TILE_ROWS rows by two vectors of C, all of k in
 * one go. The including file defines TILE_ROWS, EACH_TILE_ROW(X) → X(0) … X(TILE_ROWS − 1)
 * and EACH_TILE_HEIGHT(X) → X(1) … X(TILE_ROWS).
 *
 * A is read as broadcasts of single elements, B as vectors: TILE_ROWS elements and two
 * vectors for 2·TILE_ROWS multiply-adds. A panel of B goes through the L1 cache once for
 * each TILE_ROWS rows, which an L2 cache keeps up with. */
#include <string.h>

#include "core/simd_real.h"
#include "nn/gemm.h"
#include "nn/gemm_simd.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum { PANEL = 2 * VR_LANES, PREFETCH = 16 };

/* A share of the panel that follows: row k >> shift of it while row k of B is multiplied. Each
 * tile of a panel fetches another share, so that the next panel comes from far caches in the
 * time of a whole panel and not of its first tile. */
typedef struct share {
    const gkv_real *rows;
    unsigned shift;
} share;

/* The tile's C. `rows` and `vectors` are constants at every call, and so is the one of a_row
 * and a_step that is 1: what is left of the conditions is straight code. With one
 * vector, its lanes outside `lanes` are neither read nor written. */
static ALWAYS_INLINE void tile(size_t rows, size_t vectors, size_t a_row, size_t a_step, const gkv_product *p,
                               const gkv_real *a, const gkv_real *b, const gkv_real *start, gkv_real *c,
                               vr_lanes lanes, share next)
{
    const size_t c_row = p->c_row, b_row = p->b_row, depth = p->k;
#define START(i)                                                                                      \
    vr c##i##_0 = vr_set(0), c##i##_1 = vr_set(0);                                                    \
    if (i < rows && start) {                                                                          \
        c##i##_0 = vectors == 2 ? vr_load(start) : vr_load_lanes(start, lanes);                       \
        if (vectors == 2)                                                                             \
            c##i##_1 = vr_load(start + VR_LANES);                                                     \
        start += p->start_row;                                                                        \
    }                                                                                                 \
    if (i < rows) { /* written at the end, and seldom near */                                         \
        __builtin_prefetch(c + i * c_row, 1);                                                         \
        __builtin_prefetch(c + i * c_row + VR_LANES, 1);                                              \
    }
    EACH_TILE_ROW(START)
#undef START
    for (size_t k = 0; k < depth; k++) {
        const vr b_0 = vectors == 2 ? vr_load(b) : vr_load_lanes(b, lanes);
        const vr b_1 = vectors == 2 ? vr_load(b + VR_LANES) : b_0;
#define STEP(i)                                         \
    if (i < rows) {                                     \
        const vr a_##i = vr_set(a[i * a_row]);          \
        c##i##_0 = vr_fma(a_##i, b_0, c##i##_0);        \
        if (vectors == 2)                               \
            c##i##_1 = vr_fma(a_##i, b_1, c##i##_1);    \
    }
        EACH_TILE_ROW(STEP)
#undef STEP
        /* Rows of B are far apart, or end a page too soon for the hardware to look ahead. */
        __builtin_prefetch(b + PREFETCH * b_row);
        __builtin_prefetch(b + PREFETCH * b_row + VR_LANES);
        __builtin_prefetch(next.rows + (k >> next.shift) * b_row, 0, 2);
        __builtin_prefetch(next.rows + (k >> next.shift) * b_row + VR_LANES, 0, 2);
        a += a_step;
        b += b_row;
    }
#define FINISH(i)                                            \
    if (i < rows) {                                          \
        if (vectors == 2) {                                  \
            vr_store(c + i * c_row, c##i##_0);               \
            vr_store(c + i * c_row + VR_LANES, c##i##_1);    \
        } else {                                             \
            vr_store_lanes(c + i * c_row, lanes, c##i##_0);  \
        }                                                    \
    }
    EACH_TILE_ROW(FINISH)
#undef FINISH
}

/* One function for each height, width, and way of reading A. */
typedef void tile_function(const gkv_product *p, const gkv_real *a, const gkv_real *b, const gkv_real *start,
                           gkv_real *c, vr_lanes lanes, share next);

#define TILE_FUNCTION(name, height, vectors, a_row, a_step)                                                      \
    static void name(const gkv_product *p, const gkv_real *a, const gkv_real *b, const gkv_real *start,          \
                     gkv_real *c, vr_lanes lanes, share next)                                                    \
    {                                                                                                            \
        tile(height, vectors, a_row, a_step, p, a, b, start, c, lanes, next);                                    \
    }
#define TILE_FUNCTIONS(height)                                       \
    TILE_FUNCTION(plain_##height##_1, height, 1, p->a_row, 1)        \
    TILE_FUNCTION(plain_##height##_2, height, 2, p->a_row, 1)        \
    TILE_FUNCTION(transposed_##height##_1, height, 1, 1, p->a_step)  \
    TILE_FUNCTION(transposed_##height##_2, height, 2, 1, p->a_step)
EACH_TILE_HEIGHT(TILE_FUNCTIONS)

#define TILE_ENTRY(height)                                   \
    [height] = {{plain_##height##_1, plain_##height##_2},    \
                {transposed_##height##_1, transposed_##height##_2}},
static tile_function *const tiles[TILE_ROWS + 1][2][2] = {EACH_TILE_HEIGHT(TILE_ENTRY)};

static void multiply(const gkv_product *p)
{
    const size_t heights = (p->m + TILE_ROWS - 1) / TILE_ROWS; /* tiles of about the same height */
    const bool transposed = p->a_step != 1;
    unsigned shift = 0;
    while ((size_t)2 << shift <= heights)
        shift++;
    for (size_t j = 0; j < p->n;) {
        const size_t left = p->n - j, vectors = left >= PANEL ? 2 : 1;
        const vr_lanes lanes = vr_first_lanes(left);
        const gkv_real *next = left > PANEL ? p->b + j + PANEL : p->b;
        for (size_t h = 0; h < heights; h++) {
            const size_t first = h * p->m / heights, end = (h + 1) * p->m / heights;
            const gkv_real *start = p->start ? p->start + first * p->start_row + j : NULL;
            tiles[end - first][transposed][vectors - 1](p, p->a + first * p->a_row, p->b + j, start,
                                                        p->c + first * p->c_row + j, lanes,
                                                        (share){next + h * (p->k >> shift) * p->b_row, shift});
        }
        j += vectors * VR_LANES;
    }
}

/* to[k][i] ← w[i][k] for a vector of columns i; zeros for i ≥ count. */
static void pack_columns(size_t count, size_t depth, const gkv_real *w, size_t w_row, gkv_real *to, size_t to_row)
{
    size_t k = 0;
    for (; count >= VR_LANES && k + VR_LANES <= depth; k += VR_LANES)
        transpose(w + k, w_row, to + k * to_row, to_row);
    for (; k < depth; k++)
        for (size_t i = 0; i < VR_LANES; i++)
            to[k * to_row + i] = i < count ? w[i * w_row + k] : 0;
}

static void pack(size_t count, size_t depth, const gkv_real *w, size_t w_row, gkv_real *to)
{
    const size_t width = gkv_packed_width(PANEL, count);
    for (size_t j = 0; j < width; j += VR_LANES)
        pack_columns(count < j ? 0 : count - j, depth, w + j * w_row, w_row, to + j, width);
}
