/* Scores of single pairs of images, and their means. */
#ifndef GKV_METRICS_IMAGE_SCORES_H
#define GKV_METRICS_IMAGE_SCORES_H

#include "core/error.h"
#include "gkvae/image_metrics.h"

/* Computes the mean squared error and the SSIM of each pair of a[n, pixels] and b[n, pixels], which
 * have 1 or 3 channels: mse[n], ssim[n]. GKV_ERR_DATA for a pixel outside [0,1], GKV_ERR_ARGUMENT
 * for images without pixels, GKV_ERR_MEMORY. */
gkv_status gki_image_scores_each(size_t n, size_t height, size_t width, size_t channels,
                                 const float *a, const float *b, double *mse, double *ssim);

/* The means of these scores, as gkv_image_scores_of() has them. */
gkv_image_scores gki_image_scores_mean(size_t n, const double *mse, const double *ssim);

#endif
