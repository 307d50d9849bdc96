/* One pass through the model for a range of rows: forward, loss, backward. */
#include "nn/kernels.h"
#include "vae/model.h"

void gkv_pass_encode(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count)
{
    gkv_mlp_forward(&model->encoder, ws, first, count);
}

void gkv_pass_latent(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count)
{
    gkv_posterior_forward(&model->posterior, ws, first, count);
    gkv_profile_mark(ws->profile, GKV_BENCH_NOISE);
    gkv_pass_prior(model, ws, first, count);
}

void gkv_pass_prior(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count)
{
    model->flow->ops->normalise(model->flow, ws, first, count);
    gkv_profile_mark(ws->profile, GKV_BENCH_FLOW);
    model->base->ops->log_density(model->base, ws, first, count);
    gkv_profile_mark(ws->profile, GKV_BENCH_BASE);
}

void gkv_pass_decode(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count)
{
    gkv_mlp_forward(&model->decoder, ws, first, count);
}

void gkv_pass_likelihood(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count)
{
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    for (size_t r = first; r < first + count; r++)
        *gkv_at(ws, model->reconstruction, r) =
            kernels->bernoulli(model->pixels, gkv_at(ws, model->x, r), gkv_at(ws, model->decoder.out, r),
                               ws->backward ? gkv_at(ws, model->decoder.d_out, r) : NULL);
    gkv_profile_mark(ws->profile, GKV_BENCH_LOSS);
}

void gkv_pass_forward(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count)
{
    gkv_pass_encode(model, ws, first, count);
    gkv_pass_latent(model, ws, first, count);
    gkv_pass_decode(model, ws, first, count);
    gkv_pass_likelihood(model, ws, first, count);
}

void gkv_pass_prior_backward(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count, gkv_real weight)
{
    for (size_t r = first; r < first + count; r++) {
        *gkv_at(ws, model->base->d_log_density, r) = -weight;
        *gkv_at(ws, model->flow->d_log_det, r) = -weight;
    }
    model->base->ops->backward(model->base, ws, first, count);
    gkv_profile_mark(ws->profile, GKV_BENCH_BASE);
    model->flow->ops->backward(model->flow, ws, first, count);
    gkv_profile_mark(ws->profile, GKV_BENCH_FLOW);
}

void gkv_pass_backward(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count, double kl_weight)
{
    const gkv_real weight = (gkv_real)kl_weight;
    gkv_mlp_backward(&model->decoder, ws, first, count);
    gkv_pass_prior_backward(model, ws, first, count, weight);
    for (size_t r = first; r < first + count; r++) {
        *gkv_at(ws, model->posterior.d_log_q, r) = weight;
        const gkv_real *decoder = gkv_at(ws, model->decoder.d_in, r), *prior = gkv_at(ws, model->d_z_prior, r);
        gkv_real *d_z = gkv_at(ws, model->posterior.d_z, r);
        for (size_t j = 0; j < model->d; j++)
            d_z[j] = decoder[j] + prior[j];
    }
    gkv_posterior_backward(&model->posterior, ws, first, count);
    gkv_profile_mark(ws->profile, GKV_BENCH_NOISE);
    gkv_mlp_backward(&model->encoder, ws, first, count);
}

size_t gkv_pass_parts(const gkv_model *model)
{
    return gkv_mlp_parts(&model->encoder) + gkv_mlp_parts(&model->decoder) +
           model->flow->ops->parts(model->flow) + model->base->ops->parts(model->base) +
           gkv_posterior_parts(&model->posterior);
}

void gkv_pass_gradient(const gkv_model *model, gkv_workspace *ws, size_t rows, size_t part)
{
    const size_t encoder = gkv_mlp_parts(&model->encoder), decoder = gkv_mlp_parts(&model->decoder);
    const size_t flow = model->flow->ops->parts(model->flow), base = model->base->ops->parts(model->base);
    if (part < encoder) {
        gkv_mlp_gradient(&model->encoder, ws, rows, part);
        return;
    }
    part -= encoder;
    if (part < decoder) {
        gkv_mlp_gradient(&model->decoder, ws, rows, part);
        return;
    }
    part -= decoder;
    if (part < flow) {
        model->flow->ops->gradient(model->flow, ws, rows, part);
        gkv_profile_mark(ws->profile, GKV_BENCH_FLOW);
        return;
    }
    part -= flow;
    if (part < base) {
        model->base->ops->gradient(model->base, ws, rows, part);
        gkv_profile_mark(ws->profile, GKV_BENCH_BASE);
        return;
    }
    gkv_posterior_gradient(&model->posterior, ws, rows, part - base);
    gkv_profile_mark(ws->profile, GKV_BENCH_NOISE);
}
