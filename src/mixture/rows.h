/* The structure of a copula distribution, and functions of many rows, in double and in float.
 *
 * Functions of many rows work on tiles, whose data stay in the cache. Sums are computed for blocks
 * of tiles. Blocks depend on the number of rows only, and their sums are added in a fixed order,
 * so that results do not depend on the number of threads. */
#ifndef GKV_MIXTURE_ROWS_H
#define GKV_MIXTURE_ROWS_H

#include <stddef.h>

#include "core/error.h"
#include "core/rng.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk.h"

enum { GKV_MGK_TILE = 64, GKV_MGK_BLOCKS = 64 };

/* The number of tiles of n rows. */
static inline size_t gki_mgk_tiles(size_t n)
{
    return n / GKV_MGK_TILE + (n % GKV_MGK_TILE != 0);
}

/* The number of rows of a tile. */
static inline size_t gki_mgk_tile_rows(size_t n, size_t tile)
{
    const size_t left = n - tile * GKV_MGK_TILE;
    return left < GKV_MGK_TILE ? left : GKV_MGK_TILE;
}

/* The number of blocks of n rows. */
static inline size_t gki_mgk_blocks(size_t n)
{
    const size_t tiles = gki_mgk_tiles(n);
    return tiles < GKV_MGK_BLOCKS ? tiles : GKV_MGK_BLOCKS;
}

/* The first tile of block b. For b = gki_mgk_blocks(n) it is the number of tiles. */
static inline size_t gki_mgk_block_start(size_t n, size_t b)
{
    const size_t tiles = gki_mgk_tiles(n), blocks = gki_mgk_blocks(n);
    return b * (tiles / blocks) + (b < tiles % blocks ? b : tiles % blocks);
}

/* The random numbers of draw i of a seed. The high half of i is the step of the generator. */
static inline gki_rng gki_mgk_draw(uint64_t seed, uint64_t i)
{
    return gki_rng_at(seed, GKV_STREAM_USER, i >> 32, i & UINT32_MAX);
}

/* The number of threads to use for `parts` independent parts. */
int gki_mgk_threads(int asked, size_t parts);

/* The parameters of margins as arrays, for gk/gk_batch_kernels.h. */
typedef struct gki_mgk_columns {
    size_t d;
    const gkv_gk *margins; /* [d]; not owned */
    double *a, *b, *g, *k; /* [d] each */
    double *memory;        /* the block of memory of these arrays */
    int one_c;             /* 1 if all margins have the same c */
    int normal;            /* 1 if all margins have g = k = 0 */
} gki_mgk_columns;

/* Allocates the arrays and copies the parameters of margins[d], which must outlive *out. */
gkv_status gki_mgk_columns_create(size_t d, const gkv_gk *margins, gki_mgk_columns *out);

/* Replaces the margins by others of the same number. */
void gki_mgk_columns_set(gki_mgk_columns *columns, const gkv_gk *margins);

/* Frees the arrays. */
void gki_mgk_columns_free(gki_mgk_columns *columns);

/* The same as gki_gk_batch_inverse_d and gki_gk_batch_forward_d for at most GKV_MGK_TILE rows;
 * margins may have different c. gki_mgk_forward_rows writes Q(z) only. */
void gki_mgk_inverse_rows(const gki_mgk_columns *columns, size_t rows, const double *x, double *z,
                          double *log_dq, double *dq, double *ratio);
void gki_mgk_forward_rows(const gki_mgk_columns *columns, size_t rows, const double *z, double *x);

/* x_j = Q_j(z_j) with z ~ N(m, LLᵀ). */
struct gkv_mgk {
    size_t d;
    gkv_gk *margins;  /* [d] */
    double *mean;     /* [d] m */
    double *cholesky; /* [d × d] L */
    double *whitener; /* [d × d] L⁻ᵀ: a row zᵀ times it is (L⁻¹z)ᵀ; NULL in a waypoint */
    double constant;  /* −Σ log L_jj − (d/2) log 2π */
    int identity;     /* 1 if m = 0 and L = I */
    gki_mgk_columns columns; /* of the margins */
};

/* Returns GKV_OK if d ≥ 1 and all margins are valid and of the g-and-k family, else
 * GKV_ERR_ARGUMENT. */
gkv_status gki_mgk_check_margins(size_t d, const gkv_gk *margins);

/* Returns GKV_OK if the settings of the fits of margins are valid, else GKV_ERR_ARGUMENT. */
gkv_status gki_mgk_check_fit(const gkv_gk_fit_settings *settings);

/* Creates a distribution from parts that are known to be valid. A NULL mean is 0, and a NULL
 * cholesky the identity. The caller frees *out. Returns GKV_ERR_MEMORY. */
gkv_status gki_mgk_build(size_t d, const gkv_gk *margins, const double *mean,
                         const double *cholesky, gkv_mgk **out);

/* The same without the whitener, which is half of the work in many dimensions. The result is a
 * point that a step starts from or passes: functions of margins and L take it, densities do not. */
gkv_status gki_mgk_build_waypoint(size_t d, const gkv_gk *margins, const double *mean,
                                  const double *cholesky, gkv_mgk **out);

/* Replaces z[rows × d] by w = L⁻¹(z − m). */
void gki_mgk_whiten(const gkv_mgk *mgk, size_t rows, double *z);

typedef struct gki_mgk_table gki_mgk_table;

/* Writes log f of at most GKV_MGK_TILE rows to out[i·stride], and w = L⁻¹(z − m) to w[rows × d].
 * log_dq[rows × d] is scratch. With the table of mgk's margins (mixture/margin_table.h) the
 * function is fast, with an error of 1e-6. With NULL it is exact. */
void gki_mgk_log_pdf_tile(const gkv_mgk *mgk, const gki_mgk_table *table, size_t rows,
                          const double *x, double *w, double *log_dq, double *out, size_t stride);

/* --- In float ------------------------------------------------------------- */

/* A component in float: log densities and normal scores with an error of about 1e-6, several times
 * as fast as the exact ones. Fits with the setting `single_precision` use them
 * (gkvae/mgk_mixture.h). */

typedef struct gki_mgk_float {
    size_t d;
    int normal;           /* 1 if all margins have g = k = 0 */
    float c;              /* of all margins */
    float *a, *b, *g, *k; /* [d] each */
    float *whitener;      /* [d × d] that of gkv_mgk */
    double constant;      /* that of gkv_mgk */
    float log_b;          /* Σ log B, for normal margins */
} gki_mgk_float;

/* Converts a component whose margins have the same c and whose latent mean is 0. The caller frees
 * the contents with gki_mgk_float_free, also after an error. Returns GKV_ERR_MEMORY. */
gkv_status gki_mgk_float_create(const gkv_mgk *mgk, gki_mgk_float *out);

/* Frees the contents. */
void gki_mgk_float_free(gki_mgk_float *part);

/* Converts margins only. The result is for gki_mgk_float_scores. */
gkv_status gki_mgk_float_of_columns(const gki_mgk_columns *columns, gki_mgk_float *out);

/* Computes the normal scores z[rows × d] of x, with |z| clamped to 1e15, and Σ_j log Q'_j of each
 * row into log_dq[rows]. `scratch` has rows × d elements. */
void gki_mgk_float_scores(const gki_mgk_float *part, size_t rows, const float *x, float *z,
                          float *log_dq, float *scratch);

/* Writes log f of at most GKV_MGK_TILE rows of x to out[i·stride]. `scratch` has 2 × rows × d
 * elements. */
void gki_mgk_float_log_pdf(const gki_mgk_float *part, size_t rows, const float *x, float *scratch,
                           double *out, size_t stride);

#endif
