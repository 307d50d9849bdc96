/* The multilayer perceptron; declared in mlp.h. */
#include "net/mlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/layer_list.h"
#include "nn/nn_kernels.h"

/* Makes the linear layer with this index. The first one may have sparse inputs. */
static gkv_status add_linear(const gki_mlp_spec *spec, size_t index, gki_params *params,
                             gki_plan *plan, const char *name, gki_slot in, gki_slot d_in,
                             bool has_d_in, size_t out, gki_layer *layer)
{
    if (index == 0 && spec->sparse_in)
        return gki_sparse_linear_create(params, plan, name, in, spec->mean, out, layer);
    return gki_linear_create(params, plan, name, in, d_in, has_d_in, out, layer);
}

gkv_status gki_mlp_create(const gki_mlp_spec *spec, const char *name, gki_params *params,
                          gki_plan *plan, gki_mlp *mlp)
{
    memset(mlp, 0, sizeof *mlp);
    gkv_status status = gki_alloc(2 * spec->hidden_layers + 1, sizeof *mlp->layers, &mlp->layers);
    gki_slot in = spec->in, d_in = spec->d_in;
    bool has_d_in = spec->has_d_in;
    char layer_name[2 * GKV_PARAM_NAME_SIZE]; /* gki_params_add() refuses names that are too long */
    for (size_t i = 0; status == GKV_OK && i < spec->hidden_layers; i++) {
        gki_layer *linear = &mlp->layers[mlp->count++], *activation = &mlp->layers[mlp->count++];
        snprintf(layer_name, sizeof layer_name, "%.40s.layers.%zu.linear", name, i);
        status = add_linear(spec, i, params, plan, layer_name, in, d_in, has_d_in,
                            spec->block->columns * spec->hidden, linear);
        if (status != GKV_OK)
            break;
        snprintf(layer_name, sizeof layer_name, "%.40s.layers.%zu.norm", name, i);
        status =
            spec->block->create(params, plan, layer_name, linear->out, linear->d_out, activation);
        in = activation->out;
        d_in = activation->d_out;
        has_d_in = true;
    }
    if (status == GKV_OK) {
        snprintf(layer_name, sizeof layer_name, "%.40s.output", name);
        status = add_linear(spec, spec->hidden_layers, params, plan, layer_name, in, d_in, has_d_in,
                            spec->out, &mlp->layers[mlp->count++]);
    }
    if (status != GKV_OK) {
        gki_mlp_free(mlp);
        return status;
    }
    mlp->has_skip = spec->block->has_skip;
    if (mlp->has_skip)
        mlp->d_skip = gki_plan_backward(plan, spec->hidden);
    mlp->in = spec->in;
    mlp->timed = spec->timed;
    mlp->d_in = spec->d_in;
    mlp->out = mlp->layers[mlp->count - 1].out;
    mlp->d_out = mlp->layers[mlp->count - 1].d_out;
    return GKV_OK;
}

void gki_mlp_free(gki_mlp *mlp)
{
    if (!mlp)
        return;
    free(mlp->layers);
    memset(mlp, 0, sizeof *mlp);
}

void gki_mlp_init(const gki_mlp *mlp, const gki_params *params, uint64_t seed, double output_gain)
{
    for (size_t i = 0; i < mlp->count; i++)
        gki_layer_init(&mlp->layers[i], params, seed, i + 1 == mlp->count ? output_gain : 1);
}

/* Attributes the time of a layer to its part of the profile. Layers with even indices are linear,
 * and the others are activations. */
static void mark(const gki_mlp *mlp, const gki_workspace *ws, size_t layer, gki_bench_part products)
{
    if (mlp->timed)
        gki_profile_mark(ws->profile, layer % 2 == 0 ? products : GKV_BENCH_ACTIVATIONS);
}

/* True if layer i is the activation at the end of a block with a skip connection. */
static bool ends_skip(const gki_mlp *mlp, size_t i)
{
    return mlp->has_skip && i % 2 == 1 && i > 1;
}

static void add_rows(const gki_workspace *ws, gki_slot from, gki_slot to, size_t first,
                     size_t count)
{
    gki_nn_kernels_get()->axpy(count * to.width, 1, gki_at(ws, from, first), gki_at(ws, to, first));
}

void gki_mlp_forward(const gki_mlp *mlp, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t i = 0; i < mlp->count; i++) {
        mlp->layers[i].ops->forward(&mlp->layers[i], ws, first, count);
        if (ends_skip(mlp, i))
            add_rows(ws, mlp->layers[i - 1].in, mlp->layers[i].out, first, count);
        mark(mlp, ws, i, GKV_BENCH_GEMM_FORWARD);
    }
}

void gki_mlp_backward(const gki_mlp *mlp, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t i = mlp->count; i-- > 0;) {
        const gki_layer *layer = &mlp->layers[i];
        if (ends_skip(mlp, i)) /* backward overwrites d_out */
            memcpy(gki_at(ws, mlp->d_skip, first), gki_at(ws, layer->d_out, first),
                   count * mlp->d_skip.width * sizeof(gki_real));
        layer->ops->backward(layer, ws, first, count);
        if (ends_skip(mlp, i + 1) && i + 1 < mlp->count)
            add_rows(ws, mlp->d_skip, layer->d_in, first, count);
        mark(mlp, ws, i, GKV_BENCH_GEMM_BACKWARD);
    }
}

size_t gki_mlp_parts(const gki_mlp *mlp)
{
    return gki_layers_parts(mlp->layers, mlp->count);
}

void gki_mlp_gradient(const gki_mlp *mlp, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_layer *layer = gki_layers_of_part(mlp->layers, mlp->count, &part);
    layer->ops->gradient(layer, ws, rows, part);
    mark(mlp, ws, (size_t)(layer - mlp->layers), GKV_BENCH_GEMM_BACKWARD);
}

size_t gki_mlp_widest(const gki_mlp *mlp, size_t layers)
{
    return gki_layers_widest(mlp->layers, layers, mlp->in.width);
}

double gki_mlp_products(const gki_mlp *mlp, size_t layers)
{
    return gki_layers_products(mlp->layers, layers);
}

gki_real *gki_mlp_tangent(const gki_mlp *mlp, const gki_workspace *ws, size_t layers, size_t first,
                          size_t count, size_t each, const gki_real *in,
                          const gki_tangents *scratch)
{
    gki_real *from = scratch->a, *to = scratch->b, *spare = scratch->c;
    for (size_t i = 0; i < layers; i++) {
        mlp->layers[i].ops->tangent(&mlp->layers[i], ws, first, count, each, i == 0 ? in : from,
                                    to);
        if (ends_skip(mlp, i)) /* `spare` holds the tangents of the input of the block */
            gki_nn_kernels_get()->axpy(count * each * mlp->layers[i].out.width, 1, spare, to);
        gki_real *done = from;
        from = to;
        to = done;
        if (ends_skip(mlp, i + 1)) {
            to = spare;
            spare = done;
        }
    }
    return from;
}
