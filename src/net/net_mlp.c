/* The multilayer perceptron (mlp.h) as encoder and decoder. */
#include <stdlib.h>

#include "core/memory.h"
#include "net/mlp.h"
#include "net/net.h"

typedef struct net_mlp {
    gki_net net;
    gki_mlp mlp;
} net_mlp;

static const gki_mlp *mlp_of(const gki_net *net)
{
    return &((const net_mlp *)net)->mlp;
}

static const gki_layer *output_of(const gki_net *net)
{
    const gki_mlp *mlp = mlp_of(net);
    return &mlp->layers[mlp->count - 1];
}

static void destroy(gki_net *net)
{
    net_mlp *self = (net_mlp *)net;
    if (!self)
        return;
    gki_mlp_free(&self->mlp);
    free(self);
}

static gkv_status create(const gki_net_spec *spec, const char *name, gki_params *params,
                         gki_plan *plan, gki_net **out)
{
    const gki_mlp_spec mlp = {.in = spec->in,
                              .d_in = spec->d_in,
                              .has_d_in = spec->has_d_in,
                              .sparse_in = spec->encodes,
                              .mean = spec->mean,
                              .timed = true,
                              .hidden = spec->hidden,
                              .hidden_layers = spec->hidden_layers,
                              .out = spec->out,
                              .block = gki_block_of(spec->block)};
    net_mlp *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    GKV_TRY_GOTO(gki_mlp_create(&mlp, name, params, plan, &self->mlp));
    self->net = (gki_net){.ops = &gki_net_mlp,
                          .in = self->mlp.in,
                          .out = self->mlp.out,
                          .d_in = self->mlp.d_in,
                          .d_out = self->mlp.d_out,
                          .output_bias = output_of((const gki_net *)self)->bias,
                          .widest = gki_mlp_widest(&self->mlp, self->mlp.count - 1),
                          .products = gki_mlp_products(&self->mlp, self->mlp.count),
                          .first_products = gki_mlp_products(&self->mlp, 1)};
done:
    if (status != GKV_OK) {
        destroy((gki_net *)self);
        self = NULL;
    }
    *out = (gki_net *)self;
    return status;
}

static void init(const gki_net *net, const gki_params *params, uint64_t seed)
{
    gki_mlp_init(mlp_of(net), params, seed, 1.0);
}

static void scale_outputs(const gki_net *net, const gki_params *params, size_t first,
                          gki_real factor)
{
    const gki_layer *output = output_of(net);
    const size_t cols = output->in.width;
    gki_real *weight = gki_param_value(params, output->weight);
    for (size_t i = first * cols; i < output->out.width * cols; i++)
        weight[i] *= factor;
}

static void forward(const gki_net *net, gki_workspace *ws, size_t first, size_t count)
{
    gki_mlp_forward(mlp_of(net), ws, first, count);
}

static void backward(const gki_net *net, gki_workspace *ws, size_t first, size_t count)
{
    gki_mlp_backward(mlp_of(net), ws, first, count);
}

static size_t parts(const gki_net *net)
{
    return gki_mlp_parts(mlp_of(net));
}

static void gradient(const gki_net *net, gki_workspace *ws, size_t rows, size_t part)
{
    gki_mlp_gradient(mlp_of(net), ws, rows, part);
}

static const gki_layer *layers(const gki_net *net, size_t *count)
{
    *count = mlp_of(net)->count;
    return mlp_of(net)->layers;
}

static const gki_real *tangent(const gki_net *net, const gki_workspace *ws, size_t first,
                               size_t count, const gki_tangents *scratch)
{
    const gki_mlp *mlp = mlp_of(net);
    return gki_mlp_tangent(mlp, ws, mlp->count - 1, first, count, net->in.width, NULL, scratch);
}

static void tangent_part(const gki_net *net, const gki_workspace *ws, size_t first, size_t count,
                         const gki_real *tangents, size_t from, size_t width, gki_real *part)
{
    (void)first; /* the derivative of the output layer is the same at every row */
    gki_linear_tangent_part(output_of(net), ws, count * net->in.width, tangents, from, width, part);
}

const gki_net_ops gki_net_mlp = {
    .name = "mlp",
    .create = create,
    .free = destroy,
    .init = init,
    .scale_outputs = scale_outputs,
    .forward = forward,
    .backward = backward,
    .parts = parts,
    .gradient = gradient,
    .layers = layers,
    .tangent = tangent,
    .tangent_part = tangent_part,
};
