/* The refit of a mixture to codes: some iterations of expectation–maximization (gkvae/mgk_mixture.h),
 * from the current parameters or, the first time, from k-means++; margins by Levenberg–Marquardt on
 * weighted quantiles, all components and dimensions in one batch.
 *
 * The parameters then move from where they were towards the fit by a step of length τ, halved until the
 * held-out codes are no less likely than before; if no step does that, they stay. Between two
 * mixtures lie the mixtures of the components half-way: (A, log B, g, k) by margin, R, and π. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gk.h"
#include "base/mixture_tally.h"
#include "core/memory.h"
#include "gkvae/mgk_mixture.h"
#include "mgk/cholesky.h"

/* Where a residual, of unit variance if a component is g-and-k, begins to count less. */
static const double wild_residual = 5;

/* No margin narrower than this share of the codes' spread, no component fitted by fewer codes. */
static const double least_scale = 0.01, least_rows = 20, least_weight = 1e-6;

/* A first fit goes on until the held-out codes have not gained for so many iterations. Its components
 * find their places as normal ones, which are quick to fit, and their shapes in a few iterations more. */
enum { HALVINGS = 4, FIRST_PATIENCE = 3, FIRST_ITERATIONS = 20, SHAPE_ITERATIONS = 3 };

/* The parameters as numbers to move between. */
typedef struct state {
    double *weights;  /* [K] */
    gkv_gk *margins;  /* [K × d] */
    double *r;        /* [K × d × d], if there is dependence */
} state;

typedef struct refit {
    const gkv_base_mixture *self;
    const gkv_params *params;
    const gkv_base_codes *codes;
    const gkv_base_refit_settings *settings;
    size_t d, K;
    double *rows;          /* codes of the fit and held-out ones, [fit_count + held_out_count, d] */
    state old, fitted;
    double *scratch;       /* [2 d × d] */
    gkv_real *saved;       /* all of the base's parameters, as they were */
    gkv_mgk_mixture *found;
    bool better;           /* than where it started, to the held-out codes */
} refit;

static gkv_status state_create(const refit *it, state *s)
{
    GKV_TRY(gkv_alloc(it->K, sizeof *s->weights, &s->weights));
    GKV_TRY(gkv_alloc(it->K * it->d, sizeof *s->margins, &s->margins));
    return it->self->spec.dependent ? gkv_alloc(it->K * it->d, it->d * sizeof *s->r, &s->r) : GKV_OK;
}

static void state_free(state *s)
{
    free(s->weights);
    free(s->margins);
    free(s->r);
}

static void refit_free(refit *it)
{
    free(it->rows);
    free(it->scratch);
    free(it->saved);
    state_free(&it->old);
    state_free(&it->fitted);
    gkv_mgk_mixture_free(it->found);
}

/* --- The parameters, saved and brought back ---------------------------------------- */

static size_t tensors_of(const gkv_base_mixture *self, gkv_param_id *ids)
{
    size_t count = 0;
    ids[count++] = self->logits;
    for (size_t i = 0; i < (self->shaped ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++)
        ids[count++] = self->margin[i];
    if (self->spec.dependent)
        ids[count++] = self->whitening;
    return count;
}

static size_t copy_parameters(const refit *it, bool back)
{
    gkv_param_id ids[GKV_MIXTURE_MARGINS + 2];
    const size_t count = tensors_of(it->self, ids);
    size_t at = 0;
    for (size_t i = 0; i < count; at += it->params->list[ids[i]].size, i++) {
        gkv_real *value = gkv_param_value(it->params, ids[i]), *saved = it->saved ? it->saved + at : NULL;
        const size_t bytes = it->params->list[ids[i]].size * sizeof *value;
        if (saved)
            memcpy(back ? value : saved, back ? saved : value, bytes);
    }
    return at;
}

/* --- From the table to numbers, and back --------------------------------------------- */

/* The inverse of an upper triangular matrix, transposed: of W it is L, the factor of scores' covariance. */
static void invert_transposed(size_t d, const gkv_real *w, double *l)
{
    memset(l, 0, d * d * sizeof *l);
    for (size_t j = 0; j < d; j++) /* row j of L solves ζW = e_j's place in w: L_j = column j of W⁻¹ */
        for (size_t i = j + 1; i-- > 0;) {
            double sum = i == j;
            for (size_t k = i + 1; k <= j; k++)
                sum -= (double)w[i * d + k] * l[j * d + k];
            l[j * d + i] = sum / (double)w[i * d + i];
        }
}

/* Component k's margins and R; scores of another variance than 1 give it to B. */
static void read_component(const refit *it, size_t k)
{
    const size_t d = it->d;
    double *l = it->scratch, *r = it->old.r ? it->old.r + k * d * d : NULL;
    for (size_t j = 0; j < d; j++)
        it->old.margins[k * d + j] = gkv_mixture_get(it->self, it->params, k, j);
    if (!r)
        return;
    invert_transposed(d, gkv_mixture_whitening(it->self, it->params, k), l);
    for (size_t j = 0; j < d; j++) {
        double squares = 0;
        for (size_t i = 0; i <= j; i++)
            squares += l[j * d + i] * l[j * d + i];
        const double sd = sqrt(squares);
        it->old.margins[k * d + j].b *= sd;
        for (size_t i = 0; i <= j; i++)
            l[j * d + i] /= sd;
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t c = 0; c <= j; c++)
                sum += l[i * d + c] * l[j * d + c];
            r[i * d + j] = r[j * d + i] = i == j ? 1 : sum;
        }
}

/* W = L⁻ᵀ of R = LLᵀ into the table; false if R is not positive definite to working precision. */
static bool write_whitening(const refit *it, size_t k, const double *r, double *l)
{
    const size_t d = it->d;
    if (!gkv_cholesky(d, r, 1e-6, l))
        return false;
    gkv_real *w = gkv_mixture_whitening(it->self, it->params, k);
    for (size_t j = 0; j < d; j++) { /* column j of L⁻¹, which is row j of W */
        double y[4096];              /* as many dimensions as a model can have */
        for (size_t i = 0; i < d; i++) {
            double sum = i == j;
            for (size_t c = j; c < i; c++)
                sum -= l[i * d + c] * y[c];
            y[i] = i < j ? 0 : sum / l[i * d + i];
            w[j * d + i] = (gkv_real)y[i];
        }
    }
    return true;
}

static gkv_gk between(const gkv_gk *from, const gkv_gk *to, double tau)
{
    gkv_gk gk = {.a = from->a + tau * (to->a - from->a), .b = from->b * pow(to->b / from->b, tau),
                 .g = from->g + tau * (to->g - from->g), .k = from->k + tau * (to->k - from->k), .c = to->c};
    /* The valid region is not convex. */
    gk = gkv_gk_project(&gk, gkv_base_gk_margin_of_safety);
    return gk;
}

/* Puts the parameters τ of the way from the old to the fitted ones. */
static bool move(const refit *it, double tau)
{
    const size_t d = it->d;
    gkv_real *logits = gkv_param_value(it->params, it->self->logits);
    double *r = it->scratch, *l = it->scratch + d * d;
    for (size_t k = 0; k < it->K; k++) {
        logits[k] = (gkv_real)log(it->old.weights[k] + tau * (it->fitted.weights[k] - it->old.weights[k]));
        for (size_t j = 0; j < d; j++) {
            const gkv_gk gk = between(&it->old.margins[k * d + j], &it->fitted.margins[k * d + j], tau);
            gkv_mixture_set(it->self, it->params, k, j, &gk);
        }
        if (!it->self->spec.dependent)
            continue;
        const double *from = it->old.r + k * d * d, *to = it->fitted.r + k * d * d;
        for (size_t i = 0; i < d * d; i++)
            r[i] = from[i] + tau * (to[i] - from[i]);
        if (!write_whitening(it, k, r, l))
            return false;
    }
    return true;
}

/* --- The fit --------------------------------------------------------------------------- */

static gkv_status refit_create(refit *it)
{
    const gkv_base_codes *codes = it->codes;
    const size_t n = codes->fit_count * it->d, all = n + codes->held_out_count * it->d;
    GKV_TRY(gkv_alloc(all, sizeof *it->rows, &it->rows));
    for (size_t i = 0; i < all; i++)
        it->rows[i] = (double)(i < n ? codes->fit[i] : codes->held_out[i - n]);
    GKV_TRY(gkv_alloc(2 * it->d, it->d * sizeof *it->scratch, &it->scratch));
    GKV_TRY(gkv_alloc(copy_parameters(it, false), sizeof *it->saved, &it->saved));
    copy_parameters(it, false);
    GKV_TRY(state_create(it, &it->old));
    GKV_TRY(state_create(it, &it->fitted));
    gkv_mixture_weights(it->self, it->params, it->old.weights);
    for (size_t k = 0; k < it->K; k++)
        read_component(it, k);
    return GKV_OK;
}

/* The mixture that there is, as the mgk room has it. */
static gkv_status current(const refit *it, gkv_mgk_mixture **out)
{
    gkv_mgk **parts = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gkv_alloc(it->K, sizeof *parts, &parts));
    for (size_t k = 0; k < it->K; k++)
        GKV_TRY_GOTO(gkv_mgk_create(it->d, it->old.margins + k * it->d, it->old.r ? it->old.r + k * it->d * it->d : NULL,
                                    &parts[k]));
    status = gkv_mgk_mixture_create(it->K, it->old.weights, (const gkv_mgk *const *)parts, out);
done:
    for (size_t k = 0; parts && k < it->K; k++)
        gkv_mgk_free(parts[k]);
    free(parts);
    return status;
}

static gkv_mgk_mixture_settings fit_settings(const refit *it)
{
    const gkv_base_mixture *self = it->self;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = it->K;
    set.seed = it->settings->seed;
    set.keep = set.quick = 1;
    set.normal = !self->shaped;
    set.independent = !self->spec.dependent;
    set.shared_shapes = self->spec.shared_shapes;
    set.least_scale = least_scale;
    set.least_rows = least_rows;
    set.max_iterations = it->settings->first ? FIRST_ITERATIONS : it->settings->iterations;
    set.tolerance = 1e-4 * (double)it->codes->fit_count;
    /* Of one iteration the step below is judge enough. */
    set.held_out = set.max_iterations > 1 ? it->rows + it->codes->fit_count * it->d : NULL;
    set.held_out_rows = it->codes->held_out_count;
    set.patience = it->settings->first ? FIRST_PATIENCE : 1;
    if (self->base.classes > 0) {
        set.groups = self->base.classes;
        set.group = it->codes->fit_class;
        set.held_out_group = it->codes->held_out_class;
    }
    set.margins.margin = gkv_base_gk_margin_of_safety;
    set.margins.one_start = 1;
    set.margins.lm.loss = GKV_LM_CAUCHY; /* a few codes far from all others are no matter of the tails */
    set.margins.lm.loss_scale = wild_residual;
    return set;
}

/* What was found, as numbers to move to. */
static void take_found(const refit *it)
{
    const size_t d = it->d;
    for (size_t k = 0; k < it->K; k++) {
        const gkv_mgk *part = gkv_mgk_mixture_component(it->found, k);
        it->fitted.weights[k] = gkv_mgk_mixture_weights(it->found)[k];
        memcpy(it->fitted.margins + k * d, gkv_mgk_margins(part), d * sizeof *it->fitted.margins);
        if (it->fitted.r)
            gkv_mgk_covariance(part, it->fitted.r + k * d * d);
    }
}

static gkv_status fit(refit *it, gkv_base_refit_report *report)
{
    gkv_mgk_mixture_settings set = fit_settings(it);
    gkv_mgk_mixture *start = NULL;
    gkv_mgk_mixture_result result;
    gkv_status status = GKV_OK;
    if (it->codes->fit_count < it->K)
        return gkv_fail(GKV_ERR_DATA, "%zu codes are too few for %zu components", it->codes->fit_count, it->K);
    if (!it->settings->first) {
        GKV_TRY_GOTO(current(it, &start));
    } else if (!set.normal) {
        gkv_mgk_mixture_settings places = set;
        places.normal = 1;
        GKV_TRY_GOTO(gkv_mgk_mixture_fit(it->codes->fit_count, it->d, it->rows, &places, it->settings->threads, &start,
                                         &result));
        report->em_iterations = result.iterations;
        set.max_iterations = SHAPE_ITERATIONS;
    }
    set.start = start;
    GKV_TRY_GOTO(gkv_mgk_mixture_fit(it->codes->fit_count, it->d, it->rows, &set, it->settings->threads, &it->found,
                                     &result));
    report->em_iterations += result.iterations;
    /* Without held-out codes the best iteration is the last one. */
    it->better = it->settings->first || result.best_iteration > 0;
    take_found(it);
done:
    gkv_mgk_mixture_free(start);
    return status;
}

/* From a tally: each component the more of the way the more rows it had, so that one that had few keeps more of what
 * it has been told before. */
static void fit_tally(refit *it)
{
    const size_t d = it->d;
    const double share = it->settings->share;
    double total = 0;
    for (size_t k = 0; k < it->K; k++)
        total += (double)*gkv_tally_at(it->self, it->codes->tally, k).weight;
    for (size_t k = 0; k < it->K; k++) {
        const double n = (double)*gkv_tally_at(it->self, it->codes->tally, k).weight;
        const double before = (1 / share - 1) * it->old.weights[k] * total;
        it->fitted.weights[k] = it->old.weights[k] + share * (fmax(n / total, least_weight) - it->old.weights[k]);
        memcpy(it->fitted.margins + k * d, it->old.margins + k * d, d * sizeof *it->fitted.margins);
        if (it->fitted.r)
            memcpy(it->fitted.r + k * d * d, it->old.r + k * d * d, d * d * sizeof *it->fitted.r);
        if (n > 1 && total > 0)
            gkv_tally_step(it->self, it->old.margins + k * d, it->codes->tally, k, n / (n + before), it->fitted.margins + k * d,
                           it->fitted.r ? it->fitted.r + k * d * d : NULL);
    }
    it->better = total > 0;
}

/* --- The step ---------------------------------------------------------------------------- */

static void describe(const refit *it, gkv_base_refit_report *report)
{
    if (!it->self->shaped)
        return;
    report->g_min = report->k_min = INFINITY;
    report->g_max = report->k_max = -INFINITY;
    for (size_t i = 0; i < it->K * it->d; i++) {
        const gkv_gk gk = gkv_mixture_get(it->self, it->params, i / it->d, i % it->d);
        report->g_min = fmin(report->g_min, gk.g);
        report->g_max = fmax(report->g_max, gk.g);
        report->k_min = fmin(report->k_min, gk.k);
        report->k_max = fmax(report->k_max, gk.k);
    }
}

static gkv_status judge(const refit *it, double *density)
{
    return gkv_mixture_mean_density(it->self, it->params, it->codes->held_out, it->codes->held_out_class,
                                    it->codes->held_out_count, it->settings->threads, density);
}

static gkv_status step(const refit *it, gkv_base_refit_report *report)
{
    double tau = it->settings->damping;
    for (int i = 0; i <= HALVINGS && it->better && report->step == 0; i++, tau /= 2) {
        if (!move(it, tau))
            continue; /* not positive definite to working precision: a shorter step is */
        double density = 0;
        GKV_TRY(judge(it, &density));
        if (density >= report->held_out_before) { /* false for NaN */
            report->step = tau;
            report->held_out_after = density;
        }
    }
    return GKV_OK;
}

/* Component `idle` takes half of component `from`, and both move apart along its longest axis. */
static bool split(const refit *it, size_t from, size_t idle)
{
    const size_t d = it->d;
    double axis[4096], room[4096]; /* as many dimensions as a model can have */
    memset(axis, 0, sizeof axis);
    if (!it->self->spec.dependent)
        axis[0] = 1;
    else if (gkv_cholesky(d, it->fitted.r + from * d * d, 1e-6, it->scratch))
        gkv_cholesky_longest_axis(d, it->scratch, axis, room);
    else
        return false;
    gkv_real *logits = gkv_param_value(it->params, it->self->logits);
    logits[idle] = logits[from] = (gkv_real)((double)logits[from] - log(2));
    if (it->self->spec.dependent)
        memcpy(gkv_mixture_whitening(it->self, it->params, idle), gkv_mixture_whitening(it->self, it->params, from),
               d * d * sizeof *logits);
    for (size_t j = 0; j < d; j++) {
        gkv_gk gk = gkv_mixture_get(it->self, it->params, from, j);
        gk.a += 0.5 * axis[j] * gk.b;
        gkv_mixture_set(it->self, it->params, from, j, &gk);
        gk.a -= axis[j] * gk.b;
        gkv_mixture_set(it->self, it->params, idle, j, &gk);
    }
    return true;
}

/* After a step by a tally: components that hardly any of the rows that are remembered belong to are put to better use,
 * unless the held-out codes lose by it. */
static gkv_status revive(refit *it, gkv_base_refit_report *report)
{
    const size_t per_group = it->self->per_class;
    double total = 0;
    bool any = false;
    for (size_t k = 0; k < it->K; k++)
        total += (double)*gkv_tally_at(it->self, it->codes->tally, k).weight / it->settings->share;
    copy_parameters(it, false);
    gkv_mixture_weights(it->self, it->params, it->old.weights);
    for (size_t k = 0; k < it->K; k++) {
        size_t heaviest = k / per_group * per_group;
        for (size_t i = heaviest, end = heaviest + per_group; i < end; i++)
            heaviest = it->old.weights[i] > it->old.weights[heaviest] ? i : heaviest;
        if (it->old.weights[k] * total >= least_rows || it->old.weights[heaviest] * total < 4 * least_rows)
            continue;
        any = split(it, heaviest, k) || any;
        it->old.weights[k] = it->old.weights[heaviest] /= 2;
    }
    double density = 0;
    if (!any)
        return GKV_OK;
    GKV_TRY(judge(it, &density));
    if (density >= report->held_out_after)
        report->held_out_after = density;
    else
        copy_parameters(it, true);
    return GKV_OK;
}

gkv_status gkv_mixture_refit(const gkv_base *base, const gkv_params *params, const gkv_base_codes *codes,
                             const gkv_base_refit_settings *settings, gkv_base_refit_report *report)
{
    refit it = {.self = gkv_base_mixture_of(base), .params = params, .codes = codes, .settings = settings,
                .d = base->eps.width, .K = gkv_base_mixture_of(base)->components};
    memset(report, 0, sizeof *report);
    report->cost_before = report->cost_after = report->goodness = NAN;
    gkv_status status = GKV_OK;
    if (base->classes > 0 && (!codes->fit_class || !codes->held_out_class))
        return gkv_fail(GKV_ERR_ARGUMENT, "a base by class is fitted to codes with their classes");
    GKV_TRY_GOTO(refit_create(&it));
    GKV_TRY_GOTO(judge(&it, &report->held_out_before));
    report->held_out_after = report->held_out_before;
    if (codes->tally)
        fit_tally(&it);
    else
        status = fit(&it, report);
    /* Codes that no mixture can be fitted to (a dimension that has died, numbers that are not finite,
     * fewer codes than components) leave the base as it is: they are training's to deal with. */
    if (status == GKV_ERR_DATA || status == GKV_ERR_NUMERIC)
        status = GKV_OK;
    else if (status == GKV_OK)
        status = step(&it, report);
    if (status == GKV_OK && codes->tally && report->step > 0)
        status = revive(&it, report);
done:
    if (it.saved && (status != GKV_OK || report->step == 0))
        copy_parameters(&it, true);
    if (status == GKV_OK)
        describe(&it, report);
    refit_free(&it);
    return status;
}
