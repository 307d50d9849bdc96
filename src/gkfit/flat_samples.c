/* The flat functions of gkvae/flat.h for fits with all settings, and for the bootstrap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkfit/flat_samples.h"
#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"

enum { P = GKV_GK_PARAMETERS };

static void put(double *row, size_t at, size_t size, const double *values)
{
    memcpy(row + at, values, size * sizeof *values);
}

void gki_flat_put_fit(double *row, const gkv_gk_fit_result *r)
{
    put(row, GKV_FLAT_FIT_ESTIMATES, P, (const double[]){r->gk.a, r->gk.b, r->gk.g, r->gk.k});
    put(row, GKV_FLAT_FIT_SE, P, r->se);
    put(row, GKV_FLAT_FIT_COVARIANCE, P * P, &r->covariance[0][0]);
    put(row, GKV_FLAT_FIT_LOW, P, r->low);
    put(row, GKV_FLAT_FIT_HIGH, P, r->high);
    for (int j = 0; j < P; j++)
        row[GKV_FLAT_FIT_BOUND + j] = r->bound[j];
    row[GKV_FLAT_FIT_LOG_LIKELIHOOD] = r->log_likelihood;
    row[GKV_FLAT_FIT_AIC] = r->aic;
    row[GKV_FLAT_FIT_BIC] = r->bic;
    row[GKV_FLAT_FIT_CHI2] = r->chi2;
    row[GKV_FLAT_FIT_DOF] = (double)r->dof;
    row[GKV_FLAT_FIT_P_VALUE] = r->p_value;
    row[GKV_FLAT_FIT_TEST] = r->test;
    row[GKV_FLAT_FIT_ANDERSON_DARLING] = r->anderson_darling;
    row[GKV_FLAT_FIT_N] = (double)r->n;
    row[GKV_FLAT_FIT_TOTAL] = r->total;
    row[GKV_FLAT_FIT_LEVELS] = (double)r->levels;
    row[GKV_FLAT_FIT_PARAMETERS] = (double)r->parameters;
    row[GKV_FLAT_FIT_ITERATIONS] = (double)r->iterations;
    row[GKV_FLAT_FIT_NEWTON] = (double)r->newton;
    row[GKV_FLAT_FIT_CONVERGED] = r->converged;
    row[GKV_FLAT_FIT_AT_BOUND] = r->at_bound;
    row[GKV_FLAT_FIT_SYMMETRIC] = r->symmetric;
    row[GKV_FLAT_FIT_METHOD] = r->method;
    row[GKV_FLAT_FIT_RESOLUTION] = r->resolution;
    row[GKV_FLAT_FIT_HEAPS] = r->heaps;
    row[GKV_FLAT_FIT_TIED_VALUE] = r->tied_value;
    row[GKV_FLAT_FIT_TIED] = r->tied;
}

/* The settings of the arguments. `start_gk` becomes the start, to which they refer. */
static gkv_gk_fit_settings settings_of(gkv_gk_family family, gkv_gk_method method, double c,
                                       size_t levels, const double *start, const bool *fixed,
                                       const double *low, const double *high, gkv_gk *start_gk)
{
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.family = family;
    set.method = method;
    set.c = c;
    set.levels = levels;
    set.anderson_darling = true;
    if (start) {
        *start_gk = (gkv_gk){.a = start[GKV_GK_A],
                             .b = start[GKV_GK_B],
                             .g = start[GKV_GK_G],
                             .k = start[GKV_GK_K],
                             .c = c,
                             .family = family};
        set.start = start_gk;
    }
    for (int j = 0; j < P; j++) {
        set.fixed[j] = fixed && fixed[j];
        set.low[j] = low ? low[j] : set.low[j];
        set.high[j] = high ? high[j] : set.high[j];
    }
    return set;
}

static gkv_gk_sample sample_of(size_t n, const double *x, const double *upper,
                               const double *weights, double resolution)
{
    return (gkv_gk_sample){.n = n,
                           .x = upper ? NULL : x,
                           .weights = weights,
                           .resolution = resolution,
                           .lower = upper ? x : NULL,
                           .upper = upper};
}

gkv_status gkv_flat_gk_fit_samples(size_t count, const size_t *starts, const double *x,
                                   const double *upper, const double *weights, gkv_gk_family family,
                                   gkv_gk_method method, double c, double confidence,
                                   gkv_gk_intervals intervals, double resolution, size_t levels,
                                   bool anderson_darling, const double *start, const bool *fixed,
                                   const double *low, const double *high, int threads,
                                   gkv_flat_progress *progress, void *context, double *numbers,
                                   gkv_status *statuses)
{
    gki_flat_call call = {progress, context};
    const gkv_run_options options = gki_flat_options(&call, threads);
    gkv_gk start_gk;
    gkv_gk_sample *samples = NULL;
    gkv_gk_fit_result *results = NULL;
    gkv_status *own = NULL, status = GKV_OK;
    GKV_NEED(starts);
    GKV_NEED(x);
    gkv_gk_fit_settings set =
        settings_of(family, method, c, levels, start, fixed, low, high, &start_gk);
    set.confidence = confidence;
    set.intervals = intervals;
    set.anderson_darling = anderson_darling;
    GKV_TRY_GOTO(gki_alloc(count, sizeof *samples, &samples));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *results, &results));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *own, &own));
    for (size_t i = 0; i < count; i++) {
        const size_t at = starts[i];
        if (starts[i + 1] < at) {
            status = gki_fail(GKV_ERR_ARGUMENT, "starts[%zu] = %zu is above starts[%zu] = %zu", i,
                              at, i + 1, starts[i + 1]);
            goto done;
        }
        samples[i] = sample_of(starts[i + 1] - at, x + at, upper ? upper + at : NULL,
                               weights ? weights + at : NULL, resolution);
        own[i] = GKV_ERR_INTERRUPTED;
    }
    status = gkv_gk_fit_many(count, samples, &set, &options, results, own);
    for (size_t i = 0; i < count; i++) {
        double row[GKV_FLAT_FIT_NUMBERS];
        for (int j = 0; j < GKV_FLAT_FIT_NUMBERS; j++)
            row[j] = NAN;
        if (own[i] == GKV_OK)
            gki_flat_put_fit(row, &results[i]);
        if (numbers)
            put(numbers, i * GKV_FLAT_FIT_NUMBERS, GKV_FLAT_FIT_NUMBERS, row);
        if (statuses)
            statuses[i] = own[i];
    }
done:
    free(samples);
    free(results);
    free(own);
    return status;
}

gkv_status gkv_flat_gk_bootstrap(size_t n, const double *x, const double *upper,
                                 const double *weights, gkv_gk_family family, gkv_gk_method method,
                                 double c, double resolution, size_t levels, const double *start,
                                 const bool *fixed, const double *low, const double *high,
                                 size_t replicates, bool nonparametric, uint64_t seed,
                                 double confidence, int threads, gkv_flat_progress *progress,
                                 void *context, double *estimates, double *numbers)
{
    gki_flat_call call = {progress, context};
    const gkv_run_options options = gki_flat_options(&call, threads);
    const gkv_gk_bootstrap_settings bootstrap = {.replicates = replicates,
                                                 .nonparametric = nonparametric,
                                                 .seed = seed,
                                                 .confidence = confidence};
    const gkv_gk_sample sample = sample_of(n, x, upper, weights, resolution);
    gkv_gk start_gk;
    gkv_gk_fit_result fit;
    gkv_gk_bootstrap_result result;
    GKV_NEED(x);
    const gkv_gk_fit_settings set =
        settings_of(family, method, c, levels, start, fixed, low, high, &start_gk);
    GKV_TRY(gkv_gk_fit_many(1, &sample, &set, &(gkv_run_options){.threads = threads}, &fit, NULL));
    GKV_TRY(gkv_gk_bootstrap(&sample, &fit, &set, &bootstrap, &options, estimates, &result));
    if (numbers) {
        put(numbers, GKV_FLAT_BOOTSTRAP_SE, P, result.se);
        put(numbers, GKV_FLAT_BOOTSTRAP_BIAS, P, result.bias);
        put(numbers, GKV_FLAT_BOOTSTRAP_LOW, P, result.low);
        put(numbers, GKV_FLAT_BOOTSTRAP_HIGH, P, result.high);
        put(numbers, GKV_FLAT_BOOTSTRAP_COVARIANCE, P * P, &result.covariance[0][0]);
        numbers[GKV_FLAT_BOOTSTRAP_P_CHI2] = result.p_chi2;
        numbers[GKV_FLAT_BOOTSTRAP_P_ANDERSON_DARLING] = result.p_anderson_darling;
        numbers[GKV_FLAT_BOOTSTRAP_USED] = (double)result.used;
        numbers[GKV_FLAT_BOOTSTRAP_FAILED] = (double)result.failed;
    }
    return GKV_OK;
}
