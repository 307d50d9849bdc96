/* The flat functions of gkvae/flat.h for several dimensions: fits, evaluation, draws, margins and
 * conditional distributions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/flat_settings.h"
#include "core/memory.h"
#include "gkfit/flat_fit.h"
#include "gkvae/flat.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_margins.h"
#include "gkvae/mgk_mixture.h"
#include "mixture/mixture.h"

/* --- A mixture from arrays, and back -------------------------------------- */

gkv_status gki_mgk_mixture_from_arrays(size_t d, size_t count, const double *pi,
                                       const double *parameters, double c, const double *mean,
                                       const double *cholesky, gkv_mgk_mixture **out)
{
    gkv_mgk **parts = NULL;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(count, sizeof(gkv_mgk *), &parts));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *margins, &margins));
    for (size_t i = 0; i < count; i++) {
        const double *m = mean ? mean + i * d : NULL;
        for (size_t j = 0; j < d; j++) {
            const double *v = parameters + 4 * (i * d + j);
            margins[j] = (gkv_gk){.a = v[0], .b = v[1], .g = v[2], .k = v[3], .c = c};
        }
        GKV_TRY_GOTO(
            cholesky ? gkv_mgk_create_from_cholesky(d, margins, m, cholesky + i * d * d, &parts[i])
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

/* Sets the arrays of a mixture to NaN. */
static void put_nan(size_t d, size_t count, double *pi, double *parameters, double *mean,
                    double *cholesky)
{
    gki_flat_nan(pi, count);
    gki_flat_nan(parameters, count * d * 4);
    gki_flat_nan(mean, count * d);
    gki_flat_nan(cholesky, count * d * d);
}

/* --- Settings and names --------------------------------------------------- */

static void mgk_defaults(void *values)
{
    gkv_mgk_fit_defaults(values);
}

#define AT(member) offsetof(gkv_mgk_fit_settings, member)

static const gki_flat_row mgk_rows[] = {
    {"method", GKV_FLAT_CHOICE, AT(margins.method), "lm, mle, octile"},
    {"c", GKV_FLAT_NUMBER, AT(margins.c), NULL},
    {"confidence", GKV_FLAT_NUMBER, AT(margins.confidence), NULL},
    {"shrink", GKV_FLAT_NUMBER, AT(shrink), "auto"},
    {"normal", GKV_FLAT_SWITCH, AT(normal), NULL},
    {"independent", GKV_FLAT_SWITCH, AT(independent), NULL},
    {"normal_fallback", GKV_FLAT_SWITCH, AT(normal_fallback), NULL},
};
#undef AT

static const gki_flat_kind mgk_kind = {"a multivariate fit", mgk_rows,
                                       sizeof mgk_rows / sizeof *mgk_rows,
                                       sizeof(gkv_mgk_fit_settings), mgk_defaults};

gkv_status gkv_flat_mgk_settings(gkv_flat_settings **out)
{
    GKV_NEED(out);
    return gki_flat_settings_create(&mgk_kind, out);
}

static void mixture_defaults(void *values)
{
    gkv_mgk_mixture_defaults(values);
}

#define AT(member) offsetof(gkv_mgk_mixture_settings, member)

static const gki_flat_row mixture_rows[] = {
    {"c", GKV_FLAT_NUMBER, AT(advanced.margins.c), NULL},
    {"normal", GKV_FLAT_SWITCH, AT(normal), NULL},
    {"independent", GKV_FLAT_SWITCH, AT(independent), NULL},
    {"shrink", GKV_FLAT_NUMBER, AT(shrink), "auto"},
    {"restarts", GKV_FLAT_SIZE, AT(restarts), NULL},
    {"seed", GKV_FLAT_SEED, AT(seed), NULL},
    {"max_iterations", GKV_FLAT_SIZE, AT(max_iterations), NULL},
    {"tolerance", GKV_FLAT_NUMBER, AT(tolerance), "auto"},
};
#undef AT

static const gki_flat_kind mixture_kind = {"a mixture", mixture_rows,
                                           sizeof mixture_rows / sizeof *mixture_rows,
                                           sizeof(gkv_mgk_mixture_settings), mixture_defaults};

gkv_status gkv_flat_mixture_settings(gkv_flat_settings **out)
{
    GKV_NEED(out);
    return gki_flat_settings_create(&mixture_kind, out);
}

const char *gkv_flat_mixture_name(size_t i)
{
    static const char *const names[GKV_FLAT_MIXTURE_NUMBERS] = {
        [GKV_FLAT_MIXTURE_LOG_LIKELIHOOD] = "log_likelihood",
        [GKV_FLAT_MIXTURE_AIC] = "aic",
        [GKV_FLAT_MIXTURE_BIC] = "bic",
        [GKV_FLAT_MIXTURE_PARAMETERS] = "parameters",
        [GKV_FLAT_MIXTURE_COMPONENTS] = "components",
        [GKV_FLAT_MIXTURE_ITERATIONS] = "iterations",
        [GKV_FLAT_MIXTURE_CONVERGED] = "converged",
        [GKV_FLAT_MIXTURE_STOP] = "stop",
        [GKV_FLAT_MIXTURE_UNEXPLAINED] = "unexplained",
        [GKV_FLAT_MIXTURE_LAST_GAIN] = "last_gain",
        [GKV_FLAT_MIXTURE_SHRINK] = "shrink",
        [GKV_FLAT_MIXTURE_REPAIR] = "repair",
        [GKV_FLAT_MIXTURE_GOODNESS] = "goodness",
        [GKV_FLAT_MIXTURE_FALLBACKS] = "fallbacks",
    };
    return GKV_FLAT_NAME(names, i);
}

/* --- Fits ----------------------------------------------------------------- */

gkv_status gkv_flat_mgk_fit(size_t n, size_t d, const double *x, const double *weights,
                            const gkv_flat_settings *settings, const gkv_run_options *options,
                            double *margins, double *correlation, double *correlation_se,
                            double *cholesky, double *numbers)
{
    gkv_mgk *mgk = NULL;
    gkv_mgk_fit_settings set;
    gkv_mgk_fit_result result = {0};
    gkv_status status = GKV_OK;
    gki_flat_nan(margins, d * GKV_FLAT_FIT_NUMBERS);
    gki_flat_nan(correlation, d * d);
    gki_flat_nan(correlation_se, d * d);
    gki_flat_nan(cholesky, d * d);
    gki_flat_nan(numbers, GKV_FLAT_MIXTURE_NUMBERS);
    GKV_NEED(x);
    GKV_TRY_GOTO(gki_flat_settings_copy(__func__, &mgk_kind, settings, &set));
    GKV_TRY_GOTO(gkv_mgk_fit(n, d, x, weights, &set, options, &mgk, &result));
    for (size_t j = 0; margins && j < d; j++)
        gki_flat_put_fit(margins + j * GKV_FLAT_FIT_NUMBERS, &result.margins[j]);
    if (correlation)
        memcpy(correlation, result.correlation, d * d * sizeof *correlation);
    if (correlation_se)
        memcpy(correlation_se, result.correlation_se, d * d * sizeof *correlation_se);
    if (cholesky)
        memcpy(cholesky, gkv_mgk_cholesky(mgk), d * d * sizeof *cholesky);
    if (numbers) {
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

gkv_status gkv_flat_mixture_fit(size_t n, size_t d, const double *x, const double *weights,
                                size_t least, size_t most, const gkv_flat_settings *settings,
                                const gkv_run_options *options, double *pi, double *parameters,
                                double *mean, double *cholesky, double *numbers)
{
    gkv_mgk_mixture **mixtures = NULL;
    gkv_mgk_mixture_result *results = NULL;
    gkv_mgk_mixture_settings set;
    gkv_status status = GKV_OK;
    size_t fits = 0, chosen = 0;
    put_nan(d, most, pi, parameters, mean, cholesky);
    gki_flat_nan(numbers, GKV_FLAT_MIXTURE_NUMBERS);
    GKV_NEED(x);
    if (least < 1 || most < least)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture of %zu to %zu components: give 1 ≤ least ≤ most", least, most);
    GKV_TRY(gki_flat_settings_copy(__func__, &mixture_kind, settings, &set));
    set.components = most;
    set.weights = weights;
    fits = most - least + 1;
    GKV_TRY_GOTO(gki_alloc(fits, sizeof *mixtures, &mixtures));
    GKV_TRY_GOTO(gki_alloc(fits, sizeof *results, &results));
    status = fits == 1 ? gkv_mgk_mixture_fit(n, d, x, &set, options, &mixtures[0], &results[0])
                       : gkv_mgk_mixture_fit_range(n, d, x, &set, least, most, options, mixtures,
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

gkv_status gkv_flat_mixture_evaluate(size_t n, size_t d, const double *x, size_t count,
                                     const double *pi, const double *parameters, double c,
                                     const double *mean, const double *cholesky, int threads,
                                     double *log_pdf, double *responsibilities)
{
    const gkv_run_options options = {.threads = threads};
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    gki_flat_nan(log_pdf, n);
    gki_flat_nan(responsibilities, n * count);
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(parameters);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, mean, cholesky, &mixture));
    if (responsibilities)
        status =
            gkv_mgk_mixture_responsibilities(mixture, n, x, &options, log_pdf, responsibilities);
    else if (log_pdf)
        status = gkv_mgk_mixture_log_pdf(mixture, n, x, &options, log_pdf);
done:
    if (status != GKV_OK) {
        gki_flat_nan(log_pdf, n);
        gki_flat_nan(responsibilities, n * count);
    }
    gkv_mgk_mixture_free(mixture);
    return status;
}

/* What the outputs of draws hold after an error. */
static void put_no_draws(size_t n, size_t d, double *x, size_t *component)
{
    gki_flat_nan(x, n * d);
    for (size_t i = 0; component && i < n; i++)
        component[i] = 0;
}

gkv_status gkv_flat_mixture_draw(size_t n, size_t d, size_t count, const double *pi,
                                 const double *parameters, double c, const double *mean,
                                 const double *cholesky, uint64_t seed, uint64_t first, int threads,
                                 double *x, size_t *component)
{
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    put_no_draws(n, d, x, component);
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(parameters);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, mean, cholesky, &mixture));
    status = gkv_mgk_mixture_sample(mixture, n, seed, first, &(gkv_run_options){.threads = threads},
                                    x, component);
done:
    if (status != GKV_OK)
        put_no_draws(n, d, x, component);
    gkv_mgk_mixture_free(mixture);
    return status;
}

/* The dimensions of a part; 0 for an impossible one. */
static size_t part_dimensions(size_t d, size_t n_which, const double *x_given)
{
    return n_which > d ? 0 : x_given ? d - n_which : n_which;
}

gkv_status gkv_flat_mixture_part(size_t d, size_t count, const double *pi, const double *parameters,
                                 double c, const double *mean, const double *cholesky,
                                 size_t n_which, const size_t *which, const double *x_given,
                                 size_t *count_out, double *pi_out, double *parameters_out,
                                 double *mean_out, double *cholesky_out)
{
    gkv_mgk_mixture *mixture = NULL, *part = NULL;
    gkv_status status = GKV_OK;
    put_nan(part_dimensions(d, n_which, x_given), count, pi_out, parameters_out, mean_out,
            cholesky_out);
    if (count_out)
        *count_out = 0;
    GKV_NEED(which);
    GKV_NEED(parameters);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, mean, cholesky, &mixture));
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
    gki_flat_nan(out, n);
    if (function < GKV_FLAT_CDF || function > GKV_FLAT_QUANTILE_LOG_UPPER)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: the margin of a mixture has no function number %d",
                        __func__, (int)function);
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(parameters);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, mean, cholesky, &mixture));
    if (out && function < GKV_FLAT_QUANTILE)
        status = gkv_mgk_mixture_margin_cdf(mixture, column, (gkv_gk_tail)(function - GKV_FLAT_CDF),
                                            n, x, out);
    else if (out)
        status = gkv_mgk_mixture_margin_quantile(
            mixture, column, (gkv_gk_tail)(function - GKV_FLAT_QUANTILE), n, x, out);
done:
    if (status != GKV_OK)
        gki_flat_nan(out, n);
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
    gki_flat_nan(z, n * d);
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(parameters);
    GKV_TRY_GOTO(
        gki_mgk_mixture_from_arrays(d, count, pi, parameters, c, mean, cholesky, &mixture));
    if (z)
        status = whiten ? gkv_mgk_mixture_whiten(mixture, n, x, &options, z)
                        : gkv_mgk_mixture_scores(mixture, n, x, &options, z);
done:
    if (status != GKV_OK)
        gki_flat_nan(z, n * d);
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
    GKV_NEED(parameters);
    GKV_TRY_GOTO(gki_mgk_mixture_from_arrays(d, 1, NULL, parameters, c, mean, cholesky, &mixture));
    status = gkv_mgk_impute(gkv_mgk_mixture_component(mixture, 0), n, seed, first,
                            &(gkv_run_options){.threads = threads}, x);
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}
