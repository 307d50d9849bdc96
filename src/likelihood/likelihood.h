/* The likelihood p(x|z) as a table of operations: one file and one line for each family.
 *
 * The decoder maps z to `outputs` numbers for each pixel. A family says what they are the parameters of, and how
 * much an image costs under them. All functions work on one image at a time, and an image's result depends on that
 * image alone. */
#ifndef GKV_LIKELIHOOD_LIKELIHOOD_H
#define GKV_LIKELIHOOD_LIKELIHOOD_H

#include <stddef.h>

#include "core/real.h"
#include "core/rng.h"

typedef enum gkv_likelihood_family { GKV_LIKELIHOOD_BERNOULLI, GKV_LIKELIHOODS } gkv_likelihood_family;

typedef struct gkv_likelihood_ops {
    const char *name;

    /* The decoder's outputs for each pixel. */
    size_t outputs;

    /* Writes decoder outputs [outputs · pixels] whose mean image is about mean[pixels], which is in [0, 1]. They are the
     * decoder's biases before training, and finite for all means. */
    void (*initial)(size_t pixels, const double *mean, gkv_real *out);

    /* Returns −log p(x|z) in nats of an image x[pixels] from the decoder's outputs [outputs · pixels]. Unless d_out is
     * NULL, d_out receives the gradient in these outputs. */
    gkv_real (*negative_log)(size_t pixels, const gkv_real *x, const gkv_real *out, gkv_real *d_out);

    /* Writes the square roots of the diagonal of the Fisher information of the outputs to sd[outputs · pixels]. This is
     * the matrix in the middle of the Gauss–Newton curvature JᵀFJ. d_out is what negative_log() wrote for x. */
    void (*fisher_sd)(size_t pixels, const gkv_real *x, const gkv_real *d_out, gkv_real *sd);

    /* Writes the mean of each of n pixels, on [0, 1], to mean[n], which may be `out`. */
    void (*mean)(size_t n, const gkv_real *out, gkv_real *mean);

    /* Draws an image from the pixel means mean[pixels], by the numbers at `at`. `image` may be `mean`. */
    void (*draw)(size_t pixels, const float *mean, gkv_rng at, float *image);
} gkv_likelihood_ops;

/* The operations of a family. */
const gkv_likelihood_ops *gkv_likelihood_of(gkv_likelihood_family family);

extern const gkv_likelihood_ops gkv_likelihood_bernoulli;

#endif
