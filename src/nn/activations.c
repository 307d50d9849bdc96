/* The layers without parameters: the gate h ⊙ sigmoid(a) and the leaky rectifier. */
#include "nn/nn_kernels.h"
#include "nn/layer.h"

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

static void leaky_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    gki_nn_kernels_get()->leaky_relu(count * layer->in.width, gki_at(ws, layer->in, first),
                                     gki_at(ws, layer->out, first));
}

static void leaky_backward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    gki_nn_kernels_get()->leaky_relu_backward(
        count * layer->in.width, gki_at(ws, layer->out, first), gki_at(ws, layer->d_out, first),
        gki_at(ws, layer->d_in, first));
}

/* Forward and backward mode multiply by the same slope, so the kernel of backward serves here
 * too. */
static void leaky_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                          size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const size_t n = layer->out.width;
    for (size_t r = 0; r < count * each; r++)
        gki_nn_kernels_get()->leaky_relu_backward(n, gki_at(ws, layer->out, first + r / each),
                                                  in + r * n, out + r * n);
}

static const gki_layer_ops leaky_ops = {leaky_forward, leaky_backward, NULL, NULL, leaky_tangent};

/* The layer works in place. Backward needs only the sign of the input, which is that of the
 * output. */
gkv_status gki_leaky_relu_create(gki_slot in, gki_slot d_in, gki_layer *layer)
{
    *layer = (gki_layer){
        .ops = &leaky_ops, .in = in, .out = in, .d_in = d_in, .d_out = d_in, .has_d_in = true};
    return GKV_OK;
}
