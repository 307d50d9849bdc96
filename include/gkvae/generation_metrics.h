/* Measures of generated samples against real ones, on plain arrays.
 *
 * Most take features: float rows of d numbers, one row an image, row after row, as a network or any other
 * map has made them of the images. A measure says something of the images only as far as the features
 * do. docs/generation.md has the formulas, ranges and biases of all of them.
 *
 * Everything is computed in double. `threads` counts the threads of a call, 0 standing for one a
 * processor; results are the same, to the bit, on any number of them. No n × n matrix is ever held: memory
 * grows as (n_a + n_b)·d. No function keeps state, so all may be called from several threads at once.
 *
 * For every function here: GKV_ERR_ARGUMENT for a needed pointer that is NULL, for no rows and for no
 * columns; GKV_ERR_DATA for an element that is not finite or not in its range, naming row and column;
 * GKV_ERR_MEMORY. Outputs are then as they were. A figure that too few rows do not define is NaN, which is
 * no error: each function says when. */
#ifndef GKVAE_GENERATION_METRICS_H
#define GKVAE_GENERATION_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- two sets of features ---- */

/* The Fréchet distance of the normal distributions with the moments of the two sets,
 *     |μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½)
 * (Dowson & Landau 1982; Heusel et al. 2017), in squared units of the features; a[n_a × d], b[n_b × d].
 * Σ are sample covariances, with divisor n − 1. The root's trace is Σ √λ over the eigenvalues λ of the
 * symmetric Σ_a^½ Σ_b Σ_a^½, so any n is fine beside d, and constant columns too. Results below 0, which
 * are rounding, are 0; that of equal sets is about 1e-8·tr Σ at most.
 *
 * On average it falls as n grows, towards its value for n = ∞: compare values of the same n only.
 * NaN if n_a or n_b is 1. Cost grows as n·d² + d³, on the calling thread; meant for d up to a few hundred.
 * GKV_ERR_NUMERIC if the eigenvalues do not converge, which no matrix is known to do. */
GKV_API GKV_MUST_USE gkv_status gkv_frechet_distance(const float *a, size_t n_a, const float *b, size_t n_b, size_t d,
                                                     double *distance);

typedef struct gkv_kid_settings {
    size_t subsets; /* pairs of subsets, at least 1: 100 */
    size_t size;    /* rows of a subset, at least 2: 1000. More than a set has is all of it */
    uint64_t seed;  /* of the subsets: 1 */
    int threads;    /* 0 */
} gkv_kid_settings;

/* The defaults above. */
GKV_API void gkv_kid_defaults(gkv_kid_settings *settings);

typedef struct gkv_kid {
    double mean;    /* over the pairs of subsets; may be negative */
    double sd;      /* over the pairs of subsets, divisor subsets − 1; NaN for one pair */
    size_t subsets; /* as asked for */
    size_t size;    /* as asked for, or the number of rows of the smaller set if that is less */
} gkv_kid;

/* The estimator of the kernel inception distance (Bińkowski et al. 2018) for a[n_a × d], b[n_b × d]:
 * the unbiased squared maximum mean discrepancy (Gretton et al. 2012, eq. 3) with the kernel
 * k(x, y) = (x·y/d + 1)³, of m rows x of a and m rows y of b
 *     Σ_{i≠j} (k(x_i, x_j) + k(y_i, y_j)) / (m(m − 1)) − 2 Σ_ij k(x_i, y_j) / m²
 * over `subsets` pairs of subsets of m = `size` rows. A subset is drawn without replacement; subset number s is
 * a function of the seed, of s, of the set's number of rows and of which set it is, and of nothing else.
 * sd is the spread of one pair's value. Pairs share rows, so sd/√subsets is not the mean's standard error.
 *
 * Mean and sd are NaN if a set has one row. `settings` NULL takes the defaults. GKV_ERR_ARGUMENT for settings
 * outside their ranges or more than 2³² − 1 rows. */
GKV_API GKV_MUST_USE gkv_status gkv_kernel_distance(const float *a, size_t n_a, const float *b, size_t n_b, size_t d,
                                                    const gkv_kid_settings *settings, gkv_kid *out);

/* ---- nearest neighbours among features ---- */

typedef struct gkv_neighbour_settings {
    size_t k_precision; /* k of precision and recall, at least 1: 3 */
    size_t k_density;   /* k of density and coverage, at least 1: 5 */
    int threads;        /* 0 */
} gkv_neighbour_settings;

/* The defaults above. */
GKV_API void gkv_neighbour_defaults(gkv_neighbour_settings *settings);

/* The ball of a row has the row as its centre and as its radius the distance to the k-th nearest of the set's
 * other rows; rows that are equal are other rows. n real rows, m generated ones. */
typedef struct gkv_neighbour_metrics {
    double precision; /* share of generated rows in a ball of a real row; distance ≤ radius */
    double recall;    /* share of real rows in a ball of a generated row; distance ≤ radius */
    double density;   /* pairs of a generated row in a real row's ball, over k·m; distance < radius; may exceed 1 */
    double coverage;  /* share of real rows with a generated row in their ball; distance < radius */
} gkv_neighbour_metrics;

/* The real images' features and the radii of their balls, kept for several sets of generated ones. It never
 * changes once made, so any number of threads may use one. */
typedef struct gkv_reference gkv_reference;

/* Copies features[n × d] and finds the radii. `settings` NULL takes the defaults. The caller frees *out with
 * gkv_reference_free; it is NULL after a failure. GKV_ERR_ARGUMENT for settings outside their ranges. */
GKV_API GKV_MUST_USE gkv_status gkv_reference_create(const float *features, size_t n, size_t d,
                                                     const gkv_neighbour_settings *settings, gkv_reference **out);

/* NULL is fine. */
GKV_API void gkv_reference_free(gkv_reference *reference);

/* Improved precision and recall (Kynkäänniemi et al. 2019, eq. 1–2), density and coverage (Naeem et al. 2020) of
 * generated[n × d], n its own number of rows and d the reference's. Squared distances are compared,
 * |x|² + |y|² − 2 x·y in double: 0 for equal rows, and otherwise with an error of about 1e-16 (|x|² + |y|²) d at
 * most.
 *
 * A set with no more than k rows has no radii, and NaN are precision, density and coverage of such a reference and
 * recall of such a generated set, each by its own k. The threads are the reference's. */
GKV_API GKV_MUST_USE gkv_status gkv_neighbour_metrics_of(const gkv_reference *reference, const float *generated,
                                                         size_t n, gkv_neighbour_metrics *out);

/* ---- a classifier's answers ---- */

typedef struct gkv_class_metrics {
    double entropy;    /* −Σ h log h of the histogram h below, in nats: 0 … log(classes) */
    double confidence; /* mean over the rows of the largest probability */
    double confident;  /* share of rows whose largest probability is above 0.9 */
} gkv_class_metrics;

/* Of probabilities[n × classes]. histogram[classes], unless NULL, receives the share of rows in which each
 * class is the most probable one; of equally probable ones the first counts. Rows are taken as they are, whether
 * or not they sum to 1. GKV_ERR_DATA for a probability outside [0,1] or NaN. On the calling thread. */
GKV_API GKV_MUST_USE gkv_status gkv_class_metrics_of(const float *probabilities, size_t n, size_t classes,
                                                     double *histogram, gkv_class_metrics *out);

/* ---- nearest images ---- */

/* For each of queries[n × pixels], grey values in [0,1], the nearest of references[m × pixels], grey levels
 * 0 … 255 as a gkv_dataset has them: index[n] and distance[n], the Euclidean distance |query − levels/255|,
 * either of which may be NULL. Of equally near references the first counts. The search is by products in float
 * that leave out only what rounding cannot have moved; index and distance are exact in double.
 *
 * Memory grows as m + threads·pixels; references are read where they are. GKV_ERR_DATA for a query outside [0,1]
 * or NaN, GKV_ERR_ARGUMENT for more than 2³² − 1 references. */
GKV_API GKV_MUST_USE gkv_status gkv_nearest(const float *queries, size_t n, const uint8_t *references, size_t m,
                                            size_t pixels, int threads, uint32_t *index, double *distance);

#ifdef __cplusplus
}
#endif
#endif
