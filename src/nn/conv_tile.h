/* The product of map_kernels.h for AVX2 and AVX-512; part of map_kernels.c. Registers hold a tile
 * of C for the whole sum. A is read as broadcasts of single elements, and B as vectors. */
#include "nn/gemm_simd.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* The heights of tiles of one, two and three vectors: the sums, the vectors of B and an element of
 * A fill the registers. */
#ifdef GKV_SIMD_AVX512_FILE
enum { TALLEST = 14 };
#define EACH_HEIGHT_1(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define EACH_HEIGHT_2(X) EACH_HEIGHT_1(X)
#define EACH_HEIGHT_3(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
static const size_t tallest[] = {0, 14, 14, 9};
#else
enum { TALLEST = 12 };
#define EACH_HEIGHT_1(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define EACH_HEIGHT_2(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define EACH_HEIGHT_3(X) X(1) X(2) X(3) X(4)
static const size_t tallest[] = {0, 12, 6, 4};
#endif
enum { WIDEST = 3 };

/* Computes one tile of C. At every call `rows` and `vectors` are constants, and so is the one of
 * a_row and a_step that is 1. With one vector, lanes outside `lanes` are neither read nor
 * written. */
static ALWAYS_INLINE void tile(const size_t rows, const size_t vectors, const size_t a_row,
                               const size_t a_step, const gki_conv_product *p, size_t i, size_t j,
                               const vr_lanes lanes)
{
    vr sums[TALLEST][WIDEST];
    UNROLL
    for (size_t v = 0; v < vectors; v++) {
        vr first = vr_set(0);
        if (p->bias)
            first = vectors > 1 ? vr_load(p->bias + j + v * VR_LANES)
                                : vr_load_lanes(p->bias + j, lanes);
        UNROLL
        for (size_t r = 0; r < rows; r++)
            sums[r][v] = first;
    }
    if (p->start) {
        const gki_real *start = p->start + i * p->start_row + j;
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            UNROLL
            for (size_t v = 0; v < vectors; v++) {
                const gki_real *input = start + r * p->start_row + v * VR_LANES;
                const vr here = vectors > 1 ? vr_load(input) : vr_load_lanes(input, lanes);
                sums[r][v] = sums[r][v] + here;
            }
        }
    }
    for (size_t g = 0; g < p->groups; g++)
        for (size_t s = 0; s < p->segments; s++) {
            const gki_real *a = p->a + i * p->a_row + s * p->a_segment + g * p->a_group;
            const gki_real *b = p->b + j + s * p->b_segment + g * p->b_group;
            for (size_t k = 0; k < p->k; k++, a += a_step, b += p->b_row) {
                vr row[WIDEST];
                UNROLL
                for (size_t v = 0; v < vectors; v++)
                    row[v] = vectors > 1 ? vr_load(b + v * VR_LANES) : vr_load_lanes(b, lanes);
                UNROLL
                for (size_t r = 0; r < rows; r++) {
                    const vr factor = vr_set(a[r * a_row]);
                    UNROLL
                    for (size_t v = 0; v < vectors; v++)
                        sums[r][v] = vr_fma(factor, row[v], sums[r][v]);
                }
            }
        }
    gki_real *c = p->c + i * p->c_row + j;
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t v = 0; v < vectors; v++) {
            if (vectors > 1)
                vr_store(c + r * p->c_row + v * VR_LANES, sums[r][v]);
            else
                vr_store_lanes(c + r * p->c_row, lanes, sums[r][v]);
        }
    }
}

/* One function for each height, each width, and each of the two layouts of A. */
typedef void tile_function(const gki_conv_product *p, size_t i, size_t j, vr_lanes lanes);

#define TILE(name, height, vectors, a_row, a_step)                                  \
    static void name(const gki_conv_product *p, size_t i, size_t j, vr_lanes lanes) \
    {                                                                               \
        tile(height, vectors, a_row, a_step, p, i, j, lanes);                       \
    }
#define TILES_1(height)                            \
    TILE(plain_1_##height, height, 1, p->a_row, 1) \
    TILE(transposed_1_##height, height, 1, 1, p->a_step)
#define TILES_2(height)                            \
    TILE(plain_2_##height, height, 2, p->a_row, 1) \
    TILE(transposed_2_##height, height, 2, 1, p->a_step)
#define TILES_3(height)                            \
    TILE(plain_3_##height, height, 3, p->a_row, 1) \
    TILE(transposed_3_##height, height, 3, 1, p->a_step)
EACH_HEIGHT_1(TILES_1)
EACH_HEIGHT_2(TILES_2)
EACH_HEIGHT_3(TILES_3)

#define PLAIN_1(height) [height] = plain_1_##height,
#define PLAIN_2(height) [height] = plain_2_##height,
#define PLAIN_3(height) [height] = plain_3_##height,
#define TRANSPOSED_1(height) [height] = transposed_1_##height,
#define TRANSPOSED_2(height) [height] = transposed_2_##height,
#define TRANSPOSED_3(height) [height] = transposed_3_##height,
static tile_function *const tiles[2][WIDEST + 1][TALLEST + 1] = {
    {{NULL}, {EACH_HEIGHT_1(PLAIN_1)}, {EACH_HEIGHT_2(PLAIN_2)}, {EACH_HEIGHT_3(PLAIN_3)}},
    {{NULL},
     {EACH_HEIGHT_1(TRANSPOSED_1)},
     {EACH_HEIGHT_2(TRANSPOSED_2)},
     {EACH_HEIGHT_3(TRANSPOSED_3)}},
};

/* The vectors of the next tile, if so many columns are left: four are two and two. */
static size_t vectors_of(size_t columns)
{
    const size_t whole = columns / VR_LANES;
    return whole == 0 ? 1 : whole == WIDEST + 1 ? 2 : whole < WIDEST ? whole : WIDEST;
}

static void multiply(const gki_conv_product *p)
{
    tile_function *const(*layout)[TALLEST + 1] = tiles[p->a_step != 1];
    for (size_t j = 0, vectors; j < p->n; j += vectors * VR_LANES) {
        vectors = vectors_of(p->n - j);
        /* tiles of about equal heights */
        const size_t most = tallest[vectors], count = (p->m + most - 1) / most;
        const vr_lanes lanes = vr_first_lanes(p->n - j);
        for (size_t t = 0; t < count; t++) {
            const size_t first = t * p->m / count, end = (t + 1) * p->m / count;
            layout[vectors][end - first](p, first, j, lanes);
        }
    }
}
