/* The posterior; declared in posterior.h. */
#include "vae/posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/vmath.h"
#include "nn/nn_kernels.h"
#include "num/constants.h"
#include "vae/posterior_noise.h"

/* --- The table of noises -------------------------------------------------- */

static const gki_posterior_noise_ops *const noises[GKV_POSTERIORS] = {
    [GKV_POSTERIOR_NORMAL] = &gki_posterior_noise_normal,
    [GKV_POSTERIOR_FULL] = &gki_posterior_noise_full,
    [GKV_POSTERIOR_GK] = &gki_posterior_noise_gk,
    [GKV_POSTERIOR_GK_AMORTIZED] = &gki_posterior_noise_gk_amortized,
};

const gki_posterior_noise_ops *gki_posterior_noise_of(gkv_posterior_family family)
{
    return noises[family];
}

static const double log_sigma_bound = 7;

/* Returns the derivative of log σ in the encoder's raw output. */
static double log_sigma_slope(gki_real raw)
{
    const double t = tanh((double)raw / log_sigma_bound);
    return 1 - t * t;
}

/* Returns the offset of the noise's raw parameters in the encoder's output. */
static size_t noise_start(const gki_posterior *posterior)
{
    return 2 * posterior->d;
}

size_t gki_posterior_width(const gki_posterior *posterior)
{
    return noise_start(posterior) + posterior->noise->width +
           posterior->flow_layers * posterior->flow_width;
}

/* Returns the offset of the flow layers' raw parameters in the encoder's output. */
static size_t flow_start(const gki_posterior *posterior)
{
    return noise_start(posterior) + posterior->noise->width;
}

gkv_status gki_posterior_create(const gkv_model_settings *settings, gki_params *params,
                                gki_plan *plan, gki_posterior *posterior)
{
    const size_t d = (size_t)settings->latent;
    *posterior = (gki_posterior){.d = d};
    posterior->flow = gki_posterior_flow_of(settings->posterior_flow);
    if (posterior->flow) {
        posterior->flow_layers = (size_t)settings->posterior_layers;
        posterior->flow_width = posterior->flow->width(d);
    }
    GKV_TRY(gki_alloc(posterior->flow_layers + 1, sizeof *posterior->layers, &posterior->layers));
    for (size_t i = 0; i <= posterior->flow_layers; i++)
        posterior->layers[i] = gki_plan_forward(plan, d);
    posterior->z = posterior->layers[posterior->flow_layers];
    posterior->d_z = gki_plan_backward(plan, d);
    posterior->u = gki_plan_forward(plan, d);
    posterior->sigma = gki_plan_forward(plan, d);
    posterior->log_q = gki_plan_forward(plan, 1);
    posterior->d_log_q = gki_plan_backward(plan, 1);
    posterior->d_noise = gki_plan_backward(plan, d);
    GKV_TRY(gki_posterior_noise_of(settings->posterior)
                ->create(posterior->u, params, plan, &posterior->noise));
    posterior->d_draw = gki_plan_backward(plan, gki_posterior_width(posterior));
    return GKV_OK;
}

void gki_posterior_attach(gki_posterior *posterior, gki_slot encoded, gki_slot d_encoded)
{
    posterior->encoded = encoded;
    posterior->d_encoded = d_encoded;
}

void gki_posterior_free(gki_posterior *posterior)
{
    if (!posterior)
        return;
    if (posterior->noise)
        posterior->noise->ops->free(posterior->noise);
    free(posterior->layers);
    memset(posterior, 0, sizeof *posterior);
}

void gki_posterior_forward(const gki_posterior *posterior, gki_workspace *ws, size_t first,
                           size_t count)
{
    const gki_posterior_noise *noise = posterior->noise;
    const size_t d = posterior->d;
    const gki_real bound = (gki_real)log_sigma_bound;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *encoded = gki_at(ws, posterior->encoded, r / ws->draws),
                       *u = gki_at(ws, posterior->u, r);
        gki_real *sigma = gki_at(ws, posterior->sigma, r),
                 *z0 = gki_at(ws, posterior->layers[0], r);
        if (noise->ops->forward)
            noise->ops->forward(noise, ws, r, encoded + noise_start(posterior));
        const gki_real *v = gki_at(ws, noise->v, r),
                       *log_slope = noise->log_slope.width ? gki_at(ws, noise->log_slope, r) : NULL;
        for (size_t j = 0; j < d; j++)
            sigma[j] = encoded[d + j] / bound;
        gki_vtanh(d, sigma, sigma);
        double log_q = -(double)d * GKV_HALF_LOG_2PI;
        for (size_t j = 0; j < d; j++) {
            sigma[j] *= bound; /* log σ */
            log_q -= (double)(sigma[j] + u[j] * u[j] / 2 + (log_slope ? log_slope[j] : 0));
        }
        gki_vexp(d, sigma, sigma);
        for (size_t j = 0; j < d; j++)
            z0[j] = encoded[j] + sigma[j] * v[j];
        const gki_real *raw = encoded + flow_start(posterior);
        for (size_t i = 0; i < posterior->flow_layers; i++, raw += posterior->flow_width)
            log_q -=
                (double)posterior->flow->forward(d, i, raw, gki_at(ws, posterior->layers[i], r),
                                                 gki_at(ws, posterior->layers[i + 1], r));
        *gki_at(ws, posterior->log_q, r) = (gki_real)log_q;
    }
}

/* Sums the gradients of an image's draws. */
static void sum_draws(const gki_posterior *posterior, gki_workspace *ws, size_t first, size_t count)
{
    const size_t width = gki_posterior_width(posterior);
    for (size_t i = first; i < first + count; i++) {
        gki_real *sum = gki_at(ws, posterior->d_encoded, i);
        memcpy(sum, gki_at(ws, posterior->d_draw, i * ws->draws), width * sizeof *sum);
        for (size_t k = 1; k < ws->draws; k++)
            gki_nn_kernels_get()->axpy(width, 1, gki_at(ws, posterior->d_draw, i * ws->draws + k),
                                       sum);
    }
}

void gki_posterior_backward(const gki_posterior *posterior, gki_workspace *ws, size_t first,
                            size_t count)
{
    const gki_posterior_noise *noise = posterior->noise;
    const size_t d = posterior->d;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *encoded = gki_at(ws, posterior->encoded, r / ws->draws),
                       *sigma = gki_at(ws, posterior->sigma, r), *v = gki_at(ws, noise->v, r);
        const gki_real weight = *gki_at(ws, posterior->d_log_q, r);
        gki_real *d_z = gki_at(ws, posterior->d_z, r), *d_v = gki_at(ws, posterior->d_noise, r),
                 *d_encoded = gki_at(ws, posterior->d_draw, r);
        for (size_t i = posterior->flow_layers; i-- > 0;) {
            const size_t offset = flow_start(posterior) + i * posterior->flow_width;
            posterior->flow->backward(d, i, encoded + offset, gki_at(ws, posterior->layers[i], r),
                                      d_z, -weight, d_z, d_encoded + offset);
        }
        for (size_t j = 0; j < d; j++)
            d_v[j] = d_z[j] * sigma[j];
        if (noise->ops->backward)
            noise->ops->backward(noise, ws, r, d_v, -weight, d_encoded + noise_start(posterior));
        for (size_t j = 0; j < d; j++) {
            d_encoded[j] = d_z[j];
            d_encoded[d + j] =
                (gki_real)(log_sigma_slope(encoded[d + j]) * (double)(d_v[j] * v[j] - weight));
        }
    }
    sum_draws(posterior, ws, first / ws->draws, count / ws->draws);
}

bool gki_posterior_is_gaussian(const gki_posterior *posterior)
{
    return posterior->noise->ops->is_gaussian && !posterior->flow;
}

const gki_real *gki_posterior_mixing(const gki_posterior *posterior, const gki_workspace *ws,
                                     size_t image)
{
    const gki_posterior_noise_ops *ops = posterior->noise->ops;
    return ops->mixing && !posterior->flow
               ? ops->mixing(gki_at(ws, posterior->encoded, image) + noise_start(posterior))
               : NULL;
}

bool gki_posterior_has_path_derivative(const gki_posterior *posterior)
{
    return posterior->noise->ops->add_path_derivative && !posterior->flow;
}

void gki_posterior_add_path_derivative(const gki_posterior *posterior, gki_workspace *ws,
                                       size_t row, gki_real weight)
{
    posterior->noise->ops->add_path_derivative(posterior->d, gki_at(ws, posterior->u, row),
                                               gki_at(ws, posterior->sigma, row), weight,
                                               gki_at(ws, posterior->d_z, row));
}

void gki_posterior_distill(const gki_posterior *posterior, gki_workspace *ws, size_t image,
                           const double *mean, const double *variance)
{
    const size_t d = posterior->d;
    const gki_real *encoded = gki_at(ws, posterior->encoded, image);
    const gki_real *sigma = gki_at(ws, posterior->sigma, image * ws->draws);
    gki_real *d_encoded = gki_at(ws, posterior->d_encoded, image);
    for (size_t j = 0; j < d; j++) {
        double d_mu, d_log_sigma;
        posterior->noise->ops->distill((double)encoded[j], (double)sigma[j], mean[j], variance[j],
                                       &d_mu, &d_log_sigma);
        d_encoded[j] = (gki_real)d_mu;
        d_encoded[d + j] = (gki_real)(log_sigma_slope(encoded[d + j]) * d_log_sigma);
    }
}

size_t gki_posterior_parts(const gki_posterior *posterior)
{
    const gki_posterior_noise_ops *ops = posterior->noise->ops;
    return ops->parts ? ops->parts(posterior->noise) : 0;
}

void gki_posterior_gradient(const gki_posterior *posterior, gki_workspace *ws, size_t rows,
                            size_t part)
{
    posterior->noise->ops->gradient(posterior->noise, ws, rows, part);
}
