/* Normal scores of weighted rows: what R and the log-likelihood come from, in one pass. */
#ifndef GKV_MGK_SCORES_H
#define GKV_MGK_SCORES_H

#include <stdint.h>

#include "mixture/rows_float.h"

/* Rows of x[·, d]: row[i] of them or, if NULL, row i; with weights[i], or 1. */
typedef struct gkv_mgk_weighted_rows {
    size_t n, d;
    const double *x;
    const uint32_t *row;
    const double *weights;
} gkv_mgk_weighted_rows;

/* Sums over the rows, weighted, of their scores z = Q⁻¹(x), each held to ±most. */
typedef struct gkv_mgk_scores {
    size_t d;
    double weight;
    double *sum;      /* [d] Σ w z */
    double *products; /* [d × d] Σ w z zᵀ, the lower triangle */
    double log_dq;    /* Σ w Σ_j log Q'_j */
    double most;
    double *wild;     /* rows with a z beyond ±most: weight, z_1 … z_d of each */
    size_t wild_rows;
} gkv_mgk_scores;

/* The size that a score exceeds once in ten samples of this weight. */
double gkv_mgk_most_score(double weight);

/* By the columns' table (mixture/margin_table.h), or by their quick form (mixture/rows_float.h), or, if both are NULL,
 * exactly. What it holds is freed by
 * gkv_mgk_scores_free, also after a failure. */
gkv_status gkv_mgk_scores_of(const gkv_mgk_weighted_rows *cases, const gkv_mgk_columns *columns, const gkv_mgk_table *table,
                             const gkv_mgk_float *quick, double most, int threads, gkv_mgk_scores *out);
void gkv_mgk_scores_free(gkv_mgk_scores *scores);

/* R[d × d] about the scores' mean, shrunk by `shrink` or, if that is negative, by what the
 * weight asks for, then as far as L, its Cholesky factor, needs. *used and *repair, unless NULL: the s
 * that was asked for, and the share of I that L needed beyond it. */
void gkv_mgk_scores_correlation(const gkv_mgk_scores *scores, double shrink, double *r, double *l, double *used,
                                double *repair);

/* Σ w log f under L, wild rows with their true scores; `scratch` is room for d(d + 2). */
double gkv_mgk_scores_log_likelihood(const gkv_mgk_scores *scores, const double *l, double *scratch);

/* How messages speak of column j: by its name or, names being NULL, "column 1" and so on. */
enum { GKV_MGK_COLUMN_TEXT = 128 };
const char *gkv_mgk_column_text(char text[GKV_MGK_COLUMN_TEXT], const char *const *names, size_t j);

/* Weighted means, and variances by Σw, of the columns. */
void gkv_mgk_weighted_rows_moments(const gkv_mgk_weighted_rows *cases, double *mean, double *variance);

#endif
