/* The kernels of pairs.h. Registers hold a tile of TILE_ROWS rows by TILE_VECTORS vectors. A panel
 * has the rows of TILE_VECTORS vectors, which is a multiple of TILE_ROWS. */
#include "core/simd_types.h"
#include "metrics/pairs.h"

#if defined(GKV_SIMD_AVX512_FILE)
enum { TILE_ROWS = 8, TILE_VECTORS = 3 }; /* 24 of 32 registers hold the tile and 3 hold columns */
#elif defined(GKV_SIMD_AVX2_FILE)
/* 12 of 16 registers hold the tile, 3 columns and 1 an element of a row */
enum { TILE_ROWS = 4, TILE_VECTORS = 3 };
#else
enum { TILE_ROWS = 4, TILE_VECTORS = 4 };
#endif

enum { PANEL = TILE_VECTORS * VD_LANES };

_Static_assert(PANEL % TILE_ROWS == 0, "a panel consists of whole groups of rows");
_Static_assert(GKV_PAIRS_ROWS % PANEL == 0 && GKV_PAIRS_COLUMNS % PANEL == 0,
               "a tile consists of whole panels");

static void pack(size_t count, size_t d, const float *x, const uint32_t *index, double *panels,
                 double *norms)
{
    for (size_t i = 0; i < count; i++) {
        const float *row = x + (index ? index[i] : i) * d;
        double *element = panels + i / PANEL * PANEL * d + i % PANEL;
        double norm = 0;
        for (size_t k = 0; k < d; k++) {
            const double value = (double)row[k];
            element[k * PANEL] = value;
            norm = fma(value, value, norm);
        }
        norms[i] = norm;
    }
}

/* Computes the products of TILE_ROWS rows of a panel with a whole panel. */
static inline void tile(size_t d, const double *a, const double *b, double *c)
{
    vd sums[TILE_ROWS][TILE_VECTORS];
    for (size_t i = 0; i < TILE_ROWS; i++)
        for (size_t v = 0; v < TILE_VECTORS; v++)
            sums[i][v] = vd_set(0);
    for (size_t k = 0; k < d; k++) {
        vd columns[TILE_VECTORS];
        for (size_t v = 0; v < TILE_VECTORS; v++)
            columns[v] = vd_load(b + v * VD_LANES);
        for (size_t i = 0; i < TILE_ROWS; i++) {
            const vd row = vd_set(a[i]);
            for (size_t v = 0; v < TILE_VECTORS; v++)
                sums[i][v] = vd_fma(row, columns[v], sums[i][v]);
        }
        a += PANEL;
        b += PANEL;
    }
    for (size_t i = 0; i < TILE_ROWS; i++)
        for (size_t v = 0; v < TILE_VECTORS; v++)
            vd_store(c + i * GKV_PAIRS_COLUMNS + v * VD_LANES, sums[i][v]);
}

static void products(size_t rows, size_t columns, size_t d, const double *a, const double *b,
                     double *c)
{
    for (size_t j = 0; j < columns; j += PANEL)
        for (size_t i = 0; i < rows; i += TILE_ROWS)
            tile(d, a + i / PANEL * PANEL * d + i % PANEL, b + j * d,
                 c + i * GKV_PAIRS_COLUMNS + j);
}

static double distances(size_t n, double own, const double *norms, double *c)
{
    vd least = vd_set((double)INFINITY);
    for (size_t j = 0; j < n; j += VD_LANES) {
        const vd sum = vd_set(own) + vd_load_part(norms + j, n - j, (double)INFINITY);
        const vd distance =
            vd_max(vd_fma(vd_set(-2), vd_load_part(c + j, n - j, 0), sum), vd_set(0));
        least = vd_min(distance, least);
        vd_store_part(c + j, n - j, distance);
    }
    double lanes[VD_LANES];
    vd_store(lanes, least);
    for (size_t i = 1; i < VD_LANES; i++)
        lanes[0] = lanes[i] < lanes[0] ? lanes[i] : lanes[0];
    return lanes[0];
}

static double sum_of_lanes(vd v)
{
    double lanes[VD_LANES], sum = 0;
    vd_store(lanes, v);
    for (size_t i = 0; i < VD_LANES; i++)
        sum += lanes[i];
    return sum;
}

static void count(size_t n, const double *c, gki_pairs_balls *balls)
{
    const vd one = vd_set(1), zero = vd_set(0), precision = vd_set(balls->precision),
             density = vd_set(balls->density);
    vd inside = zero, recalled = zero;
    for (size_t j = 0; j < n; j += VD_LANES) {
        /* lanes beyond the end are in no ball */
        const vd distance = vd_load_part(c + j, n - j, (double)INFINITY);
        const vd generated = vd_load_part(balls->generated + j, n - j, 0);
        const vd covered = vd_load_part(balls->covered + j, n - j, 0);
        vd_store_part(balls->covered + j, n - j, vd_select(distance <= precision, one, covered));
        inside += vd_select(distance < density, one, zero);
        recalled = vd_select(distance <= generated, one, recalled);
    }
    balls->inside += sum_of_lanes(inside);
    if (sum_of_lanes(recalled) > 0)
        balls->recalled = 1;
}

static double cubes(size_t n, double scale, const double *c)
{
    vd sum = vd_set(0);
    size_t j = 0;
    for (; j + VD_LANES <= n; j += VD_LANES) {
        const vd base = vd_fma(vd_load(c + j), vd_set(scale), vd_set(1));
        sum += base * base * base;
    }
    double total = sum_of_lanes(sum);
    for (; j < n; j++) {
        const double base = fma(c[j], scale, 1);
        total += base * base * base;
    }
    return total;
}

GKV_SIMD_TABLE(gki_pairs_kernels, .panel = PANEL, .pack = pack, .products = products,
               .distances = distances, .count = count, .cubes = cubes);
