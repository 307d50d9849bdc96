/* The dense products. Registers hold a tile of C, TILE_ROWS rows by two vectors, for the whole sum
 * over k.
 *
 * A is read as broadcasts of single elements, and B as vectors. Each step over k reads TILE_ROWS
 * elements and two vectors for 2·TILE_ROWS multiply-adds. A panel of B passes through the L1 cache
 * once for every TILE_ROWS rows of A; an L2 cache is fast enough for that. */
#include "nn/gemm.h"

#ifdef GKV_SIMD_PORTABLE_FILE
const gki_gemm_kernels *gki_gemm_kernels_of(gki_simd level)
{
    return GKV_SIMD_CHOOSE(gki_gemm_kernels, NULL, level);
}
#else

#include <string.h>

#include "core/simd_real.h"
#include "nn/gemm_simd.h"

#ifdef GKV_SIMD_AVX512_FILE
/* 28 of 32 registers hold the tile of C, 2 hold B and 1 an element of A. */
#define TILE_ROWS 14
#define EACH_TILE_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#define EACH_TILE_HEIGHT(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define SPARSE_VECTORS 4
#else
/* 12 of 16 registers hold the tile of C, 2 hold B and 1 an element of A. */
#define TILE_ROWS 6
#define EACH_TILE_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define EACH_TILE_HEIGHT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define SPARSE_VECTORS 8
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum { PANEL = 2 * VR_LANES, PREFETCH = 16 };

/* The part of the next panel that a tile prefetches: row k >> shift of `rows` while row k of B is
 * multiplied. Each tile of a panel prefetches another part. So the next panel is loaded during the
 * whole of this panel, and not during its first tile alone. */
typedef struct next_part {
    const gki_real *rows;
    unsigned shift;
} next_part;

/* Computes one tile of C. At every call `rows` and `vectors` are constants, and so is the one of
 * a_row and a_step that is 1. So the compiler removes the conditions. With one vector, lanes
 * outside `lanes` are neither read nor written. */
static ALWAYS_INLINE void tile(size_t rows, size_t vectors, size_t a_row, size_t a_step,
                               const gki_product *p, const gki_real *a, const gki_real *b,
                               const gki_real *start, gki_real *c, vr_lanes lanes, next_part next)
{
    const size_t c_row = p->c_row, b_row = p->b_row, depth = p->k;
#define START(i)                                                                \
    vr c##i##_0 = vr_set(0), c##i##_1 = vr_set(0);                              \
    if (i < rows && start) {                                                    \
        c##i##_0 = vectors == 2 ? vr_load(start) : vr_load_lanes(start, lanes); \
        if (vectors == 2)                                                       \
            c##i##_1 = vr_load(start + VR_LANES);                               \
        start += p->start_row;                                                  \
    }                                                                           \
    if (i < rows) { /* C is written at the end; it is rarely in a near cache */ \
        __builtin_prefetch(c + i * c_row, 1);                                   \
        __builtin_prefetch(c + i * c_row + VR_LANES, 1);                        \
    }
    EACH_TILE_ROW(START)
#undef START
    for (size_t k = 0; k < depth; k++) {
        const vr b_0 = vectors == 2 ? vr_load(b) : vr_load_lanes(b, lanes);
        const vr b_1 = vectors == 2 ? vr_load(b + VR_LANES) : b_0;
#define STEP(i)                                      \
    if (i < rows) {                                  \
        const vr a_##i = vr_set(a[i * a_row]);       \
        c##i##_0 = vr_fma(a_##i, b_0, c##i##_0);     \
        if (vectors == 2)                            \
            c##i##_1 = vr_fma(a_##i, b_1, c##i##_1); \
    }
        EACH_TILE_ROW(STEP)
#undef STEP
        /* The hardware prefetcher does not follow B: its rows are far apart or cross a page too
         * soon. */
        __builtin_prefetch(b + PREFETCH * b_row);
        __builtin_prefetch(b + PREFETCH * b_row + VR_LANES);
        __builtin_prefetch(next.rows + (k >> next.shift) * b_row, 0, 2);
        __builtin_prefetch(next.rows + (k >> next.shift) * b_row + VR_LANES, 0, 2);
        a += a_step;
        b += b_row;
    }
#define FINISH(i)                                           \
    if (i < rows) {                                         \
        if (vectors == 2) {                                 \
            vr_store(c + i * c_row, c##i##_0);              \
            vr_store(c + i * c_row + VR_LANES, c##i##_1);   \
        } else {                                            \
            vr_store_lanes(c + i * c_row, lanes, c##i##_0); \
        }                                                   \
    }
    EACH_TILE_ROW(FINISH)
#undef FINISH
}

/* One function for each height, each width, and each of the two layouts of A. */
typedef void tile_function(const gki_product *p, const gki_real *a, const gki_real *b,
                           const gki_real *start, gki_real *c, vr_lanes lanes, next_part next);

#define TILE_FUNCTION(name, height, vectors, a_row, a_step)                              \
    static void name(const gki_product *p, const gki_real *a, const gki_real *b,         \
                     const gki_real *start, gki_real *c, vr_lanes lanes, next_part next) \
    {                                                                                    \
        tile(height, vectors, a_row, a_step, p, a, b, start, c, lanes, next);            \
    }
#define TILE_FUNCTIONS(height)                                      \
    TILE_FUNCTION(plain_##height##_1, height, 1, p->a_row, 1)       \
    TILE_FUNCTION(plain_##height##_2, height, 2, p->a_row, 1)       \
    TILE_FUNCTION(transposed_##height##_1, height, 1, 1, p->a_step) \
    TILE_FUNCTION(transposed_##height##_2, height, 2, 1, p->a_step)
EACH_TILE_HEIGHT(TILE_FUNCTIONS)

#define TILE_ENTRY(height)                                \
    [height] = {{plain_##height##_1, plain_##height##_2}, \
                {transposed_##height##_1, transposed_##height##_2}},
static tile_function *const tiles[TILE_ROWS + 1][2][2] = {EACH_TILE_HEIGHT(TILE_ENTRY)};

static void multiply(const gki_product *p)
{
    /* number of tiles, of about equal heights */
    const size_t heights = (p->m + TILE_ROWS - 1) / TILE_ROWS;
    const bool transposed = p->a_step != 1;
    unsigned shift = 0;
    while ((size_t)2 << shift <= heights)
        shift++;
    for (size_t j = 0; j < p->n;) {
        const size_t left = p->n - j, vectors = left >= PANEL ? 2 : 1;
        const vr_lanes lanes = vr_first_lanes(left);
        const gki_real *next = left > PANEL ? p->b + j + PANEL : p->b;
        for (size_t h = 0; h < heights; h++) {
            const size_t first = h * p->m / heights, end = (h + 1) * p->m / heights;
            const gki_real *start = p->start ? p->start + first * p->start_row + j : NULL;
            tiles[end - first][transposed][vectors - 1](
                p, p->a + first * p->a_row, p->b + j, start, p->c + first * p->c_row + j, lanes,
                (next_part){next + h * (p->k >> shift) * p->b_row, shift});
        }
        j += vectors * VR_LANES;
    }
}

/* to[k][i] ← w[i][k] for VR_LANES columns i, with zeros for i ≥ count. */
static void pack_columns(size_t count, size_t depth, const gki_real *w, size_t w_row, gki_real *to,
                         size_t to_row)
{
    size_t k = 0;
    for (; count >= VR_LANES && k + VR_LANES <= depth; k += VR_LANES)
        transpose(w + k, w_row, to + k * to_row, to_row);
    for (; k < depth; k++)
        for (size_t i = 0; i < VR_LANES; i++)
            to[k * to_row + i] = i < count ? w[i * w_row + k] : 0;
}

static void pack(size_t count, size_t depth, const gki_real *w, size_t w_row, gki_real *to)
{
    const size_t width = gki_packed_width(PANEL, count);
    for (size_t j = 0; j < width; j += VR_LANES)
        pack_columns(count < j ? 0 : count - j, depth, w + j * w_row, w_row, to + j, width);
}

#include "nn/sparse_kernels.h"

GKV_SIMD_TABLE(gki_gemm_kernels, .panel = PANEL, .multiply = multiply, .pack = pack,
               .sparse_multiply = sparse_multiply, .sparse_gradient = sparse_gradient);
#endif
