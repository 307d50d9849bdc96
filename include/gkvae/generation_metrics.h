/* Metrics that compare generated samples with real ones, on plain arrays.
 *
 * Most functions take features: rows of d floats, one row an image, which a network or any other map has computed
 * from the images. A metric sees only what the features keep of the images. docs/generation.md has the formulas,
 * ranges and biases of all metrics.
 *
 * Everything is computed in double. `threads` is the number of threads, 0 for one a processor; results are the same
 * to the bit on any number. No n × n matrix is ever held: memory grows as (n_a + n_b)·d. No function keeps state, so
 * all may be called from several threads at once.
 *
 * Every function that can fail returns GKV_ERR_ARGUMENT for a required pointer that is NULL, for no rows and for no
 * columns; GKV_ERR_DATA for an element that is not finite or outside its range, naming its row and column; and
 * GKV_ERR_MEMORY. A failure leaves outputs unchanged unless the function says otherwise. Some figures are undefined for
 * too few rows; they are then NaN, which is not an error. */
#ifndef GKVAE_GENERATION_METRICS_H
#define GKVAE_GENERATION_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- two sets of features ---- */

/* The Fréchet distance between two normal distributions that have the moments of the two sets,
 *     |μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½)
 * (Dowson & Landau 1982; Heusel et al. 2017), in squared units of the features; a[n_a × d], b[n_b × d].
 * Σ are sample covariances, with divisor n − 1. The trace of the root is Σ √λ over the eigenvalues λ of the
 * symmetric Σ_a^½ Σ_b Σ_a^½. So n may be smaller than d, and columns may be constant. Results below 0 come from
 * rounding and are returned as 0. For equal sets the result is at most about 1e-8·tr Σ.
 *
 * The expected value falls as n grows, so compare values of the same n only. NaN if n_a or n_b is 1. Cost grows as
 * n·d² + d³, on the calling thread; meant for d up to a few hundred. GKV_ERR_NUMERIC if the eigenvalues do not
 * converge; no such matrix is known. */
GKV_API GKV_MUST_USE gkv_status gkv_frechet_distance(const float *a, size_t n_a, const float *b, size_t n_b, size_t d,
                                                     double *distance);

typedef struct gkv_kid_settings {
    size_t subsets; /* pairs of subsets, at least 1; default 100 */
    size_t size;    /* rows of a subset, at least 2; default 1000. At most the rows of the smaller set are used */
    uint64_t seed;  /* of the subsets; default 1 */
    int threads;    /* default 0 */
} gkv_kid_settings;

/* Sets the defaults; `settings` is not NULL. */
GKV_API void gkv_kid_defaults(gkv_kid_settings *settings);

typedef struct gkv_kid {
    double mean;    /* over the pairs of subsets; may be negative */
    double sd;      /* over the pairs of subsets, divisor subsets − 1; NaN for one pair */
    size_t subsets; /* as in the settings */
    size_t size;    /* as in the settings, or the number of rows of the smaller set if that is less */
} gkv_kid;

/* The kernel inception distance (Bińkowski et al. 2018) of a[n_a × d] and b[n_b × d]: the unbiased estimate of the
 * squared maximum mean discrepancy (Gretton et al. 2012, eq. 3) with the kernel k(x, y) = (x·y/d + 1)³. For m rows x of
 * a and m rows y of b it is
 *     Σ_{i≠j} (k(x_i, x_j) + k(y_i, y_j)) / (m(m − 1)) − 2 Σ_ij k(x_i, y_j) / m²
 * The result is the mean over `subsets` pairs of subsets of m = `size` rows, each drawn without replacement. Subset s
 * depends only on the seed, on s, on the set's number of rows, and on whether the set is a or b. sd is the standard
 * deviation over pairs. Pairs share rows, so sd/√subsets is not the standard error of the mean.
 *
 * Mean and sd are NaN if a set has one row. NULL settings are the defaults. GKV_ERR_ARGUMENT for settings outside
 * their ranges or more than 2³² − 1 rows. */
GKV_API GKV_MUST_USE gkv_status gkv_kernel_distance(const float *a, size_t n_a, const float *b, size_t n_b, size_t d,
                                                    const gkv_kid_settings *settings, gkv_kid *out);

/* ---- nearest neighbours among features ---- */

typedef struct gkv_neighbour_settings {
    size_t k_precision; /* k of precision and recall, at least 1; default 3 */
    size_t k_density;   /* k of density and coverage, at least 1; default 5 */
    int threads;        /* default 0 */
} gkv_neighbour_settings;

/* Sets the defaults; `settings` is not NULL. */
GKV_API void gkv_neighbour_defaults(gkv_neighbour_settings *settings);

/* For n real rows and m generated rows. The ball of a row is centred at the row. Its radius is the distance to the k-th
 * nearest of the set's other rows; a duplicate of the row counts as another row. */
typedef struct gkv_neighbour_metrics {
    double precision; /* share of generated rows in a ball of a real row; distance ≤ radius */
    double recall;    /* share of real rows in a ball of a generated row; distance ≤ radius */
    double density;   /* number of pairs of a real row and a generated row in its ball, over k·m; distance < radius;
                         may exceed 1 */
    double coverage;  /* share of real rows with a generated row in their ball; distance < radius */
} gkv_neighbour_metrics;

/* The features of the real images and the radii of their balls, for comparison with any number of generated sets. It
 * never changes after it is made, so any number of threads may use one. */
typedef struct gkv_reference gkv_reference;

/* Copies features[n × d] and computes the radii. NULL settings are the defaults. The caller frees *out with
 * gkv_reference_free; it is NULL after a failure. GKV_ERR_ARGUMENT for settings outside their ranges. */
GKV_API GKV_MUST_USE gkv_status gkv_reference_create(const float *features, size_t n, size_t d,
                                                     const gkv_neighbour_settings *settings, gkv_reference **out);

/* Frees it; NULL is fine. */
GKV_API void gkv_reference_free(gkv_reference *reference);

/* Improved precision and recall (Kynkäänniemi et al. 2019, eq. 1–2), density and coverage (Naeem et al. 2020) of
 * generated[n × d]; n may differ from the reference's number of rows, and d is the reference's. Squared distances
 * |x|² + |y|² − 2 x·y are compared in double. They are exactly 0 for equal rows; otherwise their error is at most about
 * 1e-16 (|x|² + |y|²) d.
 *
 * A set of k rows or fewer has no radii. Precision is NaN if the reference has k_precision rows or fewer, density and
 * coverage are NaN if it has k_density rows or fewer, and recall is NaN if the generated set has k_precision rows or
 * fewer. The number of threads is that of the reference's settings. */
GKV_API GKV_MUST_USE gkv_status gkv_neighbour_metrics_of(const gkv_reference *reference, const float *generated,
                                                         size_t n, gkv_neighbour_metrics *out);

/* ---- classes ---- */

typedef struct gkv_class_metrics {
    double entropy;    /* −Σ h log h of the histogram h below, in nats: 0 … log(classes) */
    double confidence; /* mean over the rows of the largest probability */
    double confident;  /* share of rows whose largest probability is above 0.9 */
} gkv_class_metrics;

/* From a classifier's probabilities[n × classes]. histogram[classes], unless NULL, receives the share of rows in
 * which each class is the most probable; of equally probable classes the first counts. Rows need not sum to 1.
 * GKV_ERR_DATA for a probability outside [0,1] or NaN. Runs on the calling thread. */
GKV_API GKV_MUST_USE gkv_status gkv_class_metrics_of(const float *probabilities, size_t n, size_t classes,
                                                     double *histogram, gkv_class_metrics *out);

/* ---- nearest images ---- */

/* For each of queries[n × pixels], grey values in [0,1], finds the nearest of references[m × pixels], grey levels
 * 0 … 255 as in a gkv_dataset. index[n] receives its place and distance[n] the Euclidean distance |query − levels/255|;
 * either may be NULL. Of equally near references the first counts. Matrix products in float rule out references that
 * are too far by more than the bound of their rounding error. All others are compared in double, so the result is that
 * of a search in double.
 *
 * Memory grows as m + threads·pixels; references are not copied. GKV_ERR_DATA for a query outside [0,1] or NaN,
 * GKV_ERR_ARGUMENT for more than 2³² − 1 references. */
GKV_API GKV_MUST_USE gkv_status gkv_nearest(const float *queries, size_t n, const uint8_t *references, size_t m,
                                            size_t pixels, int threads, uint32_t *index, double *distance);

#ifdef __cplusplus
}
#endif
#endif
