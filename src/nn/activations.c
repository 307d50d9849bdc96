/* The layers without parameters: the gate h ⊙ sigmoid(a) and the leaky rectifier. */
#include "nn/nn_kernels.h"
#include "nn/layer.h"

static void gate_forward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    const size_t n = layer->out.width;
    for (size_t r = first; r < first + count; r++) {
        const gkv_real *in = gkv_at(ws, layer->in, r);
        gkv_nn_kernels_get()->gate(n, in, in + n, gkv_at(ws, layer->aux, r), gkv_at(ws, layer->out, r));
    }
}

static void gate_backward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    const size_t n = layer->out.width;
    for (size_t r = first; r < first + count; r++) {
        gkv_real *d_in = gkv_at(ws, layer->d_in, r);
        gkv_nn_kernels_get()->gate_backward(n, gkv_at(ws, layer->in, r), gkv_at(ws, layer->aux, r),
                                            gkv_at(ws, layer->d_out, r), d_in, d_in + n);
    }
}

static void gate_tangent(const gkv_layer *layer, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                         const gkv_real *in, gkv_real *out)
{
    const size_t n = layer->out.width;
    for (size_t r = 0; r < count * each; r++)
        gkv_nn_kernels_get()->gate_tangent(n, gkv_at(ws, layer->in, first + r / each),
                                           gkv_at(ws, layer->aux, first + r / each), in + r * 2 * n,
                                           in + r * 2 * n + n, out + r * n);
}

static const gkv_layer_ops gate_ops = {gate_forward, gate_backward, NULL, NULL, gate_tangent};

gkv_status gkv_gate_create(gkv_plan *plan, gkv_slot in, gkv_slot d_in, gkv_layer *layer)
{
    *layer = (gkv_layer){.ops = &gate_ops, .in = in, .d_in = d_in, .has_d_in = true};
    layer->out = gkv_plan_forward(plan, in.width / 2);
    layer->aux = gkv_plan_forward(plan, in.width / 2); /* sigmoid(a) */
    layer->d_out = gkv_plan_backward(plan, in.width / 2);
    return GKV_OK;
}

static void leaky_forward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    gkv_nn_kernels_get()->leaky_relu(count * layer->in.width, gkv_at(ws, layer->in, first),
                                     gkv_at(ws, layer->out, first));
}

static void leaky_backward(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count)
{
    gkv_nn_kernels_get()->leaky_relu_backward(count * layer->in.width, gkv_at(ws, layer->out, first),
                                              gkv_at(ws, layer->d_out, first), gkv_at(ws, layer->d_in, first));
}

/* Forward and backward mode multiply by the same slope, so the kernel of backward serves here too. */
static void leaky_tangent(const gkv_layer *layer, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                          const gkv_real *in, gkv_real *out)
{
    const size_t n = layer->out.width;
    for (size_t r = 0; r < count * each; r++)
        gkv_nn_kernels_get()->leaky_relu_backward(n, gkv_at(ws, layer->out, first + r / each), in + r * n,
                                                  out + r * n);
}

static const gkv_layer_ops leaky_ops = {leaky_forward, leaky_backward, NULL, NULL, leaky_tangent};

/* The layer works in place. Backward needs only the sign of the input, which is that of the output. */
gkv_status gkv_leaky_relu_create(gkv_slot in, gkv_slot d_in, gkv_layer *layer)
{
    *layer = (gkv_layer){.ops = &leaky_ops, .in = in, .out = in, .d_in = d_in, .d_out = d_in, .has_d_in = true};
    return GKV_OK;
}
