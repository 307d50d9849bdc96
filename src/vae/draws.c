/* Draws from the prior. */
#include "vae/draws.h"

void gkv_prior_draws_rows(const gkv_prior_draws *draws, gkv_workspace *ws, uint64_t number, size_t count)
{
    const gkv_model *model = draws->model;
    const gkv_base_ops *base = model->base->ops;
    gkv_real *eps = gkv_at(ws, model->flow->eps, 0);
    double choice[GKV_DRAWS_MOST];
    for (size_t r = 0; r < count; r++) {
        gkv_rng_normal(gkv_rng_at(draws->seed, GKV_STREAM_SAMPLE, GKV_DRAW_SCORES, number + r), model->d,
                       eps + r * model->d);
        gkv_rng_uniform(gkv_rng_at(draws->seed, GKV_STREAM_SAMPLE, GKV_DRAW_COMPONENT, number + r), 1, &choice[r]);
    }
    for (size_t i = 0; i < count * model->d; i++)
        eps[i] *= (gkv_real)draws->temperature;
    if (draws->which < 0)
        base->transform(model->base, &model->params, count, choice, eps);
    else
        base->transform_class(model->base, &model->params, (size_t)draws->which, count, choice, eps);
    model->flow->ops->generate(model->flow, ws, 0, count);
}
