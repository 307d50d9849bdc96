/* Activation normalisation (Kingma & Dhariwal 2018, table 1), a step of prior flows:
 *     out_j = (in_j − shift_j)·exp(−s_j),   log|det| = −Σ s_j,
 * with a trained shift and log-scale of each dimension. It starts as the identity. Its start from
 * the moments of a first batch would make the flow depend on data before training. */
#include <stdlib.h>

#include "core/memory.h"
#include "flow/log_scales.h"
#include "flow/step.h"

typedef struct scaling {
    gki_flow_step step;
    gki_param_id log_scale, shift; /* [d]; log_scale before bound·tanh(·) */
    double bound;
} scaling;

static void destroy(gki_flow_step *step)
{
    free(step);
}

static void init(const gki_flow_step *step, const gki_params *params, uint64_t seed)
{
    (void)step, (void)params, (void)seed; /* parameters of 0 make the step the identity */
}

static void normalise(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const scaling *self = (const scaling *)step;
    const size_t d = step->in.width;
    const gki_real *shift = gki_param_value(ws->params, self->shift);
    const gki_real *in = gki_at(ws, step->in, first);
    gki_real *out = gki_at(ws, step->out, first);
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        const double s = gki_log_scale(ws->params, self->log_scale, self->bound, j);
        const gki_real factor = (gki_real)exp(-s);
        for (size_t r = 0; r < count; r++)
            out[r * d + j] = (in[r * d + j] - shift[j]) * factor;
        sum += s;
    }
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, step->log_det, r) -= (gki_real)sum;
}

/* Multiplies column j of rows [count, d] by exp(sign·s_j), and writes to `to`. */
static void multiply(const scaling *self, const gki_params *params, double sign, size_t count,
                     const gki_real *from, gki_real *to)
{
    const size_t d = self->step.in.width;
    for (size_t j = 0; j < d; j++) {
        const gki_real factor =
            (gki_real)exp(sign * gki_log_scale(params, self->log_scale, self->bound, j));
        for (size_t r = 0; r < count; r++)
            to[r * d + j] = from[r * d + j] * factor;
    }
}

static void backward(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    multiply((const scaling *)step, ws->params, -1, count, gki_at(ws, step->d_out, first),
             gki_at(ws, step->d_in, first));
}

static void tangent(const gki_flow_step *step, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, gki_real *tangents, const gki_tangents *scratch)
{
    (void)first, (void)scratch;
    multiply((const scaling *)step, ws->params, -1, count * each, tangents, tangents);
}

static void generate(const gki_flow_step *step, gki_workspace *ws, size_t first, size_t count)
{
    const scaling *self = (const scaling *)step;
    const size_t d = step->in.width;
    const gki_real *shift = gki_param_value(ws->params, self->shift);
    gki_real *in = gki_at(ws, step->in, first);
    multiply(self, ws->params, 1, count, gki_at(ws, step->out, first), in);
    for (size_t i = 0; i < count * d; i++)
        in[i] += shift[i % d];
}

static size_t parts(const gki_flow_step *step)
{
    (void)step;
    return 1;
}

static void gradient(const gki_flow_step *step, gki_workspace *ws, size_t rows, size_t part)
{
    (void)part;
    const scaling *self = (const scaling *)step;
    const size_t d = step->in.width;
    const gki_real *out = gki_at(ws, step->out, 0), *d_out = gki_at(ws, step->d_out, 0),
                   *d_in = gki_at(ws, step->d_in, 0), *d_det = gki_at(ws, step->d_log_det, 0);
    for (size_t j = 0; j < d; j++) {
        double d_scale = 0, d_shift = 0;
        for (size_t r = 0; r < rows; r++) {
            d_scale -= (double)d_out[r * d + j] * (double)out[r * d + j] + (double)d_det[r];
            d_shift -= (double)d_in[r * d + j];
        }
        gki_param_grad(ws->params, self->log_scale)[j] =
            (gki_real)(d_scale * gki_log_scale_slope(ws->params, self->log_scale, self->bound, j));
        gki_param_grad(ws->params, self->shift)[j] = (gki_real)d_shift;
    }
}

static void batch_slots(const gki_flow_step *step, gki_slot_visit *visit, void *context)
{
    const scaling *self = (const scaling *)step;
    const gki_slot slots[] = {self->step.out, self->step.d_out, self->step.d_in,
                              self->step.d_log_det};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        visit(context, slots[i]);
}

static const gki_flow_step_ops ops = {.free = destroy,
                                      .init = init,
                                      .normalise = normalise,
                                      .backward = backward,
                                      .tangent = tangent,
                                      .generate = generate,
                                      .parts = parts,
                                      .gradient = gradient,
                                      .batch_slots = batch_slots};

gkv_status gki_scaling_create(const gki_flow_step_spec *spec, gki_params *params, gki_plan *plan,
                              gki_flow_step **step)
{
    scaling *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    *self =
        (scaling){.step = gki_flow_step_begin(&ops, spec), .bound = spec->flow->log_scale_bound};
    gki_flow_step_reserve(&self->step, plan);
    GKV_TRY_GOTO(gki_params_add(params, spec->in.width, 0, true, &self->log_scale,
                                "prior.flow.%zu.scaling.log_scale", spec->layer));
    GKV_TRY_GOTO(gki_params_add(params, spec->in.width, 0, true, &self->shift,
                                "prior.flow.%zu.scaling.shift", spec->layer));
    self->step.products = self->step.generated_products = (double)spec->in.width;
done:
    if (status != GKV_OK) {
        free(self);
        self = NULL;
    }
    *step = (gki_flow_step *)self;
    return status;
}
