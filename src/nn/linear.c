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

/* The number of weight elements in a part of the gradient. A part is enough work for a task, and a
 * small layer still has several parts, so that two cores can work on it. */
enum { PART_ELEMENTS = 40000 };

/* The number of rows of a part. Parts are about equal, and each covers whole cache lines of the
 * bias's gradient. */
static size_t part_rows(const gki_layer *layer)
{
    const size_t most = PART_ELEMENTS / layer->in.width, out = layer->out.width;
    const size_t least = most < 16 ? 16 : most;
    const size_t count = (out + least - 1) / least;
    return ((out + count - 1) / count + 15) / 16 * 16;
}

static void forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const size_t in = layer->in.width, out = layer->out.width;
    gki_gemm_forward(gki_gemm_kernels_get(), count, out, in, gki_at(ws, layer->in, first),
                     gki_param_value(ws->params, layer->weight), gki_packed(ws, layer->weight),
                     gki_param_value(ws->params, layer->bias), gki_at(ws, layer->out, first));
}

static void backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    if (!layer->has_d_in)
        return;
    gki_gemm_backward(gki_gemm_kernels_get(), count, layer->out.width, layer->in.width,
                      gki_at(ws, layer->d_out, first), gki_param_value(ws->params, layer->weight),
                      gki_at(ws, layer->d_in, first));
}

static size_t parts(const gki_layer *layer)
{
    const size_t rows = part_rows(layer);
    return (layer->out.width + rows - 1) / rows;
}

static void gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const size_t in = layer->in.width, out = layer->out.width;
    const size_t first = part * part_rows(layer);
    const size_t count = out - first < part_rows(layer) ? out - first : part_rows(layer);
    gki_gemm_gradient(gki_gemm_kernels_get(), rows, out, in, first, count,
                      gki_at(ws, layer->d_out, 0), gki_at(ws, layer->in, 0),
                      gki_param_grad(ws->params, layer->weight));
    const gki_real *d_out = gki_at(ws, layer->d_out, 0) + first;
    gki_real *d_bias = gki_param_grad(ws->params, layer->bias) + first;
    memset(d_bias, 0, count * sizeof *d_bias);
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    for (size_t r = 0; r < rows; r++)
        kernels->axpy(count, 1, d_out + r * out, d_bias);
}

void gki_linear_tangent_part(const gki_layer *layer, const gki_workspace *ws, size_t rows,
                             const gki_real *in, size_t first, size_t width, gki_real *out)
{
    const size_t depth = layer->in.width;
    const gki_real *packed = gki_packed(ws, layer->weight);
    memset(out, 0, rows * width * sizeof *out);
    gki_gemm_forward(gki_gemm_kernels_get(), rows, width, depth, in,
                     gki_param_value(ws->params, layer->weight) + first * depth,
                     packed ? packed + first * depth : NULL, NULL, out);
}

static void tangent(const gki_layer *layer, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, const gki_real *in, gki_real *out)
{
    const size_t width = layer->out.width, depth = layer->in.width;
    (void)first; /* the derivative is the same at every row */
    if (in) {
        gki_linear_tangent_part(layer, ws, count * each, in, 0, width, out);
        return;
    }
    const gki_real *weight = gki_param_value(ws->params, layer->weight);
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < depth; j++)
            out[j * width + i] = weight[i * depth + j];
    for (size_t r = 1; r < count; r++)
        memcpy(out + r * depth * width, out, depth * width * sizeof *out);
}

static const gki_layer_ops ops = {forward, backward, parts, gradient, tangent};

gkv_status gki_linear_create(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                             gki_slot d_in, bool has_d_in, size_t out_width, gki_layer *layer)
{
    *layer = (gki_layer){.ops = &ops, .in = in, .d_in = d_in, .has_d_in = has_d_in};
    layer->out = gki_plan_forward(plan, out_width);
    layer->d_out = gki_plan_backward(plan, out_width);
    GKV_TRY(gki_params_add(params, out_width, in.width, true, &layer->weight, "%s.weight", name));
    params->list[layer->weight].packed = true;
    return gki_params_add(params, out_width, 0, true, &layer->bias, "%s.bias", name);
}
