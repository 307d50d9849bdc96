/* A component in float: log densities and normal scores with an error of about 1e-6, several times
 * as fast as the exact ones. Fits with the setting `single_precision` use them
 * (gkvae/mgk_mixture.h). */
#ifndef GKV_MIXTURE_ROWS_FLOAT_H
#define GKV_MIXTURE_ROWS_FLOAT_H

#include "mixture/rows.h"

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
