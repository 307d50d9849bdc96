/* The layers (nn/layer.h): linear, linear for inputs of mostly zeros, LayerNorm with SiLU, the
 * gate, the mask and the
 * rectifier. */
#include "core/simd.h"

#include <string.h>

#include "nn/gemm.h"
#include "nn/layer.h"
#include "nn/map_kernels.h"
#include "nn/nn_kernels.h"

/* --- Linear: Y = X Wᵀ + b ------------------------------------------------- */

/* The linear layer: Y = X Wᵀ + b.
 *
 *   in [rows, in]   weight [out, in]   bias [out]   out [rows, out]
 *   d_in = d_out W          d_weight = d_outᵀ in          d_bias = Σ_rows d_out
 *   t_out = t_in Wᵀ */

/* The number of weight elements in a part of the gradient. A part is enough work for a task, and a
 * small layer still has several parts, so that two cores can work on it. */
enum { PART_ELEMENTS = 40000 };

/* The number of rows of a part. Parts are about equal, and each covers whole cache lines of the
 * bias's gradient. */
static size_t linear_part_rows(const gki_layer *layer)
{
    const size_t most = PART_ELEMENTS / layer->in.width, out = layer->out.width;
    const size_t least = most < 16 ? 16 : most;
    const size_t count = (out + least - 1) / least;
    return ((out + count - 1) / count + 15) / 16 * 16;
}

static void linear_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const size_t in = layer->in.width, out = layer->out.width;
    gki_gemm_forward(gki_gemm_kernels_get(), count, out, in, gki_at(ws, layer->in, first),
                     gki_param_value(ws->params, layer->weight), gki_packed(ws, layer->weight),
                     gki_param_value(ws->params, layer->bias), gki_at(ws, layer->out, first));
}

static void linear_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    if (!layer->has_d_in)
        return;
    gki_gemm_backward(gki_gemm_kernels_get(), count, layer->out.width, layer->in.width,
                      gki_at(ws, layer->d_out, first), gki_param_value(ws->params, layer->weight),
                      gki_at(ws, layer->d_in, first));
}

static size_t linear_parts(const gki_layer *layer)
{
    const size_t rows = linear_part_rows(layer);
    return (layer->out.width + rows - 1) / rows;
}

static void linear_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const size_t in = layer->in.width, out = layer->out.width;
    const size_t first = part * linear_part_rows(layer);
    const size_t count =
        out - first < linear_part_rows(layer) ? out - first : linear_part_rows(layer);
    gki_gemm_gradient(gki_gemm_kernels_get(), rows, out, in, first, count,
                      gki_at(ws, layer->d_out, 0), gki_at(ws, layer->in, 0), gki_sums_continue(ws),
                      gki_param_grad(ws->params, layer->weight));
    const gki_real *d_out = gki_at(ws, layer->d_out, 0) + first;
    gki_real *d_bias = gki_param_grad(ws->params, layer->bias) + first;
    gki_sums_begin(ws, count, d_bias);
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

static void linear_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                           size_t count, size_t each, const gki_real *in, gki_real *out)
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

static const gki_layer_ops linear_ops = {linear_forward, linear_backward, linear_parts,
                                         linear_gradient, linear_tangent};

gkv_status gki_linear_create(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                             gki_slot d_in, bool has_d_in, size_t out_width, gki_layer *layer)
{
    *layer = (gki_layer){.ops = &linear_ops, .in = in, .d_in = d_in, .has_d_in = has_d_in};
    layer->out = gki_plan_forward(plan, out_width);
    layer->d_out = gki_plan_backward(plan, out_width);
    layer->products = (double)(out_width * in.width);
    GKV_TRY(gki_params_add(params, out_width, in.width, true, &layer->weight, "%s.weight", name));
    params->list[layer->weight].packed = true;
    return gki_params_add(params, out_width, 0, true, &layer->bias, "%s.bias", name);
}

/* --- Linear for inputs of mostly zeros ------------------------------------ */

/* The linear layer for inputs of mostly zeros: Y = (X − 1 meanᵀ) Wᵀ + b.
 *
 *   in [rows, in]   weight [out, in]   bias, mean: [out], [in]   out [rows, out]
 *   d_weight = d_outᵀ (X − 1 meanᵀ)          d_bias = Σ_rows d_out
 * The term of the mean is the same for all rows. The rest of the product is a sum of weights over
 * the nonzero inputs of a row. The rest of the gradient is a sum of rows of d_out over the images
 * in which an input is not zero. */

static void sparse_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
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
static void sparse_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    (void)layer, (void)ws, (void)first, (void)count;
}

static size_t sparse_parts(const gki_layer *layer)
{
    return (layer->in.width + GKV_SPARSE_COLUMNS - 1) / GKV_SPARSE_COLUMNS;
}

static void sum_rows(const gki_workspace *ws, size_t rows, size_t width, const gki_real *d_out,
                     gki_real *d_bias)
{
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    gki_sums_begin(ws, width, d_bias);
    for (size_t r = 0; r < rows; r++)
        kernels->axpy(width, 1, d_out + r * width, d_bias);
}

static void sparse_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const size_t in = layer->in.width, out = layer->out.width, first = part * GKV_SPARSE_COLUMNS;
    const gki_real *d_out = gki_at(ws, layer->d_out, 0);
    /* For each input, the slot holds a list of all rows. */
    gki_nonzero *lists = (gki_nonzero *)(void *)gki_at(ws, layer->aux, 0);
    const gki_shard *shard = ws->shard;
    const gki_sparse_gradient gradient = {
        .rows = rows,
        .in = in,
        .out = out,
        .first = first,
        .count = in - first < GKV_SPARSE_COLUMNS ? in - first : GKV_SPARSE_COLUMNS,
        .x = gki_at(ws, layer->in, 0),
        .mean = gki_param_value(ws->params, layer->mean),
        .d_y = d_out,
        .before = shard ? shard->first : 0,
        .batch_rows = shard ? shard->images : 0,
        .batch_d_y = shard ? gki_at(shard->batch, layer->d_out, 0) : NULL,
        .lists = lists + first * ws->rows,
        .d_weight = gki_param_grad(ws->params, layer->weight)};
    gki_sparse_weight_gradient(gki_gemm_kernels_get(), &gradient);
    if (part == 0)
        sum_rows(ws, rows, out, d_out, gki_param_grad(ws->params, layer->bias));
}

static const gki_layer_ops sparse_ops = {sparse_forward, sparse_backward, sparse_parts,
                                         sparse_gradient, NULL};

gkv_status gki_sparse_linear_create(gki_params *params, gki_plan *plan, const char *name,
                                    gki_slot in, gki_param_id mean, size_t out_width,
                                    gki_layer *layer)
{
    *layer = (gki_layer){.ops = &sparse_ops, .in = in, .mean = mean, .reads_batch = true};
    layer->out = gki_plan_forward(plan, out_width);
    layer->d_out = gki_plan_backward(plan, out_width);
    layer->products = (double)(out_width * in.width);
    _Static_assert(sizeof(gki_nonzero) == 2 * sizeof(gki_real),
                   "each input's list takes two columns of the slot");
    layer->aux = gki_plan_backward(plan, 2 * in.width);
    GKV_TRY(gki_params_add(params, out_width, in.width, true, &layer->weight, "%s.weight", name));
    params->list[layer->weight].packed = true;
    return gki_params_add(params, out_width, 0, true, &layer->bias, "%s.bias", name);
}

/* --- LayerNorm and SiLU --------------------------------------------------- */

/* The layer of LayerNorm with gain and shift, followed by SiLU, in one call for each row.
 *
 *   in [rows, n]   gain, shift [n]   out [rows, n]
 * Forward keeps the normalised row, sigmoid(y) and 1/sd for backward. */

static void norm_silu_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
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

static void norm_silu_backward(const gki_layer *layer, gki_workspace *ws, size_t first,
                               size_t count)
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

static size_t norm_silu_parts(const gki_layer *layer)
{
    (void)layer;
    return 1;
}

static void norm_silu_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    (void)part;
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    const size_t n = layer->in.width;
    gki_real *d_gain = gki_param_grad(ws->params, layer->weight);
    gki_real *d_shift = gki_param_grad(ws->params, layer->bias);
    gki_sums_begin(ws, n, d_gain);
    gki_sums_begin(ws, n, d_shift);
    for (size_t r = 0; r < rows; r++) {
        /* backward has replaced it by the gradient in y */
        const gki_real *d = gki_at(ws, layer->d_out, r);
        kernels->add_product(n, d, gki_at(ws, layer->in, r), d_gain);
        kernels->axpy(n, 1, d, d_shift);
    }
}

static void norm_silu_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                              size_t count, size_t each, const gki_real *in, gki_real *out)
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

static const gki_layer_ops norm_silu_ops = {norm_silu_forward, norm_silu_backward, norm_silu_parts,
                                            norm_silu_gradient, norm_silu_tangent};

gkv_status gki_norm_silu_create(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                                gki_slot d_in, gki_layer *layer)
{
    *layer = (gki_layer){.ops = &norm_silu_ops, .in = in, .d_in = d_in, .has_d_in = true};
    layer->out = gki_plan_forward(plan, in.width);
    layer->aux = gki_plan_forward(plan, in.width + 1); /* sigmoid(y) [n], and 1/sd */
    layer->d_out = gki_plan_backward(plan, in.width);
    GKV_TRY(gki_params_add(params, in.width, 0, true, &layer->weight, "%s.weight", name));
    return gki_params_add(params, in.width, 0, true, &layer->bias, "%s.bias", name);
}

/* --- The gate h ⊙ sigmoid(a), masks, and the rectifier --------------------------- */

/* They have no parameters. */

static void gate_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = layer->out.width;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *in = gki_at(ws, layer->in, r);
        gki_nn_kernels_get()->gate(n, in, in + n, gki_at(ws, layer->aux, r),
                                   gki_at(ws, layer->out, r));
    }
}

static void gate_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = layer->out.width;
    for (size_t r = first; r < first + count; r++) {
        gki_real *d_in = gki_at(ws, layer->d_in, r);
        gki_nn_kernels_get()->gate_backward(n, gki_at(ws, layer->in, r), gki_at(ws, layer->aux, r),
                                            gki_at(ws, layer->d_out, r), d_in, d_in + n);
    }
}

static void gate_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                         size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const size_t n = layer->out.width;
    for (size_t r = 0; r < count * each; r++)
        gki_nn_kernels_get()->gate_tangent(n, gki_at(ws, layer->in, first + r / each),
                                           gki_at(ws, layer->aux, first + r / each), in + r * 2 * n,
                                           in + r * 2 * n + n, out + r * n);
}

static const gki_layer_ops gate_ops = {gate_forward, gate_backward, NULL, NULL, gate_tangent};

gkv_status gki_gate_create(gki_plan *plan, gki_slot in, gki_slot d_in, gki_layer *layer)
{
    *layer = (gki_layer){.ops = &gate_ops, .in = in, .d_in = d_in, .has_d_in = true};
    layer->out = gki_plan_forward(plan, in.width / 2);
    layer->aux = gki_plan_forward(plan, in.width / 2); /* sigmoid(a) */
    layer->d_out = gki_plan_backward(plan, in.width / 2);
    return GKV_OK;
}

static void mask_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    gki_map_kernels_get()->product(count * layer->in.width, gki_at(ws, layer->in, first),
                                   gki_at(ws, layer->aux, first), gki_at(ws, layer->out, first));
}

static void mask_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    gki_map_kernels_get()->product(count * layer->in.width, gki_at(ws, layer->d_out, first),
                                   gki_at(ws, layer->aux, first), gki_at(ws, layer->d_in, first));
}

static void mask_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                         size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const size_t n = layer->in.width;
    for (size_t t = 0; t < count * each; t++)
        gki_map_kernels_get()->product(n, in + t * n, gki_at(ws, layer->aux, first + t / each),
                                       out + t * n);
}

static const gki_layer_ops mask_ops = {mask_forward, mask_backward, NULL, NULL, mask_tangent};

gkv_status gki_mask_create(gki_plan *plan, gki_slot in, gki_slot d_in, gki_layer *layer)
{
    *layer = (gki_layer){.ops = &mask_ops, .in = in, .d_in = d_in, .has_d_in = true};
    layer->out = gki_plan_forward(plan, in.width);
    layer->aux = gki_plan_forward(plan, in.width);
    layer->d_out = gki_plan_backward(plan, in.width);
    return GKV_OK;
}

static void rectifier_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    gki_nn_kernels_get()->rectify(count * layer->in.width, layer->slope,
                                  gki_at(ws, layer->in, first), gki_at(ws, layer->out, first));
}

static void rectifier_backward(const gki_layer *layer, gki_workspace *ws, size_t first,
                               size_t count)
{
    gki_nn_kernels_get()->rectify_backward(
        count * layer->in.width, layer->slope, gki_at(ws, layer->out, first),
        gki_at(ws, layer->d_out, first), gki_at(ws, layer->d_in, first));
}

/* Forward and backward mode multiply by the same slope, so the kernel of backward serves here
 * too. */
static void rectifier_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                              size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const size_t n = layer->out.width;
    for (size_t r = 0; r < count * each; r++)
        gki_nn_kernels_get()->rectify_backward(
            n, layer->slope, gki_at(ws, layer->out, first + r / each), in + r * n, out + r * n);
}

static const gki_layer_ops rectifier_ops = {rectifier_forward, rectifier_backward, NULL, NULL,
                                            rectifier_tangent};

/* The layer works in place. Backward needs only the sign of the input, which is that of the
 * output. */
gkv_status gki_rectifier_create(gki_slot in, gki_slot d_in, double slope, gki_layer *layer)
{
    *layer = (gki_layer){.ops = &rectifier_ops,
                         .in = in,
                         .out = in,
                         .d_in = d_in,
                         .d_out = d_in,
                         .has_d_in = true,
                         .slope = slope};
    return GKV_OK;
}
