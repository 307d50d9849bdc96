/* The layer of LayerNorm with gain and shift, followed by SiLU, in one call for each row.
 *
 *   in [rows, n]   gain, shift [n]   out [rows, n]
 * Forward keeps the normalised row, sigmoid(y) and 1/sd for backward. */
#include "nn/nn_kernels.h"
#include "nn/layer.h"

#include <string.h>

static void forward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    const gkv_real *gain = gkv_param_value(ws->params, layer->weight);
    const gkv_real *shift = gkv_param_value(ws->params, layer->bias);
    for (size_t r = first; r < first + count; r++) {
        gkv_real *x = gkv_at(ws, layer->in, r); /* the normalised row replaces the input, which is not read again */
        gkv_real *kept = gkv_at(ws, layer->aux, r);
        const size_t n = layer->in.width;
        kept[n] = kernels->norm_silu(n, x, gain, shift, x, kept, gkv_at(ws, layer->out, r));
    }
}

static void backward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    const gkv_real *gain = gkv_param_value(ws->params, layer->weight);
    const gkv_real *shift = gkv_param_value(ws->params, layer->bias);
    const size_t n = layer->in.width;
    for (size_t r = first; r < first + count; r++) {
        const gkv_real *kept = gkv_at(ws, layer->aux, r);
        kernels->norm_silu_backward(n, gkv_at(ws, layer->in, r), gain, shift, kept, kept[n],
                                    gkv_at(ws, layer->d_out, r), gkv_at(ws, layer->d_in, r));
    }
}

static size_t parts(const gkv_layer *layer)
{
    (void)layer;
    return 1;
}

static void gradient(const gkv_layer *layer, gkv_workspace *ws, size_t rows, size_t part)
{
    (void)part;
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    const size_t n = layer->in.width;
    gkv_real *d_gain = gkv_param_grad(ws->params, layer->weight);
    gkv_real *d_shift = gkv_param_grad(ws->params, layer->bias);
    memset(d_gain, 0, n * sizeof *d_gain);
    memset(d_shift, 0, n * sizeof *d_shift);
    for (size_t r = 0; r < rows; r++) {
        const gkv_real *d = gkv_at(ws, layer->d_out, r); /* backward has replaced it by the gradient in y */
        kernels->add_product(n, d, gkv_at(ws, layer->in, r), d_gain);
        kernels->axpy(n, 1, d, d_shift);
    }
}

static void tangent(const gkv_layer *layer, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    const gkv_real *in, gkv_real *out)
{
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    const gkv_real *gain = gkv_param_value(ws->params, layer->weight);
    const gkv_real *shift = gkv_param_value(ws->params, layer->bias);
    const size_t n = layer->in.width;
    for (size_t r = 0; r < count; r++) {
        const gkv_real *kept = gkv_at(ws, layer->aux, first + r);
        kernels->norm_silu_tangent(n, gkv_at(ws, layer->in, first + r), gain, shift, kept, kept[n], each,
                                   in + r * each * n, out + r * each * n);
    }
}

static const gkv_layer_ops ops = {forward, backward, parts, gradient, tangent};

gkv_status gkv_norm_silu_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in, gkv_slot d_in,
                                gkv_layer *layer)
{
    *layer = (gkv_layer){.ops = &ops, .in = in, .d_in = d_in, .has_d_in = true};
    layer->out = gkv_plan_forward(plan, in.width);
    layer->aux = gkv_plan_forward(plan, in.width + 1); /* sigmoid(y) [n], and 1/sd */
    layer->d_out = gkv_plan_backward(plan, in.width);
    GKV_TRY(gkv_params_add(params, in.width, 0, true, &layer->weight, "%s.weight", name));
    return gkv_params_add(params, in.width, 0, true, &layer->bias, "%s.bias", name);
}
