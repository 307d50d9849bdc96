/* The linear layer for inputs of mostly zeros: Y = (X − 1 meanᵀ) Wᵀ + b.
 *
 *   in [rows, in]   weight [out, in]   bias, mean: [out], [in]   out [rows, out]
 *   d_weight = d_outᵀ (X − 1 meanᵀ)          d_bias = Σ_rows d_out
 * The term of the mean is the same for all rows. The rest of the product is a sum of weights over
 * the nonzero inputs of a row. The rest of the gradient is a sum of rows of d_out over the images
 * in which an input is not zero. */
#include "core/simd.h"
#include "nn/gemm.h"
#include "nn/nn_kernels.h"
#include "nn/layer.h"

#include <string.h>

static void forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const gki_sparse_product product = {.rows = count,
                                        .in = layer->in.width,
                                        .out = layer->out.width,
                                        .x = gki_at(ws, layer->in, first),
                                        .mean = gki_param_value(ws->params, layer->mean),
                                        .weight = gki_param_value(ws->params, layer->weight),
                                        .packed = gki_packed(ws, layer->weight),
                                        .bias = gki_param_value(ws->params, layer->bias),
                                        .y = gki_at(ws, layer->out, first)};
    gki_sparse_forward(gki_gemm_kernels_get(), &product);
}

/* The inputs are data, so their gradient is not needed. */
static void backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    (void)layer, (void)ws, (void)first, (void)count;
}

static size_t parts(const gki_layer *layer)
{
    return (layer->in.width + GKV_SPARSE_COLUMNS - 1) / GKV_SPARSE_COLUMNS;
}

static void sum_rows(size_t rows, size_t width, const gki_real *d_out, gki_real *d_bias)
{
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    memset(d_bias, 0, width * sizeof *d_bias);
    for (size_t r = 0; r < rows; r++)
        kernels->axpy(width, 1, d_out + r * width, d_bias);
}

static void gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const size_t in = layer->in.width, out = layer->out.width, first = part * GKV_SPARSE_COLUMNS;
    const gki_real *d_out = gki_at(ws, layer->d_out, 0);
    /* For each input, the slot holds a list of all rows. */
    gki_nonzero *lists = (gki_nonzero *)(void *)gki_at(ws, layer->aux, 0);
    const gki_sparse_gradient gradient = {
        .rows = rows,
        .in = in,
        .out = out,
        .first = first,
        .count = in - first < GKV_SPARSE_COLUMNS ? in - first : GKV_SPARSE_COLUMNS,
        .x = gki_at(ws, layer->in, 0),
        .mean = gki_param_value(ws->params, layer->mean),
        .d_y = d_out,
        .lists = lists + first * ws->rows,
        .d_weight = gki_param_grad(ws->params, layer->weight)};
    gki_sparse_weight_gradient(gki_gemm_kernels_get(), &gradient);
    if (part == 0)
        sum_rows(rows, out, d_out, gki_param_grad(ws->params, layer->bias));
}

static const gki_layer_ops ops = {forward, backward, parts, gradient, NULL};

gkv_status gki_sparse_linear_create(gki_params *params, gki_plan *plan, const char *name,
                                    gki_slot in, gki_param_id mean, size_t out_width,
                                    gki_layer *layer)
{
    *layer = (gki_layer){.ops = &ops, .in = in, .mean = mean};
    layer->out = gki_plan_forward(plan, out_width);
    layer->d_out = gki_plan_backward(plan, out_width);
    _Static_assert(sizeof(gki_nonzero) == 2 * sizeof(gki_real),
                   "each input's list takes two columns of the slot");
    layer->aux = gki_plan_backward(plan, 2 * in.width);
    GKV_TRY(gki_params_add(params, out_width, in.width, true, &layer->weight, "%s.weight", name));
    params->list[layer->weight].packed = true;
    return gki_params_add(params, out_width, 0, true, &layer->bias, "%s.bias", name);
}
