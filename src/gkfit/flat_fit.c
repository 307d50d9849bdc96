/* The flat functions of gkvae/flat.h for fits of samples and for the bootstrap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/flat_settings.h"
#include "core/memory.h"
#include "gkfit/flat_fit.h"
#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"

enum { P = GKV_GK_PARAMETERS };

/* --- Names ---------------------------------------------------------------- */

#define OF_EACH(prefix) prefix "A", prefix "B", prefix "g", prefix "k"
#define OF_PAIRS                                                                  \
    OF_EACH("covariance.A."), OF_EACH("covariance.B."), OF_EACH("covariance.g."), \
        OF_EACH("covariance.k.")

const char *gkv_flat_fit_name(size_t i)
{
    static const char *const names[] = {OF_EACH(""),
                                        OF_EACH("se."),
                                        OF_PAIRS,
                                        OF_EACH("low."),
                                        OF_EACH("high."),
                                        OF_EACH("bound."),
                                        "log_likelihood",
                                        "aic",
                                        "bic",
                                        "chi2",
                                        "dof",
                                        "p_value",
                                        "test",
                                        "anderson_darling",
                                        "n",
                                        "total",
                                        "levels",
                                        "parameters",
                                        "iterations",
                                        "newton",
                                        "converged",
                                        "at_bound",
                                        "symmetric",
                                        "method",
                                        "resolution",
                                        "heaps",
                                        "tied_value",
                                        "tied",
                                        "c",
                                        "se.c",
                                        OF_EACH("covariance.c."),
                                        "covariance.c.c",
                                        "low.c",
                                        "high.c",
                                        "bound.c",
                                        "determined.c",
                                        "weak.c",
                                        "held.c",
                                        "held_log_likelihood.c",
                                        "ratio.c",
                                        "p_value.c"};
    _Static_assert(sizeof names / sizeof *names == GKV_FLAT_FIT_NUMBERS, "a name for each number");
    return GKV_FLAT_NAME(names, i);
}

const char *gkv_flat_test_name(size_t i)
{
    static const char *const names[] = {
        [GKV_GK_TEST_LEVELS] = "levels",     [GKV_GK_TEST_BINS] = "bins",
        [GKV_GK_TEST_TIES] = "ties",         [GKV_GK_TEST_HEAPS] = "heaps",
        [GKV_GK_TEST_FEW_BINS] = "few bins", [GKV_GK_TEST_NONE] = "none"};
    return GKV_FLAT_NAME(names, i);
}

const char *gkv_flat_bootstrap_name(size_t i)
{
    static const char *const names[] = {OF_EACH("se."),       OF_EACH("bias."), OF_EACH("low."),
                                        OF_EACH("high."),     OF_PAIRS,         "p_chi2",
                                        "p_anderson_darling", "used",           "failed"};
    _Static_assert(sizeof names / sizeof *names == GKV_FLAT_BOOTSTRAP_NUMBERS,
                   "a name for each number");
    return GKV_FLAT_NAME(names, i);
}

/* --- Results -------------------------------------------------------------- */

static void put(double *row, size_t offset, size_t size, const double *values)
{
    memcpy(row + offset, values, size * sizeof *values);
}

/* The numbers of an estimated c, which are NaN without one. */
static void put_c(double *row, const gkv_gk_fit_result *r)
{
    const gkv_gk_fit_c *c = &r->c;
    row[GKV_FLAT_FIT_C] = r->gk.c;
    gki_flat_nan(row + GKV_FLAT_FIT_C_SE, GKV_FLAT_FIT_NUMBERS - GKV_FLAT_FIT_C_SE);
    if (!c->free)
        return;
    row[GKV_FLAT_FIT_C_SE] = c->se;
    put(row, GKV_FLAT_FIT_C_COVARIANCE, P + 1, c->covariance);
    row[GKV_FLAT_FIT_C_LOW] = c->low;
    row[GKV_FLAT_FIT_C_HIGH] = c->high;
    row[GKV_FLAT_FIT_C_BOUND] = c->bound;
    row[GKV_FLAT_FIT_C_DETERMINED] = c->determined;
    row[GKV_FLAT_FIT_C_WEAK] = c->weak;
    row[GKV_FLAT_FIT_C_HELD] = c->held;
    row[GKV_FLAT_FIT_C_HELD_LOG_LIKELIHOOD] = c->held_log_likelihood;
    row[GKV_FLAT_FIT_C_RATIO] = c->ratio;
    row[GKV_FLAT_FIT_C_P_VALUE] = c->p_value;
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
    put_c(row, r);
}

/* --- Settings ------------------------------------------------------------- */

typedef struct fit_values {
    gkv_gk_fit_settings fit; /* without start and fixed */
    gkv_gk_bootstrap_settings bootstrap;
    double start[P], fixed[P]; /* NaN: none, and not fixed */
    double resolution;
} fit_values;

static void fit_defaults(void *values)
{
    fit_values *defaults = values;
    *defaults = (fit_values){0};
    gkv_gk_fit_defaults(&defaults->fit);
    gkv_gk_bootstrap_defaults(&defaults->bootstrap);
    gki_flat_nan(defaults->start, P);
    gki_flat_nan(defaults->fixed, P);
}

#define AT(member) offsetof(fit_values, member)
#define ROWS_OF_EACH(name, member)                                \
    {name ".A", GKV_FLAT_NUMBER, AT(member[GKV_GK_A]), NULL},     \
        {name ".B", GKV_FLAT_NUMBER, AT(member[GKV_GK_B]), NULL}, \
        {name ".g", GKV_FLAT_NUMBER, AT(member[GKV_GK_G]), NULL}, \
    {                                                             \
        name ".k", GKV_FLAT_NUMBER, AT(member[GKV_GK_K]), NULL    \
    }

static const gki_flat_row fit_rows[] = {
    {"method", GKV_FLAT_CHOICE, AT(fit.method), "lm, mle, octile"},
    {"family", GKV_FLAT_CHOICE, AT(fit.family), "gk, gh, ggh"},
    {"intervals", GKV_FLAT_CHOICE, AT(fit.intervals), "wald, profile"},
    {"c", GKV_FLAT_NUMBER, AT(fit.c), NULL},
    {"free_c", GKV_FLAT_SWITCH, AT(fit.free_c), NULL},
    {"confidence", GKV_FLAT_NUMBER, AT(fit.confidence), NULL},
    {"levels", GKV_FLAT_SIZE, AT(fit.levels), NULL},
    {"tail", GKV_FLAT_NUMBER, AT(fit.tail), NULL},
    {"likelihood", GKV_FLAT_SWITCH, AT(fit.likelihood), NULL},
    {"anderson_darling", GKV_FLAT_SWITCH, AT(fit.anderson_darling), NULL},
    {"resolution", GKV_FLAT_NUMBER, AT(resolution), "auto"},
    {"nonparametric", GKV_FLAT_SWITCH, AT(bootstrap.nonparametric), NULL},
    {"seed", GKV_FLAT_SEED, AT(bootstrap.seed), NULL},
    ROWS_OF_EACH("start", start),
    ROWS_OF_EACH("fixed", fixed),
    ROWS_OF_EACH("low", fit.low),
    ROWS_OF_EACH("high", fit.high),
};

static const gki_flat_kind fit_kind = {"a fit", fit_rows, sizeof fit_rows / sizeof *fit_rows,
                                       sizeof(fit_values), fit_defaults};

gkv_status gkv_flat_fit_settings(gkv_flat_settings **out)
{
    GKV_NEED(out);
    return gki_flat_settings_create(&fit_kind, out);
}

/* Copies the settings to *values, which then refer to *start. */
static gkv_status take_settings(const char *function, const gkv_flat_settings *settings,
                                fit_values *values, gkv_gk *start)
{
    bool started = false;
    double begin[P];
    GKV_TRY(gki_flat_settings_copy(function, &fit_kind, settings, values));
    for (int j = 0; j < P; j++) {
        values->fit.fixed[j] = !isnan(values->fixed[j]);
        begin[j] = values->fit.fixed[j] ? values->fixed[j] : values->start[j];
        started = started || !isnan(begin[j]);
    }
    *start = (gkv_gk){.a = begin[GKV_GK_A],
                      .b = begin[GKV_GK_B],
                      .g = begin[GKV_GK_G],
                      .k = begin[GKV_GK_K],
                      .c = values->fit.c,
                      .family = values->fit.family};
    values->fit.start = started ? start : NULL;
    return GKV_OK;
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

/* --- Fits ----------------------------------------------------------------- */

static gkv_status fit_samples(const char *function, size_t count, const size_t *starts,
                              const double *x, const double *upper, const double *weights,
                              const gkv_flat_settings *settings, const gkv_run_options *options,
                              double *numbers, gkv_status *statuses)
{
    gkv_gk start;
    fit_values set;
    gkv_gk_sample *samples = NULL;
    gkv_gk_fit_result *results = NULL;
    gkv_status *own = NULL, status = GKV_OK;
    bool begun = false;
    GKV_TRY_GOTO(take_settings(function, settings, &set, &start));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *samples, &samples));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *results, &results));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *own, &own));
    for (size_t i = 0; i < count; i++) {
        const size_t first = starts[i];
        if (starts[i + 1] < first) {
            status = gki_fail(GKV_ERR_ARGUMENT, "%s: starts[%zu] = %zu is above starts[%zu] = %zu",
                              function, i, first, i + 1, starts[i + 1]);
            goto done;
        }
        samples[i] = sample_of(starts[i + 1] - first, x + first, upper ? upper + first : NULL,
                               weights ? weights + first : NULL, set.resolution);
        own[i] = GKV_ERR_INTERNAL; /* a status that gkv_gk_fit_many replaces */
    }
    begun = true;
    status = gkv_gk_fit_many(count, samples, &set.fit, options, results, own);
    for (size_t i = 0; i < count; i++) {
        if (own[i] == GKV_ERR_INTERNAL)
            own[i] = status;
        if (own[i] == GKV_OK && numbers)
            gki_flat_put_fit(numbers + i * GKV_FLAT_FIT_NUMBERS, &results[i]);
        if (statuses)
            statuses[i] = own[i];
    }
done:
    for (size_t i = 0; !begun && statuses && i < count; i++)
        statuses[i] = status;
    free(samples);
    free(results);
    free(own);
    return status;
}

gkv_status gkv_flat_gk_fit(size_t count, const size_t *starts, const double *x, const double *upper,
                           const double *weights, const gkv_flat_settings *settings,
                           const gkv_run_options *options, double *numbers, gkv_status *statuses)
{
    gki_flat_nan(numbers, count * GKV_FLAT_FIT_NUMBERS);
    for (size_t i = 0; statuses && i < count; i++)
        statuses[i] = GKV_ERR_ARGUMENT;
    GKV_NEED(starts);
    GKV_NEED(x);
    return fit_samples(__func__, count, starts, x, upper, weights, settings, options, numbers,
                       statuses);
}

static void put_bootstrap(double *numbers, const gkv_gk_bootstrap_result *r)
{
    put(numbers, GKV_FLAT_BOOTSTRAP_SE, P, r->se);
    put(numbers, GKV_FLAT_BOOTSTRAP_BIAS, P, r->bias);
    put(numbers, GKV_FLAT_BOOTSTRAP_LOW, P, r->low);
    put(numbers, GKV_FLAT_BOOTSTRAP_HIGH, P, r->high);
    put(numbers, GKV_FLAT_BOOTSTRAP_COVARIANCE, P * P, &r->covariance[0][0]);
    numbers[GKV_FLAT_BOOTSTRAP_P_CHI2] = r->p_chi2;
    numbers[GKV_FLAT_BOOTSTRAP_P_ANDERSON_DARLING] = r->p_anderson_darling;
    numbers[GKV_FLAT_BOOTSTRAP_USED] = (double)r->used;
    numbers[GKV_FLAT_BOOTSTRAP_FAILED] = (double)r->failed;
}

static gkv_status bootstrap(const char *function, const gkv_gk_sample *given, size_t replicates,
                            const gkv_flat_settings *settings, const gkv_run_options *options,
                            double *estimates, gkv_gk_bootstrap_result *result)
{
    const gkv_run_options quiet = {.threads = options ? options->threads : 0,
                                   .stop = options ? options->stop : NULL};
    gkv_gk_sample sample = *given;
    gkv_gk start;
    fit_values set;
    gkv_gk_fit_result fit;
    if (!sample.x && !sample.lower)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: x is NULL", function);
    GKV_TRY(take_settings(function, settings, &set, &start));
    set.bootstrap.replicates = replicates;
    set.bootstrap.confidence = set.fit.confidence;
    sample.resolution = set.resolution;
    GKV_TRY(gkv_gk_fit_many(1, &sample, &set.fit, &quiet, &fit, NULL));
    return gkv_gk_bootstrap(&sample, &fit, &set.fit, &set.bootstrap, options, estimates, result);
}

gkv_status gkv_flat_gk_bootstrap(size_t n, const double *x, const double *upper,
                                 const double *weights, size_t replicates,
                                 const gkv_flat_settings *settings, const gkv_run_options *options,
                                 double *estimates, double *numbers)
{
    const gkv_gk_sample sample = sample_of(n, x, upper, weights, 0);
    gkv_gk_bootstrap_result result;
    const gkv_status status =
        bootstrap(__func__, &sample, replicates, settings, options, estimates, &result);
    if (status != GKV_OK) { /* once, because there may be millions */
        gki_flat_nan(estimates, replicates * P);
        gki_flat_nan(numbers, GKV_FLAT_BOOTSTRAP_NUMBERS);
    } else if (numbers)
        put_bootstrap(numbers, &result);
    return status;
}
