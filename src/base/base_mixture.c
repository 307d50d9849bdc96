/* The parameters of mixtures: layout, initial values, validation and projection; and the mixture
 * in double precision (mixture/mixture.h). */
#include "base/base_mixture.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_gk.h"
#include "core/memory.h"
#include "core/rng.h"
#include "num/constants.h"
#include "num/linalg.h"

static const double c_standard = GKV_GK_DEFAULT_C;

/* Lower bounds after a step of the optimiser: of scales and of the diagonal of W, and of the log of
 * a component's weight relative to the heaviest one. A lighter component would get no gradient any
 * more. */
static const double min_scale = 1e-3, least_log_weight = -12;

gkv_gk gki_mixture_get(const gki_base_mixture *self, const gki_params *params, size_t k, size_t j)
{
    return (gkv_gk){
        .a = (double)gki_mixture_margin(self, params, GKV_MIXTURE_A, k)[j],
        .b = (double)gki_mixture_margin(self, params, GKV_MIXTURE_B, k)[j],
        .g = self->shaped ? (double)gki_mixture_margin(self, params, GKV_MIXTURE_G, k)[j] : 0,
        .k = self->shaped ? (double)gki_mixture_margin(self, params, GKV_MIXTURE_K, k)[j] : 0,
        .c = c_standard};
}

void gki_mixture_set(const gki_base_mixture *self, const gki_params *params, size_t k, size_t j,
                     const gkv_gk *gk)
{
    const double value[GKV_MIXTURE_MARGINS] = {gk->a, gk->b, gk->g, gk->k};
    for (size_t i = 0; i < (self->shaped ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++)
        gki_mixture_margin(self, params, i, k)[j] = (gki_real)value[i];
}

gki_gk_columns gki_mixture_columns(const gki_base_mixture *self, const gki_params *params, size_t k)
{
    return (gki_gk_columns){.a = gki_mixture_margin(self, params, GKV_MIXTURE_A, k),
                            .b = gki_mixture_margin(self, params, GKV_MIXTURE_B, k),
                            .g = gki_mixture_margin(self, params, GKV_MIXTURE_G, k),
                            .k = gki_mixture_margin(self, params, GKV_MIXTURE_K, k),
                            .c = (gki_real)c_standard};
}

void gki_mixture_weights(const gki_base_mixture *self, const gki_params *params, double *weights)
{
    const gki_real *logits = gki_param_value(params, self->logits);
    double most = -INFINITY, sum = 0;
    for (size_t k = 0; k < self->base.components; k++)
        most = fmax(most, (double)logits[k]);
    for (size_t k = 0; k < self->base.components; k++) {
        weights[k] = exp((double)logits[k] - most);
        sum += weights[k];
    }
    for (size_t k = 0; k < self->base.components; k++)
        weights[k] /= sum;
}

/* --- Creation and initial values ------------------------------------------ */

static void destroy(gki_base *base)
{
    free(base);
}

static void lay_out_slots(gki_base_mixture *self, gki_plan *plan)
{
    const size_t all = self->base.components * self->base.eps.width;
    self->eps_t = gki_plan_forward(plan, self->base.eps.width);
    for (int i = 0; i < 2; i++)
        self->turned[i] = gki_plan_forward(plan, all);
    self->dq = self->turned[0], self->ratio = self->turned[1];
    self->zeta = gki_plan_forward(plan, all);
    self->w = self->spec.dependent ? gki_plan_forward(plan, all) : self->zeta;
    self->responsibility = gki_plan_forward(plan, self->base.components);
    self->u = self->spec.trainable && self->spec.dependent ? gki_plan_backward(plan, all) : self->w;
}

static gkv_status add_parameters(gki_base_mixture *self, gki_params *params)
{
    static const char *const names[GKV_MIXTURE_MARGINS] = {"location", "scale", "g", "k"};
    const size_t d = self->base.eps.width, K = self->base.components;
    const bool trainable = self->spec.trainable;
    GKV_TRY(gki_params_add(params, K, 0, trainable, &self->logits, "prior.base.logits"));
    for (size_t i = 0; i < (self->shaped ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++)
        GKV_TRY(
            gki_params_add(params, K, d, trainable, &self->margin[i], "prior.base.%s", names[i]));
    if (self->spec.dependent)
        GKV_TRY(
            gki_params_add(params, K * d, d, trainable, &self->whitening, "prior.base.whitening"));
    return GKV_OK;
}

static gkv_status create(const gki_base_ops *ops, bool shaped, const gki_base_spec *spec,
                         gki_params *params, gki_plan *plan, gki_base **out)
{
    gki_base_mixture *self = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    if (spec->components < 1 ||
        spec->components > GKV_MIXTURE_MAX / (spec->classes ? spec->classes : 1))
        return gki_fail(
            GKV_ERR_CONFIG, "model.base = %s: %zu components%s; from 1 to %d in all are possible",
            ops->name, spec->components, spec->classes ? " for each class" : "", GKV_MIXTURE_MAX);
    GKV_TRY_GOTO(gki_alloc(1, sizeof *self, &self));
    self->base =
        (gki_base){.ops = ops, .eps = spec->eps, .d_eps = spec->d_eps, .classes = spec->classes};
    self->base.log_density = gki_plan_forward(plan, 1);
    self->base.d_log_density = gki_plan_backward(plan, 1);
    self->spec = *spec;
    self->shaped = shaped;
    self->per_class = spec->components;
    self->base.components = spec->components * (spec->classes ? spec->classes : 1);
    const double d = (double)self->base.eps.width;
    self->base.products = spec->dependent ? (double)self->base.components * d * (d + 1) / 2 : 0;
    lay_out_slots(self, plan);
    GKV_TRY_GOTO(add_parameters(self, params));
done:
    if (status != GKV_OK) {
        destroy((gki_base *)self);
        self = NULL;
    }
    *out = (gki_base *)self;
    return status;
}

static gkv_status create_full_gaussian(const gki_base_spec *spec, gki_params *params,
                                       gki_plan *plan, gki_base **out)
{
    gki_base_spec one = *spec;
    one.components = 1;
    one.classes = 0;
    one.dependent = true;
    one.rank = 0;
    return create(&gki_base_full_gaussian, false, &one, params, plan, out);
}

static gkv_status create_gaussian(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                                  gki_base **out)
{
    gki_base_spec plain = *spec;
    plain.classes = 0;
    return create(&gki_base_gaussian_mixture, false, &plain, params, plan, out);
}

static gkv_status create_gk(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                            gki_base **out)
{
    gki_base_spec plain = *spec;
    plain.classes = 0;
    return create(&gki_base_gk_mixture, true, &plain, params, plan, out);
}

static gkv_status create_by_class(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                                  gki_base **out)
{
    return create(&gki_base_gk_by_class, true, spec, params, plan, out);
}

/* Components that are trained by gradient alone start at random locations, and the mixture is about
 * N(0, I). With refits all components start equal, because the first refit places them. */
static void init(const gki_base *base, const gki_params *params)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const size_t d = base->eps.width;
    const bool apart = self->spec.trainable && !self->spec.refitted && self->base.components > 1;
    for (size_t k = 0; k < self->base.components; k++) {
        for (size_t j = 0; j < d; j++) {
            const gkv_gk gk = {.a = 0,
                               .b = apart ? sqrt(0.5) : 1,
                               .g = self->spec.g,
                               .k = self->spec.k,
                               .c = c_standard};
            gki_mixture_set(self, params, k, j, &gk);
            if (self->spec.dependent)
                gki_mixture_whitening(self, params, k)[j * d + j] = 1;
        }
        if (!apart)
            continue;
        gki_real *location = gki_mixture_margin(self, params, GKV_MIXTURE_A, k);
        gki_rng_normal(gki_rng_at(self->spec.seed, GKV_STREAM_INIT, self->margin[GKV_MIXTURE_A], k),
                       d, location);
        for (size_t j = 0; j < d; j++)
            location[j] *= (gki_real)sqrt(0.5);
    }
}

/* --- Validation and projection -------------------------------------------- */

static gkv_status check_whitening(size_t d, size_t k, const gki_real *w)
{
    for (size_t j = 0; j < d; j++, w += d) {
        for (size_t i = 0; i < j; i++)
            if (w[i] != 0)
                return gki_fail(GKV_ERR_DATA,
                                "the whitening matrix of the base's component %zu is not upper "
                                "triangular at (%zu, %zu)",
                                k, j, i);
        for (size_t i = j; i < d; i++)
            if (!isfinite(w[i]) || (i == j && !(w[i] > 0)))
                return gki_fail(
                    GKV_ERR_DATA,
                    "the whitening matrix of the base's component %zu has %g at (%zu, %zu)", k,
                    (double)w[i], j, i);
    }
    return GKV_OK;
}

static gkv_status check(const gki_base *base, const gki_params *params)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const size_t d = base->eps.width;
    for (size_t k = 0; k < self->base.components; k++) {
        const double logit = (double)gki_param_value(params, self->logits)[k];
        if (!isfinite(logit))
            return gki_fail(GKV_ERR_DATA, "the weight of the base's component %zu is %g", k, logit);
        for (size_t j = 0; j < d; j++) {
            const gkv_gk gk = gki_mixture_get(self, params, k, j),
                         first = gki_mixture_get(self, params, 0, j);
            if (gkv_gk_check(&gk) != GKV_OK)
                return gki_fail_context(GKV_ERR_DATA, "margin %zu of the base's component %zu", j,
                                        k);
            if (self->spec.shared_shapes && (gk.g != first.g || gk.k != first.k))
                return gki_fail(GKV_ERR_DATA,
                                "the base's components have a common shape, but margin %zu of "
                                "component %zu has another shape than that of component 0",
                                j, k);
        }
        if (self->spec.dependent)
            GKV_TRY(check_whitening(d, k, gki_mixture_whitening(self, params, k)));
    }
    return GKV_OK;
}

static void project_component(const gki_base_mixture *self, const gki_params *params, size_t k)
{
    const size_t d = self->base.eps.width;
    for (size_t j = 0; j < d; j++) {
        gkv_gk gk = gki_mixture_get(self, params, k, j);
        gk = gkv_gk_project(&gk, gki_base_gk_margin_of_safety);
        gk.b = fmax(gk.b, min_scale);
        gki_mixture_set(self, params, k, j, &gk);
        if (self->spec.dependent) {
            gki_real *diagonal = &gki_mixture_whitening(self, params, k)[j * d + j];
            *diagonal = *diagonal > (gki_real)min_scale ? *diagonal : (gki_real)min_scale;
        }
    }
}

static void project(const gki_base *base, const gki_params *params)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    if (!self->spec.trainable)
        return; /* the optimiser does not move the parameters */
    gki_real *logits = gki_param_value(params, self->logits), most = logits[0];
    for (size_t k = 1; k < self->base.components; k++)
        most = logits[k] > most ? logits[k] : most;
    for (size_t k = 0; k < self->base.components; k++) {
        const gki_real least = most + (gki_real)least_log_weight;
        logits[k] = logits[k] > least ? logits[k] : least;
        project_component(self, params, k);
    }
}

/* The margin of the one component of full-gaussian, which is normal. */
static void normal_margin(const gki_base *base, const gki_params *params, size_t dimension,
                          double out[5])
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const gkv_gk gk = gki_mixture_get(self, params, 0, dimension);
    double x = gk.a, pdf = 0, cdf = 0;
    gki_mixture_margin_at(base, params, dimension, 1, &x, &pdf, &cdf);
    out[0] = gk.a, out[1] = exp(-GKV_HALF_LOG_2PI) / pdf, out[2] = 0, out[3] = 0, out[4] = gk.c;
}

#define MIXTURE_OPS                                                             \
    .free = destroy, .init = init, .log_density = gki_mixture_log_density,      \
    .backward = gki_mixture_backward, .curvature = gki_mixture_curvature,       \
    .parts = gki_mixture_parts, .gradient = gki_mixture_gradient,               \
    .batch_slots = gki_mixture_batch_slots, .transform = gki_mixture_transform, \
    .project = project, .check = check, .refit = gki_mixture_refit,             \
    .margin_at = gki_mixture_margin_at, .stats = &gki_mixture_stats_ops

const gki_base_ops gki_base_full_gaussian = {.name = "full-gaussian",
                                             .create = create_full_gaussian,
                                             .margin = normal_margin,
                                             MIXTURE_OPS};
const gki_base_ops gki_base_gaussian_mixture = {.name = "gaussian-mixture",
                                                .create = create_gaussian,
                                                MIXTURE_OPS};
const gki_base_ops gki_base_gk_mixture = {.name = "gk-mixture", .create = create_gk, MIXTURE_OPS};
const gki_base_ops gki_base_gk_by_class = {.name = "gk-by-class",
                                           .create = create_by_class,
                                           .transform_class = gki_mixture_transform_class,
                                           .class_probabilities = gki_mixture_class_probabilities,
                                           MIXTURE_OPS};

/* --- Saving and restoring the parameters ---------------------------------- */

/* Copies the parameters to `saved`, or back to the table. Returns how many numbers there are;
 * copies nothing if `saved` is NULL. */
static size_t copy_parameters(const gki_base_mixture *self, const gki_params *params,
                              gki_real *saved, bool back)
{
    gki_param_id ids[GKV_MIXTURE_MARGINS + 2] = {self->logits};
    size_t count = 1, offset = 0;
    for (size_t i = 0; i < (self->shaped ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++)
        ids[count++] = self->margin[i];
    if (self->spec.dependent)
        ids[count++] = self->whitening;
    for (size_t i = 0; i < count; offset += params->list[ids[i]].size, i++) {
        gki_real *value = gki_param_value(params, ids[i]), *copy = saved ? saved + offset : value;
        const size_t bytes = params->list[ids[i]].size * sizeof *value;
        if (saved)
            memcpy(back ? value : copy, back ? copy : value, bytes);
    }
    return offset;
}

gkv_status gki_mixture_save(const gki_base_mixture *self, const gki_params *params,
                            gki_real **saved)
{
    GKV_TRY(gki_alloc(copy_parameters(self, params, NULL, false), sizeof **saved, saved));
    copy_parameters(self, params, *saved, false);
    return GKV_OK;
}

void gki_mixture_restore(const gki_base_mixture *self, const gki_params *params, gki_real *saved)
{
    copy_parameters(self, params, saved, true);
}

/* --- From the table ------------------------------------------------------- */

/* Computes the lower triangular L = W⁻ᵀ, whose rows have as lengths the standard deviations of the
 * scores. */
static void factor_of(size_t d, const gki_real *w, double *l, double *u)
{
    memset(u, 0, d * d * sizeof *u); /* U = W⁻¹ */
    for (size_t i = d; i-- > 0;) {
        double *row = u + i * d;
        for (size_t k = i + 1; k < d; k++)
            gki_axpy(d - k, -(double)w[i * d + k], u + k * d + k, row + k);
        row[i] = 1;
#pragma omp simd
        for (size_t j = i; j < d; j++)
            row[j] /= (double)w[i * d + i];
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            l[j * d + i] = u[i * d + j];
}

typedef struct read_job {
    const gki_base_mixture *self;
    const gki_params *params;
} read_job;

/* Reads component k. Standard deviations of scores other than 1 go into B. */
static gkv_status read_component(const void *job, size_t k, gkv_gk *margins, double *scratch,
                                 gkv_mgk_mixture *mixture)
{
    const gki_base_mixture *self = ((const read_job *)job)->self;
    const gki_params *params = ((const read_job *)job)->params;
    const size_t d = mixture->d;
    double *l = self->spec.dependent ? scratch : NULL;
    for (size_t j = 0; j < d; j++)
        margins[j] = gki_mixture_get(self, params, k, j);
    if (l)
        factor_of(d, gki_mixture_whitening(self, params, k), l, scratch + d * d);
    for (size_t j = 0; l && j < d; j++) {
        double squares = 0;
        for (size_t i = 0; i <= j; i++)
            squares += l[j * d + i] * l[j * d + i];
        margins[j].b *= sqrt(squares);
        for (size_t i = 0; i <= j; i++)
            l[j * d + i] /= sqrt(squares);
    }
    return gki_mgk_build_waypoint(d, margins, NULL, l, &mixture->components[k]);
}

gkv_status gki_mixture_read(const gki_base_mixture *self, const gki_params *params, int threads,
                            gkv_mgk_mixture **out)
{
    const size_t d = self->base.eps.width;
    const read_job job = {self, params};
    GKV_TRY(gki_mgk_mixture_make(self->base.components, d, read_component, &job,
                                 self->spec.dependent ? 2 * d * d : 0, threads, out));
    gki_mixture_weights(self, params, (*out)->weights);
    return GKV_OK;
}

/* --- To the table --------------------------------------------------------- */

/* The least pivot of a correlation matrix whose W is accurate in float. */
static const double least_pivot = 1e-6;

/* Writes W = L⁻ᵀ. Returns false if R = LLᵀ is not positive definite to working precision. */
static bool write_whitening(size_t d, const double *l, double *inverse, gki_real *w)
{
    for (size_t j = 0; j < d; j++)
        if (!(l[j * d + j] * l[j * d + j] > least_pivot))
            return false;
    gki_cholesky_invert(d, l, inverse);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            w[j * d + i] = j > i ? 0 : (gki_real)inverse[i * d + j];
    return true;
}

gkv_status gki_mixture_write(const gki_base_mixture *self, const gki_params *params,
                             const gkv_mgk_mixture *mixture, int threads, bool *written)
{
    const size_t d = mixture->d;
    const int used = gki_mgk_threads(threads, mixture->count);
    double *scratch = NULL;
    if (self->spec.dependent)
        GKV_TRY(gki_alloc((size_t)used * d, d * sizeof *scratch, &scratch));
    bool all = true;
#pragma omp parallel for schedule(static) num_threads(used) reduction(&& : all)
    for (size_t k = 0; k < mixture->count; k++) {
        const gkv_mgk *part = mixture->components[k];
        gki_param_value(params, self->logits)[k] = (gki_real)log(mixture->weights[k]);
        for (size_t j = 0; j < d; j++)
            gki_mixture_set(self, params, k, j, &part->margins[j]);
        if (self->spec.dependent)
            all = write_whitening(d, part->cholesky, scratch + (size_t)omp_get_thread_num() * d * d,
                                  gki_mixture_whitening(self, params, k)) &&
                  all;
    }
    free(scratch);
    *written = all;
    return GKV_OK;
}
