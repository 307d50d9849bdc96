/* The product of AVX2 and AVX-512, for both numeric types (core/both_types.h); part of
 * product_kernels.c. Registers hold a tile of C, TILE_ROWS rows by two vectors, for the whole sum
 * over k.
 *
 * A is read as broadcasts of single elements, and B as vectors. Each step over k reads TILE_ROWS
 * elements and two vectors for 2·TILE_ROWS multiply-adds. A panel of B passes through the L1 cache
 * once for every TILE_ROWS rows of A; an L2 cache is fast enough for that. */

/* The part of the next panel that a tile prefetches: row k >> shift of `rows` while row k of B is
 * multiplied. Each tile of a panel prefetches another part. So the next panel is loaded during the
 * whole of this panel, and not during its first tile alone. */
typedef struct S(next_part) {
    const REAL *rows;
    unsigned shift;
} S(next_part);

/* Computes one tile of C. At every call `rows` and `vectors` are constants, and so is the one of
 * a_row and a_step that is 1. So the compiler removes the conditions. With one vector, lanes
 * outside `lanes` are neither read nor written. */
static inline __attribute__((always_inline)) void S(tile)(size_t rows, size_t vectors, size_t a_row,
                                                          size_t a_step, const S(gki_product) * p,
                                                          const REAL *a, const REAL *b,
                                                          const REAL *start, REAL *c,
                                                          F(lanes) lanes, S(next_part) next)
{
    const size_t c_row = p->c_row, b_row = p->b_row, depth = p->k;
#define START(i)                                                                \
    V c##i##_0 = F(set)(0), c##i##_1 = F(set)(0);                               \
    if (i < rows && start) {                                                    \
        c##i##_0 = vectors == 2 ? F(load)(start) : F(load_lanes)(start, lanes); \
        if (vectors == 2)                                                       \
            c##i##_1 = F(load)(start + LANES);                                  \
        start += p->start_row;                                                  \
    }                                                                           \
    if (i < rows) { /* C is written at the end; it is rarely in a near cache */ \
        __builtin_prefetch(c + i * c_row, 1);                                   \
        __builtin_prefetch(c + i * c_row + LANES, 1);                           \
    }
    EACH_TILE_ROW(START)
#undef START
    for (size_t k = 0; k < depth; k++) {
        const V b_0 = vectors == 2 ? F(load)(b) : F(load_lanes)(b, lanes);
        const V b_1 = vectors == 2 ? F(load)(b + LANES) : b_0;
#define STEP(i)                                      \
    if (i < rows) {                                  \
        const V a_##i = F(set)(a[i * a_row]);        \
        c##i##_0 = F(fma)(a_##i, b_0, c##i##_0);     \
        if (vectors == 2)                            \
            c##i##_1 = F(fma)(a_##i, b_1, c##i##_1); \
    }
        EACH_TILE_ROW(STEP)
#undef STEP
        /* The hardware prefetcher does not follow B: its rows are far apart or cross a page too
         * soon. */
        __builtin_prefetch(b + PREFETCH * b_row);
        __builtin_prefetch(b + PREFETCH * b_row + LANES);
        __builtin_prefetch(next.rows + (k >> next.shift) * b_row, 0, 2);
        __builtin_prefetch(next.rows + (k >> next.shift) * b_row + LANES, 0, 2);
        a += a_step;
        b += b_row;
    }
#define FINISH(i)                                           \
    if (i < rows) {                                         \
        if (vectors == 2) {                                 \
            F(store)(c + i * c_row, c##i##_0);              \
            F(store)(c + i * c_row + LANES, c##i##_1);      \
        } else {                                            \
            F(store_lanes)(c + i * c_row, lanes, c##i##_0); \
        }                                                   \
    }
    EACH_TILE_ROW(FINISH)
#undef FINISH
}

/* One function for each height, each width, and each of the two layouts of A. */
typedef void S(tile_function)(const S(gki_product) * p, const REAL *a, const REAL *b,
                              const REAL *start, REAL *c, F(lanes) lanes, S(next_part) next);

#define TILE_FUNCTION(name, height, vectors, a_row, a_step)                                     \
    static void name(const S(gki_product) * p, const REAL *a, const REAL *b, const REAL *start, \
                     REAL *c, F(lanes) lanes, S(next_part) next)                                \
    {                                                                                           \
        S(tile)(height, vectors, a_row, a_step, p, a, b, start, c, lanes, next);                \
    }
#define TILE_FUNCTIONS(height)                                         \
    TILE_FUNCTION(S(plain_##height##_1), height, 1, p->a_row, 1)       \
    TILE_FUNCTION(S(plain_##height##_2), height, 2, p->a_row, 1)       \
    TILE_FUNCTION(S(transposed_##height##_1), height, 1, 1, p->a_step) \
    TILE_FUNCTION(S(transposed_##height##_2), height, 2, 1, p->a_step)
EACH_TILE_HEIGHT(TILE_FUNCTIONS)

#define TILE_ENTRY(height)                                      \
    [height] = {{S(plain_##height##_1), S(plain_##height##_2)}, \
                {S(transposed_##height##_1), S(transposed_##height##_2)}},
#define TILES S(tiles)
static S(tile_function) *const TILES[TILE_ROWS + 1][2][2] = {EACH_TILE_HEIGHT(TILE_ENTRY)};
#undef TILE_FUNCTION
#undef TILE_FUNCTIONS
#undef TILE_ENTRY

static void S(multiply)(const S(gki_product) * p)
{
    /* number of tiles, of about equal heights */
    const size_t heights = (p->m + TILE_ROWS - 1) / TILE_ROWS;
    const bool transposed = p->a_step != 1;
    unsigned shift = 0;
    while ((size_t)2 << shift <= heights)
        shift++;
    for (size_t j = 0; j < p->n;) {
        const size_t left = p->n - j, vectors = left >= 2 * LANES ? 2 : 1;
        const F(lanes) lanes = F(first_lanes)(left);
        const REAL *next = left > 2 * LANES ? p->b + j + 2 * LANES : p->b;
        for (size_t h = 0; h < heights; h++) {
            const size_t first = h * p->m / heights, end = (h + 1) * p->m / heights;
            const REAL *start = p->start ? p->start + first * p->start_row + j : NULL;
            TILES[end - first][transposed][vectors - 1](
                p, p->a + first * p->a_row, p->b + j, start, p->c + first * p->c_row + j, lanes,
                (S(next_part)){next + h * (p->k >> shift) * p->b_row, shift});
        }
        j += vectors * LANES;
    }
}
#undef TILES
