/* Base distributions as graphs: log densities, and draws. */
#include <math.h>
#include <stdlib.h>

#include "base/base_gk.h"
#include "base/base_mixture.h"
#include "base/student_t.h"
#include "core/memory.h"
#include "export/onnx_model.h"
#include "num/constants.h"

/* The bound of normal scores of mixtures (base/mixture_kernels.h). */
static const double score_most = 1e15;

/* −½ Σ_j x_j² over the last axis. */
static gki_onnx_value half_square(gki_onnx *g, gki_onnx_value x)
{
    return gki_onnx_times(g, gki_onnx_sum(g, gki_onnx_mul(g, x, x), -1, false), -0.5);
}

/* A zeroed array, which the caller frees; NULL, and a failure, without memory. */
static float *floats(gki_onnx *g, size_t count)
{
    float *values = NULL;
    const gkv_status status = gki_alloc(count, sizeof *values, &values);
    if (status != GKV_OK)
        gki_onnx_fail(g, status);
    return values;
}

/* A family of bases. */
typedef struct base_graph {
    gki_onnx_value (*density)(gki_onnx *g, const gkv_model *model, gki_onnx_value eps,
                              gki_onnx_value *components);
    gki_onnx_value (*draw)(gki_onnx *g, const gkv_model *model, gki_onnx_value normals,
                           gki_onnx_value choice); /* NULL if there is none */
} base_graph;

/* --- The normal base ------------------------------------------------------ */

static gki_onnx_value normal_density(gki_onnx *g, const gkv_model *model, gki_onnx_value eps,
                                     gki_onnx_value *components)
{
    (void)components;
    return gki_onnx_plus(g, half_square(g, eps), -(double)model->d * GKV_HALF_LOG_2PI);
}

static gki_onnx_value normal_draw(gki_onnx *g, const gkv_model *model, gki_onnx_value normals,
                                  gki_onnx_value choice)
{
    (void)g, (void)model, (void)choice;
    return normals;
}

/* --- Student's t ---------------------------------------------------------- */

/* The three constants of each margin: log p = constant − power·log(1 + y²/ν). */
static gki_onnx_value t_density(gki_onnx *g, const gkv_model *model, gki_onnx_value eps,
                                gki_onnx_value *components)
{
    (void)components;
    const size_t d = model->d;
    const gki_param *scale = gki_onnx_param_find(g, "prior.base.scale"),
                    *freedom = gki_onnx_param_find(g, "prior.base.log_freedom");
    float *power = floats(g, 2 * d), *by_freedom = power ? power + d : NULL;
    double constant = 0;
    if (!scale || !freedom || !power) {
        free(power);
        return eps;
    }
    for (size_t j = 0; j < d; j++) {
        const double nu = exp((double)model->params.values[freedom->offset + j]);
        constant +=
            gki_student_constant(nu, 1) - log((double)model->params.values[scale->offset + j]);
        power[j] = (float)((nu + 1) / 2);
        by_freedom[j] = (float)(1 / nu);
    }
    const gki_onnx_value y =
        gki_onnx_div(g, gki_onnx_sub(g, eps, gki_onnx_param(g, "prior.base.location")),
                     gki_onnx_param(g, "prior.base.scale"));
    const gki_onnx_value square = gki_onnx_mul(
        g, gki_onnx_mul(g, y, y), gki_onnx_tensor(g, "prior.base.by_freedom", 1, &d, by_freedom));
    const gki_onnx_value logs = gki_onnx_mul(g, gki_onnx_log(g, gki_onnx_plus(g, square, 1)),
                                             gki_onnx_tensor(g, "prior.base.power", 1, &d, power));
    free(power);
    return gki_onnx_from(g, gki_onnx_sum(g, logs, -1, false), constant);
}

/* --- g-and-k margins ------------------------------------------------------ */

/* The margins [d], or of components [K, d]. */
static gki_onnx_gk margins_of(gki_onnx *g)
{
    return (gki_onnx_gk){.a = gki_onnx_param(g, "prior.base.location"),
                         .b = gki_onnx_param(g, "prior.base.scale"),
                         .g = gki_onnx_param(g, "prior.base.g"),
                         .k = gki_onnx_param(g, "prior.base.k"),
                         .c = GKV_GK_DEFAULT_C};
}

/* x ← x/L for the lower triangular L[d, d], where x is a row of d numbers. */
static void divide_by_lower(size_t d, const gki_real *l, double *x)
{
    for (size_t j = d; j-- > 0;) {
        x[j] /= (double)l[j * d + j];
        for (size_t i = 0; i < j; i++)
            x[i] -= x[j] * (double)l[j * d + i];
    }
}

/* x ← x/W for the upper triangular W[d, d]. */
static void divide_by_upper(size_t d, const gki_real *w, double *x)
{
    for (size_t j = 0; j < d; j++) {
        x[j] /= (double)w[j * d + j];
        for (size_t i = j + 1; i < d; i++)
            x[i] -= x[j] * (double)w[j * d + i];
    }
}

/* Writes the inverse of a triangular matrix to out[d, d]; `scratch` has d numbers. */
static void invert(size_t d, const gki_real *matrix, double *scratch, float *out,
                   void (*divide)(size_t d, const gki_real *matrix, double *x))
{
    for (size_t row = 0; row < d; row++) {
        for (size_t j = 0; j < d; j++)
            scratch[j] = j == row;
        divide(d, matrix, scratch);
        for (size_t j = 0; j < d; j++)
            out[row * d + j] = (float)scratch[j];
    }
}

/* The inverses of `count` triangular matrices of a tensor, as [count, d, d]. */
static gki_onnx_value inverses(gki_onnx *g, const gkv_model *model, const char *tensor,
                               const char *name, size_t count,
                               void (*divide)(size_t d, const gki_real *matrix, double *x))
{
    const size_t d = model->d;
    const gki_param *param = gki_onnx_param_find(g, tensor);
    float *values = floats(g, count * d * d);
    double *scratch = NULL;
    const gkv_status status = gki_alloc(d, sizeof *scratch, &scratch);
    gki_onnx_value result = 0;
    if (status != GKV_OK)
        gki_onnx_fail(g, status);
    if (param && values && scratch) {
        for (size_t k = 0; k < count; k++)
            invert(d, model->params.values + param->offset + k * d * d, scratch, values + k * d * d,
                   divide);
        result = gki_onnx_tensor(g, name, 3, (const size_t[]){count, d, d}, values);
    }
    free(values);
    free(scratch);
    return result;
}

/* The sum of the logarithms of the diagonal of a matrix. */
static double log_diagonal(size_t d, const gki_real *matrix)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += log((double)matrix[j * d + j]);
    return sum;
}

static gki_onnx_value gk_density(gki_onnx *g, const gkv_model *model, gki_onnx_value eps,
                                 gki_onnx_value *components)
{
    (void)components;
    const size_t d = model->d;
    const gki_onnx_gk margins = margins_of(g);
    const bool has_copula = model->settings.model.base == GKV_BASE_GK_COPULA;
    gki_onnx_value log_slope, z = gki_onnx_gk_inverse(g, &margins, eps, &log_slope);
    double constant = -(double)d * GKV_HALF_LOG_2PI;
    if (has_copula) {
        const gki_param *cholesky = gki_onnx_param_find(g, "prior.base.cholesky");
        if (cholesky)
            constant -= log_diagonal(d, model->params.values + cholesky->offset);
        /* the row L⁻¹z is z L⁻ᵀ */
        const gki_onnx_value inverse =
            gki_onnx_transpose(g,
                               inverses(g, model, "prior.base.cholesky",
                                        "prior.base.cholesky_inverse", 1, divide_by_lower),
                               3, (const int64_t[]){0, 2, 1});
        z = gki_onnx_2(g, "MatMul", z, gki_onnx_reshape(g, inverse, 1, &d));
    }
    return gki_onnx_plus(
        g, gki_onnx_sub(g, half_square(g, z), gki_onnx_sum(g, log_slope, -1, false)), constant);
}

static gki_onnx_value gk_draw(gki_onnx *g, const gkv_model *model, gki_onnx_value normals,
                              gki_onnx_value choice)
{
    (void)choice;
    const gki_onnx_gk margins = margins_of(g);
    gki_onnx_value z = normals;
    if (model->settings.model.base == GKV_BASE_GK_COPULA) /* the row Lw is w Lᵀ */
        z = gki_onnx_2(g, "MatMul", z,
                       gki_onnx_transpose(g, gki_onnx_param(g, "prior.base.cholesky"), 2,
                                          (const int64_t[]){1, 0}));
    return gki_onnx_gk_quantile(g, &margins, z);
}

/* --- Mixtures ------------------------------------------------------------- */

static bool is_shaped(const gkv_model *model)
{
    return model->settings.model.base == GKV_BASE_GK_MIXTURE ||
           model->settings.model.base == GKV_BASE_GK_BY_CLASS;
}

static bool is_dependent(const gkv_model *model)
{
    return gki_base_mixture_of(model->base)->spec.dependent;
}

/* The terms of log π_k f_k that do not depend on ε [K]. */
static gki_onnx_value constants(gki_onnx *g, const gkv_model *model)
{
    const gki_base_mixture *base = gki_base_mixture_of(model->base);
    const gki_params *params = &model->params;
    const size_t d = model->d, K = model->base->components;
    double *weights = NULL;
    float *values = floats(g, K);
    gki_onnx_value result = 0;
    const gkv_status status = gki_alloc(K, sizeof *weights, &weights);
    if (status != GKV_OK)
        gki_onnx_fail(g, status);
    if (values && weights) {
        gki_mixture_weights(base, params, weights);
        for (size_t k = 0; k < K; k++) {
            double sum = log(weights[k]) - (double)d * GKV_HALF_LOG_2PI;
            if (is_dependent(model))
                sum += log_diagonal(d, gki_mixture_whitening(base, params, k));
            for (size_t j = 0; j < d && !is_shaped(model); j++)
                sum -= log((double)gki_mixture_margin(base, params, GKV_MIXTURE_B, k)[j]);
            values[k] = (float)sum;
        }
        result = gki_onnx_tensor(g, "prior.base.constants", 1, &K, values);
    }
    free(values);
    free(weights);
    return result;
}

/* ζ[K, batch, d] → ζW. */
static gki_onnx_value whiten(gki_onnx *g, const gkv_model *model, gki_onnx_value scores)
{
    const size_t d = model->d, sizes[] = {d, d};
    return gki_onnx_2(g, "MatMul", scores,
                      gki_onnx_reshape(g, gki_onnx_param(g, "prior.base.whitening"), 2, sizes));
}

static gki_onnx_value mixture_density(gki_onnx *g, const gkv_model *model, gki_onnx_value eps,
                                      gki_onnx_value *components)
{
    const gki_onnx_value each = gki_onnx_unsqueeze(g, eps, 1); /* [batch, 1, d] */
    gki_onnx_value scores, log_slope = 0;
    if (is_shaped(model)) {
        const gki_onnx_gk margins = margins_of(g);
        scores = gki_onnx_gk_inverse(g, &margins, each, &log_slope);
    } else {
        scores = gki_onnx_div(g, gki_onnx_sub(g, each, gki_onnx_param(g, "prior.base.location")),
                              gki_onnx_param(g, "prior.base.scale"));
    }
    scores = gki_onnx_within(g, scores, -score_most, score_most);
    gki_onnx_value log_f;
    if (is_dependent(model)) {
        scores = gki_onnx_transpose(g, scores, 3, (const int64_t[]){1, 0, 2});
        log_f = gki_onnx_transpose(g, half_square(g, whiten(g, model, scores)), 2,
                                   (const int64_t[]){1, 0});
    } else {
        log_f = half_square(g, scores);
    }
    if (is_shaped(model))
        log_f = gki_onnx_sub(g, log_f, gki_onnx_sum(g, log_slope, -1, false));
    *components = gki_onnx_add(g, log_f, constants(g, model));
    return gki_onnx_log_sum_exp(g, *components, 1);
}

/* The cumulative weights [K]; the last is more than every choice. */
static gki_onnx_value cumulative(gki_onnx *g, const gkv_model *model)
{
    const size_t K = model->base->components;
    double *weights = NULL, sum = 0;
    float *values = floats(g, K);
    gki_onnx_value result = 0;
    const gkv_status status = gki_alloc(K, sizeof *weights, &weights);
    if (status != GKV_OK)
        gki_onnx_fail(g, status);
    if (values && weights) {
        gki_mixture_weights(gki_base_mixture_of(model->base), &model->params, weights);
        for (size_t k = 0; k < K; k++)
            values[k] = k + 1 < K ? (float)(sum += weights[k]) : 2;
        result = gki_onnx_tensor(g, "prior.base.cumulative", 1, &K, values);
    }
    free(values);
    free(weights);
    return result;
}

/* The number of the component of each row: how many cumulative weights are below the choice. */
static gki_onnx_value component_of(gki_onnx *g, const gkv_model *model, gki_onnx_value choice)
{
    enum { INT64 = 7 };
    const gki_onnx_attribute attribute = {.name = "to", .kind = GKV_ONNX_WHOLE, .whole = INT64};
    const gki_onnx_value is_above =
        gki_onnx_2(g, "Greater", gki_onnx_unsqueeze(g, choice, 1), cumulative(g, model));
    return gki_onnx_sum(g, gki_onnx_node(g, "Cast", 1, &is_above, 1, &attribute), 1, false);
}

static gki_onnx_value mixture_draw(gki_onnx *g, const gkv_model *model, gki_onnx_value normals,
                                   gki_onnx_value choice)
{
    const gki_onnx_value k = component_of(g, model, choice);
    gki_onnx_value z = normals;
    if (is_dependent(model)) { /* the row ζ = w W⁻¹ */
        const gki_onnx_value all = inverses(g, model, "prior.base.whitening",
                                            "prior.base.whitening_inverse", model->base->components,
                                            divide_by_upper),
                             own = gki_onnx_2(g, "Gather", all, k),
                             row = gki_onnx_2(g, "MatMul", gki_onnx_unsqueeze(g, z, 1), own);
        z = gki_onnx_reshape(g, row, 1, &model->d);
    }
    const gki_onnx_value a = gki_onnx_2(g, "Gather", gki_onnx_param(g, "prior.base.location"), k),
                         b = gki_onnx_2(g, "Gather", gki_onnx_param(g, "prior.base.scale"), k);
    if (!is_shaped(model))
        return gki_onnx_add(g, a, gki_onnx_mul(g, b, z));
    const gki_onnx_gk margins = {.a = a,
                                 .b = b,
                                 .g = gki_onnx_2(g, "Gather", gki_onnx_param(g, "prior.base.g"), k),
                                 .k = gki_onnx_2(g, "Gather", gki_onnx_param(g, "prior.base.k"), k),
                                 .c = GKV_GK_DEFAULT_C};
    return gki_onnx_gk_quantile(g, &margins, z);
}

/* --- The table ------------------------------------------------------------ */

static const base_graph bases[GKV_BASES] = {
    [GKV_BASE_NORMAL] = {normal_density, normal_draw},
    [GKV_BASE_FULL_GAUSSIAN] = {mixture_density, mixture_draw},
    [GKV_BASE_STUDENT_T] = {t_density, NULL},
    [GKV_BASE_GK] = {gk_density, gk_draw},
    [GKV_BASE_GK_COPULA] = {gk_density, gk_draw},
    [GKV_BASE_GAUSSIAN_MIXTURE] = {mixture_density, mixture_draw},
    [GKV_BASE_GK_MIXTURE] = {mixture_density, mixture_draw},
    [GKV_BASE_GK_BY_CLASS] = {mixture_density, mixture_draw},
};

gki_onnx_value gki_onnx_base_density(gki_onnx *g, const gkv_model *model, gki_onnx_value eps,
                                     gki_onnx_value *components)
{
    const gkv_base_family family = model->settings.model.base;
    if (GKI_ONNX_HAS(bases, family) && bases[family].density)
        return bases[family].density(g, model, eps, components);
    gki_onnx_refuse(g, "model.base", (int)family);
    return eps;
}

gki_onnx_value gki_onnx_base_draw(gki_onnx *g, const gkv_model *model, gki_onnx_value normals,
                                  gki_onnx_value choice)
{
    const gkv_base_family family = model->settings.model.base;
    if (GKI_ONNX_HAS(bases, family) && bases[family].draw)
        return bases[family].draw(g, model, normals, choice);
    gki_onnx_refuse(g, "model.base", (int)family);
    return normals;
}
