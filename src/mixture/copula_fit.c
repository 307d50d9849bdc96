/* The fit of a multivariate g-and-k distribution in two steps: the margins, then the correlation of
 * their normal scores. */
#include "gkvae/mgk_fit.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkfit/fit.h"
#include "num/linalg.h"
#include "mixture/scores.h"

void gkv_mgk_fit_defaults(gkv_mgk_fit_settings *settings)
{
    if (!settings)
        return;
    *settings = (gkv_mgk_fit_settings){0};
    gkv_gk_fit_defaults(&settings->margins);
    settings->margins.likelihood = false; /* the joint likelihood is computed instead */
}

void gkv_mgk_fit_result_free(gkv_mgk_fit_result *result)
{
    if (!result)
        return;
    free(result->margins);
    free(result->correlation);
    free(result->correlation_se);
    *result = (gkv_mgk_fit_result){0};
}

/* The rows with positive weight, and their weights. The arrays are NULL if these are all rows. */
typedef struct selection {
    uint32_t *row;
    double *weights;
    gki_mgk_weighted_rows selected;
} selection;

static gkv_status select_rows(size_t n, size_t d, const double *x, const double *weights,
                              const char *const *names, selection *out)
{
    char text[GKV_MGK_COLUMN_TEXT];
    *out = (selection){.selected = {.n = n, .d = d, .x = x, .weights = weights}};
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (weights && !(weights[i] >= 0 && isfinite(weights[i])))
            return gki_fail(GKV_ERR_DATA, "row %zu of %zu has weight %g", i + 1, n, weights[i]);
        if (weights && weights[i] == 0)
            continue;
        count++;
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[i * d + j]))
                return gki_fail(GKV_ERR_DATA, "a fit needs finite values: row %zu, %s is %g", i + 1,
                                gki_mgk_column_text(text, names, j), x[i * d + j]);
    }
    if (count == n)
        return GKV_OK;
    GKV_TRY(gki_alloc(count, sizeof *out->row, &out->row));
    GKV_TRY(gki_alloc(count, sizeof *out->weights, &out->weights));
    for (size_t i = 0, next = 0; i < n; i++)
        if (weights[i] > 0) {
            out->row[next] = (uint32_t)i;
            out->weights[next++] = weights[i];
        }
    out->selected.n = count;
    out->selected.row = out->row;
    out->selected.weights = out->weights;
    return GKV_OK;
}

static void copy_columns(const gki_mgk_weighted_rows *selected, int threads, double *columns)
{
    const size_t tiles = gki_mgk_tiles(selected->n), d = selected->d;
    const int used = gki_mgk_threads(threads, tiles);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        const size_t first = t * GKV_MGK_TILE, end = first + gki_mgk_tile_rows(selected->n, t);
        for (size_t j = 0; j < d; j++)
            for (size_t i = first; i < end; i++)
                columns[j * selected->n + i] =
                    selected->x[(selected->row ? selected->row[i] : i) * d + j];
    }
}

/* A normal margin (g = k = 0) by moments, which maximize the likelihood. Standard errors are those
 * of the normal distribution. */
static gkv_status normal_margin(const char *column, const gkv_gk_fit_settings *set, size_t n,
                                double weight, double mean, double variance,
                                gkv_gk_fit_result *result)
{
    if (!(variance > 0 && sqrt(variance) > 1e-14 * fabs(mean)))
        return gki_fail(GKV_ERR_DATA, "%s is constant (%g) and has no density; leave it out",
                        column, mean);
    *result = (gkv_gk_fit_result){.gk = {.a = mean, .b = sqrt(variance), .c = set->c},
                                  .n = n,
                                  .total = weight,
                                  .method = GKV_GK_MLE,
                                  .parameters = 2,
                                  .converged = true,
                                  .log_likelihood = NAN,
                                  .aic = NAN,
                                  .bic = NAN,
                                  .chi2 = NAN,
                                  .p_value = NAN,
                                  .anderson_darling = NAN};
    result->covariance[GKV_GK_A][GKV_GK_A] = variance / weight;
    result->covariance[GKV_GK_B][GKV_GK_B] = 0.5 * variance / weight;
    result->se[GKV_GK_A] = sqrt(variance / weight);
    result->se[GKV_GK_B] = sqrt(0.5 * variance / weight);
    gki_gk_fit_intervals(set->confidence, result);
    return GKV_OK;
}

static gkv_status fit_normal_margins(const gki_mgk_weighted_rows *selected,
                                     const gkv_mgk_fit_settings *set, const unsigned char *wanted,
                                     gkv_mgk_fit_result *result)
{
    const size_t d = selected->d;
    double *moments = NULL;
    GKV_TRY(gki_alloc(d, 2 * sizeof *moments, &moments));
    char text[GKV_MGK_COLUMN_TEXT];
    gki_mgk_weighted_rows_moments(selected, moments, moments + d);
    gkv_status status = GKV_OK;
    for (size_t j = 0; j < d && status == GKV_OK; j++)
        if (!wanted || wanted[j])
            status =
                normal_margin(gki_mgk_column_text(text, set->names, j), &set->margins, selected->n,
                              result->weight, moments[j], moments[d + j], &result->margins[j]);
    free(moments);
    return status;
}

static gkv_status fit_margins(const gki_mgk_weighted_rows *selected,
                              const gkv_mgk_fit_settings *set, const gkv_run_options *options,
                              gkv_mgk_fit_result *result)
{
    const size_t d = selected->d, n = selected->n;
    double *columns = NULL;
    gkv_gk_sample *samples = NULL;
    gkv_status *statuses = NULL, status = GKV_OK;
    char text[GKV_MGK_COLUMN_TEXT];
    unsigned char *failed = NULL;
    GKV_TRY_GOTO(gki_alloc(d * n, sizeof *columns, &columns));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *samples, &samples));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *statuses, &statuses));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *failed, &failed));
    copy_columns(selected, options->threads, columns);
    for (size_t j = 0; j < d; j++)
        samples[j] = (gkv_gk_sample){.x = columns + j * n,
                                     .weights = selected->weights,
                                     .n = n,
                                     .start = set->starts ? &set->starts[j] : NULL};
    status = gkv_gk_fit_many(d, samples, &set->margins, options, result->margins, statuses);
    if (status == GKV_ERR_DATA && set->normal_fallback) {
        status = GKV_OK;
        for (size_t j = 0; j < d; j++) {
            if (statuses[j] != GKV_OK && statuses[j] != GKV_ERR_DATA)
                status = statuses[j];
            failed[j] = statuses[j] != GKV_OK;
            result->fallbacks += failed[j];
        }
        if (status == GKV_OK)
            status = fit_normal_margins(selected, set, failed, result);
    } else if (status != GKV_OK && status != GKV_ERR_MEMORY && status != GKV_ERR_INTERRUPTED)
        for (size_t j = 0; j < d; j++)
            if (statuses[j] != GKV_OK) {
                /* the fit is repeated alone, so that the message does not name a sample number */
                status = gkv_gk_fit_many(1, &samples[j], &set->margins,
                                         &(gkv_run_options){.threads = options->threads},
                                         &result->margins[j], NULL);
                status = gki_fail_context(status, "%s", gki_mgk_column_text(text, set->names, j));
                break;
            }
    double chi2 = 0.0, fitted = 0.0;
    for (size_t j = 0; j < d; j++)
        if (result->margins[j].dof > 0) {
            chi2 += result->margins[j].chi2 / (double)result->margins[j].dof;
            fitted++;
        }
    result->goodness = fitted > 0 ? chi2 / fitted : NAN;
done:
    free(columns);
    free(samples);
    free(statuses);
    free(failed);
    return status;
}

/* Computes R, its standard errors, the log-likelihood and the distribution. */
static gkv_status join(const gki_mgk_weighted_rows *selected, const gkv_mgk_fit_settings *set,
                       int threads, gkv_mgk_fit_result *result, gkv_mgk **out)
{
    const size_t d = selected->d;
    gkv_gk *margins = NULL;
    double *factor = NULL;
    gki_mgk_columns columns = {0};
    gki_mgk_scores scores = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *margins, &margins));
    GKV_TRY_GOTO(gki_alloc(3 * d + 1, d * sizeof *factor, &factor));
    for (size_t j = 0; j < d; j++)
        margins[j] = result->margins[j].gk;
    GKV_TRY_GOTO(gki_mgk_columns_create(d, margins, &columns));
    /* Scores of normal margins are not clamped, so that R is exactly the correlation of the
     * data. */
    const double most = set->normal ? INFINITY : gki_mgk_most_score(result->weight);
    GKV_TRY_GOTO(gki_mgk_scores_of(selected, &columns, NULL, NULL, most, threads, &scores));
    gki_mgk_scores_correlation(&scores, set->independent ? 1.0 : set->shrink, result->correlation,
                               factor, &result->shrink, &result->repair);
    for (size_t i = 0; i < d * d; i++) {
        const double r = result->correlation[i] / fmax(1e-300, 1.0 - result->shrink);
        result->correlation_se[i] =
            i % (d + 1) == 0 || set->independent
                ? 0.0
                : (1.0 - result->shrink) * fmax(0.0, 1.0 - r * r) / sqrt(result->weight);
    }
    result->log_likelihood = gki_mgk_scores_log_likelihood(&scores, factor, factor + d * d);
    GKV_TRY_GOTO(gki_mgk_build(d, margins, NULL, factor, out));
done:
    gki_mgk_scores_free(&scores);
    gki_mgk_columns_free(&columns);
    free(margins);
    free(factor);
    return status;
}

static gkv_status check(size_t n, size_t d, const gkv_mgk_fit_settings *set)
{
    if (d < 1 || n > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a fit needs 1 column or more and at most %zu rows, not %zu and %zu",
                        (size_t)UINT32_MAX, d, n);
    if (!((set->shrink >= 0 && set->shrink <= 1) || set->shrink == GKV_MGK_SHRINK_AUTO))
        return gki_fail(GKV_ERR_ARGUMENT, "the shrinkage must be in [0, 1] or automatic, not %g",
                        set->shrink);
    return gki_mgk_check_fit(&set->margins);
}

gkv_status gkv_mgk_fit(size_t n, size_t d, const double *x, const double *weights,
                       const gkv_mgk_fit_settings *settings, const gkv_run_options *options,
                       gkv_mgk **out, gkv_mgk_fit_result *result)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(x);
    gkv_mgk_fit_settings set;
    gki_call call;
    gkv_mgk_fit_defaults(&set);
    if (settings)
        set = *settings;
    gkv_mgk_fit_result found = {.n = n, .d = d, .goodness = NAN};
    selection rows = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(check(n, d, &set));
    GKV_TRY_GOTO(gki_call_begin(&call, options, d));
    GKV_TRY_GOTO(select_rows(n, d, x, weights, set.names, &rows));
    for (size_t i = 0; i < rows.selected.n; i++)
        found.weight += rows.selected.weights ? rows.selected.weights[i] : 1.0;
    if (rows.selected.n < 2)
        GKV_TRY_GOTO(gki_fail(GKV_ERR_DATA, "a fit needs at least 2 rows with weight, not %zu",
                              rows.selected.n));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *found.margins, &found.margins));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *found.correlation, &found.correlation));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *found.correlation_se, &found.correlation_se));
    if (set.normal)
        GKV_TRY_GOTO(fit_normal_margins(&rows.selected, &set, NULL, &found));
    else
        GKV_TRY_GOTO(fit_margins(&rows.selected, &set, &call.options, &found));
    GKV_TRY_GOTO(join(&rows.selected, &set, gki_call_threads(&call, 0), &found, out));
    found.parameters = set.independent ? 0 : d * (d - 1) / 2;
    for (size_t j = 0; j < d; j++) {
        found.converged += found.margins[j].converged;
        found.parameters += found.margins[j].parameters;
    }
    found.aic = 2.0 * (double)found.parameters - 2.0 * found.log_likelihood;
    found.bic = (double)found.parameters * log(found.weight) - 2.0 * found.log_likelihood;
done:
    free(rows.row);
    free(rows.weights);
    if (result && status == GKV_OK)
        *result = found;
    else {
        gkv_mgk_fit_result_free(&found);
        if (result)
            *result = found;
    }
    return status;
}
