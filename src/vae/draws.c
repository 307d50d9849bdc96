/* Draws from the prior, and draws of pixels from probabilities. */
#include "vae/draws.h"

#include "core/call.h"
#include "data/binarize.h"

void gki_prior_draws_rows(const gki_prior_draws *draws, gki_workspace *ws, uint64_t number,
                          size_t count)
{
    const gkv_model *model = draws->model;
    const gki_base_ops *base = model->base->ops;
    gki_real *eps = gki_at(ws, model->flow->eps, 0);
    double choice[GKV_DRAWS_MAX];
    for (size_t r = 0; r < count; r++) {
        gki_rng_normal(gki_rng_at(draws->seed, GKV_STREAM_SAMPLE, GKV_DRAW_SCORES, number + r),
                       model->d, eps + r * model->d);
        gki_rng_uniform(gki_rng_at(draws->seed, GKV_STREAM_SAMPLE, GKV_DRAW_COMPONENT, number + r),
                        1, &choice[r]);
    }
    for (size_t i = 0; i < count * model->d; i++)
        eps[i] *= (gki_real)draws->temperature;
    if (draws->which < 0)
        base->transform(model->base, &model->params, count, choice, eps);
    else
        base->transform_class(model->base, &model->params, (size_t)draws->which, count, choice,
                              eps);
    model->flow->ops->generate(model->flow, ws, 0, count);
}

/* --- Pixels --------------------------------------------------------------- */

gkv_status gki_draws_check(const gkv_model *model, size_t n, uint64_t first)
{
    if (gkv_settings_pixels(&model->settings) == GKV_PIXELS_MEAN_LEVELS)
        return gki_fail(GKV_ERR_CONFIG,
                        "the model was trained on grey levels with model.likelihood = bernoulli: "
                        "its pixels are mean levels, not probabilities, and cannot be drawn");
    const uint64_t numbers = (uint64_t)UINT32_MAX + 1;
    if (first > numbers || n > numbers - first)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%zu images from number %llu of the sequence: it ends with number %lu", n,
                        (unsigned long long)first, (unsigned long)UINT32_MAX);
    return GKV_OK;
}

static gkv_status check_pixels(const gkv_model *model, size_t n, const float *probabilities,
                               uint64_t first)
{
    GKV_TRY(gki_draws_check(model, n, first));
    if (gkv_settings_pixels(&model->settings) != GKV_PIXELS_BINARY)
        return gki_fail(GKV_ERR_CONFIG,
                        "the model's pixels have more values than 0 and 1: a mean does not tell "
                        "their distribution; draw from codes, with gkv_model_sample_images()");
    for (size_t i = 0; i < n * model->values; i++)
        if (!(probabilities[i] >= 0 && probabilities[i] <= 1))
            return gki_fail(GKV_ERR_ARGUMENT, "image %zu, pixel %zu: %g is not a probability",
                            i / model->values, i % model->values, (double)probabilities[i]);
    return GKV_OK;
}

gkv_status gkv_model_sample_pixels(const gkv_model *model, size_t n, const float *probabilities,
                                   uint64_t seed, uint64_t first, const gkv_run_options *options,
                                   float *images)
{
    gki_call call;
    GKV_NEED(model);
    GKV_NEED(probabilities);
    GKV_NEED(images);
    GKV_TRY(check_pixels(model, n, probabilities, first));
    GKV_TRY(gki_call_begin(&call, options, n));
    const int threads = gki_call_threads(&call, model->settings.train.threads);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < n; i++) {
        if (gki_call_stopped(&call))
            continue;
        gki_rng_bernoulli(gki_rng_at(seed, GKV_STREAM_PIXELS, 0, first + i), model->values,
                          probabilities + i * model->values, images + i * model->values);
        gki_call_advance(&call, 1);
    }
    return gki_call_end(&call, "drawing pixels", "images");
}
