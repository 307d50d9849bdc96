/* The passes through the model for a range of rows: forward, loss, backward. */
#include <math.h>

#include "nn/nn_kernels.h"
#include "vae/model.h"

void gki_pass_encode(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    model->encoder->ops->forward(model->encoder, ws, first, count);
}

void gki_pass_latent(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    gki_posterior_forward(&model->posterior, ws, first, count);
    gki_profile_mark(ws->profile, GKV_BENCH_NOISE);
    gki_pass_prior(model, ws, first, count);
}

void gki_pass_prior(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    model->flow->ops->normalise(model->flow, ws, first, count);
    gki_profile_mark(ws->profile, GKV_BENCH_FLOW);
    model->base->ops->log_density(model->base, ws, first, count);
    gki_profile_mark(ws->profile, GKV_BENCH_BASE);
}

void gki_pass_decode(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    model->decoder->ops->forward(model->decoder, ws, first, count);
}

void gki_pass_likelihood(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    model->likelihood->ops->forward(model->likelihood, ws, first, count);
    gki_profile_mark(ws->profile, GKV_BENCH_LOSS);
}

void gki_pass_forward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    gki_pass_encode(model, ws, first / ws->draws, count / ws->draws);
    gki_pass_latent(model, ws, first, count);
    gki_pass_decode(model, ws, first, count);
    gki_pass_likelihood(model, ws, first, count);
}

void gki_pass_draw_weights(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                           const gki_objective *objective)
{
    for (size_t r = first; r < first + count; r += ws->draws) {
        /* one column, so the draws of an image are contiguous */
        gki_real *weight = gki_at(ws, model->draw_weight, r);
        double greatest = -INFINITY, sum = 0;
        for (size_t k = 0; k < ws->draws; k++) {
            const double log_w =
                objective->iwae ? gki_pass_log_weight(model, ws, r + k, objective->kl_weight) : 0;
            weight[k] = (gki_real)log_w;
            greatest = fmax(greatest, log_w);
        }
        for (size_t k = 0; k < ws->draws; k++)
            sum += exp((double)weight[k] - greatest);
        for (size_t k = 0; k < ws->draws; k++)
            weight[k] = (gki_real)(exp((double)weight[k] - greatest) / sum);
    }
}

size_t gki_pass_resample(const gki_real *weight, size_t draws, gki_rng rng)
{
    double u, sum = 0;
    gki_rng_uniform(rng, 1, &u);
    for (size_t k = 0; k + 1 < draws; k++) {
        sum += (double)weight[k];
        if (u < sum)
            return k;
    }
    return draws - 1;
}

/* Backward through base and flow, from the gradients in log p_base and the log determinant. */
static void prior_backward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    model->base->ops->backward(model->base, ws, first, count);
    gki_profile_mark(ws->profile, GKV_BENCH_BASE);
    model->flow->ops->backward(model->flow, ws, first, count);
    gki_profile_mark(ws->profile, GKV_BENCH_FLOW);
}

void gki_pass_prior_backward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                             gki_real weight)
{
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, model->base->d_log_density, r) = *gki_at(ws, model->flow->d_log_det, r) =
            -weight;
    prior_backward(model, ws, first, count);
}

/* The weight of the KL term of the image whose first row is `row`. */
static double kl_weight_of(const gkv_model *model, const gki_workspace *ws, size_t row,
                           const gki_objective *objective)
{
    double kl = 0;
    for (size_t k = 0; objective->free_bits > 0 && k < ws->draws; k++)
        kl += ((double)*gki_at(ws, model->posterior.log_q, row + k) -
               gki_pass_log_prior(model, ws, row + k)) /
              (double)ws->draws;
    return kl < objective->free_bits ? 0 : objective->kl_weight;
}

/* Writes the gradients of the objective in the decoder's outputs, log p(z) and log q(z|x). */
static void begin_backward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                           const gki_objective *objective)
{
    if (!objective->resampled)
        gki_pass_draw_weights(model, ws, first, count, objective);
    double kl_weight = 0;
    for (size_t r = first; r < first + count; r++) {
        if (r % ws->draws == 0)
            kl_weight = kl_weight_of(model, ws, r, objective);
        const gki_real draw_weight = objective->resampled ? 1 : *gki_at(ws, model->draw_weight, r);
        const gki_real weight = (gki_real)kl_weight * draw_weight;
        gki_real *d_outputs = gki_at(ws, model->decoder->d_out, r);
        for (size_t i = 0; ws->draws > 1 && i < model->decoder->d_out.width; i++)
            d_outputs[i] *= draw_weight;
        gki_real *d_own = gki_at(ws, model->likelihood->d_own, r);
        for (size_t i = 0; ws->draws > 1 && i < model->likelihood->d_own.width; i++)
            d_own[i] *= draw_weight;
        *gki_at(ws, model->base->d_log_density, r) = *gki_at(ws, model->flow->d_log_det, r) =
            -weight;
        *gki_at(ws, model->posterior.d_log_q, r) = weight;
    }
    gki_profile_mark(ws->profile, GKV_BENCH_LOSS);
}

/* Turns the gradient in z into the path-derivative gradient. It adds the gradient of log q in z,
 * and drops that in the parameters of q. For IWAE the weight of a draw is w·(1 − kl_weight +
 * kl_weight·w) in place of w, where w is its normalised importance weight (the doubly
 * reparameterized gradient). */
static void use_path_derivative(const gkv_model *model, gki_workspace *ws, size_t row,
                                const gki_objective *objective)
{
    const double weight = (double)*gki_at(ws, model->draw_weight, row), beta = objective->kl_weight;
    gki_real *d_z = gki_at(ws, model->posterior.d_z, row),
             *d_log_q = gki_at(ws, model->posterior.d_log_q, row);
    gki_posterior_add_path_derivative(&model->posterior, ws, row, *d_log_q);
    for (size_t j = 0; objective->iwae && j < model->d; j++)
        d_z[j] *= (gki_real)(1 - beta + beta * weight);
    *d_log_q = 0;
}

void gki_pass_backward_to_z(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                            const gki_objective *objective)
{
    begin_backward(model, ws, first, count, objective);
    model->decoder->ops->backward(model->decoder, ws, first, count);
    prior_backward(model, ws, first, count);
}

void gki_pass_backward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                       const gki_objective *objective)
{
    const bool path_derivative =
        objective->path_derivative && gki_posterior_has_path_derivative(&model->posterior);
    gki_pass_backward_to_z(model, ws, first, count, objective);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *decoder = gki_at(ws, model->decoder->d_in, r),
                       *prior = gki_at(ws, model->d_z_prior, r);
        gki_real *d_z = gki_at(ws, model->posterior.d_z, r);
        for (size_t j = 0; j < model->d; j++)
            d_z[j] = decoder[j] + prior[j];
        if (path_derivative)
            use_path_derivative(model, ws, r, objective);
    }
    gki_posterior_backward(&model->posterior, ws, first, count);
    gki_profile_mark(ws->profile, GKV_BENCH_NOISE);
    model->encoder->ops->backward(model->encoder, ws, first / ws->draws, count / ws->draws);
}

size_t gki_pass_parts(const gkv_model *model)
{
    return model->encoder->ops->parts(model->encoder) + model->decoder->ops->parts(model->decoder) +
           model->flow->ops->parts(model->flow) + model->base->ops->parts(model->base) +
           gki_posterior_parts(&model->posterior) +
           model->likelihood->ops->parts(model->likelihood);
}

void gki_pass_gradient(const gkv_model *model, gki_workspace *ws, size_t rows, size_t part)
{
    const size_t encoder = model->encoder->ops->parts(model->encoder),
                 decoder = model->decoder->ops->parts(model->decoder);
    const size_t flow = model->flow->ops->parts(model->flow),
                 base = model->base->ops->parts(model->base);
    if (part < encoder) {
        model->encoder->ops->gradient(model->encoder, ws, rows / ws->draws, part);
        return;
    }
    part -= encoder;
    if (part < decoder) {
        model->decoder->ops->gradient(model->decoder, ws, rows, part);
        return;
    }
    part -= decoder;
    if (part < flow) {
        model->flow->ops->gradient(model->flow, ws, rows, part);
        gki_profile_mark(ws->profile, GKV_BENCH_FLOW);
        return;
    }
    part -= flow;
    if (part < base) {
        model->base->ops->gradient(model->base, ws, rows, part);
        gki_profile_mark(ws->profile, GKV_BENCH_BASE);
        return;
    }
    part -= base;
    const size_t posterior = gki_posterior_parts(&model->posterior);
    if (part < posterior) {
        gki_posterior_gradient(&model->posterior, ws, rows, part);
        gki_profile_mark(ws->profile, GKV_BENCH_NOISE);
        return;
    }
    model->likelihood->ops->gradient(model->likelihood, ws, rows, part - posterior);
    gki_profile_mark(ws->profile, GKV_BENCH_LOSS);
}
