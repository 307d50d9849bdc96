/* Measures of images and of codes, on plain arrays.
 *
 * Images are grey, floats in [0,1], row by row; a batch is n of them one after
 * another. Everything is computed in double, in one fixed order, on the calling
 * thread: the same input gives the same bits. No function keeps state, so all may
 * be called from several threads at once. */
#ifndef GKVAE_IMAGE_METRICS_H
#define GKVAE_IMAGE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a running mean and its standard error ---- */

/* Welford's accumulator (Welford 1962; Knuth, TAOCP 2, 4.2.2): stable however
 * large the mean is beside the spread. Begin with {0}. */
typedef struct gkv_accumulator {
    uint64_t n;
    double mean;
    double m2; /* sum of squared deviations from the mean */
} gkv_accumulator;

/* A mean with its standard error. `se` is NaN for fewer than two values, and both
 * are NaN for none: there is nothing to say then. */
typedef struct gkv_mean_se {
    uint64_t n;
    double mean;
    double se;
} gkv_mean_se;

/* Takes in one value. A value that is not finite makes the results so. */
GKV_API void gkv_accumulator_add(gkv_accumulator *accumulator, double value);

/* Takes in everything `other` has seen (Chan, Golub & LeVeque 1979). */
GKV_API void gkv_accumulator_merge(gkv_accumulator *accumulator, const gkv_accumulator *other);

/* The unbiased sample variance, m2/(n−1); NaN for n < 2. */
GKV_API double gkv_accumulator_variance(const gkv_accumulator *accumulator);

/* The mean and its standard error, sqrt(variance/n). */
GKV_API gkv_mean_se gkv_accumulator_result(const gkv_accumulator *accumulator);

/* The same for an array, taken in from first to last. */
GKV_API gkv_mean_se gkv_mean_se_of(const double *values, size_t n);

/* log((1/n) Σ exp(x_i)) without overflow: the importance-sampling bound of Burda,
 * Grosse & Salakhutdinov (2016) from its log weights. −∞ weights count as zeros;
 * a +∞ gives +∞, a NaN gives NaN, and so does n = 0. */
GKV_API double gkv_log_mean_exp(const double *x, size_t n);

/* ---- one pair of images ---- */

/* (1/N) Σ (a_i − b_i)² over N pixels. For this and the functions below:
 * GKV_ERR_ARGUMENT for a size of 0, GKV_ERR_DATA for a pixel outside [0,1] or NaN. */
GKV_API GKV_MUST_USE gkv_status gkv_image_mse(const float *a, const float *b, size_t pixels, double *mse);

/* −10·log10(MSE) in decibels, the data range being 1; +∞ for equal images. */
GKV_API GKV_MUST_USE gkv_status gkv_image_psnr(const float *a, const float *b, size_t pixels, double *psnr);

/* Structural similarity (Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13), in [−1,1]:
 * Gaussian window of 11×11, σ = 1.5, K1 = 0.01, K2 = 0.03, range 1, population
 * (not sample) covariances, as scikit-image's structural_similarity(gaussian_weights
 * = True, use_sample_covariance = False, data_range = 1).
 *
 * Borders: only windows that lie wholly inside the image count, so the mean is over
 * (h−10)·(w−10) places. Small images: along a side shorter than 11 there is no such
 * window; every pixel of that side is then a window's centre, and the image goes on
 * beyond its edge as its own mirror image (d c b a | a b c d | d c b a). */
GKV_API GKV_MUST_USE gkv_status gkv_image_ssim(const float *a, const float *b, size_t h, size_t w, double *ssim);

/* ---- a batch of pairs ---- */

typedef struct gkv_image_scores {
    gkv_mean_se mse;
    gkv_mean_se psnr; /* over the pairs that differ: the others' is infinite */
    gkv_mean_se ssim;
    uint64_t identical; /* pairs that are equal in every pixel */
} gkv_image_scores;

/* All three measures of n pairs of h×w images: the mean over pairs of each pair's
 * own value (so the mean of PSNRs, not the PSNR of the mean), with standard error. */
GKV_API GKV_MUST_USE gkv_status gkv_image_scores_of(const float *a, const float *b, size_t n, size_t h, size_t w,
                                                    gkv_image_scores *scores);

/* ---- codes: n rows of d numbers ---- */

/* Active units (Burda et al. 2016, section 5.2): the dimensions of the posterior
 * mean E[z|x] whose variance over x, with divisor n, is above the threshold.
 * `variance` (d values) may be NULL. GKV_ERR_ARGUMENT for n or d of 0,
 * GKV_ERR_DATA for a mean that is not finite. */
#define GKV_ACTIVE_THRESHOLD 0.01
GKV_API GKV_MUST_USE gkv_status gkv_active_units(const double *means, size_t n, size_t d, double threshold,
                                                 double *variance, size_t *active);

/* Projects codes onto their two principal axes.
 *   codes      n×d
 *   xy         n×2, centred: column 0 along the axis of largest variance
 *   axes       2×d unit vectors, or NULL
 *   explained  2 fractions of the total variance, or NULL
 * The eigenvectors are by cyclic Jacobi rotations, so cost grows as n·d² + d³; meant
 * for d up to a few hundred. An axis's sign is chosen so that its entry of largest
 * magnitude is positive (the first such entry, when several are within 1e-9 of it).
 * For d = 1, and for codes without spread, the missing coordinates are 0.
 * GKV_ERR_ARGUMENT for n or d of 0, GKV_ERR_DATA for a code that is not finite,
 * GKV_ERR_NUMERIC for codes too large to square. */
GKV_API GKV_MUST_USE gkv_status gkv_pca2(const double *codes, size_t n, size_t d, double *xy, double *axes,
                                         double *explained);

#ifdef __cplusplus
}
#endif
#endif
