/* The likelihood p(x|z) as a table of operations. A new family is one file with one gkv_likelihood_ops, and one line in
 * likelihood_families.c.
 *
 * The decoder maps z to `outputs` numbers for each pixel. They are the parameters of the family's distribution of the
 * pixel. All functions work on one image at a time, and the result of an image depends on that image alone. */
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

    /* Writes decoder outputs out[outputs · pixels] whose mean image is about mean[pixels], in [0, 1]. They are the
     * decoder's biases before training. They are finite for all means. */
    void (*initial)(size_t pixels, const double *mean, gkv_real *out);

    /* Returns −log p(x|z), in nats, of an image x[pixels] from the decoder's outputs out[outputs · pixels]. Writes the
     * gradient in these outputs to d_out[outputs · pixels], unless d_out is NULL. */
    gkv_real (*negative_log)(size_t pixels, const gkv_real *x, const gkv_real *out, gkv_real *d_out);

    /* Writes the square roots of the diagonal of the Fisher information of the outputs to sd[outputs · pixels]. This is
     * the matrix in the middle of the Gauss–Newton curvature JᵀFJ. d_out is what negative_log() wrote for x. */
    void (*fisher_sd)(size_t pixels, const gkv_real *x, const gkv_real *d_out, gkv_real *sd);

    /* Writes the mean of each of n pixels, in [0, 1], to mean[n]. `mean` may be `out`. */
    void (*mean)(size_t n, const gkv_real *out, gkv_real *mean);

    /* Draws image[pixels] from the pixel means mean[pixels]. The random numbers start at `at`. `image` may be
     * `mean`. */
    void (*draw)(size_t pixels, const float *mean, gkv_rng at, float *image);
} gkv_likelihood_ops;

/* Returns the operations of a family. */
const gkv_likelihood_ops *gkv_likelihood_of(gkv_likelihood_family family);

extern const gkv_likelihood_ops gkv_likelihood_bernoulli;

#endif
