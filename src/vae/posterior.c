#include "vae/posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/vmath.h"
#include "gk/gk_batch_kernels.h"
#include "nn/nn_kernels.h"
#include "num/constants.h"

static const double log_sigma_bound = 7;
static const double g_bound = 4, k_bound = 2, k_floor = 0.059;
static const double c_standard = GKV_GK_DEFAULT_C;

double gki_shape_g(double raw, double *derivative)
{
    const double t = tanh(raw / g_bound);
    *derivative = 1 - t * t;
    return g_bound * t;
}

double gki_shape_k(double raw, double *derivative)
{
    if (raw >= 0) {
        const double t = tanh(raw / k_bound);
        *derivative = 1 - t * t;
        return k_bound * t;
    }
    *derivative = exp(raw / k_floor);
    return k_floor * (*derivative - 1);
}

/* Arrays of `shape`, each [d]: the raw maps' derivatives, then what gki_gk_batch_shape gives. */
enum {
    SHAPE_G,
    SHAPE_K,
    DERIVATIVE_G,
    DERIVATIVE_K,
    NOISE,
    LOG_DG,
    NOISE_G,
    NOISE_K,
    LOG_DG_G,
    LOG_DG_K,
    SHAPE_ARRAYS
};

static bool is_gk(const gki_posterior *posterior)
{
    return posterior->family == GKV_POSTERIOR_GK || posterior->family == GKV_POSTERIOR_GK_AMORTIZED;
}

size_t gki_posterior_width(const gki_posterior *posterior)
{
    const size_t per_dimension = posterior->family == GKV_POSTERIOR_GK_AMORTIZED ? 4 : 2;
    const size_t pairs =
        posterior->family == GKV_POSTERIOR_FULL ? posterior->d * (posterior->d - 1) / 2 : 0;
    return per_dimension * posterior->d + pairs + posterior->flow_layers * posterior->flow_width;
}

/* Returns the offset of the flow layers' raw parameters in the encoder's output. */
static size_t flow_start(const gki_posterior *posterior)
{
    return gki_posterior_width(posterior) - posterior->flow_layers * posterior->flow_width;
}

gkv_status gki_posterior_create(const gkv_model_settings *settings, gki_params *params,
                                gki_plan *plan, gki_posterior *posterior)
{
    const size_t d = (size_t)settings->latent;
    *posterior = (gki_posterior){.d = d, .family = settings->posterior};
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
    posterior->d_draw = gki_plan_backward(plan, gki_posterior_width(posterior));
    if (posterior->family == GKV_POSTERIOR_FULL)
        posterior->mixed = gki_plan_forward(plan, d);
    if (is_gk(posterior))
        posterior->shape = gki_plan_forward(plan, SHAPE_ARRAYS * d);
    if (posterior->family == GKV_POSTERIOR_GK) {
        posterior->d_shape = gki_plan_backward(plan, 2 * d);
        GKV_TRY(gki_params_add(params, d, 0, true, &posterior->raw_g, "posterior.raw_g"));
        GKV_TRY(gki_params_add(params, d, 0, true, &posterior->raw_k, "posterior.raw_k"));
    }
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
    free(posterior->layers);
    memset(posterior, 0, sizeof *posterior);
}

/* Computes G(u), log G'(u) and their derivatives in g and k for one row. */
static void shape_row(const gki_posterior *posterior, gki_workspace *ws, size_t row)
{
    const size_t d = posterior->d;
    const gki_real *encoded = gki_at(ws, posterior->encoded, row / ws->draws);
    const bool amortized = posterior->family == GKV_POSTERIOR_GK_AMORTIZED;
    const gki_real *raw_g =
        amortized ? encoded + 2 * d : gki_param_value(ws->params, posterior->raw_g);
    const gki_real *raw_k =
        amortized ? encoded + 3 * d : gki_param_value(ws->params, posterior->raw_k);
    gki_real *shape = gki_at(ws, posterior->shape, row);
    for (size_t j = 0; j < d; j++) {
        double derivative;
        shape[SHAPE_G * d + j] = (gki_real)gki_shape_g((double)raw_g[j], &derivative);
        shape[DERIVATIVE_G * d + j] = (gki_real)derivative;
        shape[SHAPE_K * d + j] = (gki_real)gki_shape_k((double)raw_k[j], &derivative);
        shape[DERIVATIVE_K * d + j] = (gki_real)derivative;
    }
    const gki_gk_outputs out = {.x = shape + NOISE * d,
                                .log_dq = shape + LOG_DG * d,
                                .x_g = shape + NOISE_G * d,
                                .x_k = shape + NOISE_K * d,
                                .log_dq_g = shape + LOG_DG_G * d,
                                .log_dq_k = shape + LOG_DG_K * d};
    gki_gk_batch_shape(d, shape + SHAPE_G * d, shape + SHAPE_K * d, (gki_real)c_standard,
                       gki_at(ws, posterior->u, row), &out);
}

/* Computes (I + M)u. */
static void mix_row(size_t d, const gki_real *mixing, const gki_real *u, gki_real *mixed)
{
    for (size_t j = 0; j < d; j++) {
        gki_real sum = u[j];
        for (size_t k = 0; k < j; k++)
            sum += *mixing++ * u[k];
        mixed[j] = sum;
    }
}

void gki_posterior_forward(const gki_posterior *posterior, gki_workspace *ws, size_t first,
                           size_t count)
{
    const size_t d = posterior->d;
    const gki_real bound = (gki_real)log_sigma_bound;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *encoded = gki_at(ws, posterior->encoded, r / ws->draws),
                       *u = gki_at(ws, posterior->u, r);
        gki_real *sigma = gki_at(ws, posterior->sigma, r),
                 *z0 = gki_at(ws, posterior->layers[0], r);
        const gki_real *noise = u, *log_slope = NULL;
        if (posterior->family == GKV_POSTERIOR_FULL) {
            mix_row(d, encoded + 2 * d, u, gki_at(ws, posterior->mixed, r));
            noise = gki_at(ws, posterior->mixed, r);
        }
        if (is_gk(posterior)) {
            shape_row(posterior, ws, r);
            noise = gki_at(ws, posterior->shape, r) + NOISE * d;
            log_slope = gki_at(ws, posterior->shape, r) + LOG_DG * d;
        }
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
            z0[j] = encoded[j] + sigma[j] * noise[j];
        const gki_real *raw = encoded + flow_start(posterior);
        for (size_t i = 0; i < posterior->flow_layers; i++, raw += posterior->flow_width)
            log_q -= (double)posterior->flow->forward(d, raw, gki_at(ws, posterior->layers[i], r),
                                                      gki_at(ws, posterior->layers[i + 1], r));
        *gki_at(ws, posterior->log_q, r) = (gki_real)log_q;
    }
}

/* Sums the gradients of an image's draws. */
static void sum_draws(const gki_posterior *posterior, gki_workspace *ws, size_t first, size_t count)
{
    const size_t width = gki_posterior_width(posterior);
    for (size_t i = first; i < first + count; i++) {
        gki_real *to = gki_at(ws, posterior->d_encoded, i);
        memcpy(to, gki_at(ws, posterior->d_draw, i * ws->draws), width * sizeof *to);
        for (size_t k = 1; k < ws->draws; k++)
            gki_nn_kernels_get()->axpy(width, 1, gki_at(ws, posterior->d_draw, i * ws->draws + k),
                                       to);
    }
}

void gki_posterior_backward(const gki_posterior *posterior, gki_workspace *ws, size_t first,
                            size_t count)
{
    const size_t d = posterior->d;
    const double bound = log_sigma_bound;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *encoded = gki_at(ws, posterior->encoded, r / ws->draws),
                       *sigma = gki_at(ws, posterior->sigma, r);
        const gki_real *noise = gki_at(ws, posterior->u, r);
        const gki_real weight = *gki_at(ws, posterior->d_log_q, r);
        gki_real *d_z = gki_at(ws, posterior->d_z, r),
                 *d_encoded = gki_at(ws, posterior->d_draw, r);
        for (size_t i = posterior->flow_layers; i-- > 0;) {
            const size_t at = flow_start(posterior) + i * posterior->flow_width;
            posterior->flow->backward(d, encoded + at, gki_at(ws, posterior->layers[i], r), d_z,
                                      -weight, d_z, d_encoded + at);
        }
        if (posterior->family == GKV_POSTERIOR_FULL) {
            gki_real *d_mixing = d_encoded + 2 * d;
            for (size_t j = 1; j < d; j++)
                for (size_t k = 0; k < j; k++)
                    *d_mixing++ = d_z[j] * sigma[j] * noise[k];
            noise = gki_at(ws, posterior->mixed, r);
        }
        if (is_gk(posterior)) {
            const gki_real *shape = gki_at(ws, posterior->shape, r);
            gki_real *d_raw = posterior->family == GKV_POSTERIOR_GK
                                  ? gki_at(ws, posterior->d_shape, r)
                                  : d_encoded + 2 * d;
            for (size_t j = 0; j < d; j++) {
                const gki_real through_z = d_z[j] * sigma[j];
                d_raw[j] = shape[DERIVATIVE_G * d + j] *
                           (through_z * shape[NOISE_G * d + j] - weight * shape[LOG_DG_G * d + j]);
                d_raw[d + j] = shape[DERIVATIVE_K * d + j] * (through_z * shape[NOISE_K * d + j] -
                                                              weight * shape[LOG_DG_K * d + j]);
            }
            noise = shape + NOISE * d;
        }
        for (size_t j = 0; j < d; j++) {
            const double t = tanh((double)encoded[d + j] / bound);
            d_encoded[j] = d_z[j];
            d_encoded[d + j] =
                (gki_real)((1 - t * t) * (double)(d_z[j] * sigma[j] * noise[j] - weight));
        }
    }
    sum_draws(posterior, ws, first / ws->draws, count / ws->draws);
}

bool gki_posterior_is_gaussian(const gki_posterior *posterior)
{
    return (posterior->family == GKV_POSTERIOR_NORMAL || posterior->family == GKV_POSTERIOR_FULL) &&
           !posterior->flow;
}

const gki_real *gki_posterior_mixing(const gki_posterior *posterior, const gki_workspace *ws,
                                     size_t image)
{
    return posterior->family == GKV_POSTERIOR_FULL && !posterior->flow
               ? gki_at(ws, posterior->encoded, image) + 2 * posterior->d
               : NULL;
}

bool gki_posterior_has_path_derivative(const gki_posterior *posterior)
{
    return posterior->family == GKV_POSTERIOR_NORMAL && !posterior->flow;
}

void gki_posterior_add_path_derivative(const gki_posterior *posterior, gki_workspace *ws,
                                       size_t row, gki_real weight)
{
    const gki_real *u = gki_at(ws, posterior->u, row), *sigma = gki_at(ws, posterior->sigma, row);
    gki_real *d_z = gki_at(ws, posterior->d_z, row);
    for (size_t j = 0; j < posterior->d; j++)
        d_z[j] -= weight * u[j] / sigma[j];
}

void gki_posterior_distill(const gki_posterior *posterior, gki_workspace *ws, size_t image,
                           const double *mean, const double *variance)
{
    const size_t d = posterior->d;
    const gki_real *encoded = gki_at(ws, posterior->encoded, image);
    const gki_real *sigma = gki_at(ws, posterior->sigma, image * ws->draws);
    gki_real *d_encoded = gki_at(ws, posterior->d_encoded, image);
    for (size_t j = 0; j < d; j++) {
        const double s = (double)sigma[j], off = (double)encoded[j] - mean[j];
        const double t = tanh((double)encoded[d + j] / log_sigma_bound);
        d_encoded[j] = (gki_real)(off / (s * s));
        d_encoded[d + j] = (gki_real)((1 - t * t) * (1 - (off * off + variance[j]) / (s * s)));
    }
}

size_t gki_posterior_parts(const gki_posterior *posterior)
{
    return posterior->family == GKV_POSTERIOR_GK ? 1 : 0;
}

void gki_posterior_gradient(const gki_posterior *posterior, gki_workspace *ws, size_t rows,
                            size_t part)
{
    (void)part;
    const size_t d = posterior->d;
    gki_real *d_g = gki_param_grad(ws->params, posterior->raw_g);
    gki_real *d_k = gki_param_grad(ws->params, posterior->raw_k);
    memset(d_g, 0, d * sizeof *d_g);
    memset(d_k, 0, d * sizeof *d_k);
    for (size_t r = 0; r < rows; r++) {
        const gki_real *d_shape = gki_at(ws, posterior->d_shape, r);
        gki_nn_kernels_get()->axpy(d, 1, d_shape, d_g);
        gki_nn_kernels_get()->axpy(d, 1, d_shape + d, d_k);
    }
}
