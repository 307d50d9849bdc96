/* Coupling layers (Dinh et al. 2017), steps of prior flows.
 *
 * The dimensions are split into two sets. z_a passes unchanged. A network computes from it the
 * parameters of the transforms (transform.h) of the dimensions of z_b. */
#include "flow/coupling.h"

#include <stdlib.h>

#include "core/memory.h"
#include "flow/compress.h"
#include "flow/transforms.h"

typedef struct coupling {
    gki_flow_step step;
    gki_slot pass, d_pass; /* z_a, gathered [rows, |a|]: the input of the network */
    gki_transforms map;    /* of z_b, gathered [rows, |b|] */
    size_t *a, *b;         /* the dimensions of the two sets, ascending */
    size_t a_count, b_count;
    bool is_compressed; /* whether the network reads compressed numbers (compress.h) */
} coupling;

bool gki_coupling_moves(size_t index, size_t j, size_t dims)
{
    /* the split into halves, and one for each bit of j with a value of at most dims/4 */
    size_t splits = 1;
    while ((size_t)1 << splits <= dims / 2)
        splits++;
    const size_t split = index / 2 % splits;
    const bool second = split == 0 ? j >= dims / 2 : (j >> (split - 1)) % 2 == 1;
    return index % 2 == 0 ? second : !second;
}

static void destroy(gki_flow_step *step)
{
    coupling *self = (coupling *)step;
    if (!self)
        return;
    gki_transforms_free(&self->map);
    free(self->a);
    free(self->b);
    free(self);
}

static void init(const gki_flow_step *step, const gki_params *params, uint64_t seed)
{
    const coupling *self = (const coupling *)step;
    gki_mlp_init(&self->map.net, params, seed, 0.0); /* outputs of 0 make the layer the identity */
}

/* The dimensions of one set, from a row of all. */
static void gather(const size_t *set, size_t count, const gki_real *row, gki_real *values)
{
    for (size_t i = 0; i < count; i++)
        values[i] = row[set[i]];
}

static void scatter(const size_t *set, size_t count, const gki_real *values, gki_real *row)
{
    for (size_t i = 0; i < count; i++)
        row[set[i]] = values[i];
}

/* Gathers z_a of `row` for the network, and copies it to the row at the other side. */
static void pass_on(const coupling *self, gki_workspace *ws, size_t r, const gki_real *row,
                    gki_real *other)
{
    gki_real *pass = gki_at(ws, self->pass, r);
    gather(self->a, self->a_count, row, pass);
    scatter(self->a, self->a_count, pass, other);
    if (self->is_compressed)
        for (size_t i = 0; i < self->a_count; i++)
            pass[i] = gki_compress(pass[i]);
}

static void normalise(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const coupling *self = (const coupling *)step;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *in = gki_at(ws, step->in, r);
        pass_on(self, ws, r, in, gki_at(ws, step->out, r));
        gather(self->b, self->b_count, in, gki_at(ws, self->map.in, r));
    }
    gki_transforms_forward(&self->map, ws, first, count);
    for (size_t r = first; r < first + count; r++)
        scatter(self->b, self->b_count, gki_at(ws, self->map.out, r), gki_at(ws, step->out, r));
}

/* The derivative of what the network reads in z. */
static gki_real slope_at(const coupling *self, gki_real z)
{
    return self->is_compressed ? gki_compress_slope(z) : 1;
}

static void backward(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const coupling *self = (const coupling *)step;
    for (size_t r = first; r < first + count; r++)
        gather(self->b, self->b_count, gki_at(ws, step->d_out, r), gki_at(ws, self->map.d_out, r));
    gki_transforms_backward(&self->map, ws, first, count);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *d_out = gki_at(ws, step->d_out, r), *d_pass = gki_at(ws, self->d_pass, r);
        gki_real *d_in = gki_at(ws, step->d_in, r);
        scatter(self->b, self->b_count, gki_at(ws, self->map.d_in, r), d_in);
        for (size_t i = 0; i < self->a_count; i++) {
            const gki_real slope = slope_at(self, gki_at(ws, step->in, r)[self->a[i]]);
            d_in[self->a[i]] = d_out[self->a[i]] + slope * d_pass[i];
        }
    }
}

static void tangent(const gki_flow_step *step, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch)
{
    const coupling *self = (const coupling *)step;
    const size_t d = step->in.width;
    for (size_t r = 0; r < count; r++) {
        const gki_real *in = gki_at(ws, step->in, first + r);
        for (size_t k = r * each; k < (r + 1) * each; k++)
            for (size_t i = 0; i < self->a_count; i++)
                scratch->a[k * self->a_count + i] =
                    slope_at(self, in[self->a[i]]) * tangents[k * d + self->a[i]];
    }
    const gki_real *t_raw = gki_transforms_raw_tangent(&self->map, ws, first, count, each, scratch);
    gki_real *moved = t_raw == scratch->a ? scratch->b : scratch->a;
    for (size_t k = 0; k < count * each; k++)
        gather(self->b, self->b_count, tangents + k * d, moved + k * self->b_count);
    gki_transforms_tangent(&self->map, ws, first, count, each, t_raw, moved);
    for (size_t k = 0; k < count * each; k++)
        scatter(self->b, self->b_count, moved + k * self->b_count, tangents + k * d);
}

static void generate(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const coupling *self = (const coupling *)step;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, step->out, r);
        pass_on(self, ws, r, out, gki_at(ws, step->in, r));
        gather(self->b, self->b_count, out, gki_at(ws, self->map.out, r));
    }
    gki_transforms_inverse(&self->map, ws, first, count);
    for (size_t r = first; r < first + count; r++)
        scatter(self->b, self->b_count, gki_at(ws, self->map.in, r), gki_at(ws, step->in, r));
}

static size_t parts(const gki_flow_step *step)
{
    return gki_mlp_parts(&((const coupling *)step)->map.net);
}

static void gradient(const gki_flow_step *step, gki_workspace *ws, size_t rows, size_t part)
{
    gki_mlp_gradient(&((const coupling *)step)->map.net, ws, rows, part);
}

static const gki_flow_step_ops ops = {.free = destroy,
                                      .init = init,
                                      .normalise = normalise,
                                      .backward = backward,
                                      .tangent = tangent,
                                      .generate = generate,
                                      .parts = parts,
                                      .gradient = gradient};

static gkv_status split(coupling *self, size_t layer, size_t d)
{
    GKV_TRY(gki_alloc(d, sizeof *self->a, &self->a));
    GKV_TRY(gki_alloc(d, sizeof *self->b, &self->b));
    for (size_t j = 0; j < d; j++) {
        if (gki_coupling_moves(layer, j, d))
            self->b[self->b_count++] = j;
        else
            self->a[self->a_count++] = j;
    }
    return GKV_OK;
}

/* Makes a coupling with these transforms. */
static gkv_status create(const gki_flow_step_spec *spec, const gki_transform_ops *first,
                         const gki_transform_ops *second, bool is_compressed, gki_params *params,
                         gki_plan *plan, gki_flow_step **step)
{
    coupling *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    self->step = gki_flow_step_begin(&ops, spec);
    gki_flow_step_reserve(&self->step, plan);
    GKV_TRY_GOTO(split(self, spec->layer, spec->in.width));
    self->is_compressed = is_compressed;
    self->pass = gki_plan_forward(plan, self->a_count);
    self->d_pass = gki_plan_backward(plan, self->a_count);
    const gki_transforms_spec map = {.step = spec,
                                     .net_in = self->pass,
                                     .net_d_in = self->d_pass,
                                     .in = gki_plan_forward(plan, self->b_count),
                                     .d_in = gki_plan_backward(plan, self->b_count),
                                     .ops = {first, second},
                                     .count = second ? 2 : 1,
                                     .repeats = (spec->flow->layers + 1) / 2};
    GKV_TRY_GOTO(gki_transforms_create(&map, params, plan, &self->map));
    self->step.widest = gki_transforms_widest(&self->map);
    self->step.products = gki_mlp_products(&self->map.net, self->map.net.count);
    self->step.generated_products = self->step.products;
done:
    if (status != GKV_OK) {
        destroy((gki_flow_step *)self);
        self = NULL;
    }
    *step = (gki_flow_step *)self;
    return status;
}

gkv_status gki_coupling_affine_create(const gki_flow_step_spec *spec, gki_params *params,
                                      gki_plan *plan, gki_flow_step **step)
{
    return create(spec, &gki_transform_affine, NULL, false, params, plan, step);
}

gkv_status gki_coupling_compressed_create(const gki_flow_step_spec *spec, gki_params *params,
                                          gki_plan *plan, gki_flow_step **step)
{
    return create(spec, &gki_transform_affine, NULL, true, params, plan, step);
}

gkv_status gki_coupling_spline_create(const gki_flow_step_spec *spec, gki_params *params,
                                      gki_plan *plan, gki_flow_step **step)
{
    return create(spec, &gki_transform_affine, &gki_transform_spline, true, params, plan, step);
}

gkv_status gki_coupling_gk_create(const gki_flow_step_spec *spec, gki_params *params,
                                  gki_plan *plan, gki_flow_step **step)
{
    return create(spec, &gki_transform_gk, NULL, true, params, plan, step);
}
