/* The refit of a mixture. A refit to codes does some iterations of expectation–maximization
 * (gkvae/mgk_mixture.h). The first refit starts from k-means++, every other one from the current
 * parameters. Margins are fitted by Levenberg–Marquardt to weighted quantiles, all components and
 * dimensions in one batch. During training with train.refit_steps every refit after the first uses
 * sufficient statistics in place of codes (mixture_stats.h).
 *
 * The parameters then move towards the fit by a step of length τ (mixture_move.h). The step is
 * halved until the held-out codes are no less likely than before. If no step passes, the parameters
 * do not change. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_gk.h"
#include "base/mixture_stats.h"
#include "core/memory.h"
#include "gkvae/mgk_mixture.h"

/* The least scale of a margin, as a fraction of the codes' scale. */
static const double least_scale = 0.01;

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

typedef struct refit {
    gki_mixture_move move;
    const gki_base_codes *codes;
    const gki_base_refit_settings *settings;
    /* codes, then held-out codes [fit_count + held_out_count, d]; NULL with statistics */
    double *rows;
    gkv_mgk_mixture *found;
    bool improved; /* whether the fit has a higher held-out log density than its start */
} refit;

static void refit_free(refit *it)
{
    free(it->rows);
    gki_mixture_move_free(&it->move);
    gkv_mgk_mixture_free(it->found);
}

/* --- The fit -------------------------------------------------------------- */

static gkv_status take_rows(refit *it)
{
    const gki_base_codes *codes = it->codes;
    const size_t n = codes->fit_count * it->move.d, all = n + codes->held_out_count * it->move.d;
    GKV_TRY(gki_alloc(all, sizeof *it->rows, &it->rows));
    for (size_t i = 0; i < all; i++)
        it->rows[i] = (double)(i < n ? codes->fit[i] : codes->held_out[i - n]);
    return GKV_OK;
}

/* Creates the current mixture as a gkv_mgk_mixture. */
static gkv_status current(const refit *it, gkv_mgk_mixture **out)
{
    const gki_mixture_state *old = &it->move.old;
    const size_t d = it->move.d, count = it->move.K;
    gkv_mgk **parts = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(count, sizeof *parts, &parts));
    for (size_t k = 0; k < count; k++)
        GKV_TRY_GOTO(
            gkv_mgk_create(d, old->margins + k * d, old->r ? old->r + k * d * d : NULL, &parts[k]));
    status = gkv_mgk_mixture_create(count, old->weights, (const gkv_mgk *const *)parts, out);
done:
    for (size_t k = 0; parts && k < count; k++)
        gkv_mgk_free(parts[k]);
    free(parts);
    return status;
}

static gkv_mgk_mixture_settings fit_settings(const refit *it)
{
    const gki_base_mixture *self = it->move.self;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = it->move.K;
    set.seed = it->settings->seed;
    set.advanced.keep = set.advanced.single_precision = true;
    set.normal = !self->shaped;
    set.independent = !self->spec.dependent;
    set.advanced.shared_shapes = self->spec.shared_shapes;
    set.advanced.least_scale = least_scale;
    set.advanced.least_rows = GKV_MIXTURE_LEAST_ROWS;
    set.max_iterations = it->settings->first ? FIRST_ITERATIONS : (size_t)it->settings->iterations;
    set.tolerance = 1e-4 * (double)it->codes->fit_count;
    /* A single iteration needs no held-out rows here: step() checks it on the held-out codes. */
    set.held_out = set.max_iterations > 1 ? it->rows + it->codes->fit_count * it->move.d : NULL;
    set.held_out_rows = it->codes->held_out_count;
    set.patience = it->settings->first ? FIRST_PATIENCE : 1;
    if (self->base.classes > 0) {
        set.advanced.groups = self->base.classes;
        set.advanced.group = it->codes->fit_class;
        set.advanced.held_out_group = it->codes->held_out_class;
    }
    gkv_gk_fit_advanced *margins = &set.advanced.margins.advanced;
    margins->margin = gki_base_gk_margin_of_safety;
    margins->one_start = true;
    margins->loss = GKV_LM_CAUCHY; /* a few outliers must not decide the tails */
    margins->loss_scale = gki_base_outlier_residual;
    return set;
}

/* Copies the fit to the end of the move. */
static void take_found(const refit *it)
{
    const gki_mixture_state *fitted = &it->move.fitted;
    const size_t d = it->move.d;
    for (size_t k = 0; k < it->move.K; k++) {
        const gkv_mgk *part = gkv_mgk_mixture_component(it->found, k);
        fitted->weights[k] = gkv_mgk_mixture_weights(it->found)[k];
        memcpy(fitted->margins + k * d, gkv_mgk_margins(part), d * sizeof *fitted->margins);
        if (fitted->r)
            gkv_mgk_covariance(part, fitted->r + k * d * d);
    }
}

static gkv_status fit(refit *it, gki_base_refit_report *report)
{
    gkv_mgk_mixture *start = NULL;
    gkv_mgk_mixture_result result;
    gkv_status status = GKV_OK;
    if (it->codes->fit_count < it->move.K)
        return gki_fail(GKV_ERR_CONFIG,
                        "%zu codes to fit to are too few for %zu components of the base: lower "
                        "model.base_components, or give more codes",
                        it->codes->fit_count, it->move.K);
    GKV_TRY(take_rows(it));
    gkv_mgk_mixture_settings set = fit_settings(it);
    if (!it->settings->first) {
        GKV_TRY_GOTO(current(it, &start));
    } else if (!set.normal) {
        gkv_mgk_mixture_settings gaussian = set;
        gaussian.normal = true;
        GKV_TRY_GOTO(gkv_mgk_mixture_fit(it->codes->fit_count, it->move.d, it->rows, &gaussian,
                                         &(gkv_run_options){.threads = it->settings->threads},
                                         &start, &result));
        report->em_iterations = (long)result.iterations;
        set.max_iterations = SHAPE_ITERATIONS;
    }
    set.start = start;
    GKV_TRY_GOTO(gkv_mgk_mixture_fit(it->codes->fit_count, it->move.d, it->rows, &set,
                                     &(gkv_run_options){.threads = it->settings->threads},
                                     &it->found, &result));
    report->em_iterations += (long)result.iterations;
    /* Without held-out codes the best iteration is the last one. */
    it->improved = it->settings->first || result.best_iteration > 0;
    take_found(it);
done:
    gkv_mgk_mixture_free(start);
    return status;
}

/* --- The step ------------------------------------------------------------- */

static void describe(const refit *it, gki_base_refit_report *report)
{
    if (!it->move.self->shaped)
        return;
    report->g_min = report->k_min = INFINITY;
    report->g_max = report->k_max = -INFINITY;
    for (size_t i = 0; i < it->move.K * it->move.d; i++) {
        const gkv_gk gk =
            gki_mixture_get(it->move.self, it->move.params, i / it->move.d, i % it->move.d);
        report->g_min = fmin(report->g_min, gk.g);
        report->g_max = fmax(report->g_max, gk.g);
        report->k_min = fmin(report->k_min, gk.k);
        report->k_max = fmax(report->k_max, gk.k);
    }
}

static gkv_status mean_density(const refit *it, double *density)
{
    return gki_mixture_mean_density(it->move.self, it->move.params, it->codes->held_out,
                                    it->codes->held_out_class, it->codes->held_out_count,
                                    it->settings->threads, density);
}

static gkv_status step(const refit *it, gki_base_refit_report *report)
{
    double tau = it->settings->damping;
    /* the next refit to statistics is soon */
    const int halvings = it->codes->stats ? STATS_HALVINGS : HALVINGS;
    for (int i = 0; i <= halvings && it->improved && report->step == 0; i++, tau /= 2) {
        if (!gki_mixture_move_to(&it->move, tau))
            /* an R is not positive definite to working precision; a shorter step will be */
            continue;
        double density = 0;
        GKV_TRY(mean_density(it, &density));
        if (density >= report->held_out_before) { /* false for NaN */
            report->step = tau;
            report->held_out_after = density;
        }
    }
    return GKV_OK;
}

/* Reinitialises empty components, and undoes that if it lowers the held-out log density. */
static gkv_status reinitialise(const refit *it, gki_base_refit_report *report)
{
    double density = 0;
    gki_mixture_save(&it->move);
    const size_t count =
        gki_stats_reinitialise(&it->move, it->codes->stats, it->settings->forgetting);
    if (count == 0)
        return GKV_OK;
    GKV_TRY(mean_density(it, &density));
    if (density >= report->held_out_after) {
        report->held_out_after = density;
        report->reinitialised = (long)count;
    } else {
        gki_mixture_restore(&it->move);
    }
    return GKV_OK;
}

gkv_status gki_mixture_refit(const gki_base *base, const gki_params *params,
                             const gki_base_codes *codes, const gki_base_refit_settings *settings,
                             gki_base_refit_report *report)
{
    refit it = {.codes = codes, .settings = settings};
    memset(report, 0, sizeof *report);
    report->cost_before = report->cost_after = report->goodness = NAN;
    gkv_status status = GKV_OK;
    if (base->classes > 0 && (!codes->held_out_class || !(codes->fit_class || codes->stats)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the refit of a base by class needs the classes of its codes");
    GKV_TRY(
        gki_mixture_move_create(gki_base_mixture_of(base), params, settings->threads, &it.move));
    report->held_out_before = codes->stats ? codes->held_out_density : NAN;
    if (isnan(report->held_out_before))
        GKV_TRY_GOTO(mean_density(&it, &report->held_out_before));
    report->held_out_after = report->held_out_before;
    if (codes->stats) {
        report->em_iterations = 1;
        report->forgetting = settings->forgetting;
        it.improved = gki_stats_fit(&it.move, codes->stats, settings->forgetting);
    } else {
        status = fit(&it, report);
    }
    /* A collapsed dimension, or numbers that are not finite, make the fit fail. The base then keeps
     * its parameters, and the training step deals with the cause. */
    if (status == GKV_ERR_DATA || status == GKV_ERR_NUMERIC)
        status = GKV_OK;
    else if (status == GKV_OK)
        status = step(&it, report);
    if (status == GKV_OK && codes->stats && report->step > 0)
        status = reinitialise(&it, report);
done:
    if (status != GKV_OK || report->step == 0)
        gki_mixture_restore(&it.move);
    if (status == GKV_OK)
        describe(&it, report);
    refit_free(&it);
    return status;
}
