#include "vae/model.h"
#include "gkvae/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/threads.h"

int gki_thread_count(const gkv_settings *settings)
{
    return gki_threads((int)settings->train.threads);
}

/* What encoder and decoder have in common. */
static gki_net_spec net_spec_of(const gkv_model *model)
{
    const gkv_model_settings *settings = &model->settings.model;
    return (gki_net_spec){.image = {model->height, model->width, model->channels},
                          .hidden = (size_t)settings->hidden,
                          .hidden_layers = (size_t)settings->layers,
                          .block = settings->block,
                          .half_channels = (size_t)settings->half_channels,
                          .quarter_channels = (size_t)settings->quarter_channels,
                          .conv_blocks = (size_t)settings->conv_blocks,
                          .conv_block = settings->conv_block,
                          .downsampling = settings->downsampling};
}

static gkv_status layout_networks(gkv_model *model)
{
    const gkv_model_settings *settings = &model->settings.model;
    gki_plan *plan = &model->plan;
    double range[2];
    gkv_settings_range(&model->settings.data, range);
    model->x = gki_plan_forward(plan, model->values);
    GKV_TRY(gki_params_add(&model->params, model->values, 0, false, &model->input_mean,
                           "encoder.input_mean"));
    GKV_TRY(gki_posterior_create(settings, &model->params, plan, &model->posterior));
    const gki_likelihood_spec likelihood = {.x = model->x,
                                            .channels = model->channels,
                                            .components = (size_t)settings->likelihood_components,
                                            .learned_edges = settings->learned_edges,
                                            .width = range[1] - range[0]};
    GKV_TRY(gki_likelihood_create(settings->likelihood, &likelihood, &model->params, plan,
                                  &model->likelihood));
    const gki_net_ops *net = gki_net_of(settings->net);
    gki_net_spec encoder = net_spec_of(model);
    encoder.encodes = true;
    encoder.in = model->x;
    encoder.mean = model->input_mean;
    encoder.out = gki_posterior_width(&model->posterior);
    model->tensors.encoder.first = model->params.count;
    GKV_TRY(net->create(&encoder, "encoder", &model->params, plan, &model->encoder));
    model->tensors.encoder.end = model->tensors.decoder.first = model->params.count;
    gki_posterior_attach(&model->posterior, model->encoder->out, model->encoder->d_out);
    gki_net_spec decoder = net_spec_of(model);
    decoder.in = model->posterior.z;
    decoder.d_in = gki_plan_backward(plan, model->d);
    decoder.has_d_in = true;
    decoder.out = model->likelihood->outputs;
    GKV_TRY(net->create(&decoder, "decoder", &model->params, plan, &model->decoder));
    model->tensors.decoder.end = model->params.count;
    gki_likelihood_attach(model->likelihood, model->decoder->out, model->decoder->d_out);
    model->reconstruction = model->likelihood->value;
    model->draw_weight = gki_plan_forward(plan, 1);
    return GKV_OK;
}

size_t gki_model_tile(const gkv_model *model)
{
    const gki_net *const nets[] = {model->encoder, model->decoder};
    size_t rows = GKV_TILE_ROWS;
    for (size_t i = 0; i < 2; i++)
        if (nets[i]->tile > 0 && nets[i]->tile < rows)
            rows = nets[i]->tile;
    return rows;
}

static gkv_status layout_prior(gkv_model *model)
{
    const gkv_model_settings *settings = &model->settings.model;
    const gki_flow_ops *flow = gki_flow_of(settings->prior_flow);
    const gki_base_ops *base = gki_base_of(settings->base);
    model->d_z_prior = gki_plan_backward(&model->plan, model->d);
    model->tensors.flow.first = model->params.count;
    const gki_flow_spec flow_spec = {.z = model->posterior.z,
                                     .d_z = model->d_z_prior,
                                     .layers = (size_t)settings->prior_layers,
                                     .hidden = (size_t)settings->prior_hidden,
                                     .log_scale_bound = settings->log_scale_bound,
                                     .bins = (size_t)settings->spline_bins,
                                     .spline_bound = settings->spline_bound};
    GKV_TRY(flow->create(&flow_spec, &model->params, &model->plan, &model->flow));
    model->tensors.flow.end = model->tensors.base.first = model->params.count;
    const bool has_classes = gkv_base_facts_of(settings->base)->has_classes;
    if (has_classes)
        model->label = gki_plan_forward(&model->plan, 1);
    const gki_base_spec base_spec = {
        .eps = model->flow->eps,
        .d_eps = model->flow->d_eps,
        .label = model->label,
        .g = settings->base_g,
        .k = settings->base_k,
        .trainable = settings->base_fit & GKV_FIT_GRADIENT,
        .refitted = settings->base_fit & GKV_FIT_LM,
        .components = (size_t)settings->base_components,
        .classes = has_classes ? (size_t)settings->base_classes : 0,
        .dependent = settings->base_covariance != GKV_COVARIANCE_DIAGONAL,
        .rank =
            settings->base_covariance == GKV_COVARIANCE_LOW_RANK ? (size_t)settings->base_rank : 0,
        .shared_shapes = settings->base_tied_shapes,
        .seed = model->settings.train.seed};
    GKV_TRY(base->create(&base_spec, &model->params, &model->plan, &model->base));
    model->tensors.base.end = model->params.count;
    return GKV_OK;
}

gkv_status gki_model_outline(const gkv_settings *settings, size_t height, size_t width,
                             size_t channels, gkv_model **out)
{
    *out = NULL;
    if (height < 1 || width < 1 || height > GKV_IMAGE_PIXELS_MAX / width)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "images of %zu × %zu pixels: a model takes 1 to %d pixels", height, width,
                        (int)GKV_IMAGE_PIXELS_MAX);
    if (channels != 1 && channels != GKV_COLOURS)
        return gki_fail(GKV_ERR_ARGUMENT, "images of %zu channels: a model takes 1 or %d", channels,
                        (int)GKV_COLOURS);
    GKV_TRY(gkv_settings_check(settings));
    gkv_model *model = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *model, &model));
    model->settings = *settings;
    model->height = height;
    model->width = width;
    model->channels = channels;
    model->values = height * width * channels;
    model->d = (size_t)settings->model.latent;
    GKV_TRY_GOTO(layout_networks(model));
    GKV_TRY_GOTO(layout_prior(model));
done:
    if (status != GKV_OK) {
        gkv_model_free(model);
        model = NULL;
    }
    *out = model;
    return status;
}

gkv_status gki_model_layout(const gkv_settings *settings, size_t height, size_t width,
                            size_t channels, gkv_model **out)
{
    GKV_TRY(gki_model_outline(settings, height, width, channels, out));
    const gkv_status status = gki_params_seal(&(*out)->params);
    if (status != GKV_OK) {
        gkv_model_free(*out);
        *out = NULL;
    }
    return status;
}

void gki_model_init(gkv_model *model, const double *mean)
{
    const uint64_t seed = model->settings.train.seed;
    model->encoder->ops->init(model->encoder, &model->params, seed);
    model->decoder->ops->init(model->decoder, &model->params, seed);
    model->flow->ops->init(model->flow, &model->params, seed);
    model->base->ops->init(model->base, &model->params);

    gki_real *input_mean = gki_param_value(&model->params, model->input_mean);
    gki_real *output_bias = gki_param_value(&model->params, model->decoder->output_bias);
    for (size_t i = 0; i < model->values; i++)
        input_mean[i] = (gki_real)mean[i];
    model->likelihood->ops->init(model->likelihood, &model->params, mean, output_bias);
    if (model->likelihood->weight_scale != 1)
        model->decoder->ops->scale_outputs(model->decoder, &model->params, 0,
                                           (gki_real)model->likelihood->weight_scale);
    /* Raw parameters of noise and flow start near zero, where every family is the identity. */
    model->encoder->ops->scale_outputs(model->encoder, &model->params, 2 * model->d, (gki_real)0.1);
}

gkv_status gkv_model_create(size_t height, size_t width, size_t channels, const double *mean,
                            const gkv_settings *settings, gkv_model **out)
{
    gkv_settings defaults;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(mean);
    if (!settings) {
        gkv_settings_defaults(&defaults);
        settings = &defaults;
    }
    GKV_TRY(gki_model_layout(settings, height, width, channels, out));
    for (size_t i = 0; i < (*out)->values; i++) {
        if (!(mean[i] >= 0 && mean[i] <= 1)) {
            gkv_model_free(*out);
            *out = NULL;
            return gki_fail(GKV_ERR_ARGUMENT, "pixel %zu of the mean image is %g, outside [0, 1]",
                            i, mean[i]);
        }
    }
    gki_model_init(*out, mean);
    const gkv_status status = (*out)->base->ops->check((*out)->base, &(*out)->params);
    if (status != GKV_OK) { /* e.g. model.base_g and model.base_k that are not valid together */
        gkv_model_free(*out);
        *out = NULL;
        return gki_fail_context(GKV_ERR_CONFIG, "model.base_g, model.base_k");
    }
    return GKV_OK;
}

void gkv_model_free(gkv_model *model)
{
    if (!model)
        return;
    if (model->encoder)
        model->encoder->ops->free(model->encoder);
    if (model->decoder)
        model->decoder->ops->free(model->decoder);
    if (model->likelihood)
        model->likelihood->ops->free(model->likelihood);
    gki_posterior_free(&model->posterior);
    if (model->flow)
        model->flow->ops->free(model->flow);
    if (model->base)
        model->base->ops->free(model->base);
    gki_params_free(&model->params);
    free(model);
}

size_t gkv_model_height(const gkv_model *model)
{
    return model ? model->height : 0;
}

size_t gkv_model_width(const gkv_model *model)
{
    return model ? model->width : 0;
}

size_t gkv_model_channels(const gkv_model *model)
{
    return model ? model->channels : 0;
}

size_t gkv_model_values(const gkv_model *model)
{
    return model ? model->values : 0;
}

size_t gkv_model_latent(const gkv_model *model)
{
    return model ? model->d : 0;
}

size_t gkv_model_parameters(const gkv_model *model)
{
    /* less the mean image */
    return model ? gki_params_count_elements(&model->params, false) - model->values : 0;
}

const gkv_settings *gkv_model_settings_of(const gkv_model *model)
{
    return model ? &model->settings : NULL;
}

gkv_status gkv_model_set_threads(gkv_model *model, int threads)
{
    GKV_NEED(model);
    if (threads < 1 || threads > 256)
        return gki_fail(GKV_ERR_ARGUMENT, "%d threads: give 1 to 256", threads);
    model->settings.train.threads = threads;
    return GKV_OK;
}

gkv_status gkv_model_base_margin(const gkv_model *model, size_t dimension, double margin[5])
{
    GKV_NEED(model);
    GKV_NEED(margin);
    if (dimension >= model->d)
        return gki_fail(GKV_ERR_ARGUMENT, "dimension %zu: the model has 0 to %zu", dimension,
                        model->d - 1);
    if (!model->base->ops->margin)
        return gki_fail(GKV_ERR_CONFIG,
                        "the margins of a base that is a %s are not g-and-k distributions",
                        model->base->ops->name);
    model->base->ops->margin(model->base, &model->params, dimension, margin);
    return GKV_OK;
}

gkv_status gkv_model_base_margin_at(const gkv_model *model, size_t n, size_t dimension,
                                    const double *x, double *pdf, double *cdf)
{
    GKV_NEED(model);
    GKV_NEED(x);
    GKV_NEED(pdf);
    GKV_NEED(cdf);
    if (dimension >= model->d)
        return gki_fail(GKV_ERR_ARGUMENT, "dimension %zu: the model has 0 to %zu", dimension,
                        model->d - 1);
    model->base->ops->margin_at(model->base, &model->params, dimension, n, x, pdf, cdf);
    return GKV_OK;
}
