/* Independent Bernoulli pixels: the decoder's output is the logit of the probability of a 1. Grey
 * images in [0, 1] are allowed too; −log p is then the cross-entropy, which is no density of grey
 * levels. */
#include <math.h>

#include "core/vmath.h"
#include "data/binarize.h"
#include "likelihood/likelihood.h"
#include "nn/nn_kernels.h"

static void initial(size_t pixels, const double *means, gki_real *out)
{
    for (size_t i = 0; i < pixels; i++) {
        /* A pixel that is never on also starts with a finite logit. */
        const double p = fmin(fmax(means[i], 1e-3), 1 - 1e-3);
        out[i] = (gki_real)log(p / (1 - p));
    }
}

static gki_real negative_log(size_t pixels, const gki_real *x, const gki_real *out, gki_real *d_out)
{
    return gki_nn_kernels_get()->bernoulli(pixels, x, out, d_out);
}

static void fisher_sd(size_t pixels, const gki_real *x, const gki_real *d_out, gki_real *sd)
{
    gki_nn_kernels_get()->bernoulli_sd(pixels, x, d_out, sd);
}

static void mean(size_t n, const gki_real *out, gki_real *means)
{
    gki_vsigmoid(n, out, means);
}

static void draw(size_t pixels, const float *means, gki_rng at, float *image)
{
    gki_binarize_probabilities(means, pixels, at, image);
}

const gki_likelihood_ops gki_likelihood_bernoulli = {
    .name = "bernoulli",
    .outputs = 1,
    .initial = initial,
    .negative_log = negative_log,
    .fisher_sd = fisher_sd,
    .mean = mean,
    .draw = draw,
};
