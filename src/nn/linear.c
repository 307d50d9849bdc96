/* The linear layer: Y = X Wᵀ + b.
 *
 *   in [rows, in]   weight [out, in]   bias [out]   out [rows, out]
 *   d_in = d_out W          d_weight = d_outᵀ in          d_bias = Σ_rows d_out
 *   t_out = t_in Wᵀ */
#include "core/simd.h"
#include "nn/gemm.h"
#include "nn/nn_kernels.h"
#include "nn/layer.h"

#include <string.h>

/* The number of weight elements in a part of the gradient. A part is enough work for a task, and a small layer still
 * has several parts, so that two cores can work on it. */
enum { PART_ELEMENTS = 40000 };

/* The number of rows of a part. Parts are about equal, and each covers whole cache lines of the bias's gradient. */
static size_t part_rows(const gkv_layer *layer)
{
    const size_t most = PART_ELEMENTS / layer->in.width, out = layer->out.width;
    const size_t least = most < 16 ? 16 : most;
    const size_t count = (out + least - 1) / least;
    return ((out + count - 1) / count + 15) / 16 * 16;
}

static void forward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    const size_t in = layer->in.width, out = layer->out.width;
    gkv_gemm_forward(gkv_gemm_kernels_get(), count, out, in, gkv_at(ws, layer->in, first),
                     gkv_param_value(ws->params, layer->weight), gkv_packed(ws, layer->weight),
                     gkv_param_value(ws->params, layer->bias), gkv_at(ws, layer->out, first));
}

static void backward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    if (!layer->has_d_in)
        return;
    gkv_gemm_backward(gkv_gemm_kernels_get(), count, layer->out.width, layer->in.width,
                      gkv_at(ws, layer->d_out, first), gkv_param_value(ws->params, layer->weight),
                      gkv_at(ws, layer->d_in, first));
}

static size_t parts(const gkv_layer *layer)
{
    const size_t rows = part_rows(layer);
    return (layer->out.width + rows - 1) / rows;
}

static void gradient(const gkv_layer *layer, gkv_workspace *ws, size_t rows, size_t part)
{
    const size_t in = layer->in.width, out = layer->out.width;
    const size_t first = part * part_rows(layer);
    const size_t count = out - first < part_rows(layer) ? out - first : part_rows(layer);
    gkv_gemm_gradient(gkv_gemm_kernels_get(), rows, out, in, first, count,
                      gkv_at(ws, layer->d_out, 0), gkv_at(ws, layer->in, 0),
                      gkv_param_grad(ws->params, layer->weight));
    const gkv_real *d_out = gkv_at(ws, layer->d_out, 0) + first;
    gkv_real *d_bias = gkv_param_grad(ws->params, layer->bias) + first;
    memset(d_bias, 0, count * sizeof *d_bias);
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    for (size_t r = 0; r < rows; r++)
        kernels->axpy(count, 1, d_out + r * out, d_bias);
}

void gkv_linear_tangent_part(const gkv_layer *layer, const gkv_workspace *ws, size_t rows, const gkv_real *in,
                             size_t first, size_t width, gkv_real *out)
{
    const size_t depth = layer->in.width;
    const gkv_real *packed = gkv_packed(ws, layer->weight);
    memset(out, 0, rows * width * sizeof *out);
    gkv_gemm_forward(gkv_gemm_kernels_get(), rows, width, depth, in,
                     gkv_param_value(ws->params, layer->weight) + first * depth,
                     packed ? packed + first * depth : NULL, NULL, out);
}

static void tangent(const gkv_layer *layer, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    const gkv_real *in, gkv_real *out)
{
    const size_t width = layer->out.width, depth = layer->in.width;
    (void)first; /* the derivative is the same at every row */
    if (in) {
        gkv_linear_tangent_part(layer, ws, count * each, in, 0, width, out);
        return;
    }
    const gkv_real *weight = gkv_param_value(ws->params, layer->weight);
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < depth; j++)
            out[j * width + i] = weight[i * depth + j];
    for (size_t r = 1; r < count; r++)
        memcpy(out + r * depth * width, out, depth * width * sizeof *out);
}

static const gkv_layer_ops ops = {forward, backward, parts, gradient, tangent};

gkv_status gkv_linear_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in, gkv_slot d_in,
                             bool has_d_in, size_t out_width, gkv_layer *layer)
{
    *layer = (gkv_layer){.ops = &ops, .in = in, .d_in = d_in, .has_d_in = has_d_in};
    layer->out = gkv_plan_forward(plan, out_width);
    layer->d_out = gkv_plan_backward(plan, out_width);
    GKV_TRY(gkv_params_add(params, out_width, in.width, true, &layer->weight, "%s.weight", name));
    params->list[layer->weight].packed = true;
    return gkv_params_add(params, out_width, 0, true, &layer->bias, "%s.bias", name);
}
