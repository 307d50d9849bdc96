/* The likelihood p(x|z) as a table of operations. A new family is one file with one
 * gki_likelihood_ops, and one line in likelihood.c.
 *
 * The decoder maps z to `outputs` numbers for each pixel. They are the parameters of the family's
 * distribution of the pixel. All functions work on one image at a time, and the result of an image
 * depends on that image alone. */
#ifndef GKV_LIKELIHOOD_LIKELIHOOD_H
#define GKV_LIKELIHOOD_LIKELIHOOD_H

#include <stddef.h>

#include "core/real.h"
#include "core/rng.h"

typedef enum gki_likelihood_family {
    GKV_LIKELIHOOD_BERNOULLI,
    GKV_LIKELIHOODS
} gki_likelihood_family;

typedef struct gki_likelihood_ops {
    const char *name;

    /* The decoder's outputs for each pixel. */
    size_t outputs;

    /* Writes decoder outputs out[outputs · pixels] whose mean image is about mean[pixels], in [0,
     * 1]. They are the decoder's biases before training. They are finite for all means. */
    void (*initial)(size_t pixels, const double *mean, gki_real *out);

    /* Returns −log p(x|z), in nats, of an image x[pixels] from the decoder's outputs out[outputs ·
     * pixels]. Writes the gradient in these outputs to d_out[outputs · pixels], unless d_out is
     * NULL. */
    gki_real (*negative_log)(size_t pixels, const gki_real *x, const gki_real *out,
                             gki_real *d_out);

    /* Writes the square roots of the diagonal of the Fisher information of the outputs to
     * sd[outputs · pixels]. This is the matrix in the middle of the Gauss–Newton curvature JᵀFJ.
     * d_out is what negative_log() wrote for x. */
    void (*fisher_sd)(size_t pixels, const gki_real *x, const gki_real *d_out, gki_real *sd);

    /* Writes the mean of each of n pixels, in [0, 1], to mean[n]. `mean` may be `out`. */
    void (*mean)(size_t n, const gki_real *out, gki_real *mean);

    /* Draws image[pixels] from the pixel means mean[pixels]. The random numbers start at `at`.
     * `image` may be `mean`. */
    void (*draw)(size_t pixels, const float *mean, gki_rng at, float *image);
} gki_likelihood_ops;

/* Returns the operations of a family. */
const gki_likelihood_ops *gki_likelihood_of(gki_likelihood_family family);

extern const gki_likelihood_ops gki_likelihood_bernoulli;

#endif
