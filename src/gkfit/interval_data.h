/* Observations that are known to lie in intervals: rounded, censored and binned data.
 *
 * An observation [lower, upper] has a likelihood of P(lower < X ≤ upper). It is a point, with its
 * density, if lower = upper; censored on the right if upper = ∞, and on the left if lower = −∞. */
#ifndef GKV_GKFIT_INTERVAL_DATA_H
#define GKV_GKFIT_INTERVAL_DATA_H

#include <stddef.h>

#include "core/error.h"
#include "gkfit/fit_kernels.h"
#include "gkfit/sorted_sample.h"
#include "gkvae/gk_fit.h"

/* The different intervals of a sample, in ascending order of `lower`, then `upper`. */
typedef struct gki_gk_interval_data {
    size_t count;                   /* the number of different intervals */
    size_t n;                       /* the number of observations with a weight above 0 */
    double total;                   /* Σ w */
    double points;                  /* Σ w of the intervals that are points */
    double *lower, *upper, *weight; /* [count] */
    double *memory;                 /* the block of memory of the arrays, which the owner frees */
} gki_gk_interval_data;

/* The intervals [x − h/2, x + h/2] of the values x of a sample that are rounded to the resolution
 * h > 0. Allocates out->memory. */
gkv_status gki_gk_interval_data_rounded(const gki_gk_ties *ties, double h,
                                        gki_gk_interval_data *out);

/* The intervals of a sample with the members `lower` and `upper`. Returns GKV_ERR_DATA, with the
 * reason, for ends that are not those of an interval. Allocates out->memory. */
gkv_status gki_gk_interval_data_of(const gkv_gk_sample *sample, gki_gk_interval_data *out);

/* Returns an error unless a fit of `parameters` parameters is possible: there must be more
 * different intervals than parameters, and no point may have a heavy tie. `by_ends` says whether
 * the sample has ends instead of values, for the message. */
gkv_status gki_gk_interval_data_check(const gki_gk_interval_data *data, size_t parameters,
                                      bool by_ends);

/* Whether all intervals contain the same values, from *low to *high. The likelihood then increases
 * as B tends to 0 with A there. */
bool gki_gk_interval_data_common(const gki_gk_interval_data *data, double *low, double *high);

/* Computes exact values in the place of the intervals, for the start of a fit. Values are spread
 * evenly over a bounded interval. Those of censored observations follow the g-and-k distribution
 * of the octiles of all values, which needs a few iterations. Writes the sorted values to *ties,
 * whose memory is *memory; the caller frees it. */
gkv_status gki_gk_interval_data_values(const gki_gk_interval_data *data, double c, double margin,
                                       double **memory, gki_gk_ties *ties);

/* Changes to the unit (x − centre)/spread. */
void gki_gk_interval_data_scale(gki_gk_interval_data *data, double centre, double spread);

/* Adds the log-likelihood of the intervals first … first + count − 1 to *log_likelihood; or, if
 * `sums` is not NULL, it and its derivatives to *sums. Points lack the constant −½ log 2π. */
void gki_gk_interval_data_sums(const gki_gk_fit_kernels *kernels, const gki_gk_interval_data *data,
                               const gkv_gk *gk, size_t first, size_t count, double *log_likelihood,
                               gki_gk_sums *sums);

/* How a test of fit treats the parameters. */
typedef struct gki_gk_test_parameters {
    bool fixed[4]; /* parameters that were not estimated */
    bool free_c;   /* whether c was */
    double slope;  /* k moves by this with g, also if k is fixed */
    /* the parameters explain this at most; it is ∞ for estimates of other data than the counts */
    double explained;
} gki_gk_test_parameters;

/* A test of fit by counts in bins, whose edges lie in no interval and between the points.
 *
 * χ² is Σ (n_j − n p_j)²/(n p_j), less what a step of least squares in the parameters explains
 * (Dzhaparidze and Nikulin 1974). It is χ² distributed with bins − 1 − parameters degrees of
 * freedom for any estimates with errors of order n^−½. `most` is the greatest number of edges.
 * Neighbouring intervals become one bin until n p_j reaches 5 and n/(most + 1).
 *
 * *edges becomes the number of edges. *chi2 and *p_value are NaN if there are no degrees of
 * freedom. Returns GKV_ERR_MEMORY on failure. */
gkv_status gki_gk_interval_data_test(const gki_gk_fit_kernels *kernels,
                                     const gki_gk_interval_data *data, const gkv_gk *gk,
                                     const gki_gk_test_parameters *by, size_t most, size_t *edges,
                                     double *chi2, double *p_value);

/* The Anderson–Darling distance of grouped data: n Σ (F_n − F)²/(F(1 − F)) at the edges of the
 * finest bins, each with the mean of the probabilities of its two bins (Choulakian, Lockhart and
 * Stephens 1994, in the form that is the same in both directions). For fine bins it is A² of exact
 * values. Returns GKV_ERR_MEMORY on failure. */
gkv_status gki_gk_interval_data_distance(const gki_gk_interval_data *data, const gkv_gk *gk,
                                         double *a2);

#endif
