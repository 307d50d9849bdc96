/* Y = X Wᵀ + b.
 *
 *   in [rows, in]   weight [out, in]   bias [out]   out [rows, out]
 *   d_in = d_out W          d_weight = d_outᵀ in          d_bias = Σ_rows d_out */
#include "nn/kernels.h"
#include "nn/module.h"

#include <string.h>

/* Weight elements a gradient part covers: enough work to be worth a task, and few
 * enough parts for two cores to share a small layer. */
enum { PART_ELEMENTS = 40000 };

static size_t part_rows(const gkv_layer *layer)
{
    const size_t rows = PART_ELEMENTS / layer->in.width;
    if (rows >= layer->out.width)
        return layer->out.width;
    return rows < 16 ? 16 : rows / 16 * 16;
}

static void forward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    const size_t in = layer->in.width, out = layer->out.width;
    const gkv_real *bias = gkv_param_value(ws->params, layer->bias);
    gkv_real *y = gkv_at(ws, layer->out, first);
    for (size_t r = 0; r < count; r++)
        memcpy(y + r * out, bias, out * sizeof *y);
    gkv_gemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)count, (blasint)out, (blasint)in, 1,
             gkv_at(ws, layer->in, first), (blasint)in, gkv_param_value(ws->params, layer->weight), (blasint)in, 1,
             y, (blasint)out);
}

static void backward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    if (!layer->has_d_in)
        return;
    const size_t in = layer->in.width, out = layer->out.width;
    gkv_gemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)count, (blasint)in, (blasint)out, 1,
             gkv_at(ws, layer->d_out, first), (blasint)out, gkv_param_value(ws->params, layer->weight), (blasint)in,
             0, gkv_at(ws, layer->d_in, first), (blasint)in);
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
    const gkv_real *d_out = gkv_at(ws, layer->d_out, 0) + first;
    gkv_gemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)count, (blasint)in, (blasint)rows, 1, d_out,
             (blasint)out, gkv_at(ws, layer->in, 0), (blasint)in, 0,
             gkv_param_grad(ws->params, layer->weight) + first * in, (blasint)in);
    gkv_real *d_bias = gkv_param_grad(ws->params, layer->bias) + first;
    memset(d_bias, 0, count * sizeof *d_bias);
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    for (size_t r = 0; r < rows; r++)
        kernels->axpy(count, 1, d_out + r * out, d_bias);
}

static const gkv_layer_ops ops = {forward, backward, parts, gradient};

gkv_status gkv_linear_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in, gkv_slot d_in,
                             bool has_d_in, size_t out_width, gkv_layer *layer)
{
    *layer = (gkv_layer){.ops = &ops, .in = in, .d_in = d_in, .has_d_in = has_d_in};
    layer->out = gkv_plan_forward(plan, out_width);
    layer->d_out = gkv_plan_backward(plan, out_width);
    GKV_TRY(gkv_params_add(params, out_width, in.width, true, &layer->weight, "%s.weight", name));
    return gkv_params_add(params, out_width, 0, true, &layer->bias, "%s.bias", name);
}
