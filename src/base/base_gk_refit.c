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
#include "mixture/mixture.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk.h"

/* BLOCK_ROWS: the rows of one task. It is fixed, so that results do not depend on the number of
 * threads. */
enum { HALVINGS = 6, BLOCK_ROWS = 250 };

typedef struct gk_refit {
    const gki_base *base;
    const gki_params *params;
    const gki_base_codes *codes;
    size_t d;
    int threads;
    bool copula;
    double *rows;                                  /* the codes to fit to [n, d] */
    gkv_gk *margins;                               /* [d] */
    double *scratch;                               /* of gki_mgk_between() */
    gkv_mgk *old, *fitted;                         /* the base at the start, and fitted */
    gki_real *z, *log_dq, *whitened, *log_density; /* results for the held-out codes */
} gk_refit;

static void refit_free(gk_refit *refit)
{
    free(refit->rows);
    free(refit->margins);
    free(refit->scratch);
    gkv_mgk_free(refit->old);
    gkv_mgk_free(refit->fitted);
    free(refit->z);
    free(refit->log_dq);
    free(refit->whitened);
    free(refit->log_density);
}

/* Allocates the memory, and reads the base. */
static gkv_status refit_create(gk_refit *refit)
{
    const size_t d = refit->d, n = refit->codes->held_out.count;
    double *l = NULL;
    GKV_TRY(gki_alloc(refit->codes->fit.count * d, sizeof *refit->rows, &refit->rows));
    GKV_TRY(gki_alloc(d, sizeof *refit->margins, &refit->margins));
    GKV_TRY(gki_alloc(gki_mgk_between_scratch(d, &(gki_mgk_step){0}), sizeof *refit->scratch,
                      &refit->scratch));
    GKV_TRY(gki_alloc(n * d, sizeof *refit->z, &refit->z));
    GKV_TRY(gki_alloc(n * d, sizeof *refit->log_dq, &refit->log_dq));
    GKV_TRY(gki_alloc(n, sizeof *refit->log_density, &refit->log_density));
    for (size_t j = 0; j < d; j++)
        refit->margins[j] = gki_base_gk_get(refit->base, refit->params, j);
    if (refit->copula) {
        const gki_real *cholesky =
            gki_param_value(refit->params, gki_base_gk_of(refit->base)->cholesky);
        GKV_TRY(gki_alloc(n * d, sizeof *refit->whitened, &refit->whitened));
        l = refit->scratch;
        for (size_t i = 0; i < d * d; i++)
            l[i] = (double)cholesky[i];
    }
    return gki_mgk_build(d, refit->margins, NULL, l, &refit->old);
}

/* Mean log density of the held-out codes under the parameters in the table. */
static double held_out_density(const gk_refit *refit)
{
    const size_t n = refit->codes->held_out.count, d = refit->d;
    const long blocks = (long)((n + BLOCK_ROWS - 1) / BLOCK_ROWS);
#pragma omp parallel for schedule(static) num_threads(refit->threads)
    for (long b = 0; b < blocks; b++) {
        const size_t first = (size_t)b * BLOCK_ROWS,
                     count = n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS;
        gki_real *z = refit->z + first * d;
        const gki_base_gk_rows rows = {.eps = refit->codes->held_out.eps + first * d,
                                       .z = z,
                                       .log_dq = refit->log_dq + first * d,
                                       .whitened =
                                           refit->whitened ? refit->whitened + first * d : z,
                                       .log_density = refit->log_density + first};
        gki_base_gk_evaluate(refit->base, refit->params, count, &rows);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)refit->log_density[i];
    return sum / (double)n;
}

/* Converts the codes to double: as columns for the margins, and as rows for R. */
static void convert_codes(const gk_refit *refit, double *columns)
{
    const size_t n = refit->codes->fit.count;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < refit->d; j++)
            columns[j * n + i] = refit->rows[i * refit->d + j] =
                (double)refit->codes->fit.eps[i * refit->d + j];
}

/* Whether a margin keeps its parameters after a fit with this status. Equal codes of a
 * collapsed latent dimension, for example, have no fit. */
static bool keeps_margin(gkv_status status)
{
    return status == GKV_ERR_DATA || status == GKV_ERR_NUMERIC;
}

/* Fits each margin on its own, all margins in one batch. */
static gkv_status fit_margins(const gk_refit *refit, bool first, gki_base_refit_report *report)
{
    const size_t n = refit->codes->fit.count, d = refit->d;
    double *columns = NULL;
    gkv_gk_sample *samples = NULL;
    gkv_gk_fit_result *results = NULL;
    gkv_status *statuses = NULL, status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d * n, sizeof *columns, &columns));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *samples, &samples));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *results, &results));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *statuses, &statuses));
    convert_codes(refit, columns);
    for (size_t j = 0; j < d; j++)
        samples[j] = (gkv_gk_sample){
            .x = columns + j * n, .n = n, .start = first ? NULL : &refit->old->margins[j]};
    gkv_gk_fit_settings settings;
    gkv_gk_fit_defaults(&settings);
    settings.advanced.margin = gki_base_gk_margin_of_safety;
    settings.likelihood = false;
    settings.advanced.loss = GKV_LM_CAUCHY; /* a few outliers must not decide the tails */
    settings.advanced.loss_scale = gki_mgk_outlier_residual;
    status = gkv_gk_fit_many(d, samples, &settings, &(gkv_run_options){.threads = refit->threads},
                             results, statuses);
    if (status != GKV_OK && !keeps_margin(status))
        goto done;
    status = GKV_OK;
    double chi2 = 0, freedom = 0;
    for (size_t j = 0; j < d; j++) {
        if (statuses[j] != GKV_OK)
            continue;
        refit->margins[j] = results[j].gk;
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

/* Writes the parameters to the table. Returns false if R is not positive definite to working
 * precision. */
static bool write(const gk_refit *refit, const gkv_mgk *mgk)
{
    for (size_t j = 0; j < refit->d; j++)
        gki_base_gk_set(refit->base, refit->params, j, &mgk->margins[j]);
    bool definite = true;
    for (size_t i = 0; refit->copula && i < refit->d * refit->d; i++) {
        const double l = mgk->cholesky[i];
        gki_param_value(refit->params, gki_base_gk_of(refit->base)->cholesky)[i] = (gki_real)l;
        definite = definite && (i % (refit->d + 1) != 0 || l * l > 1e-6);
    }
    return definite;
}

/* Moves the parameters by the fraction τ of the way from the old to the fitted ones. *density
 * becomes the mean log density of the held-out codes, or NaN if R is not positive definite. */
static gkv_status move(const gk_refit *refit, double tau, double *density)
{
    const gki_mgk_step step = {.fraction = tau, .margin = gki_base_gk_margin_of_safety};
    gkv_mgk *moved = NULL;
    GKV_TRY(
        gki_mgk_between(refit->old, refit->fitted, &step, refit->margins, refit->scratch, &moved));
    *density = write(refit, moved) ? held_out_density(refit) : NAN;
    gkv_mgk_free(moved);
    return GKV_OK;
}

/* Fits margins and R. The fitted base is NULL if the codes are not finite, with which the training
 * step deals. */
static gkv_status fit(gk_refit *refit, bool first, gki_base_refit_report *report)
{
    double *r = refit->scratch, *l = refit->copula ? r + refit->d * refit->d : NULL;
    GKV_TRY(fit_margins(refit, first, report));
    if (refit->copula) {
        const gkv_status status =
            gkv_mgk_correlation(refit->codes->fit.count, refit->d, refit->rows, refit->margins, 0,
                                &(gkv_run_options){.threads = refit->threads}, r, l);
        if (status != GKV_OK)
            return status == GKV_ERR_DATA ? GKV_OK : status;
    }
    return gki_mgk_build(refit->d, refit->margins, NULL, l, &refit->fitted);
}

gkv_status gki_base_gk_refit(const gki_base *base, const gki_params *params,
                             const gki_base_codes *codes, const gki_base_refit_settings *settings,
                             gki_base_refit_report *report)
{
    gk_refit refit = {.base = base,
                      .params = params,
                      .codes = codes,
                      .d = base->eps.width,
                      .threads = settings->threads,
                      .copula = gki_base_gk_of(base)->copula};
    memset(report, 0, sizeof *report);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(refit_create(&refit));
    GKV_TRY_GOTO(fit(&refit, settings->first, report));
    report->held_out_before = report->held_out_after = held_out_density(&refit);
    double tau = settings->damping;
    for (int i = 0; i <= HALVINGS && refit.fitted && report->step == 0; i++, tau /= 2) {
        double density;
        GKV_TRY_GOTO(move(&refit, tau, &density));
        if (density >= report->held_out_before) { /* false for NaN */
            report->step = tau;
            report->held_out_after = density;
        }
    }
    if (report->step == 0)
        write(&refit, refit.old);
    gki_base_describe_shapes(
        refit.d, gki_param_value(params, gki_base_gk_of(base)->margin[GKV_BASE_G]),
        gki_param_value(params, gki_base_gk_of(base)->margin[GKV_BASE_K]), report);
done:
    refit_free(&refit);
    return status;
}
