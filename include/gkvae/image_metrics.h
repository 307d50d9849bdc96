/* Measures of images and of codes, on plain arrays.
 *
 * Images are arrays of values, floats in [0,1], row by row. A batch is n images one after
 * another. All measures are computed in double, in a fixed order, on the calling thread, so the
 * same input gives the same bits. No function keeps state, so all may be called from several
 * threads at once. For a pointer that is NULL where the comment of the function does not allow
 * that, functions return GKV_ERR_ARGUMENT, functions that return numbers NaN, and other functions
 * do nothing. */
#ifndef GKVAE_IMAGE_METRICS_H
#define GKVAE_IMAGE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a running mean and its standard error ---- */

/* Welford's accumulator of a mean and a variance (Welford 1962; Knuth, TAOCP 2, 4.2.2). It is
 * accurate even if the mean is much larger than the standard deviation. Initialise it with {0}. */
typedef struct gkv_accumulator {
    uint64_t n;  /* number of values */
    double mean; /* mean of the values */
    double m2;   /* sum of squared deviations from the mean */
} gkv_accumulator;

/* A mean with its standard error. `se` is NaN for fewer than two values, and `mean` is NaN for no
 * values. */
typedef struct gkv_mean_se {
    uint64_t n;
    double mean;
    double se;
} gkv_mean_se;

/* Adds one value. If a value is not finite, the results are not finite either. */
GKV_API void gkv_accumulator_add(gkv_accumulator *accumulator, double value);

/* Adds all values of `other` (Chan, Golub & LeVeque 1979). */
GKV_API void gkv_accumulator_merge(gkv_accumulator *accumulator, const gkv_accumulator *other);

/* The unbiased sample variance, m2/(n − 1), or NaN for n < 2. */
GKV_API double gkv_accumulator_variance(const gkv_accumulator *accumulator);

/* The mean and its standard error, sqrt(variance/n). */
GKV_API gkv_mean_se gkv_accumulator_result(const gkv_accumulator *accumulator);

/* The mean and standard error of an array, whose values are added from the first to the last. */
GKV_API gkv_mean_se gkv_mean_se_of(size_t n, const double *values);

/* Computes log((1/n) Σ exp(x_i)) without overflow. With log weights x this is the
 * importance-sampling bound of Burda, Grosse & Salakhutdinov (2016). A log weight of −∞ counts as a
 * weight of 0. The result is NaN for n = 0 and if some x_i is NaN, and otherwise +∞ if some x_i is
 * +∞. */
GKV_API double gkv_log_mean_exp(size_t n, const double *x);

/* ---- one pair of images ---- */

/* Computes the mean squared error (1/N) Σ (a_i − b_i)² over N pixels. This function and those below
 * return GKV_ERR_ARGUMENT for a size of 0, and GKV_ERR_DATA for a pixel that is outside [0,1] or
 * NaN. */
GKV_API GKV_MUST_USE gkv_status gkv_image_mse(size_t pixels, const float *a, const float *b,
                                              double *mse);

/* Computes the peak signal-to-noise ratio −10·log10(MSE) in decibels, for a data range of 1. It is
 * +∞ for equal images. */
GKV_API GKV_MUST_USE gkv_status gkv_image_psnr(size_t pixels, const float *a, const float *b,
                                               double *psnr);

/* Computes the structural similarity (Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13) of two images
 * of height × width pixels. It is in [−1,1]. The window is a Gaussian of 11×11 pixels with σ = 1.5;
 * K1 = 0.01, K2 = 0.03, and the data range is 1. Covariances are those of the population, not of a
 * sample. These are the choices of scikit-image's structural_similarity(gaussian_weights=True,
 * use_sample_covariance=False, data_range=1).
 *
 * Only windows that lie inside the image count, so the result is a mean over (height − 10)·(width −
 * 10) windows. A side shorter than 11 pixels has no such window. Along such a side, every pixel is
 * the centre of a window, and the image is extended by symmetric padding
 * (d c b a | a b c d | d c b a). GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_image_ssim(size_t height, size_t width, const float *a,
                                               const float *b, double *ssim);

/* ---- a batch of pairs ---- */

typedef struct gkv_image_scores {
    gkv_mean_se mse;
    gkv_mean_se psnr; /* over the pairs that differ, since equal images have an infinite PSNR */
    gkv_mean_se ssim;
    uint64_t identical; /* number of pairs that are equal in every pixel */
} gkv_image_scores;

/* Computes the three measures for each of n pairs of images [height, width, channels] with 1 or 3
 * channels, and their means over the pairs with standard errors. So the result is the mean of the
 * PSNRs, not the PSNR of the mean error. Squared errors are means over all values, and the
 * similarity is the mean of those of the channels. Errors as above, and GKV_ERR_ARGUMENT for
 * another number of channels; the message names the pair. */
GKV_API GKV_MUST_USE gkv_status gkv_image_scores_of(size_t n, size_t height, size_t width,
                                                    size_t channels, const float *a, const float *b,
                                                    gkv_image_scores *scores);

/* ---- codes: n rows of d numbers ---- */

/* Counts the active units (Burda et al. 2016, section 5.2): dimensions of the posterior mean E[z|x]
 * whose variance over x, with divisor n, is above the threshold. means[n × d] are the posterior
 * means of n images. variance[d] receives the variances; it may be NULL. GKV_ERR_ARGUMENT for n or
 * d of 0, GKV_ERR_DATA for a mean that is not finite, GKV_ERR_MEMORY. */
#define GKV_ACTIVE_THRESHOLD 0.01
GKV_API GKV_MUST_USE gkv_status gkv_active_units(size_t n, size_t d, const double *means,
                                                 double threshold, double *variance,
                                                 size_t *active);

/* Projects codes onto their two principal axes.
 *   codes      [n × d]
 *   xy         [n × 2] the centred coordinates; column 0 is along the axis of largest variance
 *   axes       [2 × d] the axes as unit vectors; may be NULL
 *   explained  [2] the fractions of the total variance along the two axes; may be NULL
 * Cyclic Jacobi rotations compute the eigenvectors, so the time grows as n·d² + d³, which is
 * practical for d up to a few hundred. The sign of an axis is chosen so that its entry of largest
 * magnitude is positive. If several entries are within 1e-9 of that magnitude, the first of them
 * decides. Coordinates along missing axes (d = 1) and of codes that are all equal are 0.
 * GKV_ERR_ARGUMENT for n or d of 0, GKV_ERR_DATA for a code that is not finite, GKV_ERR_NUMERIC for
 * codes whose squares overflow, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_pca2(size_t n, size_t d, const double *codes, double *xy,
                                         double *axes, double *explained);

#ifdef __cplusplus
}
#endif
#endif
