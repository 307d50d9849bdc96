/* Independent Student's t margins with location m, scale s and ν degrees of freedom in each
 * dimension. This is a heavy-tailed baseline for the g-and-k bases, whose tails have another form.
 * With y = (ε − m)/s
 *
 *   log p = Σ log Γ((ν+1)/2) − log Γ(ν/2) − ½ log(νπ) − log s − ½(ν+1) log(1 + y²/ν)
 *
 * The parameters are prior.base.location, prior.base.scale and prior.base.log_freedom = log ν, [d]
 * each.
 *
 * Refits maximize the likelihood by expectation–maximization (Lange, Little and Taylor, Journal of
 * the American Statistical Association 84, 1989), where the weight of a value is (ν+1)/(ν+y²). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/student_t.h"
#include "core/memory.h"
#include "core/real.h"
#include "num/special.h"
#include "nn/nn_kernels.h"

typedef struct student_t {
    gki_base base;
    bool trainable;
    double max_freedom;
    gki_param_id location, scale, log_freedom; /* [d] */
    gki_slot d_all;                            /* gradients of each row [3 d]; only if trainable */
} student_t;

static const student_t *of(const gki_base *base)
{
    return (const student_t *)base;
}

static gkv_status create(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                         gki_base **out)
{
    const size_t d = spec->eps.width;
    student_t *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    self->base = (gki_base){.ops = &gki_base_student_t, .eps = spec->eps, .d_eps = spec->d_eps};
    self->base.log_density = gki_plan_forward(plan, 1);
    self->base.d_log_density = gki_plan_backward(plan, 1);
    self->trainable = spec->trainable;
    self->max_freedom = spec->max_freedom > 0 ? spec->max_freedom : gki_student_most_freedom;
    if (spec->trainable)
        self->d_all = gki_plan_backward(plan, 3 * d);
    GKV_TRY_GOTO(
        gki_params_add(params, d, 0, spec->trainable, &self->location, "prior.base.location"));
    GKV_TRY_GOTO(gki_params_add(params, d, 0, spec->trainable, &self->scale, "prior.base.scale"));
    GKV_TRY_GOTO(gki_params_add(params, d, 0, spec->trainable, &self->log_freedom,
                                "prior.base.log_freedom"));
done:
    if (status != GKV_OK) {
        free(self);
        self = NULL;
    }
    *out = (gki_base *)self;
    return status;
}

static void destroy(gki_base *base)
{
    free(base);
}

static void init(const gki_base *base, const gki_params *params)
{
    for (size_t j = 0; j < base->eps.width; j++) {
        gki_param_value(params, of(base)->location)[j] = 0;
        gki_param_value(params, of(base)->scale)[j] = 1;
        gki_param_value(params, of(base)->log_freedom)[j] = (gki_real)log(30.0);
    }
}

static gki_student margin_of(const gki_base *base, const gki_params *params, size_t j)
{
    return (gki_student){(double)gki_param_value(params, of(base)->location)[j],
                         (double)gki_param_value(params, of(base)->scale)[j],
                         exp((double)gki_param_value(params, of(base)->log_freedom)[j])};
}

static double freedom_of(const gki_base *base, const gki_params *params, size_t j)
{
    return margin_of(base, params, j).freedom;
}

/* --- Passes --------------------------------------------------------------- */

static void log_density(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, base->log_density, r) = 0;
    for (size_t j = 0; j < base->eps.width; j++) {
        const gki_student m = margin_of(base, ws->params, j);
        const double constant = gki_student_constant(m.freedom, 1) - log(m.scale);
        for (size_t r = first; r < first + count; r++) {
            const double y = ((double)gki_at(ws, base->eps, r)[j] - m.location) / m.scale;
            *gki_at(ws, base->log_density, r) +=
                (gki_real)(constant - 0.5 * (m.freedom + 1) * log1p(y * y / m.freedom));
        }
    }
}

static void backward(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    const size_t d = base->eps.width;
    for (size_t j = 0; j < d; j++) {
        const gki_student m = margin_of(base, ws->params, j);
        const double nu = m.freedom, rise = 0.5 * (gki_student_digamma((nu + 1) / 2) -
                                                   gki_student_digamma(nu / 2) - 1 / nu);
        for (size_t r = first; r < first + count; r++) {
            const double weight = (double)*gki_at(ws, base->d_log_density, r);
            const double y = ((double)gki_at(ws, base->eps, r)[j] - m.location) / m.scale;
            const double score = (nu + 1) * y / (nu + y * y); /* −∂log p/∂y */
            gki_at(ws, base->d_eps, r)[j] = (gki_real)(-weight * score / m.scale);
            if (!of(base)->trainable)
                continue;
            gki_real *d_row = gki_at(ws, of(base)->d_all, r);
            d_row[j] = (gki_real)(weight * score / m.scale);
            d_row[d + j] = (gki_real)(weight * (score * y - 1) / m.scale);
            d_row[2 * d + j] =
                (gki_real)(weight * nu * (rise - 0.5 * log1p(y * y / nu) + 0.5 * score * y / nu));
        }
    }
}

/* Λ = diag((ν+1)/(ν+y²))/s² is the curvature of the parabola that touches −log p at y and lies
 * nowhere below it. The second derivative itself is negative in the tails. */
static void curvature(const gki_base *base, const gki_workspace *ws, size_t first, size_t count,
                      gki_real *lambda)
{
    const size_t d = base->eps.width;
    memset(lambda, 0, count * d * d * sizeof *lambda);
    for (size_t j = 0; j < d; j++) {
        const gki_student m = margin_of(base, ws->params, j);
        for (size_t r = 0; r < count; r++) {
            const double y = ((double)gki_at(ws, base->eps, first + r)[j] - m.location) / m.scale;
            lambda[(r * d + j) * d + j] =
                (gki_real)((m.freedom + 1) / (m.freedom + y * y) / (m.scale * m.scale));
        }
    }
}

static size_t parts(const gki_base *base)
{
    return of(base)->trainable ? 3 : 0;
}

static void gradient(const gki_base *base, gki_workspace *ws, size_t rows, size_t part)
{
    const size_t d = base->eps.width;
    const gki_param_id ids[3] = {of(base)->location, of(base)->scale, of(base)->log_freedom};
    gki_real *grad = gki_param_grad(ws->params, ids[part]);
    memset(grad, 0, d * sizeof *grad);
    for (size_t r = 0; r < rows; r++)
        gki_nn_kernels_get()->axpy(d, 1, gki_at(ws, of(base)->d_all, r) + part * d, grad);
}

static void batch_slots(const gki_base *base, gki_slot_visit *visit, void *context)
{
    visit(context, of(base)->d_all);
}

/* --- Draws and pictures -------------------------------------------------------- */

static void transform(const gki_base *base, const gki_params *params, size_t count,
                      const double *choice, gki_real *rows)
{
    (void)choice;
    const size_t d = base->eps.width;
    for (size_t j = 0; j < d; j++) {
        const gki_student m = margin_of(base, params, j);
        for (size_t r = 0; r < count; r++)
            rows[r * d + j] =
                (gki_real)(m.location +
                           m.scale * gki_student_from_normal((double)rows[r * d + j], m.freedom));
    }
}

static void margin_at(const gki_base *base, const gki_params *params, size_t dimension, size_t n,
                      const double *x, double *pdf, double *cdf)
{
    const gki_student m = margin_of(base, params, dimension);
    for (size_t i = 0; i < n; i++) {
        const double y = (x[i] - m.location) / m.scale,
                     upper = gki_student_upper(fabs(y), m.freedom);
        pdf[i] = exp(gki_student_log_density(&m, x[i]));
        cdf[i] = y > 0 ? 1 - upper : upper;
    }
}

/* --- Validation and projection -------------------------------------------- */

static void project(const gki_base *base, const gki_params *params)
{
    gki_real *scale = gki_param_value(params, of(base)->scale),
             *freedom = gki_param_value(params, of(base)->log_freedom);
    for (size_t j = 0; of(base)->trainable && j < base->eps.width; j++) {
        scale[j] = scale[j] > (gki_real)gki_student_least_scale ? scale[j]
                                                                : (gki_real)gki_student_least_scale;
        freedom[j] = (gki_real)fmin(fmax((double)freedom[j], log(gki_student_least_freedom)),
                                    log(of(base)->max_freedom));
    }
}

static gkv_status check(const gki_base *base, const gki_params *params)
{
    for (size_t j = 0; j < base->eps.width; j++) {
        const gki_student m = margin_of(base, params, j);
        if (!isfinite(m.location) || !(m.scale > 0 && isfinite(m.scale)) ||
            !(m.freedom > 0 && isfinite(m.freedom)))
            return gki_fail(GKV_ERR_DATA,
                            "margin %zu of the base is not Student's t: location %g, scale %g, %g "
                            "degrees of freedom",
                            j, m.location, m.scale, m.freedom);
    }
    return GKV_OK;
}

/* --- The refit ------------------------------------------------------------ */

static double mean_log_density(const gki_student *m, const gki_real *x, size_t n, size_t stride)
{
    const double constant = gki_student_constant(m->freedom, 1) - log(m->scale);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double y = ((double)x[i * stride] - m->location) / m->scale;
        sum += constant - 0.5 * (m->freedom + 1) * log1p(y * y / m->freedom);
    }
    return sum / (double)n;
}

/* The most codes of a fit, the first ones. More codes would not improve three parameters
 * noticeably. */
enum { CODES_MAX = 8000 };

/* Moves one margin to its fit. The step is halved as long as it lowers the log density of the
 * margin's held-out codes. Returns the accepted step, 0 if there is none. */
static double move_margin(const gki_base *base, const gki_params *params, size_t j,
                          const gki_base_codes *codes, const gki_base_refit_settings *settings,
                          double *before, double *after)
{
    const size_t d = base->eps.width;
    const gki_student old = margin_of(base, params, j);
    const size_t used = codes->fit.count < CODES_MAX ? codes->fit.count : CODES_MAX;
    const gki_student fitted = gki_student_fit(old, codes->fit.eps + j, used, d, settings->first);
    const gki_real *held_out = codes->held_out.eps + j;
    double tau = settings->damping;
    *before = *after = mean_log_density(&old, held_out, codes->held_out.count, d);
    for (int i = 0; i < 7; i++, tau /= 2) {
        const gki_student m = {old.location + tau * (fitted.location - old.location),
                               old.scale * pow(fitted.scale / old.scale, tau),
                               old.freedom * pow(fitted.freedom / old.freedom, tau)};
        const double density = mean_log_density(&m, held_out, codes->held_out.count, d);
        if (density >= *before) {
            gki_param_value(params, of(base)->location)[j] = (gki_real)m.location;
            gki_param_value(params, of(base)->scale)[j] = (gki_real)m.scale;
            gki_param_value(params, of(base)->log_freedom)[j] = (gki_real)log(m.freedom);
            *after = density;
            return tau;
        }
    }
    return 0;
}

static gkv_status refit(const gki_base *base, const gki_params *params, const gki_base_codes *codes,
                        const gki_base_refit_settings *settings, gki_base_refit_report *report)
{
    const size_t d = base->eps.width;
    memset(report, 0, sizeof *report);
    report->cost_before = report->cost_after = report->goodness = NAN;
    double *figures = NULL;
    GKV_TRY(gki_alloc(3 * d, sizeof *figures, &figures));
#pragma omp parallel for schedule(static) num_threads(settings->threads)
    for (size_t j = 0; j < d; j++)
        figures[3 * j + 2] =
            move_margin(base, params, j, codes, settings, &figures[3 * j], &figures[3 * j + 1]);
    for (size_t j = 0; j < d; j++) {
        report->held_out_before += figures[3 * j];
        report->held_out_after += figures[3 * j + 1];
        report->step = fmax(report->step, figures[3 * j + 2]);
    }
    free(figures);
    return GKV_OK;
}

const gki_base_ops gki_base_student_t = {
    .name = "student-t",
    .create = create,
    .free = destroy,
    .init = init,
    .log_density = log_density,
    .backward = backward,
    .curvature = curvature,
    .parts = parts,
    .gradient = gradient,
    .batch_slots = batch_slots,
    .transform = transform,
    .project = project,
    .check = check,
    .refit = refit,
    .margin_at = margin_at,
    .freedom = freedom_of,
};
