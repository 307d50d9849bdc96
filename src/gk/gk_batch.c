/* Passes arrays to the kernels. A narrow array is one long array with cyclic columns, so that no
 * lane is idle even for d = 2. A wide array is split into blocks of columns. */
#include "gk/gk_batch_kernels.h"

static const gki_gk_kernels *chosen; /* NULL: the CPU decides */

static const gki_gk_kernels *kernels(void)
{
    return chosen ? chosen : gki_gk_kernels_get();
}

void gki_gk_batch_use(gki_simd level)
{
    chosen = level == GKV_SIMD_LEVELS ? NULL : gki_gk_kernels_of(level);
}

#define AT(array, offset) ((array) ? (array) + (offset) : NULL)

#define BATCH(S, REAL)                                                                           \
    static void fill_##S(gki_gk_tile_##S *tile, const gki_gk_columns_##S *columns, size_t first, \
                         size_t width)                                                           \
    {                                                                                            \
        tile->c = columns->c;                                                                    \
        tile->period = width;                                                                    \
        for (size_t i = 0; i < width + GKV_GK_TILE_SPARE; i++) {                                 \
            const size_t j = first + i % width;                                                  \
            tile->a[i] = columns->a[j];                                                          \
            tile->b[i] = columns->b[j];                                                          \
            tile->g[i] = columns->g[j];                                                          \
            tile->k[i] = columns->k[j];                                                          \
        }                                                                                        \
    }                                                                                            \
                                                                                                 \
    static gki_gk_outputs_##S outputs_at_##S(const gki_gk_outputs_##S *o, size_t at)             \
    {                                                                                            \
        return (gki_gk_outputs_##S){.x = AT(o->x, at),                                           \
                                    .dq = AT(o->dq, at),                                         \
                                    .log_dq = AT(o->log_dq, at),                                 \
                                    .ratio = AT(o->ratio, at),                                   \
                                    .x_g = AT(o->x_g, at),                                       \
                                    .x_k = AT(o->x_k, at),                                       \
                                    .log_dq_g = AT(o->log_dq_g, at),                             \
                                    .log_dq_k = AT(o->log_dq_k, at)};                            \
    }                                                                                            \
                                                                                                 \
    static void invert_##S(size_t rows, size_t d, const gki_gk_columns_##S *columns,             \
                           const REAL *x, REAL *z, REAL *log_dq, REAL *dq, REAL *ratio,          \
                           REAL *log_pdf)                                                        \
    {                                                                                            \
        gki_gk_tile_##S tile;                                                                    \
        for (size_t first = 0; first < d; first += GKV_GK_TILE) {                                \
            const size_t width = d - first < GKV_GK_TILE ? d - first : GKV_GK_TILE;              \
            fill_##S(&tile, columns, first, width);                                              \
            const size_t parts = width == d ? 1 : rows, length = width == d ? rows * d : width;  \
            for (size_t part = 0; part < parts; part++) {                                        \
                const size_t at = part * d + first;                                              \
                kernels()->inverse_##S(length, &tile, x + at, AT(z, at), AT(log_dq, at),         \
                                       AT(dq, at), AT(ratio, at), AT(log_pdf, at));              \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
                                                                                                 \
    void gki_gk_batch_inverse_##S(size_t rows, size_t d, const gki_gk_columns_##S *columns,      \
                                  const REAL *x, REAL *z, REAL *log_dq, REAL *dq, REAL *ratio)   \
    {                                                                                            \
        invert_##S(rows, d, columns, x, z, log_dq, dq, ratio, NULL);                             \
    }                                                                                            \
                                                                                                 \
    void gki_gk_batch_density_##S(size_t rows, size_t d, const gki_gk_columns_##S *columns,      \
                                  const REAL *x, REAL *z, REAL *log_pdf, REAL *dq, REAL *ratio)  \
    {                                                                                            \
        invert_##S(rows, d, columns, x, z, NULL, dq, ratio, log_pdf);                            \
    }                                                                                            \
                                                                                                 \
    void gki_gk_batch_probability_##S(size_t n, const REAL *z, REAL *lower, REAL *upper,         \
                                      REAL *log_lower, REAL *log_upper)                          \
    {                                                                                            \
        kernels()->probability_##S(n, z, lower, upper, log_lower, log_upper);                    \
    }                                                                                            \
                                                                                                 \
    void gki_gk_batch_normal_score_##S(size_t n, gkv_gk_tail tail, const REAL *p, REAL *z)       \
    {                                                                                            \
        kernels()->normal_score_##S(n, tail, p, z);                                              \
    }                                                                                            \
                                                                                                 \
    void gki_gk_batch_forward_##S(size_t rows, size_t d, const gki_gk_columns_##S *columns,      \
                                  const REAL *z, const gki_gk_outputs_##S *out)                  \
    {                                                                                            \
        gki_gk_tile_##S tile;                                                                    \
        for (size_t first = 0; first < d; first += GKV_GK_TILE) {                                \
            const size_t width = d - first < GKV_GK_TILE ? d - first : GKV_GK_TILE;              \
            fill_##S(&tile, columns, first, width);                                              \
            const size_t parts = width == d ? 1 : rows, length = width == d ? rows * d : width;  \
            for (size_t part = 0; part < parts; part++) {                                        \
                const gki_gk_outputs_##S outputs = outputs_at_##S(out, part * d + first);        \
                kernels()->forward_##S(length, &tile, z + part * d + first, &outputs);           \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
                                                                                                 \
    void gki_gk_batch_shape_##S(size_t n, const REAL *g, const REAL *k, REAL c, const REAL *u,   \
                                const gki_gk_outputs_##S *out)                                   \
    {                                                                                            \
        kernels()->shape_##S(n, g, k, c, u, out);                                                \
    }

BATCH(f, float)
BATCH(d, double)
