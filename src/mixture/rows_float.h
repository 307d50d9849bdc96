/* A component in float: log densities and normal scores right to about 1e-6, several times as fast
 * as the exact ones. For fits that are told to be quick, see gkvae/mgk_mixture.h. */
#ifndef GKV_MGK_QUICK_H
#define GKV_MGK_QUICK_H

#include "mixture/rows.h"

typedef struct gkv_mgk_float {
    size_t d;
    int normal;            /* g = k = 0 */
    float c;
    float *a, *b, *g, *k;  /* [d] each */
    float *inverse;        /* [d × d] L⁻ᵀ, so that a row of scores times it is L⁻¹z */
    double constant;       /* of mgk */
    float log_b;           /* Σ log B, for normal margins */
} gkv_mgk_float;

/* Of a component whose margins have one c and whose mean is 0. What it holds is freed by
 * gkv_mgk_float_free, also after a failure. */
gkv_status gkv_mgk_float_create(const gkv_mgk *mgk, gkv_mgk_float *out);
void gkv_mgk_float_free(gkv_mgk_float *quick);

/* Of margins alone: for gkv_mgk_float_scores. */
gkv_status gkv_mgk_float_of_columns(const gkv_mgk_columns *columns, gkv_mgk_float *out);

/* Scores z[rows × d] of x, |z| held to 1e15, and Σ_j log Q'_j of each row; `scratch` is room for
 * rows × d. */
void gkv_mgk_float_scores(const gkv_mgk_float *quick, size_t rows, const float *x, float *z, float *log_dq,
                          float *scratch);

/* log f of rows ≤ GKV_MGK_TILE of x to out[i·stride]; `scratch` is room for 2 × rows × d. */
void gkv_mgk_float_log_pdf(const gkv_mgk_float *quick, size_t rows, const float *x, float *scratch, double *out,
                           size_t stride);

#endif
