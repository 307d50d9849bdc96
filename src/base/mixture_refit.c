/* The refit of a mixture. A refit to codes does some iterations of expectation–maximization
 * (gkvae/mgk_mixture.h). The first refit starts from k-means++, every other one from the current
 * parameters. Margins are fitted by Levenberg–Marquardt to weighted quantiles, all components and
 * dimensions in one batch. During training with train.refit_steps every refit after the first uses
 * sufficient statistics in place of codes (mixture/online.h), which training steps accumulate.
 *
 * The parameters then move towards the fit by a step of length τ (gki_mgk_mixture_between). The
 * step is halved until the held-out codes are no less likely than before. If no step passes, the
 * parameters do not change. */
#include "base/mixture_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_gk.h"
#include "base/mixture_kernels.h"
#include "base/mixture_outer.h"
#include "core/memory.h"
#include "gkvae/mgk_mixture.h"

/* --- Sufficient statistics ------------------------------------------------ */

/* Rows with a lower responsibility are left out. */
static const gki_real least_responsibility = (gki_real)1e-3;

gki_online_layout gki_mixture_stats_layout(const gki_base_mixture *self)
{
    return gki_online_layout_of(self->base.eps.width, self->spec.dependent, self->shaped);
}

/* A part is a component. Shapes that all components share have no statistics. */
static gkv_status stats_create(const gki_base *base, gki_base_stats **out)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    *out = NULL;
    if (self->spec.shared_shapes && self->shaped)
        return GKV_OK;
    return gki_base_stats_alloc(base, base->components,
                                base->components * gki_mixture_stats_layout(self).size, out);
}

/* Returns (WWᵀ)_jj − 1. */
static double coupling_information(const gki_base_mixture *self, const gki_params *params, size_t k,
                                   size_t j)
{
    const size_t d = self->base.eps.width;
    const gki_real *row = gki_mixture_whitening(self, params, k) + j * d;
    double sum = 0;
    for (size_t i = j; i < d; i++)
        sum += (double)row[i] * (double)row[i];
    return fmax(0, sum - 1);
}

/* Adds a row to the sums of a component. The squares of dependent components are buffered in
 * `rows`. */
static void add_row(const gki_online_layout *layout, gki_real r, const gki_real *zeta,
                    const gki_real *u, const gki_real *spread, gki_mixture_outer *rows,
                    gki_real *sums)
{
    const size_t d = layout->d, next = gki_mixture_outer_next(rows, sums + layout->square);
    gki_real excess[GKV_BASE_DIMENSIONS_MAX];
    int32_t cell[GKV_BASE_DIMENSIONS_MAX];
    const gki_mixture_statistics row = {.zeta = zeta,
                                        .u = layout->coupling ? u : NULL,
                                        .spread = spread,
                                        .clamped = rows->x + next,
                                        .weighted = rows->y + next,
                                        .excess = excess,
                                        .cell = cell};
    gki_mixture_kernels_get()->statistics(d, r, &row, sums + layout->sum);
    if (layout->dependent)
        rows->count++;
    for (size_t j = 0; !layout->dependent && j < d; j++)
        sums[layout->square + j] += row.weighted[j] * row.clamped[j];
    gki_real *counts = sums + layout->cells, *coupling = sums + layout->coupling;
    for (size_t j = 0; layout->cells && j < d; j++)
        counts[j * GKV_ONLINE_CELLS + (size_t)cell[j]] += r;
    for (size_t j = 0; layout->cells && layout->coupling && j < d; j++)
        coupling[j * GKV_ONLINE_CELLS + (size_t)cell[j]] += excess[j];
    sums[0] += r;
}

/* The rows of a component are far apart, so the processor does not foresee them. */
enum { AHEAD = 8, LINE = 64 / sizeof(gki_real) };

static void prefetch(const gki_real *from, size_t count)
{
    for (size_t i = 0; i < count; i += LINE)
        __builtin_prefetch(from + i);
}

static void stats_add(gki_base_stats *stats, const gki_workspace *ws, const gki_slot *weight,
                      size_t rows, size_t part)
{
    const gki_base_mixture *self = gki_base_mixture_of(stats->base);
    const size_t d = self->base.eps.width;
    const gki_online_layout layout = gki_mixture_stats_layout(self);
    gki_real spread[GKV_BASE_DIMENSIONS_MAX], *sums = stats->values + part * layout.size;
    gki_mixture_outer squares;
    squares.d = d, squares.count = 0;
    for (size_t j = 0; j < d && layout.coupling; j++) /* the standard deviations of u */
        spread[j] = (gki_real)sqrt(1 + coupling_information(self, ws->params, part, j));
    for (size_t row = 0; row < rows; row++) {
        const gki_real responsibility = gki_at(ws, self->responsibility, row)[part];
        if (row + AHEAD < rows) {
            prefetch(gki_at(ws, self->zeta, row + AHEAD) + part * d, d);
            prefetch(gki_at(ws, self->u, row + AHEAD) + part * d, d);
        }
        if (responsibility >= least_responsibility)
            add_row(&layout, weight ? responsibility * *gki_at(ws, *weight, row) : responsibility,
                    gki_at(ws, self->zeta, row) + part * d, gki_at(ws, self->u, row) + part * d,
                    spread, &squares, sums);
    }
    gki_mixture_outer_add(&squares, sums + layout.square);
}

gkv_status gki_mixture_stats_read(const gki_base_stats *stats, const gki_params *params,
                                  double **memory, gki_online_stats *out)
{
    const gki_base_mixture *self = gki_base_mixture_of(stats->base);
    const gki_online_layout layout = gki_mixture_stats_layout(self);
    const size_t d = layout.d, K = self->base.components, size = stats->count;
    GKV_TRY(gki_alloc(size + (layout.coupling ? K * d : 0), sizeof **memory, memory));
    for (size_t i = 0; i < size; i++)
        (*memory)[i] = (double)stats->values[i];
    for (size_t i = 0; i < K * d && layout.coupling; i++)
        (*memory)[size + i] = coupling_information(self, params, i / d, i % d);
    *out = (gki_online_stats){.layout = layout,
                              .values = *memory,
                              .information = layout.coupling ? *memory + size : NULL};
    return GKV_OK;
}

const gki_base_stats_ops gki_mixture_stats_ops = {.create = stats_create,
                                                  .add = stats_add,
                                                  .m_step = gki_mixture_m_step};

/* --- The refit ------------------------------------------------------------ */

/* The least scale of a margin, as a fraction of the codes' scale. */
static const double min_scale = 0.01;

/* The first fit stops when the held-out log density has not improved for FIRST_PATIENCE iterations.
 * It fits normal components first, which is fast, and then the shapes in SHAPE_ITERATIONS more.
 * HALVINGS and STATS_HALVINGS are the most halvings of the step of a refit to codes and to
 * statistics. */
enum {
    HALVINGS = 4,
    STATS_HALVINGS = 1,
    FIRST_PATIENCE = 3,
    FIRST_ITERATIONS = 10,
    SHAPE_ITERATIONS = 2
};

typedef struct component_refit {
    const gki_base_mixture *self;
    const gki_params *params; /* the table that the refit changes */
    const gki_base_rows *held_out;
    const gki_base_refit_settings *settings;
    const gki_base_rows *fit; /* the codes to fit to; NULL with statistics */
    double *rows;             /* these, then the held-out codes */
    gki_online_stats stats;   /* the statistics to fit to, if there are no codes */
    double *stats_memory;
    size_t d;
    gkv_mgk_mixture *old, *fitted, *moved; /* at the start, fitted, and after the accepted step */
    gki_real *saved;                       /* the parameters at the start */
    bool improved; /* whether the fit has a higher held-out log density than its start */
} component_refit;

static void refit_free(component_refit *refit)
{
    free(refit->rows);
    free(refit->stats_memory);
    free(refit->saved);
    gkv_mgk_mixture_free(refit->old);
    gkv_mgk_mixture_free(refit->fitted);
    gkv_mgk_mixture_free(refit->moved);
}

/* --- The fit -------------------------------------------------------------- */

static gkv_status take_rows(component_refit *refit)
{
    const size_t n = refit->fit->count * refit->d, all = n + refit->held_out->count * refit->d;
    GKV_TRY(gki_alloc(all, sizeof *refit->rows, &refit->rows));
    for (size_t i = 0; i < all; i++)
        refit->rows[i] = (double)(i < n ? refit->fit->eps[i] : refit->held_out->eps[i - n]);
    return GKV_OK;
}

static gkv_mgk_mixture_settings fit_settings(const component_refit *refit)
{
    const gki_base_mixture *self = refit->self;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = refit->self->base.components;
    set.seed = refit->settings->seed;
    set.advanced.keep = set.advanced.single_precision = true;
    set.normal = !self->shaped;
    set.independent = !self->spec.dependent;
    set.advanced.shared_shapes = self->spec.shared_shapes;
    set.advanced.min_scale = min_scale;
    set.advanced.min_rows = GKV_ONLINE_ROWS_MIN;
    set.max_iterations =
        refit->settings->first ? FIRST_ITERATIONS : (size_t)refit->settings->iterations;
    set.tolerance = 1e-4 * (double)refit->fit->count;
    /* A single iteration needs no held-out rows here: step() checks it on the held-out codes. */
    set.held_out = set.max_iterations > 1 ? refit->rows + refit->fit->count * refit->d : NULL;
    set.held_out_rows = refit->held_out->count;
    set.patience = refit->settings->first ? FIRST_PATIENCE : 1;
    if (self->base.classes > 0) {
        set.advanced.groups = self->base.classes;
        set.advanced.group = refit->fit->classes;
        set.advanced.held_out_group = refit->held_out->classes;
    }
    gkv_gk_fit_advanced *margins = &set.advanced.margins.advanced;
    margins->margin = gki_base_gk_margin_of_safety;
    margins->loss = GKV_LM_CAUCHY; /* a few outliers must not decide the tails */
    margins->loss_scale = gki_mgk_outlier_residual;
    return set;
}

static gkv_status fit_codes(component_refit *refit, gki_base_refit_report *report)
{
    gkv_mgk_mixture *normal = NULL;
    gkv_mgk_mixture_result result;
    gkv_status status = GKV_OK;
    if (refit->fit->count < refit->self->base.components)
        return gki_fail(GKV_ERR_CONFIG,
                        "%zu codes to fit to are too few for %zu components of the base: lower "
                        "model.base_components, or give more codes",
                        refit->fit->count, refit->self->base.components);
    GKV_TRY(take_rows(refit));
    gkv_mgk_mixture_settings set = fit_settings(refit);
    const gkv_run_options options = {.threads = refit->settings->threads};
    if (!refit->settings->first) {
        set.start = refit->old;
    } else if (!set.normal) {
        gkv_mgk_mixture_settings gaussian = set;
        gaussian.normal = true;
        GKV_TRY_GOTO(gkv_mgk_mixture_fit(refit->fit->count, refit->d, refit->rows, &gaussian,
                                         &options, &normal, &result));
        set.start = normal;
        report->em_iterations = (long)result.iterations;
        set.max_iterations = SHAPE_ITERATIONS;
    }
    GKV_TRY_GOTO(gkv_mgk_mixture_fit(refit->fit->count, refit->d, refit->rows, &set, &options,
                                     &refit->fitted, &result));
    report->em_iterations += (long)result.iterations;
    /* Without held-out codes the best iteration is the last one. */
    refit->improved = refit->settings->first || result.best_iteration > 0;
done:
    gkv_mgk_mixture_free(normal);
    return status;
}

static gkv_status fit_stats(component_refit *refit, gki_base_refit_report *report)
{
    report->em_iterations = 1;
    report->forgetting = refit->settings->forgetting;
    GKV_TRY(gki_online_maximize(refit->old, &refit->stats, refit->settings->forgetting,
                                refit->settings->threads, &refit->fitted));
    refit->improved = refit->fitted != NULL;
    return GKV_OK;
}

/* --- The step ------------------------------------------------------------- */

static gkv_status mean_density(const component_refit *refit, double *density)
{
    return gki_mixture_mean_density(refit->self, refit->params, refit->held_out->eps,
                                    refit->held_out->classes, refit->held_out->count,
                                    refit->settings->threads, density);
}

/* Writes a mixture to the table. *density becomes the mean log density of the held-out codes, or
 * NaN if the mixture cannot be written. */
static gkv_status try_mixture(const component_refit *refit, const gkv_mgk_mixture *mixture,
                              double *density)
{
    bool written = false;
    *density = NAN;
    GKV_TRY(
        gki_mixture_write(refit->self, refit->params, mixture, refit->settings->threads, &written));
    return written ? mean_density(refit, density) : GKV_OK;
}

/* Moves the fraction τ of the way to the fit. */
static gkv_status move_to(component_refit *refit, double tau, double *density)
{
    const gki_mgk_step step = {.fraction = tau,
                               .margin = gki_base_gk_margin_of_safety,
                               .rank =
                                   refit->self->spec.rank < refit->d ? refit->self->spec.rank : 0,
                               .threads = refit->settings->threads};
    gkv_mgk_mixture_free(refit->moved);
    refit->moved = NULL;
    GKV_TRY(gki_mgk_mixture_between(refit->old, refit->fitted, &step, &refit->moved));
    return try_mixture(refit, refit->moved, density);
}

/* Keeps the longest step after which the held-out codes are no less likely. */
static gkv_status accept_step(component_refit *refit, gki_base_refit_report *report)
{
    double tau = refit->settings->damping, density = NAN;
    /* the next refit to statistics is soon */
    const int halvings = refit->fit ? HALVINGS : STATS_HALVINGS;
    for (int i = 0; i <= halvings && report->step == 0; i++, tau /= 2) {
        GKV_TRY(move_to(refit, tau, &density));
        if (density >= report->held_out_before) { /* false for NaN */
            report->step = tau;
            report->held_out_after = density;
        }
    }
    return GKV_OK;
}

/* Reinitialises empty components, and undoes that if it lowers the held-out log density. */
static gkv_status reinitialise(component_refit *refit, gki_base_refit_report *report)
{
    double density = NAN;
    size_t count = 0;
    GKV_TRY(gki_online_reinitialise(refit->moved, &refit->stats, refit->self->per_class,
                                    refit->settings->forgetting, &count));
    if (count == 0)
        return GKV_OK;
    GKV_TRY(try_mixture(refit, refit->moved, &density));
    if (!(density >= report->held_out_after))
        return move_to(refit, report->step, &density);
    report->held_out_after = density;
    report->reinitialised = (long)count;
    return GKV_OK;
}

/* Refits to the codes, or to the statistics. `density` is the mean log density of the held-out
 * codes at the start, or NaN if it is not known. */
static gkv_status run(component_refit *refit, double density, gki_base_refit_report *report)
{
    gkv_status status = GKV_OK;
    memset(report, 0, sizeof *report);
    report->cost_before = report->cost_after = report->goodness = NAN;
    GKV_TRY_GOTO(gki_mixture_save(refit->self, refit->params, &refit->saved));
    GKV_TRY_GOTO(
        gki_mixture_read(refit->self, refit->params, refit->settings->threads, &refit->old));
    if (isnan(density))
        GKV_TRY_GOTO(mean_density(refit, &density));
    report->held_out_before = report->held_out_after = density;
    status = refit->fit ? fit_codes(refit, report) : fit_stats(refit, report);
    /* A collapsed dimension, or numbers that are not finite, make the fit fail. The base then keeps
     * its parameters, and the training step deals with the cause. */
    if (status == GKV_ERR_DATA || status == GKV_ERR_NUMERIC)
        status = GKV_OK;
    else if (status == GKV_OK && refit->improved)
        status = accept_step(refit, report);
    if (status == GKV_OK && !refit->fit && report->step > 0)
        status = reinitialise(refit, report);
done:
    if (refit->saved && (status != GKV_OK || report->step == 0))
        gki_mixture_restore(refit->self, refit->params, refit->saved);
    if (status == GKV_OK && refit->self->shaped)
        gki_base_describe_shapes(refit->self->base.components * refit->d,
                                 gki_mixture_margin(refit->self, refit->params, GKV_MIXTURE_G, 0),
                                 gki_mixture_margin(refit->self, refit->params, GKV_MIXTURE_K, 0),
                                 report);
    refit_free(refit);
    return status;
}

static gkv_status check_classes(const gki_base *base, const gki_base_rows *rows)
{
    if (base->classes > 0 && !rows->classes)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the refit of a base by class needs the classes of its codes");
    return GKV_OK;
}

gkv_status gki_mixture_refit(const gki_base *base, const gki_params *params,
                             const gki_base_codes *codes, const gki_base_refit_settings *settings,
                             gki_base_refit_report *report)
{
    component_refit refit = {.self = gki_base_mixture_of(base),
                             .params = params,
                             .fit = &codes->fit,
                             .held_out = &codes->held_out,
                             .settings = settings,
                             .d = base->eps.width};
    GKV_TRY(check_classes(base, &codes->fit));
    GKV_TRY(check_classes(base, &codes->held_out));
    return run(&refit, NAN, report);
}

gkv_status gki_mixture_m_step(const gki_base_stats *stats, const gki_params *params,
                              const gki_base_rows *held_out, double density,
                              const gki_base_refit_settings *settings,
                              gki_base_refit_report *report)
{
    component_refit refit = {.self = gki_base_mixture_of(stats->base),
                             .params = params,
                             .held_out = held_out,
                             .settings = settings,
                             .d = stats->base->eps.width};
    GKV_TRY(check_classes(stats->base, held_out));
    GKV_TRY(gki_mixture_stats_read(stats, params, &refit.stats_memory, &refit.stats));
    return run(&refit, density, report);
}
