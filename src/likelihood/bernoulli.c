/* Independent Bernoulli pixels: the decoder's output is the logit of the probability of a 1. Grey images in [0, 1] are
 * allowed too; −log p is then the cross-entropy, which is no density of grey levels. */
#include <math.h>

#include "core/vmath.h"
#include "data/binarize.h"
#include "likelihood/likelihood.h"
#include "nn/nn_kernels.h"

static void initial(size_t pixels, const double *means, gkv_real *out)
{
    for (size_t i = 0; i < pixels; i++) {
        /* A pixel that is never on also starts with a finite logit. */
        const double p = fmin(fmax(means[i], 1e-3), 1 - 1e-3);
        out[i] = (gkv_real)log(p / (1 - p));
    }
}

static gkv_real negative_log(size_t pixels, const gkv_real *x, const gkv_real *out, gkv_real *d_out)
{
    return gkv_nn_kernels_get()->bernoulli(pixels, x, out, d_out);
}

static void fisher_sd(size_t pixels, const gkv_real *x, const gkv_real *d_out, gkv_real *sd)
{
    gkv_nn_kernels_get()->bernoulli_sd(pixels, x, d_out, sd);
}

static void mean(size_t n, const gkv_real *out, gkv_real *means)
{
    gkv_vsigmoid(n, out, means);
}

static void draw(size_t pixels, const float *means, gkv_rng at, float *image)
{
    gkv_binarize_probabilities(means, pixels, at, image);
}

const gkv_likelihood_ops gkv_likelihood_bernoulli = {
    .name = "bernoulli", .outputs = 1, .initial = initial, .negative_log = negative_log, .fisher_sd = fisher_sd,
    .mean = mean, .draw = draw,
};
