/* What the image measures share. */
#ifndef GKV_METRICS_IMAGES_H
#define GKV_METRICS_IMAGES_H

#include <stddef.h>

#include "core/error.h"

/* Refuses a pixel outside [0,1]; `what` names the measure in the message. */
gkv_status gkv_pixels_check(const char *what, const float *a, const float *b, size_t pixels);

/* Mean squared error of pixels that have been checked. */
double gkv_mse_of_checked(const float *a, const float *b, size_t pixels);

/* A plan and scratch memory for the SSIM of images of one size. */
typedef struct gkv_ssim gkv_ssim;

gkv_status gkv_ssim_create(size_t h, size_t w, gkv_ssim **out);
void gkv_ssim_free(gkv_ssim *ssim);

/* SSIM of two images that have been checked. */
double gkv_ssim_of_checked(gkv_ssim *ssim, const float *a, const float *b);

#endif
