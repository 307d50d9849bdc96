/* Sums over the normal scores of weighted rows. The correlation matrix R and the log-likelihood
 * follow from them. */
#ifndef GKV_MIXTURE_SCORES_H
#define GKV_MIXTURE_SCORES_H

#include <stdint.h>

#include "mixture/rows.h"

/* A selection of weighted rows of a matrix x with d columns. The pointers are not owned. */
typedef struct gki_mgk_weighted_rows {
    size_t n, d;           /* the numbers of rows and columns */
    const double *x;       /* the matrix, row-major */
    const uint32_t *row;   /* [n] the rows of x, or NULL for rows 0 … n − 1 */
    const double *weights; /* [n], or NULL for 1 */
} gki_mgk_weighted_rows;

/* Weighted sums over the rows of their scores z = Q⁻¹(x). Scores are clamped to ±most. */
typedef struct gki_mgk_scores {
    size_t d;
    double weight;    /* Σ w */
    double *sum;      /* [d] Σ w z */
    double *products; /* [d × d] Σ w z zᵀ, the lower triangle */
    double log_dq;    /* Σ w Σ_j log Q'_j */
    double most;      /* the greatest score */
    /* [outlier_rows × (d + 1)] rows with a score beyond ±most: the weight, and the unclamped
     * scores */
    double *outliers;
    size_t outlier_rows; /* the number of these rows */
} gki_mgk_scores;

/* The size that the largest score of a sample of this weight exceeds in one of ten samples. */
double gki_mgk_most_score(double weight);

/* Computes the sums from the tables of the margins (mixture/margin_table.h), or from their float
 * form (mixture/rows.h), or, if both are NULL, exactly. The caller frees the contents with
 * gki_mgk_scores_free, also after an error. Returns GKV_ERR_MEMORY. */
gkv_status gki_mgk_scores_of(const gki_mgk_weighted_rows *rows, const gki_mgk_columns *columns,
                             const gki_mgk_table *table, const gki_mgk_float *float_form,
                             double most, int threads, gki_mgk_scores *out);

/* Frees the contents. */
void gki_mgk_scores_free(gki_mgk_scores *scores);

/* Computes the correlation matrix R[d × d] of the scores, shrunk to (1−s)R + sI, and its Cholesky
 * factor L. s is `shrink`, or the Schäfer–Strimmer value if `shrink` is negative. If R is not
 * positive definite, it is mixed with more of I. Unless they are NULL, *used becomes s, and *repair
 * the fraction of I that was mixed in beyond s. */
void gki_mgk_scores_correlation(const gki_mgk_scores *scores, double shrink, double *r, double *l,
                                double *used, double *repair);

/* Returns Σ w log f for the Cholesky factor L, with the unclamped scores of outliers. `scratch` has
 * d(d + 2) elements. */
double gki_mgk_scores_log_likelihood(const gki_mgk_scores *scores, const double *l,
                                     double *scratch);

/* The text for column j in messages: its name, or "column 1" and so on if `names` is NULL. Returns
 * `text`. */
enum { GKV_MGK_COLUMN_TEXT = 128 };
const char *gki_mgk_column_text(char text[GKV_MGK_COLUMN_TEXT], const char *const *names, size_t j);

/* Computes the weighted means and variances (with the divisor Σw) of the columns. */
void gki_mgk_weighted_rows_moments(const gki_mgk_weighted_rows *rows, double *mean,
                                   double *variance);

#endif
