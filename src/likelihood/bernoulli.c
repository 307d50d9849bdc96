/* Independent Bernoulli pixels: the decoder's output is the logit of the probability of a 1. Grey
 * images in [0, 1] are allowed too; −log p is then the cross-entropy, which is not a density of
 * grey levels. */
#include <math.h>

#include "core/memory.h"
#include "core/vmath.h"
#include "likelihood/likelihood.h"
#include "nn/nn_kernels.h"

static gkv_status create(const gki_likelihood_spec *spec, gki_params *params, gki_plan *plan,
                         gki_likelihood **out)
{
    (void)params;
    gki_likelihood *likelihood = NULL;
    const gkv_status status = gki_alloc(1, sizeof *likelihood, &likelihood);
    if (status == GKV_OK)
        gki_likelihood_begin(likelihood, &gki_likelihood_bernoulli, spec, 1, plan);
    *out = likelihood;
    return status;
}

static void init(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out)
{
    (void)params;
    for (size_t i = 0; i < likelihood->values; i++) {
        /* A pixel that is never on also starts with a finite logit. */
        const double p = fmin(fmax(mean[i], 1e-3), 1 - 1e-3);
        out[i] = (gki_real)log(p / (1 - p));
    }
}

static void forward(const gki_likelihood *likelihood, gki_workspace *ws, size_t first, size_t count)
{
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, likelihood->value, r) = kernels->bernoulli(
            likelihood->values, gki_at(ws, likelihood->x, r / ws->draws),
            gki_at(ws, likelihood->out, r), ws->backward ? gki_at(ws, likelihood->d_out, r) : NULL);
}

static void fisher_sd(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd)
{
    gki_nn_kernels_get()->bernoulli_sd(likelihood->values,
                                       gki_at(ws, likelihood->x, row / ws->draws),
                                       gki_at(ws, likelihood->d_out, row), sd);
}

static void means(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                  const gki_real *out, gki_real *images)
{
    (void)params;
    gki_vsigmoid(n * likelihood->values, out, images);
}

/* A pixel's median is its more probable value. */
static void medians(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images)
{
    (void)params;
    for (size_t i = 0; i < n * likelihood->values; i++)
        images[i] = (gki_real)(out[i] > 0);
}

static void draw(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng rng, float *image)
{
    enum { SOME = 256 };
    gki_real probabilities[SOME];
    (void)params;
    for (size_t first = 0; first < likelihood->values; first += SOME) {
        const size_t n = likelihood->values - first < SOME ? likelihood->values - first : SOME;
        gki_vsigmoid(n, out + first, probabilities);
        for (size_t i = 0; i < n; i++)
            image[first + i] = (float)probabilities[i];
    }
    gki_rng_bernoulli(rng, likelihood->values, image, image);
}

const gki_likelihood_ops gki_likelihood_bernoulli = {
    .name = "bernoulli",
    .create = create,
    .free = gki_likelihood_free,
    .init = init,
    .forward = forward,
    .parts = gki_likelihood_no_parts,
    .gradient = gki_likelihood_no_gradient,
    .fisher_sd = fisher_sd,
    .means = means,
    .medians = medians,
    .draw = draw,
};
