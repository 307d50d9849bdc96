/* g-and-k noise: v = G(u; g, k), the standard g-and-k transform of each dimension, and log ∂v/∂u =
 * log G'(u; g, k). There are two families. The shapes g and k are the same for all images, as
 * tensors of the model, or each image has its own: raw g [d] and raw k [d]. */
#include "vae/noise_gk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/gk_batch_kernels.h"
#include "nn/nn_kernels.h"
#include "num/constants.h"
#include "vae/posterior_noise.h"

static const double g_bound = 4, k_bound = 2, k_floor = 0.059;
static const double c_standard = GKV_GK_DEFAULT_C;

/* Arrays of `shape`, each [d]: the shapes and the derivatives of the raw maps, and then what
 * gki_gk_batch_shape() gives beside v and log G'. */
enum {
    SHAPE_G,
    SHAPE_K,
    DERIVATIVE_G,
    DERIVATIVE_K,
    NOISE_G,
    NOISE_K,
    LOG_DG_G,
    LOG_DG_K,
    SHAPE_ARRAYS
};

typedef struct noise_gk {
    gki_posterior_noise noise;
    gki_param_id raw_g, raw_k; /* [d] each, when g and k are the same for all images */
    gki_slot shape;
    gki_slot d_raw; /* a row's gradients in raw_g and raw_k [2 d]; only if these are tensors */
} noise_gk;

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

static void destroy(gki_posterior_noise *noise)
{
    free(noise);
}

/* Makes what both families have. */
static gkv_status create(const gki_posterior_noise_ops *ops, gki_slot u, size_t width,
                         gki_plan *plan, noise_gk **out)
{
    const size_t d = u.width;
    GKV_TRY(gki_alloc(1, sizeof **out, out));
    (*out)->noise = (gki_posterior_noise){.ops = ops,
                                          .u = u,
                                          .v = gki_plan_forward(plan, d),
                                          .log_slope = gki_plan_forward(plan, d),
                                          .width = width};
    (*out)->shape = gki_plan_forward(plan, SHAPE_ARRAYS * d);
    return GKV_OK;
}

static gkv_status create_global(gki_slot u, gki_params *params, gki_plan *plan,
                                gki_posterior_noise **out)
{
    noise_gk *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(create(&gki_posterior_noise_gk, u, 0, plan, &self));
    self->d_raw = gki_plan_backward(plan, 2 * u.width);
    GKV_TRY_GOTO(gki_params_add(params, u.width, 0, true, &self->raw_g, "posterior.raw_g"));
    GKV_TRY_GOTO(gki_params_add(params, u.width, 0, true, &self->raw_k, "posterior.raw_k"));
done:
    if (status != GKV_OK) {
        free(self);
        self = NULL;
    }
    *out = (gki_posterior_noise *)self;
    return status;
}

static gkv_status create_amortized(gki_slot u, gki_params *params, gki_plan *plan,
                                   gki_posterior_noise **out)
{
    noise_gk *self = NULL;
    (void)params;
    const gkv_status status =
        create(&gki_posterior_noise_gk_amortized, u, 2 * u.width, plan, &self);
    *out = (gki_posterior_noise *)self;
    return status;
}

/* Computes G(u), log G'(u) and their derivatives in g and k for one row. */
static void transform(const noise_gk *self, gki_workspace *ws, size_t row, const gki_real *raw_g,
                      const gki_real *raw_k)
{
    const size_t d = self->noise.u.width;
    gki_real *shape = gki_at(ws, self->shape, row);
    for (size_t j = 0; j < d; j++) {
        double derivative;
        shape[SHAPE_G * d + j] = (gki_real)gki_shape_g((double)raw_g[j], &derivative);
        shape[DERIVATIVE_G * d + j] = (gki_real)derivative;
        shape[SHAPE_K * d + j] = (gki_real)gki_shape_k((double)raw_k[j], &derivative);
        shape[DERIVATIVE_K * d + j] = (gki_real)derivative;
    }
    const gki_gk_outputs out = {.x = gki_at(ws, self->noise.v, row),
                                .log_dq = gki_at(ws, self->noise.log_slope, row),
                                .x_g = shape + NOISE_G * d,
                                .x_k = shape + NOISE_K * d,
                                .log_dq_g = shape + LOG_DG_G * d,
                                .log_dq_k = shape + LOG_DG_K * d};
    gki_gk_batch_shape(d, shape + SHAPE_G * d, shape + SHAPE_K * d, (gki_real)c_standard,
                       gki_at(ws, self->noise.u, row), &out);
}

static void forward_global(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                           const gki_real *raw)
{
    const noise_gk *self = (const noise_gk *)noise;
    (void)raw;
    transform(self, ws, row, gki_param_value(ws->params, self->raw_g),
              gki_param_value(ws->params, self->raw_k));
}

static void forward_amortized(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                              const gki_real *raw)
{
    transform((const noise_gk *)noise, ws, row, raw, raw + noise->u.width);
}

/* Computes the gradients in raw g and raw k, d_raw[2 d]. */
static void backward_amortized(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                               const gki_real *d_v, gki_real d_log_slope, gki_real *d_raw)
{
    const noise_gk *self = (const noise_gk *)noise;
    const size_t d = noise->u.width;
    const gki_real *shape = gki_at(ws, self->shape, row);
    for (size_t j = 0; j < d; j++) {
        d_raw[j] = shape[DERIVATIVE_G * d + j] *
                   (d_v[j] * shape[NOISE_G * d + j] + d_log_slope * shape[LOG_DG_G * d + j]);
        d_raw[d + j] = shape[DERIVATIVE_K * d + j] *
                       (d_v[j] * shape[NOISE_K * d + j] + d_log_slope * shape[LOG_DG_K * d + j]);
    }
}

static void backward_global(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                            const gki_real *d_v, gki_real d_log_slope, gki_real *d_raw)
{
    const noise_gk *self = (const noise_gk *)noise;
    (void)d_raw; /* an image has no raw parameters */
    backward_amortized(noise, ws, row, d_v, d_log_slope, gki_at(ws, self->d_raw, row));
}

static size_t parts(const gki_posterior_noise *noise)
{
    (void)noise;
    return 1;
}

static void gradient(const gki_posterior_noise *noise, gki_workspace *ws, size_t rows, size_t part)
{
    const noise_gk *self = (const noise_gk *)noise;
    const size_t d = noise->u.width;
    gki_real *d_g = gki_param_grad(ws->params, self->raw_g);
    gki_real *d_k = gki_param_grad(ws->params, self->raw_k);
    (void)part;
    memset(d_g, 0, d * sizeof *d_g);
    memset(d_k, 0, d * sizeof *d_k);
    for (size_t r = 0; r < rows; r++) {
        const gki_real *d_raw = gki_at(ws, self->d_raw, r);
        gki_nn_kernels_get()->axpy(d, 1, d_raw, d_g);
        gki_nn_kernels_get()->axpy(d, 1, d_raw + d, d_k);
    }
}

static void batch_slots(const gki_posterior_noise *noise, gki_slot_visit *visit, void *context)
{
    visit(context, ((const noise_gk *)noise)->d_raw);
}

const gki_posterior_noise_ops gki_posterior_noise_gk = {
    .name = "gk",
    .create = create_global,
    .free = destroy,
    .forward = forward_global,
    .backward = backward_global,
    .parts = parts,
    .gradient = gradient,
    .batch_slots = batch_slots,
};
const gki_posterior_noise_ops gki_posterior_noise_gk_amortized = {
    .name = "gk-amortized",
    .create = create_amortized,
    .free = destroy,
    .forward = forward_amortized,
    .backward = backward_amortized,
};
