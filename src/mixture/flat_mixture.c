/* The flat functions of gkvae/flat.h for several dimensions: fits, evaluation, draws, margins and
 * conditional distributions. Components are given by their correlations, or by their means and
 * Cholesky factors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkfit/flat_samples.h"
#include "gkvae/flat.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_margins.h"
#include "gkvae/mgk_mixture.h"
#include "mixture/mixture.h"

/* --- A mixture from arrays, and back -------------------------------------- */

gkv_status gki_mgk_mixture_from_arrays(size_t d, size_t count, const double *pi,
                                       const double *parameters, double c,
                                       const double *correlations, const double *mean,
                                       const double *cholesky, gkv_mgk_mixture **out)
{
    gkv_mgk **parts = NULL;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_NEED(parameters);
    GKV_TRY_GOTO(gki_alloc(count, sizeof(gkv_mgk *), &parts));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *margins, &margins));
    for (size_t i = 0; i < count; i++) {
        const double *m = mean ? mean + i * d : NULL;
        for (size_t j = 0; j < d; j++) {
            const double *v = parameters + 4 * (i * d + j);
            margins[j] = (gkv_gk){.a = v[0], .b = v[1], .g = v[2], .k = v[3], .c = c};
        }
        GKV_TRY_GOTO(correlations ? gkv_mgk_create(d, margins, correlations + i * d * d, &parts[i])
                     : cholesky ? gkv_mgk_create_from_cholesky(d, margins, m, cholesky + i * d * d,
                                                               &parts[i])
                                : gkv_mgk_create_latent(d, margins, m, NULL, &parts[i]));
    }
    GKV_TRY_GOTO(gkv_mgk_mixture_create(count, pi, (const gkv_mgk *const *)parts, out));
done:
    for (size_t i = 0; parts && i < count; i++)
        gkv_mgk_free(parts[i]);
    free(parts);
    free(margins);
    return status;
}

static void put_gk(double *parameters, size_t i, const gkv_gk *gk)
{
    if (parameters)
        memcpy(parameters + 4 * i, (const double[4]){gk->a, gk->b, gk->g, gk->k},
               4 * sizeof *parameters);
}

void gki_mgk_mixture_to_arrays(const gkv_mgk_mixture *mixture, double *pi, double *parameters,
                               double *mean, double *cholesky)
{
    const size_t count = gkv_mgk_mixture_count(mixture), d = gkv_mgk_mixture_dimensions(mixture);
    for (size_t i = 0; i < count; i++) {
        const gkv_mgk *part = gkv_mgk_mixture_component(mixture, i);
        const gkv_gk *margins = gkv_mgk_margins(part);
        for (size_t j = 0; j < d; j++)
            put_gk(parameters, i * d + j, &margins[j]);
        if (mean)
            memcpy(mean + i * d, gkv_mgk_mean(part), d * sizeof *mean);
        if (cholesky)
            memcpy(cholesky + i * d * d, gkv_mgk_cholesky(part), d * d * sizeof *cholesky);
    }
    if (pi)
        memcpy(pi, gkv_mgk_mixture_weights(mixture), count * sizeof *pi);
}

/* --- Fits ----------------------------------------------------------------- */

static void put_nan(double *values, size_t count)
{
    for (size_t i = 0; values && i < count; i++)
        values[i] = NAN;
}

gkv_status gkv_flat_mgk_fit(size_t n, size_t d, const double *x, const double *weights,
                            gkv_gk_method method, double c, double shrink, bool normal, int threads,
                            double *estimates, double *se, double *correlation,
                            double *correlation_se, double *log_likelihood)
{
    gkv_mgk *mgk = NULL;
    gkv_mgk_fit_settings settings;
    gkv_mgk_fit_result result = {0};
    gkv_status status = GKV_OK;
    gkv_mgk_fit_defaults(&settings);
    settings.margins.method = method;
    settings.margins.c = c;
    settings.shrink = shrink;
    settings.normal = normal;
    GKV_TRY_GOTO(gkv_mgk_fit(n, d, x, weights, &settings, &(gkv_run_options){.threads = threads},
                             &mgk, &result));
    for (size_t j = 0; j < d; j++) {
        put_gk(estimates, j, &result.margins[j].gk);
        if (se)
            memcpy(se + 4 * j, result.margins[j].se, 4 * sizeof *se);
    }
    if (correlation)
        memcpy(correlation, result.correlation, d * d * sizeof *correlation);
    if (correlation_se)
        memcpy(correlation_se, result.correlation_se, d * d * sizeof *correlation_se);
    if (log_likelihood)
        *log_likelihood = result.log_likelihood;
done:
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&result);
    return status;
}

gkv_status gkv_flat_mgk_mixture_fit(size_t n, size_t d, const double *x, const double *weights,
                                    size_t components, double c, bool normal, uint64_t seed,
                                    size_t max_iterations, double tolerance, int threads,
                                    size_t *count, double *pi, double *parameters,
                                    double *correlations, double *log_likelihood,
                                    size_t *iterations, bool *converged)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_mgk_mixture_settings settings;
    gkv_mgk_mixture_result result;
    gkv_status status = GKV_OK;
    gkv_mgk_mixture_defaults(&settings);
    settings.components = components;
    settings.seed = seed;
    settings.weights = weights;
    settings.normal = normal;
    settings.max_iterations = max_iterations;
    settings.tolerance = tolerance;
    settings.advanced.margins.c = c;
    GKV_TRY_GOTO(gkv_mgk_mixture_fit(n, d, x, &settings, &(gkv_run_options){.threads = threads},
                                     &mixture, &result));
    gki_mgk_mixture_to_arrays(mixture, pi, parameters, NULL, NULL);
    for (size_t i = 0; correlations && i < result.components; i++)
        gkv_mgk_covariance(gkv_mgk_mixture_component(mixture, i), correlations + i * d * d);
    if (count)
        *count = result.components;
    if (log_likelihood)
        *log_likelihood = result.log_likelihood;
    if (iterations)
        *iterations = result.iterations;
    if (converged)
        *converged = result.stop == GKV_MIXTURE_CONVERGED;
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gkv_flat_mgk_estimate(size_t n, size_t d, const double *x, const double *weights,
                                 gkv_gk_method method, double c, double confidence, double shrink,
                                 bool normal, bool independent, bool normal_fallback, int threads,
                                 gkv_flat_progress *progress, void *context, double *margins,
                                 double *correlation, double *correlation_se, double *cholesky,
                                 double *numbers)
{
    gki_flat_call call = {progress, context};
    const gkv_run_options options = gki_flat_options(&call, threads);
    gkv_mgk *mgk = NULL;
    gkv_mgk_fit_settings settings;
    gkv_mgk_fit_result result = {0};
    gkv_status status = GKV_OK;
    gkv_mgk_fit_defaults(&settings);
    settings.margins.method = method;
    settings.margins.c = c;
    settings.margins.confidence = confidence;
    settings.shrink = shrink;
    settings.normal = normal;
    settings.independent = independent;
    settings.normal_fallback = normal_fallback;
    GKV_TRY_GOTO(gkv_mgk_fit(n, d, x, weights, &settings, &options, &mgk, &result));
    for (size_t j = 0; margins && j < d; j++)
        gki_flat_put_fit(margins + j * GKV_FLAT_FIT_NUMBERS, &result.margins[j]);
    if (correlation)
        memcpy(correlation, result.correlation, d * d * sizeof *correlation);
    if (correlation_se)
        memcpy(correlation_se, result.correlation_se, d * d * sizeof *correlation_se);
    if (cholesky)
        memcpy(cholesky, gkv_mgk_cholesky(mgk), d * d * sizeof *cholesky);
    if (numbers) {
        put_nan(numbers, GKV_FLAT_MIXTURE_NUMBERS);
        numbers[GKV_FLAT_MIXTURE_LOG_LIKELIHOOD] = result.log_likelihood;
        numbers[GKV_FLAT_MIXTURE_AIC] = result.aic;
        numbers[GKV_FLAT_MIXTURE_BIC] = result.bic;
        numbers[GKV_FLAT_MIXTURE_PARAMETERS] = (double)result.parameters;
        numbers[GKV_FLAT_MIXTURE_COMPONENTS] = 1;
        numbers[GKV_FLAT_MIXTURE_CONVERGED] = result.converged == d;
        numbers[GKV_FLAT_MIXTURE_SHRINK] = result.shrink;
        numbers[GKV_FLAT_MIXTURE_REPAIR] = result.repair;
        numbers[GKV_FLAT_MIXTURE_GOODNESS] = result.goodness;
        numbers[GKV_FLAT_MIXTURE_FALLBACKS] = (double)result.fallbacks;
    }
done:
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&result);
    return status;
}

static void put_result(double *numbers, const gkv_mgk_mixture_result *r)
{
    numbers[GKV_FLAT_MIXTURE_LOG_LIKELIHOOD] = r->log_likelihood;
    numbers[GKV_FLAT_MIXTURE_AIC] = r->aic;
    numbers[GKV_FLAT_MIXTURE_BIC] = r->bic;
    numbers[GKV_FLAT_MIXTURE_PARAMETERS] = (double)r->parameters;
    numbers[GKV_FLAT_MIXTURE_COMPONENTS] = (double)r->components;
    numbers[GKV_FLAT_MIXTURE_ITERATIONS] = (double)r->iterations;
    numbers[GKV_FLAT_MIXTURE_CONVERGED] = r->stop == GKV_MIXTURE_CONVERGED;
    numbers[GKV_FLAT_MIXTURE_STOP] = r->stop;
    numbers[GKV_FLAT_MIXTURE_UNEXPLAINED] = r->unexplained;
    numbers[GKV_FLAT_MIXTURE_LAST_GAIN] = r->last_gain;
}

gkv_status gkv_flat_mixture_estimate(size_t n, size_t d, const double *x, const double *weights,
                                     size_t least, size_t most, double c, bool normal,
                                     bool independent, double shrink, size_t restarts,
                                     uint64_t seed, size_t max_iterations, double tolerance,
                                     int threads, gkv_flat_progress *progress, void *context,
                                     double *pi, double *parameters, double *mean, double *cholesky,
                                     double *numbers)
{
    gki_flat_call call = {progress, context};
    const gkv_run_options options = gki_flat_options(&call, threads);
    gkv_mgk_mixture **mixtures = NULL;
    gkv_mgk_mixture_result *results = NULL;
    gkv_mgk_mixture_settings settings;
    gkv_status status = GKV_OK;
    size_t fits = 0, chosen = 0;
    GKV_NEED(x);
    if (least < 1 || most < least)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture of %zu to %zu components: give 1 ≤ least ≤ most", least, most);
    gkv_mgk_mixture_defaults(&settings);
    settings.components = most;
    settings.seed = seed;
    settings.restarts = restarts;
    settings.weights = weights;
    settings.normal = normal;
    settings.independent = independent;
    settings.shrink = shrink;
    settings.max_iterations = max_iterations;
    settings.tolerance = tolerance;
    settings.advanced.margins.c = c;
    fits = most - least + 1;
    put_nan(numbers, GKV_FLAT_MIXTURE_NUMBERS);
    GKV_TRY_GOTO(gki_alloc(fits, sizeof *mixtures, &mixtures));
    GKV_TRY_GOTO(gki_alloc(fits, sizeof *results, &results));
    status = fits == 1
                 ? gkv_mgk_mixture_fit(n, d, x, &settings, &options, &mixtures[0], &results[0])
                 : gkv_mgk_mixture_fit_range(n, d, x, &settings, least, most, &options, mixtures,
                                             results, &chosen);
    if (mixtures[chosen] && (status == GKV_OK || status == GKV_ERR_INTERRUPTED)) {
        gki_mgk_mixture_to_arrays(mixtures[chosen], pi, parameters, mean, cholesky);
        if (numbers)
            put_result(numbers, &results[chosen]);
    }
done:
    for (size_t i = 0; mixtures && i < fits; i++)
        gkv_mgk_mixture_free(mixtures[i]);
    free(mixtures);
    free(results);
    return status;
}

/* --- Evaluation ----------------------------------------------------------- */

gkv_status gkv_flat_mgk_mixture_log_pdf(size_t n, size_t d, const double *x, size_t count,
                                        const double *pi, const double *parameters, double c,
                                        const double *correlations, int threads, double *log_pdf)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, correlations, NULL, NULL,
                                             &mixture));
    if (log_pdf)
        status =
            gkv_mgk_mixture_log_pdf(mixture, n, x, &(gkv_run_options){.threads = threads}, log_pdf);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gkv_flat_mgk_mixture_sample(size_t n, size_t d, size_t count, const double *pi,
                                       const double *parameters, double c,
                                       const double *correlations, uint64_t seed, uint64_t first,
                                       int threads, double *x, size_t *component)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, correlations, NULL, NULL,
                                             &mixture));
    status = gkv_mgk_mixture_sample(mixture, n, seed, first, &(gkv_run_options){.threads = threads},
                                    x, component);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gkv_flat_mixture_evaluate(size_t n, size_t d, const double *x, size_t count,
                                     const double *pi, const double *parameters, double c,
                                     const double *mean, const double *cholesky, int threads,
                                     double *log_pdf, double *responsibilities)
{
    const gkv_run_options options = {.threads = threads};
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, NULL, mean, cholesky, &mixture));
    if (responsibilities)
        status =
            gkv_mgk_mixture_responsibilities(mixture, n, x, &options, log_pdf, responsibilities);
    else if (log_pdf)
        status = gkv_mgk_mixture_log_pdf(mixture, n, x, &options, log_pdf);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gkv_flat_mixture_draw(size_t n, size_t d, size_t count, const double *pi,
                                 const double *parameters, double c, const double *mean,
                                 const double *cholesky, uint64_t seed, uint64_t first, int threads,
                                 double *x, size_t *component)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, NULL, mean, cholesky, &mixture));
    status = gkv_mgk_mixture_sample(mixture, n, seed, first, &(gkv_run_options){.threads = threads},
                                    x, component);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gkv_flat_mixture_part(size_t d, size_t count, const double *pi, const double *parameters,
                                 double c, const double *mean, const double *cholesky,
                                 size_t n_which, const size_t *which, const double *x_given,
                                 size_t *count_out, double *pi_out, double *parameters_out,
                                 double *mean_out, double *cholesky_out)
{
    gkv_mgk_mixture *mixture = NULL, *part = NULL;
    gkv_status status = GKV_OK;
    GKV_NEED(which);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, NULL, mean, cholesky, &mixture));
    GKV_TRY_GOTO(x_given ? gkv_mgk_mixture_conditional(mixture, n_which, which, x_given, &part)
                         : gkv_mgk_mixture_marginal(mixture, n_which, which, &part));
    gki_mgk_mixture_to_arrays(part, pi_out, parameters_out, mean_out, cholesky_out);
    if (count_out)
        *count_out = gkv_mgk_mixture_count(part);
done:
    gkv_mgk_mixture_free(mixture);
    gkv_mgk_mixture_free(part);
    return status;
}

gkv_status gkv_flat_mixture_margin(size_t d, size_t count, const double *pi,
                                   const double *parameters, double c, const double *mean,
                                   const double *cholesky, size_t column,
                                   gkv_flat_function function, size_t n, const double *x,
                                   double *out)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (function < GKV_FLAT_CDF || function > GKV_FLAT_QUANTILE_LOG_UPPER)
        return gki_fail(GKV_ERR_ARGUMENT, "the margin of a mixture has no function number %d",
                        (int)function);
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, NULL, mean, cholesky, &mixture));
    if (out && function < GKV_FLAT_QUANTILE)
        status = gkv_mgk_mixture_margin_cdf(mixture, column, (gkv_gk_tail)(function - GKV_FLAT_CDF),
                                            n, x, out);
    else if (out)
        status = gkv_mgk_mixture_margin_quantile(
            mixture, column, (gkv_gk_tail)(function - GKV_FLAT_QUANTILE), n, x, out);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gkv_flat_mixture_scores(size_t n, size_t d, const double *x, size_t count,
                                   const double *pi, const double *parameters, double c,
                                   const double *mean, const double *cholesky, bool whiten,
                                   int threads, double *z)
{
    const gkv_run_options options = {.threads = threads};
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, NULL, mean, cholesky, &mixture));
    if (z)
        status = whiten ? gkv_mgk_mixture_whiten(mixture, n, x, &options, z)
                        : gkv_mgk_mixture_scores(mixture, n, x, &options, z);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gkv_flat_mgk_impute(size_t n, size_t d, const double *parameters, double c,
                               const double *mean, const double *cholesky, uint64_t seed,
                               uint64_t first, int threads, double *x)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, 1, NULL, parameters, c, NULL, mean, cholesky, &mixture));
    status = gkv_mgk_impute(gkv_mgk_mixture_component(mixture, 0), n, seed, first,
                            &(gkv_run_options){.threads = threads}, x);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}
