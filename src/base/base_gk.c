/* The g-and-k bases. With z = Q⁻¹(ε) by margin and R = LLᵀ (I without the copula) the formulas are
 *
 *   log p(ε)  = −½‖L⁻¹z‖² − Σ log L_jj − d·log(2π)/2 − Σ log Q'_j(z_j)
 *   ∂log p/∂z = −R⁻¹z − ratio,   ratio_j = Q''/Q'
 *   ∂log p/∂ε = (∂log p/∂z)/Q'                      the implicit derivative of Q⁻¹
 *   Λ(ε)      = diag(1/Q') R⁻¹ diag(1/Q')           of ½zᵀR⁻¹z
 *   ∂log p/∂θ = −(∂log p/∂z)·Q_θ/Q' − (log Q')_θ    for a margin's θ
 *   ∂log p/∂L = tril(R⁻¹z (L⁻¹z)ᵀ) − diag(1/L_jj)                                   */
#include "base/base_gk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/nn_kernels.h"
#include "nn/gemm.h"
#include "num/constants.h"

const double gki_base_gk_margin_of_safety = 1e-4; /* far more than float rounding moves k */

static const double c_standard = GKV_GK_DEFAULT_C;

/* --- Parameters ----------------------------------------------------------- */

gkv_gk gki_base_gk_get(const gki_base *base, const gki_params *params, size_t dimension)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    double value[GKV_BASE_MARGIN_PARAMETERS];
    for (size_t i = 0; i < GKV_BASE_MARGIN_PARAMETERS; i++)
        value[i] = (double)gki_param_value(params, self->margin[i])[dimension];
    return (gkv_gk){.a = value[GKV_BASE_A],
                    .b = value[GKV_BASE_B],
                    .g = value[GKV_BASE_G],
                    .k = value[GKV_BASE_K],
                    .c = c_standard};
}

void gki_base_gk_set(const gki_base *base, const gki_params *params, size_t dimension,
                     const gkv_gk *gk)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const double value[GKV_BASE_MARGIN_PARAMETERS] = {gk->a, gk->b, gk->g, gk->k};
    for (size_t i = 0; i < GKV_BASE_MARGIN_PARAMETERS; i++)
        gki_param_value(params, self->margin[i])[dimension] = (gki_real)value[i];
}

static gki_gk_columns columns_of(const gki_base_gk_state *self, const gki_params *params)
{
    return (gki_gk_columns){.a = gki_param_value(params, self->margin[GKV_BASE_A]),
                            .b = gki_param_value(params, self->margin[GKV_BASE_B]),
                            .g = gki_param_value(params, self->margin[GKV_BASE_G]),
                            .k = gki_param_value(params, self->margin[GKV_BASE_K]),
                            .c = (gki_real)c_standard};
}

static void destroy(gki_base *base)
{
    free(base);
}

static gkv_status create(const gki_base_ops *ops, bool copula, const gki_base_spec *spec,
                         gki_params *params, gki_plan *plan, gki_base **out)
{
    static const char *const names[GKV_BASE_MARGIN_PARAMETERS] = {"location", "scale", "g", "k"};
    const size_t d = spec->eps.width;
    gki_base_gk_state *self = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    self->base = (gki_base){.ops = ops, .eps = spec->eps, .d_eps = spec->d_eps};
    self->base.log_density = gki_plan_forward(plan, 1);
    self->base.d_log_density = gki_plan_backward(plan, 1);
    self->spec = *spec;
    self->base.products = copula ? (double)(d * (d + 1)) / 2 : 0;
    self->copula = copula;
    self->z = gki_plan_forward(plan, d);
    self->log_dq = gki_plan_forward(plan, d);
    self->dq = gki_plan_forward(plan, d);
    self->ratio = gki_plan_forward(plan, d);
    self->whitened = copula ? gki_plan_forward(plan, d) : self->z;
    self->score = copula ? gki_plan_forward(plan, d) : self->z;
    for (size_t i = 0; i < GKV_BASE_MARGIN_PARAMETERS; i++)
        GKV_TRY_GOTO(gki_params_add(params, d, 0, spec->trainable, &self->margin[i],
                                    "prior.base.%s", names[i]));
    if (copula)
        GKV_TRY_GOTO(
            gki_params_add(params, d, d, spec->trainable, &self->cholesky, "prior.base.cholesky"));
    if (spec->trainable) {
        self->d_margin = gki_plan_backward(plan, GKV_BASE_MARGIN_PARAMETERS * d);
        self->d_score = gki_plan_backward(plan, d);
    }
done:
    if (status != GKV_OK) {
        destroy((gki_base *)self);
        self = NULL;
    }
    *out = (gki_base *)self;
    return status;
}

static gkv_status create_independent(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                                     gki_base **out)
{
    return create(&gki_base_gk, false, spec, params, plan, out);
}

static gkv_status create_copula(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                                gki_base **out)
{
    return create(&gki_base_gk_copula, true, spec, params, plan, out);
}

static void init(const gki_base *base, const gki_params *params)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const size_t d = base->eps.width;
    const gkv_gk start = {.a = 0, .b = 1, .g = self->spec.g, .k = self->spec.k, .c = c_standard};
    for (size_t j = 0; j < d; j++) {
        gki_base_gk_set(base, params, j, &start);
        if (self->copula)
            gki_param_value(params, self->cholesky)[j * d + j] = 1;
    }
}

static gkv_status check(const gki_base *base, const gki_params *params)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const size_t d = base->eps.width;
    for (size_t j = 0; j < d; j++) {
        const gkv_gk gk = gki_base_gk_get(base, params, j);
        if (gkv_gk_check(&gk) != GKV_OK)
            return gki_fail_context(GKV_ERR_DATA, "margin %zu of the base", j);
    }
    const gki_real *row = self->copula ? gki_param_value(params, self->cholesky) : NULL;
    for (size_t j = 0; row && j < d; j++, row += d) {
        double length = 0;
        for (size_t i = 0; i < d; i++) {
            if (i > j && row[i] != 0)
                return gki_fail(GKV_ERR_DATA,
                                "the base's Cholesky factor is not lower triangular at (%zu, %zu)",
                                j, i);
            length += (double)row[i] * (double)row[i];
        }
        if (!(row[j] > 0) || fabs(length - 1) > 1e-3)
            return gki_fail(
                GKV_ERR_DATA,
                "row %zu of the base's Cholesky factor has diagonal %g and squared length %g; a "
                "correlation matrix needs a positive diagonal and length 1",
                j, (double)row[j], length);
    }
    return GKV_OK;
}

static void project(const gki_base *base, const gki_params *params)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const size_t d = base->eps.width;
    for (size_t j = 0; j < d; j++) {
        gkv_gk gk = gki_base_gk_get(base, params, j);
        gk = gkv_gk_project(&gk, gki_base_gk_margin_of_safety);
        gk.b = fmax(gk.b, 1e-3);
        gki_base_gk_set(base, params, j, &gk);
    }
    if (!self->copula)
        return;
    gki_real *row = gki_param_value(params, self->cholesky);
    for (size_t j = 0; j < d; j++, row += d) {
        double squares = 0;
        row[j] = row[j] > (gki_real)1e-3 ? row[j] : (gki_real)1e-3;
        for (size_t i = 0; i <= j; i++)
            squares += (double)row[i] * (double)row[i];
        for (size_t i = 0; i <= j; i++)
            row[i] = (gki_real)((double)row[i] / sqrt(squares));
    }
}

/* --- Density -------------------------------------------------------------- */

/* X[rows, d] ← X L⁻ᵀ for the lower triangular L[d, d]: each row of the result is L⁻¹x. */
static void solve_transposed(size_t rows, size_t d, const gki_real *l, gki_real *x)
{
    for (size_t r = 0; r < rows; r++, x += d)
        for (size_t j = 0; j < d; j++) {
            gki_real sum = 0;
#pragma omp simd reduction(+ : sum)
            for (size_t i = 0; i < j; i++)
                sum += l[j * d + i] * x[i];
            x[j] = (x[j] - sum) / l[j * d + j];
        }
}

/* X[rows, d] ← X L⁻¹: each row of the result is L⁻ᵀx. */
static void solve(size_t rows, size_t d, const gki_real *l, gki_real *x)
{
    for (size_t r = 0; r < rows; r++, x += d)
        for (size_t j = d; j-- > 0;) {
            x[j] /= l[j * d + j];
            gki_nn_kernels_get()->axpy(j, -x[j], l + j * d, x);
        }
}

void gki_base_gk_evaluate(const gki_base *base, const gki_params *params, size_t count,
                          const gki_base_gk_rows *rows)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const size_t d = base->eps.width;
    const gki_gk_columns columns = columns_of(self, params);
    gki_gk_batch_inverse(count, d, &columns, rows->eps, rows->z, rows->log_dq, rows->dq,
                         rows->ratio);
    double log_det = 0;
    if (self->copula) {
        const gki_real *cholesky = gki_param_value(params, self->cholesky);
        for (size_t j = 0; j < d; j++)
            log_det += log((double)cholesky[j * d + j]);
        memcpy(rows->whitened, rows->z, count * d * sizeof *rows->z);
        solve_transposed(count, d, cholesky, rows->whitened);
        if (rows->score) {
            memcpy(rows->score, rows->whitened, count * d * sizeof *rows->z);
            solve(count, d, cholesky, rows->score);
        }
    }
    for (size_t r = 0; r < count; r++) {
        const gki_real *whitened = rows->whitened + r * d, *log_dq = rows->log_dq + r * d;
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += (double)(whitened[j] * whitened[j] / 2 + log_dq[j]);
        rows->log_density[r] = (gki_real)(-sum - log_det - (double)d * GKV_HALF_LOG_2PI);
    }
}

static void log_density(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const gki_base_gk_rows rows = {.eps = gki_at(ws, base->eps, first),
                                   .z = gki_at(ws, self->z, first),
                                   .log_dq = gki_at(ws, self->log_dq, first),
                                   .dq = gki_at(ws, self->dq, first),
                                   .ratio = gki_at(ws, self->ratio, first),
                                   .whitened = gki_at(ws, self->whitened, first),
                                   .score = gki_at(ws, self->score, first),
                                   .log_density = gki_at(ws, base->log_density, first)};
    gki_base_gk_evaluate(base, ws->params, count, &rows);
}

/* Computes the weighted gradients in the parameters for each row. gradient() sums them over
 * rows. */
static void backward_parameters(const gki_base_gk_state *self, gki_workspace *ws, size_t first,
                                size_t count)
{
    const size_t d = self->base.eps.width;
    const gki_gk_columns columns = columns_of(self, ws->params);
    for (size_t r = first; r < first + count; r++) {
        const gki_real weight = *gki_at(ws, self->base.d_log_density, r);
        const gki_real *score = gki_at(ws, self->score, r), *ratio = gki_at(ws, self->ratio, r);
        const gki_real *dq = gki_at(ws, self->dq, r), *eps = gki_at(ws, self->base.eps, r);
        gki_real *d_a = gki_at(ws, self->d_margin, r), *d_b = d_a + d, *d_g = d_b + d,
                 *d_k = d_g + d;
        gki_real *d_score = gki_at(ws, self->d_score, r);
        /* d_a and d_b hold Q_g and Q_k until the loop below overwrites them. */
        const gki_gk_outputs out = {.x_g = d_a, .x_k = d_b, .log_dq_g = d_g, .log_dq_k = d_k};
        gki_gk_batch_forward(1, d, &columns, gki_at(ws, self->z, r), &out);
        for (size_t j = 0; j < d; j++) {
            const gki_real through_z = (score[j] + ratio[j]) / dq[j]; /* −(∂log p/∂z)/Q' */
            d_g[j] = weight * (through_z * d_a[j] - d_g[j]);
            d_k[j] = weight * (through_z * d_b[j] - d_k[j]);
            d_a[j] = weight * through_z;
            d_b[j] = weight * (through_z * (eps[j] - columns.a[j]) - 1) / columns.b[j];
            d_score[j] = weight * score[j];
        }
    }
}

static void backward(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    for (size_t r = first; r < first + count; r++) {
        const gki_real weight = *gki_at(ws, base->d_log_density, r);
        const gki_real *score = gki_at(ws, self->score, r), *ratio = gki_at(ws, self->ratio, r);
        const gki_real *dq = gki_at(ws, self->dq, r);
        gki_real *d_eps = gki_at(ws, base->d_eps, r);
        for (size_t j = 0; j < base->eps.width; j++)
            d_eps[j] = -weight * (score[j] + ratio[j]) / dq[j];
    }
    if (self->spec.trainable)
        backward_parameters(self, ws, first, count);
}

/* R⁻¹ is the same for all rows. The first row's Λ serves as its array, so that row is computed
 * last. */
static void curvature(const gki_base *base, const gki_workspace *ws, size_t first, size_t count,
                      gki_real *lambda)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const size_t d = base->eps.width;
    memset(lambda, 0, d * d * sizeof *lambda);
    for (size_t j = 0; j < d; j++)
        lambda[j * d + j] = 1;
    if (self->copula) { /* L⁻ᵀ, then L⁻ᵀL⁻¹ */
        const gki_real *cholesky = gki_param_value(ws->params, self->cholesky);
        solve_transposed(d, d, cholesky, lambda);
        solve(d, d, cholesky, lambda);
    }
    for (size_t r = count; r-- > 0;) {
        const gki_real *dq = gki_at(ws, self->dq, first + r);
        gki_real *out = lambda + r * d * d;
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++)
                out[i * d + j] = lambda[i * d + j] / (dq[i] * dq[j]);
    }
}

static size_t parts(const gki_base *base)
{
    return gki_base_gk_of(base)->spec.trainable ? 1 : 0;
}

static void gradient(const gki_base *base, gki_workspace *ws, size_t rows, size_t part)
{
    (void)part;
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const size_t d = base->eps.width;
    for (size_t i = 0; i < GKV_BASE_MARGIN_PARAMETERS; i++) {
        gki_real *grad = gki_param_grad(ws->params, self->margin[i]);
        memset(grad, 0, d * sizeof *grad);
        for (size_t r = 0; r < rows; r++)
            gki_nn_kernels_get()->axpy(d, 1, gki_at(ws, self->d_margin, r) + i * d, grad);
    }
    if (!self->copula)
        return;
    const gki_real *cholesky = gki_param_value(ws->params, self->cholesky);
    gki_real *grad = gki_param_grad(ws->params, self->cholesky);
    gki_gemm_gradient(gki_gemm_kernels_get(), rows, d, d, 0, d, gki_at(ws, self->d_score, 0),
                      gki_at(ws, self->whitened, 0), false, grad);
    double weight = 0;
    for (size_t r = 0; r < rows; r++)
        weight += (double)*gki_at(ws, base->d_log_density, r);
    for (size_t j = 0; j < d; j++) {
        for (size_t i = j + 1; i < d; i++)
            grad[j * d + i] = 0;
        grad[j * d + j] -= (gki_real)(weight / (double)cholesky[j * d + j]);
    }
}

static void batch_slots(const gki_base *base, gki_slot_visit *visit, void *context)
{
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const gki_slot slots[] = {self->d_margin, self->d_score, self->whitened, base->d_log_density};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        visit(context, slots[i]);
}

/* --- Draws ---------------------------------------------------------------- */

static void transform(const gki_base *base, const gki_params *params, size_t count,
                      const double *choice, gki_real *rows)
{
    (void)choice;
    const gki_base_gk_state *self = gki_base_gk_of(base);
    const size_t d = base->eps.width;
    const gki_gk_columns columns = columns_of(self, params);
    if (self->copula) {
        const gki_real *cholesky = gki_param_value(params, self->cholesky);
        for (size_t r = 0; r < count; r++) {
            gki_real *row = rows + r * d;
            for (size_t j = d; j-- > 0;) { /* backwards: row j of L reads entries 0 … j only */
                double sum = 0;
                for (size_t i = 0; i <= j; i++)
                    sum += (double)cholesky[j * d + i] * (double)row[i];
                row[j] = (gki_real)sum;
            }
        }
    }
    const gki_gk_outputs out = {.x = rows};
    gki_gk_batch_forward(count, d, &columns, rows, &out);
}

static void margin(const gki_base *base, const gki_params *params, size_t dimension, double out[5])
{
    const gkv_gk gk = gki_base_gk_get(base, params, dimension);
    out[0] = gk.a, out[1] = gk.b, out[2] = gk.g, out[3] = gk.k, out[4] = gk.c;
}

#define GK_OPS(its_name, its_create)                                                              \
    {                                                                                             \
        .name = its_name, .create = its_create, .free = destroy, .init = init,                    \
        .log_density = log_density, .backward = backward, .curvature = curvature, .parts = parts, \
        .gradient = gradient, .batch_slots = batch_slots, .transform = transform,                 \
        .project = project, .check = check, .refit = gki_base_gk_refit, .margin = margin,         \
        .margin_at = gki_base_gk_margin_at                                                        \
    }

const gki_base_ops gki_base_gk = GK_OPS("gk", create_independent);
const gki_base_ops gki_base_gk_copula = GK_OPS("gk-copula", create_copula);
