/* Metrics that compare generated samples with real ones, on plain arrays.
 *
 * Most functions take features, which a network or any other map has computed from the images: rows
 * of d floats, one row for each image. A metric depends only on what the features keep of the
 * images. docs/generation.md has the formulas, ranges and biases of all metrics.
 *
 * All metrics are computed in double. Results are the same to the bit for any number of threads. No
 * function allocates an n × n matrix: memory grows as (n_a + n_b)·d. No function keeps state, so
 * all may be called from several threads at once. NULL `settings` and `options` are the defaults.
 *
 * Every function that can fail returns GKV_ERR_ARGUMENT for a pointer that is NULL where its
 * comment does not allow that, for no rows, and for no columns. It returns GKV_ERR_DATA for an
 * element that is not finite or outside its range; the message has its row and column. It returns
 * GKV_ERR_MEMORY if memory runs out, and GKV_ERR_INTERRUPTED if `options` stop it. A failure leaves
 * outputs unchanged, unless the comment of the function states otherwise. Metrics that are
 * undefined for too few rows are NaN, which is not an error. */
#ifndef GKVAE_GENERATION_METRICS_H
#define GKVAE_GENERATION_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- two sets of features ---- */

/* Computes the Fréchet distance between two normal distributions that have the moments of the two
 * sets,
 *     |μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½)
 * (Dowson & Landau 1982; Heusel et al. 2017), in squared units of the features, for a[n_a × d] and
 * b[n_b × d]. Σ_a and Σ_b are sample covariances with divisor n − 1. The trace of the root is Σ √λ
 * over the eigenvalues λ of the symmetric Σ_a^½ Σ_b Σ_a^½. So n may be smaller than d, and columns
 * may be constant. Rounding can give results below 0, which are returned as 0. For equal sets the
 * result is at most about 1e-8·tr Σ.
 *
 * The expected value decreases as n grows, so compare only values of the same n. The result is NaN
 * if n_a or n_b is 1. The time grows as n·d² + d³ on the calling thread, which is practical for d
 * up to a few hundred. GKV_ERR_NUMERIC if the eigenvalues do not converge; no such matrix is
 * known. */
GKV_API GKV_MUST_USE gkv_status gkv_frechet_distance(size_t n_a, size_t n_b, size_t d,
                                                     const float *a, const float *b,
                                                     double *distance);

typedef struct gkv_kid_settings {
    size_t subsets; /* pairs of subsets, at least 1; default 100 */
    /* rows of a subset, at least 2; default 1000; a smaller set limits it to its number of rows */
    size_t size;
    uint64_t seed; /* seed of the choice of subsets; default 1 */
} gkv_kid_settings;

/* Sets the defaults. NULL does nothing. */
GKV_API void gkv_kid_defaults(gkv_kid_settings *settings);

typedef struct gkv_kid {
    double mean; /* mean of the estimates of all pairs of subsets; may be negative */
    /* standard deviation of these estimates, with divisor subsets − 1; NaN for one pair */
    double sd;
    size_t subsets; /* number of pairs of subsets */
    /* rows of a subset: that of the settings, or the rows of the smaller set if that is less */
    size_t size;
} gkv_kid;

/* Computes the kernel inception distance (Bińkowski et al. 2018) of a[n_a × d] and b[n_b × d]: the
 * unbiased estimate of the squared maximum mean discrepancy (Gretton et al. 2012, eq. 3) with the
 * kernel k(x, y) = (x·y/d + 1)³. For m rows x of a and m rows y of b it is
 *     Σ_{i≠j} (k(x_i, x_j) + k(y_i, y_j)) / (m(m − 1)) − 2 Σ_ij k(x_i, y_j) / m²
 * The result is the mean over `subsets` pairs of subsets of m = `size` rows, each drawn without
 * replacement. Subset s depends only on the seed, on s, on the number of rows of the set, and on
 * whether the set is a or b. sd is the standard deviation over the pairs. Pairs have rows in
 * common, so sd/√subsets is not the standard error of the mean.
 *
 * Mean and sd are NaN if a set has one row. The units of progress are pairs of subsets, which the
 * ranks of options->dist share.
 * GKV_ERR_ARGUMENT for settings outside their ranges or more than 2³² − 1 rows. */
GKV_API GKV_MUST_USE gkv_status gkv_kernel_distance(size_t n_a, size_t n_b, size_t d,
                                                    const float *a, const float *b,
                                                    const gkv_kid_settings *settings,
                                                    const gkv_run_options *options, gkv_kid *out);

/* ---- nearest neighbours among features ---- */

typedef struct gkv_neighbour_settings {
    size_t k_precision; /* k of precision and recall, at least 1; default 3 */
    size_t k_density;   /* k of density and coverage, at least 1; default 5 */
} gkv_neighbour_settings;

/* Sets the defaults. NULL does nothing. */
GKV_API void gkv_neighbour_defaults(gkv_neighbour_settings *settings);

/* Metrics of n real rows and m generated rows. The ball of a row has the row as its centre. Its
 * radius is the distance to the k-th nearest of the other rows of the same set. A duplicate of the
 * row counts as another row. */
typedef struct gkv_neighbour_metrics {
    double precision; /* fraction of generated rows in the ball of a real row (distance ≤ radius) */
    double recall; /* fraction of real rows in the ball of a generated row (distance ≤ radius) */
    /* number of pairs of a real row and a generated row in its ball (distance < radius), divided by
     * k·m; may be above 1 */
    double density;
    /* fraction of real rows with a generated row in their ball (distance < radius) */
    double coverage;
} gkv_neighbour_metrics;

/* The features of the real images and the radii of their balls, for comparison with any number of
 * generated sets. A reference never changes after it is made, so any number of threads may use
 * it. */
typedef struct gkv_reference gkv_reference;

/* Copies features[n × d] and computes the radii. The units of progress are rows, which the ranks of
 * options->dist share. The caller frees
 * *out with gkv_reference_free(); it is NULL after a failure. GKV_ERR_ARGUMENT for settings outside
 * their ranges. */
GKV_API GKV_MUST_USE gkv_status gkv_reference_create(size_t n, size_t d, const float *features,
                                                     const gkv_neighbour_settings *settings,
                                                     const gkv_run_options *options,
                                                     gkv_reference **out);

/* Frees the reference. NULL does nothing. */
GKV_API void gkv_reference_free(gkv_reference *reference);

/* Computes improved precision and recall (Kynkäänniemi et al. 2019, eq. 1–2), density and coverage
 * (Naeem et al. 2020) of generated[n × d]. n may differ from the number of rows of the reference; d
 * is that of the reference. Squared distances |x|² + |y|² − 2 x·y are compared in double. They are
 * exactly 0 for equal rows, and their error is otherwise at most about 1e-16 (|x|² + |y|²) d.
 *
 * A set of k or fewer rows has no radii. Precision is NaN if the reference has k_precision rows or
 * fewer, density and coverage are NaN if it has k_density rows or fewer, and recall is NaN if the
 * generated set has k_precision rows or fewer. The units of progress are rows: first the generated
 * ones, and then those of the reference. The ranks of options->dist share them. */
GKV_API GKV_MUST_USE gkv_status gkv_neighbour_metrics_of(const gkv_reference *reference, size_t n,
                                                         const float *generated,
                                                         const gkv_run_options *options,
                                                         gkv_neighbour_metrics *out);

/* ---- classes ---- */

typedef struct gkv_class_metrics {
    /* −Σ h log h of the histogram h of gkv_class_metrics_of(), in nats: 0 … log(classes) */
    double entropy;
    double confidence; /* mean over the rows of the largest probability of a row */
    double confident;  /* fraction of rows whose largest probability is above 0.9 */
} gkv_class_metrics;

/* Computes metrics of probabilities[n × classes] that a classifier has assigned to n images.
 * histogram[classes] receives the fraction of rows in which each class is the most probable; it may
 * be NULL. Of equally probable classes the first counts. Rows need not sum to 1. GKV_ERR_DATA for a
 * probability outside [0,1] or NaN. Runs on the calling thread. */
GKV_API GKV_MUST_USE gkv_status gkv_class_metrics_of(size_t n, size_t classes,
                                                     const float *probabilities, double *histogram,
                                                     gkv_class_metrics *out);

/* ---- nearest images ---- */

/* Finds the nearest of m references of each of n queries. queries[n × pixels] are grey values in
 * [0,1], and references[m × pixels] are grey levels 0 … 255 as in a gkv_dataset. index[n] receives
 * the row of the nearest reference, and distance[n] the Euclidean distance |query − levels/255|.
 * Either may be NULL. Of equally near references the first counts. Matrix products in float exclude
 * references that are farther by more than the bound of the rounding error. All others are compared
 * in double, so the result is that of a search in double.
 *
 * Memory grows as m + threads·pixels. References are not copied. The units of progress are queries,
 * which the ranks of options->dist share.
 * GKV_ERR_DATA for a query outside [0,1] or NaN, GKV_ERR_ARGUMENT for more than 2³² − 1
 * references. */
GKV_API GKV_MUST_USE gkv_status gkv_nearest(size_t n, size_t m, size_t pixels, const float *queries,
                                            const uint8_t *references,
                                            const gkv_run_options *options, uint32_t *index,
                                            double *distance);

#ifdef __cplusplus
}
#endif
#endif
