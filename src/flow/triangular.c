/* An invertible linear map in LU form (Kingma & Dhariwal 2018, eq. 10–11), a step of prior flows:
 *     out = L·diag(e^s)·U·in,   log|det| = Σ s_j.
 *
 * L and U are triangular matrices with a diagonal of 1. Layers of an odd number have U before L, so
 * that a sequence of layers has no preferred order of the dimensions. This is the role of the
 * permutation in an LU decomposition. The map starts as the identity. L − I and U − I are the
 * tensors; weight decay thus draws the map to a diagonal one. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "flow/log_scales.h"
#include "flow/mask.h"
#include "flow/step.h"
#include "nn/gemm.h"

enum { FIRST, SECOND, TRIANGLES }; /* the triangular matrices in the order of normalise() */

typedef struct triangular {
    gki_flow_step step;
    gki_mask triangles[TRIANGLES];
    gki_param_id log_scale;         /* [d], before bound·tanh(·) */
    size_t *ascending, *descending; /* degrees of the dimensions in L and in U */
    gki_slot scaled, d_scaled;      /* diag(e^s)·U·in */
    gki_slot d_mixed;               /* the gradient in U·in */
    double bound;
} triangular;

static void destroy(gki_flow_step *step)
{
    triangular *self = (triangular *)step;
    if (!self)
        return;
    free(self->ascending);
    free(self->descending);
    free(self);
}

static void init(const gki_flow_step *step, const gki_params *params, uint64_t seed)
{
    (void)step, (void)params, (void)seed; /* parameters of 0 make the step the identity */
}

static gkv_status check(const gki_flow_step *step, const gki_params *params)
{
    for (size_t i = 0; i < TRIANGLES; i++)
        GKV_TRY(gki_mask_check(&((const triangular *)step)->triangles[i], params));
    return GKV_OK;
}

/* to = (I + N)·from for each row, where N is one of the tensors. */
static void mix(const triangular *self, const gki_workspace *ws, size_t triangle, size_t rows,
                const gki_real *from, gki_real *to)
{
    const size_t d = self->step.in.width;
    const gki_param_id weight = self->triangles[triangle].weight;
    memcpy(to, from, rows * d * sizeof *to);
    gki_gemm_forward(gki_gemm_kernels_get(), rows, d, d, from, gki_param_value(ws->params, weight),
                     gki_packed(ws, weight), NULL, to);
}

/* to = (I + N)ᵀ·from */
static void mix_back(const triangular *self, const gki_workspace *ws, size_t triangle, size_t rows,
                     const gki_real *from, gki_real *to)
{
    const size_t d = self->step.in.width;
    gki_gemm_backward(gki_gemm_kernels_get(), rows, d, d, from,
                      gki_param_value(ws->params, self->triangles[triangle].weight), to);
    for (size_t i = 0; i < rows * d; i++)
        to[i] += from[i];
}

/* Multiplies column j by e^s_j, from → to. Returns Σ s. */
static double scale(const triangular *self, const gki_params *params, size_t rows,
                    const gki_real *from, gki_real *to)
{
    const size_t d = self->step.in.width;
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        const double s = gki_log_scale(params, self->log_scale, self->bound, j);
        const gki_real factor = (gki_real)exp(s);
        for (size_t r = 0; r < rows; r++)
            to[r * d + j] = from[r * d + j] * factor;
        sum += s;
    }
    return sum;
}

static void normalise(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const triangular *self = (const triangular *)step;
    gki_real *scaled = gki_at(ws, self->scaled, first);
    mix(self, ws, FIRST, count, gki_at(ws, step->in, first), scaled);
    const double log_det = scale(self, ws->params, count, scaled, scaled);
    mix(self, ws, SECOND, count, scaled, gki_at(ws, step->out, first));
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, step->log_det, r) += (gki_real)log_det;
}

static void backward(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const triangular *self = (const triangular *)step;
    gki_real *d_scaled = gki_at(ws, self->d_scaled, first),
             *d_mixed = gki_at(ws, self->d_mixed, first);
    mix_back(self, ws, SECOND, count, gki_at(ws, step->d_out, first), d_scaled);
    scale(self, ws->params, count, d_scaled, d_mixed);
    mix_back(self, ws, FIRST, count, d_mixed, gki_at(ws, step->d_in, first));
}

static void tangent(const gki_flow_step *step, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch)
{
    const triangular *self = (const triangular *)step;
    (void)first; /* the derivative is the same at every row */
    mix(self, ws, FIRST, count * each, tangents, scratch->a);
    scale(self, ws->params, count * each, scratch->a, scratch->a);
    mix(self, ws, SECOND, count * each, scratch->a, tangents);
}

/* Solves (I + N)·x = row in place. A dimension depends on those of lower degrees. */
static void solve(const triangular *self, const gki_params *params, size_t triangle, gki_real *row)
{
    const size_t d = self->step.in.width;
    const gki_mask *mask = &self->triangles[triangle];
    const gki_real *weight = gki_param_value(params, mask->weight);
    const bool is_ascending = mask->row_degrees == self->ascending;
    for (size_t position = 0; position < d; position++) {
        const size_t i = is_ascending ? position : d - 1 - position;
        double sum = (double)row[i];
        for (size_t j = is_ascending ? 0 : i + 1; j < (is_ascending ? i : d); j++)
            sum -= (double)weight[i * d + j] * (double)row[j];
        row[i] = (gki_real)sum;
    }
}

static void generate(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const triangular *self = (const triangular *)step;
    const size_t d = step->in.width;
    gki_real *in = gki_at(ws, step->in, first);
    memcpy(in, gki_at(ws, step->out, first), count * d * sizeof *in);
    for (size_t r = 0; r < count; r++)
        solve(self, ws->params, SECOND, in + r * d);
    for (size_t j = 0; j < d; j++) {
        const gki_real factor =
            (gki_real)exp(-gki_log_scale(ws->params, self->log_scale, self->bound, j));
        for (size_t r = 0; r < count; r++)
            in[r * d + j] *= factor;
    }
    for (size_t r = 0; r < count; r++)
        solve(self, ws->params, FIRST, in + r * d);
}

static size_t parts(const gki_flow_step *step)
{
    (void)step;
    return TRIANGLES + 1;
}

static void scale_gradient(const triangular *self, gki_workspace *ws, size_t rows)
{
    const size_t d = self->step.in.width;
    const gki_real *scaled = gki_at(ws, self->scaled, 0), *d_scaled = gki_at(ws, self->d_scaled, 0),
                   *d_det = gki_at(ws, self->step.d_log_det, 0);
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++)
            sum += (double)d_scaled[r * d + j] * (double)scaled[r * d + j] + (double)d_det[r];
        gki_param_grad(ws->params, self->log_scale)[j] =
            (gki_real)(sum * gki_log_scale_slope(ws->params, self->log_scale, self->bound, j));
    }
}

static void gradient(const gki_flow_step *step, gki_workspace *ws, size_t rows, size_t part)
{
    const triangular *self = (const triangular *)step;
    if (part == TRIANGLES) {
        scale_gradient(self, ws, rows);
        return;
    }
    const size_t d = step->in.width;
    const gki_slot in = part == FIRST ? step->in : self->scaled,
                   d_out = part == FIRST ? self->d_mixed : step->d_out;
    gki_real *d_weight = gki_param_grad(ws->params, self->triangles[part].weight);
    gki_gemm_gradient(gki_gemm_kernels_get(), rows, d, d, 0, d, gki_at(ws, d_out, 0),
                      gki_at(ws, in, 0), false, d_weight);
    gki_mask_clear(&self->triangles[part], ws->params, d_weight);
}

static void batch_slots(const gki_flow_step *step, gki_slot_visit *visit, void *context)
{
    const triangular *self = (const triangular *)step;
    const gki_slot slots[] = {self->step.in, self->step.d_out, self->step.d_log_det,
                              self->scaled,  self->d_scaled,   self->d_mixed};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        visit(context, slots[i]);
}

static const gki_flow_step_ops ops = {.free = destroy,
                                      .init = init,
                                      .check = check,
                                      .normalise = normalise,
                                      .backward = backward,
                                      .tangent = tangent,
                                      .generate = generate,
                                      .parts = parts,
                                      .gradient = gradient,
                                      .batch_slots = batch_slots};

static gkv_status add_triangle(triangular *self, const gki_flow_step_spec *spec, size_t index,
                               bool is_lower, gki_params *params)
{
    const size_t d = spec->in.width;
    gki_mask *mask = &self->triangles[index];
    mask->row_degrees = mask->column_degrees = is_lower ? self->ascending : self->descending;
    mask->strict = true;
    GKV_TRY(gki_params_add(params, d, d, true, &mask->weight, "prior.flow.%zu.linear.%s",
                           spec->layer, is_lower ? "lower" : "upper"));
    params->list[mask->weight].packed = true;
    return GKV_OK;
}

gkv_status gki_triangular_create(const gki_flow_step_spec *spec, gki_params *params, gki_plan *plan,
                                 gki_flow_step **step)
{
    const size_t d = spec->in.width;
    triangular *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    *self =
        (triangular){.step = gki_flow_step_begin(&ops, spec), .bound = spec->flow->log_scale_bound};
    gki_flow_step_reserve(&self->step, plan);
    self->scaled = gki_plan_forward(plan, d);
    self->d_scaled = gki_plan_backward(plan, d);
    self->d_mixed = gki_plan_backward(plan, d);
    GKV_TRY_GOTO(gki_alloc(d, sizeof(size_t), &self->ascending));
    GKV_TRY_GOTO(gki_alloc(d, sizeof(size_t), &self->descending));
    for (size_t j = 0; j < d; j++) {
        self->ascending[j] = j;
        self->descending[j] = d - 1 - j;
    }
    const bool is_odd = spec->layer % 2;
    GKV_TRY_GOTO(add_triangle(self, spec, FIRST, is_odd, params));
    GKV_TRY_GOTO(add_triangle(self, spec, SECOND, !is_odd, params));
    GKV_TRY_GOTO(gki_params_add(params, d, 0, true, &self->log_scale,
                                "prior.flow.%zu.linear.log_scale", spec->layer));
    self->step.products = self->step.generated_products = (double)(TRIANGLES * d * d + d);
done:
    if (status != GKV_OK) {
        destroy((gki_flow_step *)self);
        self = NULL;
    }
    *step = (gki_flow_step *)self;
    return status;
}
