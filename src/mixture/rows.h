/* What works on many rows is done in tiles of rows, so that a tile's numbers stay in the
 * cache, and, where it adds up, in blocks of tiles: the blocks depend on the number of
 * rows only, and their sums are added in order, so no result depends on threads. */
#ifndef GKV_MGK_ROWS_H
#define GKV_MGK_ROWS_H

#include <stddef.h>

#include "core/error.h"
#include "core/rng.h"
#include "gkvae/mgk.h"

enum { GKV_MGK_TILE = 64, GKV_MGK_BLOCKS = 64 };

static inline size_t gkv_mgk_tiles(size_t n)
{
    return n / GKV_MGK_TILE + (n % GKV_MGK_TILE != 0);
}

static inline size_t gkv_mgk_tile_rows(size_t n, size_t tile)
{
    const size_t left = n - tile * GKV_MGK_TILE;
    return left < GKV_MGK_TILE ? left : GKV_MGK_TILE;
}

static inline size_t gkv_mgk_blocks(size_t n)
{
    const size_t tiles = gkv_mgk_tiles(n);
    return tiles < GKV_MGK_BLOCKS ? tiles : GKV_MGK_BLOCKS;
}

/* The first tile of block b; that of block `blocks` is the end. */
static inline size_t gkv_mgk_block_start(size_t n, size_t b)
{
    const size_t tiles = gkv_mgk_tiles(n), blocks = gkv_mgk_blocks(n);
    return b * (tiles / blocks) + (b < tiles % blocks ? b : tiles % blocks);
}

/* Where draw i of a seed has its numbers: the high half of i is the step. */
static inline gkv_rng gkv_mgk_draw(uint64_t seed, uint64_t i)
{
    return gkv_rng_at(seed, GKV_STREAM_USER, i >> 32, i & UINT32_MAX);
}

/* Threads to use for `parts` independent parts; sees to it that OpenBLAS takes one. */
int gkv_mgk_threads(int asked, size_t parts);

/* Margins laid out for gk/gk_batch_kernels.h. */
typedef struct gkv_mgk_columns {
    size_t d;
    const gkv_gk *margins; /* [d]; not owned */
    double *a, *b, *g, *k; /* [d] each */
    double *memory;
    int one_c;             /* all margins have the same c */
    int normal;            /* all have g = k = 0 */
} gkv_mgk_columns;

gkv_status gkv_mgk_columns_create(size_t d, const gkv_gk *margins, gkv_mgk_columns *out);
void gkv_mgk_columns_set(gkv_mgk_columns *columns, const gkv_gk *margins); /* others, as many */
void gkv_mgk_columns_free(gkv_mgk_columns *columns);                      /* what it holds */

/* gkv_gk_batch_inverse_d and gkv_gk_batch_forward_d for at most GKV_MGK_TILE rows, whatever the
 * c's; the second writes Q(z) alone. */
void gkv_mgk_inverse_rows(const gkv_mgk_columns *columns, size_t rows, const double *x, double *z, double *log_dq,
                          double *dq, double *ratio);
void gkv_mgk_forward_rows(const gkv_mgk_columns *columns, size_t rows, const double *z, double *x);

struct gkv_mgk {
    size_t d;
    gkv_gk *margins;
    double *mean;
    double *cholesky;
    double constant;  /* −Σ log L_jj − (d/2) log 2π */
    int identity;     /* m = 0 and L = I */
    gkv_mgk_columns columns;
};

/* GKV_OK if d ≥ 1 and all margins are valid and g-and-k. */
gkv_status gkv_mgk_check_margins(size_t d, const gkv_gk *margins);

/* From parts that are known to be right: mean NULL is 0, cholesky NULL the identity. */
gkv_status gkv_mgk_build(size_t d, const gkv_gk *margins, const double *mean, const double *cholesky, gkv_mgk **out);

/* z[rows × d] becomes w = L⁻¹(z − m). */
void gkv_mgk_whiten(const gkv_mgk *mgk, size_t rows, double *z);

typedef struct gkv_mgk_table gkv_mgk_table;

/* log f of at most GKV_MGK_TILE rows to out[i·stride]; w and log_dq are room for rows × d, w
 * receives L⁻¹(z − m). With mgk's table (mixture/margin_table.h) it is fast and right to 1e-6; NULL is exact. */
void gkv_mgk_log_pdf_tile(const gkv_mgk *mgk, const gkv_mgk_table *table, size_t rows, const double *x, double *w, double *log_dq, double *out,
                          size_t stride);

#endif
