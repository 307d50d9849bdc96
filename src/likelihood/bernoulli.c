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
    gki_likelihood *it = NULL;
    const gkv_status status = gki_alloc(1, sizeof *it, &it);
    if (status == GKV_OK)
        gki_likelihood_begin(it, &gki_likelihood_bernoulli, spec, 1, plan);
    *out = it;
    return status;
}

static void init(const gki_likelihood *it, const gki_params *params, const double *mean,
                 gki_real *out)
{
    (void)params;
    for (size_t i = 0; i < it->values; i++) {
        /* A pixel that is never on also starts with a finite logit. */
        const double p = fmin(fmax(mean[i], 1e-3), 1 - 1e-3);
        out[i] = (gki_real)log(p / (1 - p));
    }
}

static void forward(const gki_likelihood *it, gki_workspace *ws, size_t first, size_t count)
{
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, it->value, r) =
            kernels->bernoulli(it->values, gki_at(ws, it->x, r / ws->draws), gki_at(ws, it->out, r),
                               ws->backward ? gki_at(ws, it->d_out, r) : NULL);
}

static void fisher_sd(const gki_likelihood *it, const gki_workspace *ws, size_t row, gki_real *sd)
{
    gki_nn_kernels_get()->bernoulli_sd(it->values, gki_at(ws, it->x, row / ws->draws),
                                       gki_at(ws, it->d_out, row), sd);
}

static void means(const gki_likelihood *it, const gki_params *params, size_t n, const gki_real *out,
                  gki_real *to)
{
    (void)params;
    gki_vsigmoid(n * it->values, out, to);
}

/* A pixel's median is its more probable value. */
static void medians(const gki_likelihood *it, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *to)
{
    (void)params;
    for (size_t i = 0; i < n * it->values; i++)
        to[i] = (gki_real)(out[i] > 0);
}

static void draw(const gki_likelihood *it, const gki_params *params, const gki_real *out,
                 gki_rng at, float *to)
{
    enum { SOME = 256 };
    gki_real probabilities[SOME];
    (void)params;
    for (size_t first = 0; first < it->values; first += SOME) {
        const size_t n = it->values - first < SOME ? it->values - first : SOME;
        gki_vsigmoid(n, out + first, probabilities);
        for (size_t i = 0; i < n; i++)
            to[first + i] = (float)probabilities[i];
    }
    gki_rng_bernoulli(at, it->values, to, to);
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
