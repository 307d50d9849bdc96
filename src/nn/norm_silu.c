/* The layer of LayerNorm with gain and shift, followed by SiLU, in one call for each row.
 *
 *   in [rows, n]   gain, shift [n]   out [rows, n]
 * Forward keeps the normalised row, sigmoid(y) and 1/sd for backward. */
#include "nn/nn_kernels.h"
#include "nn/layer.h"

#include <string.h>

static void forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    const gki_real *gain = gki_param_value(ws->params, layer->weight);
    const gki_real *shift = gki_param_value(ws->params, layer->bias);
    for (size_t r = first; r < first + count; r++) {
        /* the normalised row replaces the input, which is not read again */
        gki_real *x = gki_at(ws, layer->in, r);
        gki_real *kept = gki_at(ws, layer->aux, r);
        const size_t n = layer->in.width;
        kept[n] = kernels->norm_silu(n, x, gain, shift, x, kept, gki_at(ws, layer->out, r));
    }
}

static void backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    const gki_real *gain = gki_param_value(ws->params, layer->weight);
    const gki_real *shift = gki_param_value(ws->params, layer->bias);
    const size_t n = layer->in.width;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *kept = gki_at(ws, layer->aux, r);
        kernels->norm_silu_backward(n, gki_at(ws, layer->in, r), gain, shift, kept, kept[n],
                                    gki_at(ws, layer->d_out, r), gki_at(ws, layer->d_in, r));
    }
}

static size_t parts(const gki_layer *layer)
{
    (void)layer;
    return 1;
}

static void gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    (void)part;
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    const size_t n = layer->in.width;
    gki_real *d_gain = gki_param_grad(ws->params, layer->weight);
    gki_real *d_shift = gki_param_grad(ws->params, layer->bias);
    memset(d_gain, 0, n * sizeof *d_gain);
    memset(d_shift, 0, n * sizeof *d_shift);
    for (size_t r = 0; r < rows; r++) {
        /* backward has replaced it by the gradient in y */
        const gki_real *d = gki_at(ws, layer->d_out, r);
        kernels->add_product(n, d, gki_at(ws, layer->in, r), d_gain);
        kernels->axpy(n, 1, d, d_shift);
    }
}

static void tangent(const gki_layer *layer, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, const gki_real *in, gki_real *out)
{
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    const gki_real *gain = gki_param_value(ws->params, layer->weight);
    const gki_real *shift = gki_param_value(ws->params, layer->bias);
    const size_t n = layer->in.width;
    for (size_t r = 0; r < count; r++) {
        const gki_real *kept = gki_at(ws, layer->aux, first + r);
        kernels->norm_silu_tangent(n, gki_at(ws, layer->in, first + r), gain, shift, kept, kept[n],
                                   each, in + r * each * n, out + r * each * n);
    }
}

static const gki_layer_ops ops = {forward, backward, parts, gradient, tangent};

gkv_status gki_norm_silu_create(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                                gki_slot d_in, gki_layer *layer)
{
    *layer = (gki_layer){.ops = &ops, .in = in, .d_in = d_in, .has_d_in = true};
    layer->out = gki_plan_forward(plan, in.width);
    layer->aux = gki_plan_forward(plan, in.width + 1); /* sigmoid(y) [n], and 1/sd */
    layer->d_out = gki_plan_backward(plan, in.width);
    GKV_TRY(gki_params_add(params, in.width, 0, true, &layer->weight, "%s.weight", name));
    return gki_params_add(params, in.width, 0, true, &layer->bias, "%s.bias", name);
}
