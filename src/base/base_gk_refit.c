/* The refit of a g-and-k base to codes by Levenberg–Marquardt.
 *
 * Each margin is fitted on its own to whitened quantile residuals, all margins in one
 * batch (gkvae/gk_fit.h). The correlation matrix is then estimated from the normal scores
 * z = Q⁻¹(ε) of the fitted margins. The parameters move towards the fit by a step of
 * length τ. The step is halved until the parameters are strictly valid and the held-out
 * codes are no less likely than before. If no step passes, the parameters do not change. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_gk.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk.h"

/* BLOCK_ROWS: the rows of one task. It is fixed, so that results do not depend on the number of
 * threads. */
enum { HALVINGS = 6, BLOCK_ROWS = 250 };

typedef struct refit {
    const gki_base *base;
    const gki_params *params;
    const gki_base_codes *codes;
    size_t d;
    int threads;
    double *rows;             /* the codes to fit to [n, d] */
    gkv_gk *old, *fitted;     /* [d] */
    double *old_r, *fitted_r; /* correlation matrices [d, d] */
    /* the correlation matrix of the trial step, then its Cholesky factor [d, d] */
    double *trial_r;
    gki_real *z, *log_dq, *whitened, *log_density; /* results for the held-out codes */
    gki_real *saved_cholesky;
} refit;

static void refit_free(refit *it)
{
    free(it->rows);
    free(it->old);
    free(it->fitted);
    free(it->old_r);
    free(it->fitted_r);
    free(it->trial_r);
    free(it->z);
    free(it->log_dq);
    free(it->whitened);
    free(it->log_density);
    free(it->saved_cholesky);
}

static gkv_status refit_create(refit *it, bool copula)
{
    const size_t d = it->d, n = it->codes->held_out_count;
    GKV_TRY(gki_alloc(it->codes->fit_count * d, sizeof *it->rows, &it->rows));
    GKV_TRY(gki_alloc(d, sizeof *it->old, &it->old));
    GKV_TRY(gki_alloc(d, sizeof *it->fitted, &it->fitted));
    GKV_TRY(gki_alloc(n * d, sizeof *it->z, &it->z));
    GKV_TRY(gki_alloc(n * d, sizeof *it->log_dq, &it->log_dq));
    GKV_TRY(gki_alloc(n, sizeof *it->log_density, &it->log_density));
    if (!copula)
        return GKV_OK;
    GKV_TRY(gki_alloc(n * d, sizeof *it->whitened, &it->whitened));
    GKV_TRY(gki_alloc(d * d, sizeof *it->old_r, &it->old_r));
    GKV_TRY(gki_alloc(d * d, sizeof *it->fitted_r, &it->fitted_r));
    GKV_TRY(gki_alloc(d * d, sizeof *it->trial_r, &it->trial_r));
    return gki_alloc(d * d, sizeof *it->saved_cholesky, &it->saved_cholesky);
}

/* Mean log density of the held-out codes under the parameters in the table. */
static double held_out_density(const refit *it)
{
    const size_t n = it->codes->held_out_count, d = it->d;
    const long blocks = (long)((n + BLOCK_ROWS - 1) / BLOCK_ROWS);
#pragma omp parallel for schedule(static) num_threads(it->threads)
    for (long b = 0; b < blocks; b++) {
        const size_t first = (size_t)b * BLOCK_ROWS,
                     count = n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS;
        gki_real *z = it->z + first * d;
        const gki_base_gk_rows rows = {.eps = it->codes->held_out + first * d,
                                       .z = z,
                                       .log_dq = it->log_dq + first * d,
                                       .whitened = it->whitened ? it->whitened + first * d : z,
                                       .log_density = it->log_density + first};
        gki_base_gk_evaluate(it->base, it->params, count, &rows);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)it->log_density[i];
    return sum / (double)n;
}

/* Converts the codes to double: as columns for the margins, and as rows for R. */
static void convert_codes(const refit *it, double *columns)
{
    const size_t n = it->codes->fit_count;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < it->d; j++)
            columns[j * n + i] = it->rows[i * it->d + j] = (double)it->codes->fit[i * it->d + j];
}

/* Whether a margin keeps its parameters after a fit with this status. Equal codes of a
 * collapsed latent dimension, for example, have no fit. */
static bool keeps_margin(gkv_status status)
{
    return status == GKV_ERR_DATA || status == GKV_ERR_NUMERIC;
}

/* Fits each margin on its own, all margins in one batch. */
static gkv_status fit_margins(const refit *it, bool first, gki_base_refit_report *report)
{
    const size_t n = it->codes->fit_count, d = it->d;
    double *columns = NULL;
    gkv_gk_sample *samples = NULL;
    gkv_gk_fit_result *results = NULL;
    gkv_status *statuses = NULL, status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d * n, sizeof *columns, &columns));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *samples, &samples));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *results, &results));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *statuses, &statuses));
    convert_codes(it, columns);
    for (size_t j = 0; j < d; j++)
        samples[j] =
            (gkv_gk_sample){.x = columns + j * n, .n = n, .start = first ? NULL : &it->old[j]};
    gkv_gk_fit_settings settings;
    gkv_gk_fit_defaults(&settings);
    settings.advanced.margin = gki_base_gk_margin_of_safety;
    settings.likelihood = false;
    settings.advanced.loss = GKV_LM_CAUCHY; /* a few outliers must not decide the tails */
    settings.advanced.loss_scale = gki_base_outlier_residual;
    status = gkv_gk_fit_many(d, samples, &settings, &(gkv_run_options){.threads = it->threads},
                             results, statuses);
    if (status != GKV_OK && !keeps_margin(status))
        goto done;
    status = GKV_OK;
    double chi2 = 0, freedom = 0;
    for (size_t j = 0; j < d; j++) {
        if (statuses[j] != GKV_OK)
            continue;
        it->fitted[j] = results[j].gk;
        report->iterations += (long)results[j].iterations;
        report->cost_before += results[j].cost_before;
        report->cost_after += results[j].cost_after;
        chi2 += results[j].chi2;
        freedom += (double)results[j].dof;
    }
    report->goodness = freedom > 0 ? chi2 / freedom : NAN;
done:
    free(columns);
    free(samples);
    free(results);
    free(statuses);
    return status;
}

/* Moves the parameters by the fraction τ of the way from the old to the fitted ones. */
static gkv_status move(const refit *it, double tau)
{
    const gki_base_gk_state *self = gki_base_gk_of(it->base);
    for (size_t j = 0; j < it->d; j++) {
        const gkv_gk *from = &it->old[j], *to = &it->fitted[j];
        gkv_gk gk = {.a = from->a + tau * (to->a - from->a),
                     .b = from->b + tau * (to->b - from->b),
                     .g = from->g + tau * (to->g - from->g),
                     .k = from->k + tau * (to->k - from->k),
                     .c = from->c};
        /* the valid region is not convex, so a point between two valid points may be invalid */
        if (tau > 0)
            gk = gkv_gk_project(&gk, gki_base_gk_margin_of_safety);
        gki_base_gk_set(it->base, it->params, j, &gk);
    }
    if (!self->copula)
        return GKV_OK;
    gki_real *cholesky = gki_param_value(it->params, self->cholesky);
    if (tau == 0) {
        memcpy(cholesky, it->saved_cholesky, it->d * it->d * sizeof *cholesky);
        return GKV_OK;
    }
    /* The positive definite correlation matrices are a convex set. */
    for (size_t i = 0; i < it->d * it->d; i++)
        it->trial_r[i] = it->old_r[i] + tau * (it->fitted_r[i] - it->old_r[i]);
    if (!gki_cholesky(it->d, it->trial_r, 1e-6, it->trial_r))
        return gki_fail(GKV_ERR_NUMERIC,
                        "the correlation matrix of a refit is not positive definite");
    for (size_t i = 0; i < it->d * it->d; i++)
        cholesky[i] = (gki_real)it->trial_r[i];
    return GKV_OK;
}

static void save_parameters(refit *it)
{
    const gki_base_gk_state *self = gki_base_gk_of(it->base);
    const size_t d = it->d;
    for (size_t j = 0; j < d; j++)
        it->fitted[j] = it->old[j] = gki_base_gk_get(it->base, it->params, j);
    if (!self->copula)
        return;
    const gki_real *cholesky = gki_param_value(it->params, self->cholesky);
    memcpy(it->saved_cholesky, cholesky, d * d * sizeof *cholesky);
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t k = 0; k < d; k++)
                sum += (double)cholesky[i * d + k] * (double)cholesky[j * d + k];
            it->old_r[i * d + j] = sum;
        }
    }
}

static void describe(const refit *it, gki_base_refit_report *report)
{
    report->g_min = report->k_min = INFINITY;
    report->g_max = report->k_max = -INFINITY;
    for (size_t j = 0; j < it->d; j++) {
        const gkv_gk gk = gki_base_gk_get(it->base, it->params, j);
        report->g_min = fmin(report->g_min, gk.g);
        report->g_max = fmax(report->g_max, gk.g);
        report->k_min = fmin(report->k_min, gk.k);
        report->k_max = fmax(report->k_max, gk.k);
    }
}

gkv_status gki_base_gk_refit(const gki_base *base, const gki_params *params,
                             const gki_base_codes *codes, const gki_base_refit_settings *settings,
                             gki_base_refit_report *report)
{
    const bool copula = gki_base_gk_of(base)->copula;
    const int threads = settings->threads;
    refit it = {
        .base = base, .params = params, .codes = codes, .d = base->eps.width, .threads = threads};
    memset(report, 0, sizeof *report);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(refit_create(&it, copula));
    save_parameters(&it);
    GKV_TRY_GOTO(fit_margins(&it, settings->first, report));
    report->held_out_before = report->held_out_after = held_out_density(&it);
    double tau = settings->damping;
    if (copula) {
        status = gkv_mgk_correlation(codes->fit_count, it.d, it.rows, it.fitted, 0,
                                     &(gkv_run_options){.threads = threads}, it.fitted_r, NULL);
        if (status == GKV_ERR_DATA) {
            /* the codes are not finite; the training step deals with that */
            status = GKV_OK;
            tau = 0;
        }
        if (status != GKV_OK)
            goto done;
    }
    for (int i = 0; i <= HALVINGS && tau > 0 && report->step == 0; i++, tau /= 2) {
        if (move(&it, tau) != GKV_OK)
            continue; /* R is not positive definite to working precision; a shorter step will be */
        const double density = held_out_density(&it);
        if (density >= report->held_out_before) { /* false for NaN */
            report->step = tau;
            report->held_out_after = density;
        }
    }
    if (report->step == 0)
        GKV_TRY_GOTO(move(&it, 0));
    describe(&it, report);
done:
    refit_free(&it);
    return status;
}
