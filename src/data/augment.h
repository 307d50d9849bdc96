/* Grey images bent a little, so that a training image is never quite the same twice
 * (Simard, Steinkraus and Platt, ICDAR 2003): an affine map about the middle and a smooth
 * field of displacements on top of it. */
#ifndef GKV_DATA_AUGMENT_H
#define GKV_DATA_AUGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"

/* The image height × width, bent at random: out[height·width]. A pixel of `out` is `grey`
 * at a place nearby, between pixels by their bilinear mean, and black outside. What is
 * drawn, each normal with mean 0: a turn (sd 5°), a shear (0.1), the logarithm of a stretch
 * in each direction (0.07), and displacements of a cubic B-spline's control points, a fourth
 * of the image apart (sd 6% of that image's side: 0.8 pixels for a point of a 28 × 28 image
 * once the spline has smoothed them). */
void gkv_augment(const uint8_t *grey, size_t height, size_t width, gkv_rng at, uint8_t *out);

#endif
