/* The approximate posterior q(z|x) as a graph (vae/posterior.h). */
#include <stdlib.h>

#include "core/memory.h"
#include "export/onnx_model.h"

/* The bounds of vae/posterior.c and vae/noise_gk.c. */
static const double log_scale_bound = 7, g_bound = 4, k_bound = 2, k_floor = 0.059;

static void add_code_output(gki_onnx *g, const char *name, const char *about, size_t d,
                            gki_onnx_value value)
{
    const gki_onnx_port port = {.name = name, .about = about, .rank = 1, .sizes = {d}};
    gki_onnx_output(g, &port, value);
}

/* --- The noise ------------------------------------------------------------ */

/* Adds the outputs of a noise with the offset `offset` of its raw parameters. */
typedef void noise(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded,
                   gki_onnx_value scale, size_t offset);

static void add_none(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded,
                     gki_onnx_value scale, size_t offset)
{
    (void)g, (void)model, (void)encoded, (void)scale, (void)offset;
}

/* The matrix I + M [batch, d, d], where the raw parameters are the elements of M, row by row. */
static gki_onnx_value unit_triangle(gki_onnx *g, gki_onnx_value raw, size_t d)
{
    const size_t count = d * (d - 1) / 2;
    float *unit = NULL;
    size_t *numbers = NULL, next = 0;
    gki_onnx_value matrix = raw;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *numbers, &numbers));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *unit, &unit));
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            numbers[i * d + j] = j < i ? next++ : count;
            unit[i * d + j] = i == j ? 1 : 0;
        }
    matrix = gki_onnx_add(g, gki_onnx_spread(g, raw, d, d, numbers),
                          gki_onnx_tensor(g, NULL, 2, (const size_t[]){d, d}, unit));
done:
    free(numbers);
    free(unit);
    if (status != GKV_OK)
        gki_onnx_fail(g, status);
    return matrix;
}

static void add_full(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded,
                     gki_onnx_value scale, size_t offset)
{
    const size_t d = model->d;
    const gki_onnx_port port = {.name = "factor",
                                .about = "the lower triangular factor of the covariance of q(z|x)",
                                .rank = 2,
                                .sizes = {d, d}};
    const gki_onnx_value raw = gki_onnx_slice(g, encoded, -1, offset, offset + d * (d - 1) / 2);
    gki_onnx_output(g, &port,
                    gki_onnx_mul(g, unit_triangle(g, raw, d), gki_onnx_unsqueeze(g, scale, 2)));
}

/* k = 2 tanh(r/2) for r ≥ 0, and 0.059 (e^(r/0.059) − 1) below. */
static gki_onnx_value shape_k(gki_onnx *g, gki_onnx_value raw)
{
    const gki_onnx_value zero = gki_onnx_number(g, 0),
                         above = gki_onnx_bounded(g, gki_onnx_max(g, raw, zero), k_bound),
                         below = gki_onnx_exp(
                             g, gki_onnx_times(g, gki_onnx_min(g, raw, zero), 1 / k_floor));
    return gki_onnx_add(g, above, gki_onnx_times(g, gki_onnx_plus(g, below, -1), k_floor));
}

static void add_shapes(gki_onnx *g, const gkv_model *model, gki_onnx_value raw_g,
                       gki_onnx_value raw_k)
{
    add_code_output(g, "g", "the skewness g of the noise G(u; g, k)", model->d,
                    gki_onnx_bounded(g, raw_g, g_bound));
    add_code_output(g, "k", "the tail weight k of the noise G(u; g, k)", model->d,
                    shape_k(g, raw_k));
}

/* The shapes are the same for all images. */
static void add_gk(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded,
                   gki_onnx_value scale, size_t offset)
{
    (void)encoded, (void)offset;
    const gki_onnx_value zero = gki_onnx_times(g, scale, 0);
    add_shapes(g, model, gki_onnx_add(g, gki_onnx_param(g, "posterior.raw_g"), zero),
               gki_onnx_add(g, gki_onnx_param(g, "posterior.raw_k"), zero));
}

static void add_gk_amortized(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded,
                             gki_onnx_value scale, size_t offset)
{
    const size_t d = model->d;
    (void)scale;
    add_shapes(g, model, gki_onnx_slice(g, encoded, -1, offset, offset + d),
               gki_onnx_slice(g, encoded, -1, offset + d, offset + 2 * d));
}

static noise *const noises[GKV_POSTERIORS] = {
    [GKV_POSTERIOR_NORMAL] = add_none,
    [GKV_POSTERIOR_FULL] = add_full,
    [GKV_POSTERIOR_GK] = add_gk,
    [GKV_POSTERIOR_GK_AMORTIZED] = add_gk_amortized,
};

/* --- The posterior -------------------------------------------------------- */

static gki_onnx_value code_of(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded,
                              gki_onnx_value mean)
{
    const gki_posterior *posterior = &model->posterior;
    gki_onnx_value z = mean;
    size_t offset = gki_posterior_width(posterior) - posterior->flow_layers * posterior->flow_width;
    for (size_t i = 0; i < posterior->flow_layers; i++, offset += posterior->flow_width)
        z = gki_onnx_posterior_layer(
            g, model, i, gki_onnx_slice(g, encoded, -1, offset, offset + posterior->flow_width), z);
    return z;
}

void gki_onnx_posterior(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded)
{
    const size_t d = model->d;
    const gki_onnx_value mean = gki_onnx_slice(g, encoded, -1, 0, d),
                         scale = gki_onnx_exp(
                             g, gki_onnx_bounded(g, gki_onnx_slice(g, encoded, -1, d, 2 * d),
                                                 log_scale_bound));
    add_code_output(g, "mean", "the location of q(z|x), before any posterior flow", d, mean);
    add_code_output(g, "scale", "the scale of q(z|x), before any posterior flow", d, scale);
    const gkv_posterior_family family = model->settings.model.posterior;
    if (GKI_ONNX_HAS(noises, family) && noises[family])
        noises[family](g, model, encoded, scale, 2 * d);
    else
        gki_onnx_refuse(g, "model.posterior", (int)family);
    add_code_output(g, "code", "z at the noise u = 0", d, code_of(g, model, encoded, mean));
}
