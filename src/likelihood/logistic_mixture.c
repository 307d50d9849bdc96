/* Mixtures of discretised logistic distributions of grey levels (Salimans et al., PixelCNN++, ICLR
 * 2017; a single one: Kingma et al., NIPS 2016), whose edges between levels may be learned. */
#include <math.h>

#include "likelihood/level_mixture.h"

/* of a component: its location and its log-scale */
enum { PARAMETERS = 2 };

static gkv_status create(const gki_likelihood_spec *spec, gki_params *params, gki_plan *plan,
                         gki_likelihood **out)
{
    return gki_level_mixture_create(&gki_likelihood_logistic_mixture, spec->components, PARAMETERS,
                                    spec, params, plan, out);
}

/* A value with mean m varies about as much as a Bernoulli variable does, by √(m(1 − m)). Locations
 * of several components are one scale apart. */
static void init(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    const size_t n = likelihood->values, count = mixture->components,
                 logits = gki_level_mixture_logits(mixture);
    (void)params; /* logits of 0: levels of equal widths */
    for (size_t i = 0; i < n; i++) {
        const double scale = fmax(sqrt(fmax(mean[i] * (1 - mean[i]), 0)), 0.05);
        for (size_t k = 0; k < count; k++) {
            const double apart = (double)k - (double)(count - 1) / 2;
            if (logits > 0)
                out[k * n + i] = 0;
            out[(logits + k) * n + i] = (gki_real)(2 * mean[i] - 1 + apart * scale);
            out[(logits + count + k) * n + i] = (gki_real)log(scale);
        }
    }
}

static void forward(const gki_likelihood *likelihood, gki_workspace *ws, size_t first, size_t count)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    const gki_likelihood_kernels *kernels = gki_likelihood_kernels_get();
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, ws->params, &edges);
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, likelihood->value, r) = kernels->logistic(
            likelihood->values, mixture->components, gki_at(ws, likelihood->x, r / ws->draws),
            gki_at(ws, likelihood->out, r), &edges,
            ws->backward ? gki_at(ws, likelihood->d_out, r) : NULL,
            ws->backward && mixture->levels.learned ? gki_at(ws, likelihood->d_own, r) : NULL);
}

static void fisher_sd(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, ws->params, &edges);
    gki_likelihood_kernels_get()->logistic_sd(likelihood->values, mixture->components,
                                              gki_at(ws, likelihood->out, row), &edges, sd);
}

/* Calls a kernel that computes n values for each of `count` rows. */
static void each_row(const gki_likelihood *likelihood, const gki_params *params,
                     void (*kernel)(size_t n, size_t components, const gki_real *out,
                                    const gki_level_edges *edges, gki_real *images),
                     size_t count, const gki_real *out, gki_real *images)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, params, &edges);
    for (size_t r = 0; r < count; r++)
        kernel(likelihood->values, mixture->components, out + r * likelihood->outputs, &edges,
               images + r * likelihood->values);
}

static void means(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                  const gki_real *out, gki_real *images)
{
    each_row(likelihood, params, gki_likelihood_kernels_get()->logistic_mean, n, out, images);
    for (size_t i = 0; i < n * likelihood->values; i++)
        images[i] = images[i] > 1 ? 1 : images[i]; /* a sum of 255 terms, rounded */
}

static void medians(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images)
{
    each_row(likelihood, params, gki_likelihood_kernels_get()->logistic_median, n, out, images);
}

/* Draws the level of value i from two uniform numbers in (0, 1): one chooses the component, or the
 * floor, and the other is the probability of the quantile. */
static size_t draw_level(const gki_likelihood *likelihood, const gki_level_edges *edges,
                         const gki_real *out, size_t i, double choice, double probability)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    const size_t n = likelihood->values, count = mixture->components,
                 logits = gki_level_mixture_logits(mixture);
    if (choice < GKV_LEVEL_FLOOR)
        return (size_t)(probability * GKV_LEVELS);
    double weight[GKV_LIKELIHOOD_COMPONENTS_MAX], greatest = -INFINITY, sum = 0;
    for (size_t k = 0; k < logits; k++)
        greatest = fmax(greatest, (double)out[k * n + i]);
    for (size_t k = 0; k < logits; k++)
        sum += weight[k] = exp((double)out[k * n + i] - greatest);
    choice = (choice - GKV_LEVEL_FLOOR) / (1 - GKV_LEVEL_FLOOR) * sum;
    size_t k = 0;
    for (; k + 1 < count && choice >= weight[k]; k++)
        choice -= weight[k];
    const double log_scale =
        fmin(fmax((double)out[(logits + count + k) * n + i], GKV_LOG_SCALE_MIN), GKV_LOG_SCALE_MAX);
    return gki_levels_find(edges, (double)out[(logits + k) * n + i] +
                                      exp(log_scale) * log(probability / (1 - probability)));
}

static void draw(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng rng, float *image)
{
    gki_level_edges edges;
    gki_levels_edges(&gki_level_mixture_of(likelihood)->levels, params, &edges);
    for (size_t i = 0; i < likelihood->values; i++) {
        double uniform[2];
        gki_rng_uniform_pair(rng, i, uniform);
        image[i] = (float)draw_level(likelihood, &edges, out, i, uniform[0], uniform[1]) / 255.0F;
    }
}

const gki_likelihood_ops gki_likelihood_logistic_mixture = {
    .name = "logistic-mixture",
    .create = create,
    .free = gki_likelihood_free,
    .init = init,
    .forward = forward,
    .parts = gki_level_mixture_parts,
    .gradient = gki_level_mixture_gradient,
    .fisher_sd = fisher_sd,
    .means = means,
    .medians = medians,
    .draw = draw,
};
