/* The flat functions of gkvae/flat.h for fits of single columns. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/flat.h"

/* Writes a result of column j to the arrays that are not NULL; NaN unless the fit succeeded. */
typedef struct outputs {
    double *estimates, *se, *covariance, *intervals, *statistics;
    bool *converged;
} outputs;

static void put(double *array, size_t j, size_t size, const double *values, bool good)
{
    for (size_t i = 0; array && i < size; i++)
        array[j * size + i] = good ? values[i] : NAN;
}

static void put_result(const outputs *out, size_t j, const gkv_gk_fit_result *r, bool good)
{
    const double estimates[4] = {r->gk.a, r->gk.b, r->gk.g, r->gk.k};
    const double statistics[GKV_FLAT_STATISTICS] = {[GKV_FLAT_LOG_LIKELIHOOD] = r->log_likelihood,
                                                    [GKV_FLAT_AIC] = r->aic,
                                                    [GKV_FLAT_BIC] = r->bic,
                                                    [GKV_FLAT_CHI2] = r->chi2,
                                                    [GKV_FLAT_DOF] = (double)r->dof,
                                                    [GKV_FLAT_P_VALUE] = r->p_value,
                                                    [GKV_FLAT_ANDERSON_DARLING] =
                                                        r->anderson_darling};
    double intervals[8];
    memcpy(intervals, r->low, sizeof r->low);
    memcpy(intervals + 4, r->high, sizeof r->high);
    put(out->estimates, j, 4, estimates, good);
    put(out->se, j, 4, r->se, good);
    put(out->covariance, j, 16, &r->covariance[0][0], good);
    put(out->intervals, j, 8, intervals, good);
    put(out->statistics, j, GKV_FLAT_STATISTICS, statistics, good);
    if (out->converged)
        out->converged[j] = good && r->converged;
}

gkv_status gkv_flat_gk_fit_many(size_t n, size_t d, const double *x, const double *weights,
                                gkv_gk_method method, double c, double confidence, int threads,
                                double *estimates, double *se, double *covariance,
                                double *intervals, double *statistics, bool *converged,
                                gkv_status *statuses)
{
    return gkv_flat_gk_fit_family(n, d, x, weights, GKV_GK_FAMILY_GK, method, c, confidence,
                                  threads, estimates, se, covariance, intervals, statistics,
                                  converged, statuses);
}

gkv_status gkv_flat_gk_fit_family(size_t n, size_t d, const double *x, const double *weights,
                                  gkv_gk_family family, gkv_gk_method method, double c,
                                  double confidence, int threads, double *estimates, double *se,
                                  double *covariance, double *intervals, double *statistics,
                                  bool *converged, gkv_status *statuses)
{
    const outputs out = {estimates, se, covariance, intervals, statistics, converged};
    const gkv_run_options options = {.threads = threads};
    gkv_gk_fit_settings settings;
    double *columns = NULL;
    gkv_gk_sample *samples = NULL;
    gkv_gk_fit_result *results = NULL;
    gkv_status *own = NULL, status = GKV_OK;
    GKV_NEED(x);
    gkv_gk_fit_defaults(&settings);
    settings.family = family;
    settings.method = method;
    settings.c = c;
    settings.confidence = confidence;
    settings.anderson_darling = true;
    GKV_TRY_GOTO(gki_alloc(d, n * sizeof *columns, &columns));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *samples, &samples));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *results, &results));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *own, &own));
    for (size_t j = 0; j < d; j++) {
        for (size_t i = 0; i < n; i++)
            columns[j * n + i] = x[i * d + j];
        samples[j] = (gkv_gk_sample){.n = n, .x = columns + j * n, .weights = weights};
    }
    status = gkv_gk_fit_many(d, samples, &settings, &options, results, own);
    for (size_t j = 0; j < d; j++) {
        put_result(&out, j, &results[j], own[j] == GKV_OK);
        if (statuses)
            statuses[j] = own[j];
    }
done:
    free(columns);
    free(samples);
    free(results);
    free(own);
    return status;
}

gkv_status gkv_flat_gk_fit(size_t n, const double *x, const double *weights, gkv_gk_method method,
                           double c, double confidence, double estimates[4], double se[4],
                           double covariance[16], double intervals[8],
                           double statistics[GKV_FLAT_STATISTICS], bool *converged)
{
    GKV_NEED(x);
    return gkv_flat_gk_fit_many(n, 1, x, weights, method, c, confidence, 1, estimates, se,
                                covariance, intervals, statistics, converged, NULL);
}

gkv_status gkv_flat_gk_fit_intervals(size_t n, const double *lower, const double *upper,
                                     const double *weights, double c, double confidence,
                                     double estimates[4], double se[4], double covariance[16],
                                     double intervals[8], double statistics[GKV_FLAT_STATISTICS],
                                     bool *converged)
{
    const outputs out = {estimates, se, covariance, intervals, statistics, converged};
    const gkv_run_options options = {.threads = 1};
    const gkv_gk_sample sample = {.n = n, .weights = weights, .lower = lower, .upper = upper};
    gkv_gk_fit_settings settings;
    gkv_gk_fit_result result;
    GKV_NEED(lower);
    GKV_NEED(upper);
    gkv_gk_fit_defaults(&settings);
    settings.method = GKV_GK_MLE;
    settings.c = c;
    settings.confidence = confidence;
    const gkv_status status = gkv_gk_fit_many(1, &sample, &settings, &options, &result, NULL);
    put_result(&out, 0, &result, status == GKV_OK);
    return status;
}

gkv_status gkv_flat_gk_profile(size_t n, const double *x, const double *weights,
                               gkv_gk_family family, double c, double confidence,
                               double estimates[4], double intervals[8], double *log_likelihood)
{
    const outputs out = {.estimates = estimates, .intervals = intervals};
    const gkv_run_options options = {.threads = 1};
    const gkv_gk_sample sample = {.n = n, .x = x, .weights = weights};
    gkv_gk_fit_settings settings;
    gkv_gk_fit_result result;
    GKV_NEED(x);
    gkv_gk_fit_defaults(&settings);
    settings.method = GKV_GK_MLE;
    settings.intervals = GKV_GK_PROFILE;
    settings.family = family;
    settings.c = c;
    settings.confidence = confidence;
    const gkv_status status = gkv_gk_fit_many(1, &sample, &settings, &options, &result, NULL);
    put_result(&out, 0, &result, status == GKV_OK);
    if (log_likelihood)
        *log_likelihood = status == GKV_OK ? result.log_likelihood : NAN;
    return status;
}
