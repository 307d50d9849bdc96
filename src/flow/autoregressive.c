/* Autoregressive layers (Papamakarios et al. 2017), steps of prior flows.
 *
 * A masked network (Germain et al. 2015) computes the parameters of the transform (transform.h) of
 * each dimension from the dimensions before it. Their order is ascending in even layers and
 * descending in odd ones. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "flow/compress.h"
#include "flow/mask.h"
#include "flow/transforms.h"

enum { LINEARS = 3 }; /* the linear layers of the network */

typedef struct autoregressive {
    gki_flow_step step;
    gki_slot read, d_read; /* what the network reads: compressed `in` (compress.h) */
    gki_transforms map;
    gki_mask masks[LINEARS];
    size_t *degrees, *hidden_degrees, *raw_degrees; /* of dimensions, units and outputs */
} autoregressive;

static void destroy(gki_flow_step *step)
{
    autoregressive *self = (autoregressive *)step;
    if (!self)
        return;
    gki_transforms_free(&self->map);
    free(self->degrees);
    free(self->hidden_degrees);
    free(self->raw_degrees);
    free(self);
}

static void init(const gki_flow_step *step, const gki_params *params, uint64_t seed)
{
    const autoregressive *self = (const autoregressive *)step;
    gki_mlp_init(&self->map.net, params, seed, 0.0); /* outputs of 0 make the layer the identity */
    for (size_t i = 0; i < LINEARS; i++)
        gki_mask_clear(&self->masks[i], params, gki_param_value(params, self->masks[i].weight));
}

static gkv_status check(const gki_flow_step *step, const gki_params *params)
{
    for (size_t i = 0; i < LINEARS; i++)
        GKV_TRY(gki_mask_check(&((const autoregressive *)step)->masks[i], params));
    return GKV_OK;
}

static void compress(const autoregressive *self, gki_workspace *ws, size_t first, size_t count)
{
    const gki_real *in = gki_at(ws, self->step.in, first);
    gki_real *read = gki_at(ws, self->read, first);
    for (size_t i = 0; i < count * self->step.in.width; i++)
        read[i] = gki_compress(in[i]);
}

static void normalise(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const autoregressive *self = (const autoregressive *)step;
    compress(self, ws, first, count);
    gki_transforms_forward(&self->map, ws, first, count);
}

static void backward(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const autoregressive *self = (const autoregressive *)step;
    gki_transforms_backward(&self->map, ws, first, count);
    const gki_real *in = gki_at(ws, step->in, first), *d_read = gki_at(ws, self->d_read, first);
    gki_real *d_in = gki_at(ws, step->d_in, first);
    for (size_t i = 0; i < count * step->in.width; i++)
        d_in[i] += gki_compress_slope(in[i]) * d_read[i];
}

static void tangent(const gki_flow_step *step, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch)
{
    const autoregressive *self = (const autoregressive *)step;
    const size_t d = step->in.width;
    for (size_t k = 0; k < count * each; k++) {
        const gki_real *in = gki_at(ws, step->in, first + k / each);
        for (size_t j = 0; j < d; j++)
            scratch->a[k * d + j] = gki_compress_slope(in[j]) * tangents[k * d + j];
    }
    const gki_real *t_raw = gki_transforms_raw_tangent(&self->map, ws, first, count, each, scratch);
    gki_transforms_tangent(&self->map, ws, first, count, each, t_raw, tangents);
}

/* The dimensions one after another, in their order. Dimensions that are not known yet are 0. */
static void generate(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const autoregressive *self = (const autoregressive *)step;
    const size_t d = step->in.width;
    gki_real *in = gki_at(ws, step->in, first);
    memset(in, 0, count * d * sizeof *in);
    for (size_t known = 1; known <= d; known++) {
        compress(self, ws, first, count);
        gki_transforms_inverse(&self->map, ws, first, count);
        for (size_t r = 0; r < count; r++)
            for (size_t j = 0; j < d; j++)
                if (self->degrees[j] >= known)
                    in[r * d + j] = 0;
    }
}

/* A part is all of a linear layer: its mask needs the whole gradient. */
static size_t parts(const gki_flow_step *step)
{
    (void)step;
    return LINEARS;
}

static void gradient(const gki_flow_step *step, gki_workspace *ws, size_t rows, size_t part)
{
    const autoregressive *self = (const autoregressive *)step;
    const gki_layer *layer = &self->map.net.layers[2 * part];
    for (size_t i = 0; i < layer->ops->parts(layer); i++)
        layer->ops->gradient(layer, ws, rows, i);
    gki_mask_clear(&self->masks[part], ws->params, gki_param_grad(ws->params, layer->weight));
}

static const gki_flow_step_ops ops = {.free = destroy,
                                      .init = init,
                                      .check = check,
                                      .normalise = normalise,
                                      .backward = backward,
                                      .tangent = tangent,
                                      .generate = generate,
                                      .parts = parts,
                                      .gradient = gradient};

/* Hidden units have the degrees 0 … d − 2 in turn: a unit reads the dimensions up to its degree.
 * Outputs read units of lower degrees than their own. */
static gkv_status create_masks(autoregressive *self, const gki_flow_step_spec *spec)
{
    const size_t d = spec->in.width, hidden = spec->flow->hidden, raw = self->map.net.out.width;
    GKV_TRY(gki_alloc(d, sizeof(size_t), &self->degrees));
    GKV_TRY(gki_alloc(hidden, sizeof(size_t), &self->hidden_degrees));
    GKV_TRY(gki_alloc(raw, sizeof(size_t), &self->raw_degrees));
    for (size_t j = 0; j < d; j++)
        self->degrees[j] = spec->layer % 2 ? d - 1 - j : j;
    for (size_t i = 0; i < hidden; i++)
        self->hidden_degrees[i] = i % (d - 1);
    for (size_t i = 0; i < raw; i++)
        self->raw_degrees[i] = self->degrees[i % d];
    const size_t *const rows[LINEARS] = {self->hidden_degrees, self->hidden_degrees,
                                         self->raw_degrees};
    const size_t *const columns[LINEARS] = {self->degrees, self->hidden_degrees,
                                            self->hidden_degrees};
    for (size_t i = 0; i < LINEARS; i++)
        self->masks[i] = (gki_mask){.weight = self->map.net.layers[2 * i].weight,
                                    .row_degrees = rows[i],
                                    .column_degrees = columns[i],
                                    .strict = i + 1 == LINEARS};
    return GKV_OK;
}

gkv_status gki_autoregressive_create(const gki_flow_step_spec *spec, gki_params *params,
                                     gki_plan *plan, gki_flow_step **step)
{
    autoregressive *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    self->step = gki_flow_step_begin(&ops, spec);
    self->read = gki_plan_forward(plan, spec->in.width);
    self->d_read = gki_plan_backward(plan, spec->in.width);
    const gki_transforms_spec map = {.step = spec,
                                     .net_in = self->read,
                                     .net_d_in = self->d_read,
                                     .in = spec->in,
                                     .d_in = spec->d_in,
                                     .ops = {&gki_transform_affine},
                                     .count = 1,
                                     .repeats = spec->flow->layers};
    GKV_TRY_GOTO(gki_transforms_create(&map, params, plan, &self->map));
    self->step.out = self->map.out;
    self->step.d_out = self->map.d_out;
    GKV_TRY_GOTO(create_masks(self, spec));
    self->step.widest = gki_transforms_widest(&self->map);
    self->step.products = gki_mlp_products(&self->map.net, self->map.net.count);
    self->step.generated_products = (double)spec->in.width * self->step.products;
done:
    if (status != GKV_OK) {
        destroy((gki_flow_step *)self);
        self = NULL;
    }
    *step = (gki_flow_step *)self;
    return status;
}
