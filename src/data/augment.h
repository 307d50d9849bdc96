/* Elastic augmentation of images (Simard, Steinkraus and Platt, ICDAR 2003): a random affine
 * map about the centre of the image, and a random smooth field of displacements. So a training
 * image is different in each epoch. */
#ifndef GKV_DATA_AUGMENT_H
#define GKV_DATA_AUGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"

/* Writes a random deformation of image[height·width·channels] to out[height·width·channels]. Each
 * pixel of `out` is the value of the image at a displaced position, by bilinear interpolation of
 * each channel. Outside the image the value is 0. The result is a function of the image and of
 * `rng` alone. Thread-safe.
 *
 * All random quantities are normal with mean 0. Their standard deviations are 5° for the rotation,
 * 0.1 for the shear, 0.07 for the logarithm of the scale along each axis, and 6 % of the image's
 * side for the displacement of each control point of a cubic B-spline. The control points are a
 * fourth of the image apart. For a 28 × 28 image, the smoothed displacement of a pixel has a
 * standard deviation of about 0.8 pixels. */
void gki_augment(const uint8_t *image, size_t height, size_t width, size_t channels, gki_rng rng,
                 uint8_t *out);

#endif
