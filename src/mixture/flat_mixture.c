/* The flat functions of gkvae/flat.h for several dimensions. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/flat.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_mixture.h"

static void put_gk(double *parameters, size_t i, const gkv_gk *gk)
{
    if (parameters)
        memcpy(parameters + 4 * i, (const double[4]){gk->a, gk->b, gk->g, gk->k},
               4 * sizeof *parameters);
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
    for (size_t i = 0; i < result.components; i++) {
        const gkv_mgk *part = gkv_mgk_mixture_component(mixture, i);
        for (size_t j = 0; j < d; j++)
            put_gk(parameters, i * d + j, &gkv_mgk_margins(part)[j]);
        if (pi)
            pi[i] = gkv_mgk_mixture_weights(mixture)[i];
        if (correlations)
            gkv_mgk_covariance(part, correlations + i * d * d);
    }
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

/* Creates a mixture from arrays. The caller frees *out. */
static gkv_status create(size_t d, size_t count, const double *pi, const double *parameters,
                         double c, const double *correlations, gkv_mgk_mixture **out)
{
    gkv_mgk **parts = NULL;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_NEED(parameters);
    GKV_TRY_GOTO(gki_alloc(count, sizeof(gkv_mgk *), &parts));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *margins, &margins));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < d; j++) {
            const double *v = parameters + 4 * (i * d + j);
            margins[j] = (gkv_gk){.a = v[0], .b = v[1], .g = v[2], .k = v[3], .c = c};
        }
        GKV_TRY_GOTO(
            gkv_mgk_create(d, margins, correlations ? correlations + i * d * d : NULL, &parts[i]));
    }
    GKV_TRY_GOTO(gkv_mgk_mixture_create(count, pi, (const gkv_mgk *const *)parts, out));
done:
    for (size_t i = 0; parts && i < count; i++)
        gkv_mgk_free(parts[i]);
    free(parts);
    free(margins);
    return status;
}

gkv_status gkv_flat_mgk_mixture_log_pdf(size_t n, size_t d, const double *x, size_t count,
                                        const double *pi, const double *parameters, double c,
                                        const double *correlations, int threads, double *log_pdf)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY_GOTO(create(d, count, pi, parameters, c, correlations, &mixture));
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
    GKV_TRY_GOTO(create(d, count, pi, parameters, c, correlations, &mixture));
    status = gkv_mgk_mixture_sample(mixture, n, seed, first, &(gkv_run_options){.threads = threads},
                                    x, component);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}
