/* The flat functions of gkvae/flat.h that evaluate any family: values, moments and draws, NaN where
 * parameters are invalid. */
#include <math.h>

#include "core/flat_settings.h"
#include "gk/family.h"
#include "gk/flat_parameters.h"
#include "gk/gk_random.h"
#include "gkvae/flat.h"
#include "gkvae/gk_moments.h"

enum { RAW_MOMENT_MAX = 100 };

const char *gkv_flat_function_name(size_t i)
{
    static const char *const names[GKV_FLAT_FUNCTIONS] = {
        [GKV_FLAT_PDF] = "pdf",
        [GKV_FLAT_LOG_PDF] = "log_pdf",
        [GKV_FLAT_CDF] = "cdf",
        [GKV_FLAT_UPPER] = "upper",
        [GKV_FLAT_LOG_CDF] = "log_cdf",
        [GKV_FLAT_LOG_UPPER] = "log_upper",
        [GKV_FLAT_QUANTILE] = "quantile",
        [GKV_FLAT_QUANTILE_UPPER] = "quantile_upper",
        [GKV_FLAT_QUANTILE_LOG] = "quantile_log",
        [GKV_FLAT_QUANTILE_LOG_UPPER] = "quantile_log_upper",
        [GKV_FLAT_Q] = "Q",
        [GKV_FLAT_Q_INVERSE] = "Q_inverse",
        [GKV_FLAT_RAW_MOMENT] = "raw_moment",
        [GKV_FLAT_ENTROPY] = "entropy",
        [GKV_FLAT_VALID] = "valid",
    };
    return GKV_FLAT_NAME(names, i);
}

static double raw_moment(const gkv_gk *gk, double r)
{
    double moment = NAN;
    if (!(r >= 0 && r <= RAW_MOMENT_MAX && r == floor(r)) ||
        gkv_gk_raw_moment(gk, (int)r, &moment) == GKV_ERR_ARGUMENT)
        return NAN;
    return moment; /* after GKV_ERR_NUMERIC it is the inaccurate result */
}

static double entropy(const gkv_gk *gk, double x)
{
    double value = NAN;
    (void)x;
    return gkv_gk_entropy(gk, &value) == GKV_ERR_ARGUMENT ? NAN : value;
}

/* The function at x, for valid parameters. */
static double value_of(const gkv_gk *gk, gkv_flat_function function, double x)
{
    typedef double of_gk(const gkv_gk *gk, double x);
    static of_gk *const functions[GKV_FLAT_FUNCTIONS] = {
        [GKV_FLAT_PDF] = gkv_gk_pdf,
        [GKV_FLAT_LOG_PDF] = gkv_gk_log_pdf,
        [GKV_FLAT_CDF] = gkv_gk_cdf,
        [GKV_FLAT_UPPER] = gkv_gk_cdf_upper,
        [GKV_FLAT_LOG_CDF] = gkv_gk_log_cdf,
        [GKV_FLAT_LOG_UPPER] = gkv_gk_log_cdf_upper,
        [GKV_FLAT_QUANTILE] = gkv_gk_quantile,
        [GKV_FLAT_QUANTILE_UPPER] = gkv_gk_quantile_upper,
        [GKV_FLAT_QUANTILE_LOG] = gkv_gk_quantile_log,
        [GKV_FLAT_QUANTILE_LOG_UPPER] = gkv_gk_quantile_log_upper,
        [GKV_FLAT_Q] = gkv_gk_Q,
        [GKV_FLAT_Q_INVERSE] = gkv_gk_Q_inverse,
        [GKV_FLAT_RAW_MOMENT] = raw_moment,
        [GKV_FLAT_ENTROPY] = entropy,
    };
    return function == GKV_FLAT_VALID ? 1 : functions[function](gk, x);
}

/* Whether the parameters are valid. The last valid ones of a thread are remembered, because the
 * bound of k takes longer than a density. */
static bool is_valid(const gkv_gk *gk)
{
    static _Thread_local gkv_gk last; /* B = 0 is not valid */
    if (gk->b > 0 && gk->b < INFINITY && isfinite(gk->a) && last.b > 0 && gk->g == last.g &&
        gk->k == last.k && gk->c == last.c && gk->family == last.family)
        return true; /* validity does not depend on A and B otherwise */
    if (!gkv_gk_is_valid(gk))
        return false;
    last = *gk;
    return true;
}

double gkv_flat_gk_value(gkv_gk_family family, gkv_flat_function function, double x, double a,
                         double b, double g, double k, double c)
{
    const gkv_gk gk = {.a = a, .b = b, .g = g, .k = k, .c = c, .family = family};
    if ((unsigned)function >= GKV_FLAT_FUNCTIONS)
        return NAN;
    if (!is_valid(&gk))
        return function == GKV_FLAT_VALID ? 0 : NAN;
    return value_of(&gk, function, x);
}

/* Whether gkvae/gk_batch.h has the function. */
static bool batch_has(gkv_flat_function function)
{
    return function <= GKV_FLAT_Q;
}

static gkv_status by_batch(const gkv_gk *gk, gkv_flat_function function, size_t n, const double *x,
                           double *out)
{
    gkv_gk_at_x outputs = {0};
    switch (function) {
    case GKV_FLAT_PDF: outputs.pdf = out; break;
    case GKV_FLAT_LOG_PDF: outputs.log_pdf = out; break;
    case GKV_FLAT_CDF: outputs.cdf = out; break;
    case GKV_FLAT_UPPER: outputs.cdf_upper = out; break;
    case GKV_FLAT_LOG_CDF: outputs.log_cdf = out; break;
    case GKV_FLAT_LOG_UPPER: outputs.log_cdf_upper = out; break;
    case GKV_FLAT_Q: return gkv_gk_batch_z(gk, n, x, &(gkv_gk_at_z){.x = out});
    default:
        return gkv_gk_batch_quantile(gk, n, (gkv_gk_tail)(function - GKV_FLAT_QUANTILE), x, out);
    }
    return gkv_gk_batch_x(gk, n, x, &outputs);
}

/* Errors that no function has at an element. The message begins with the name of the function. */
static gkv_status check(const char *caller, gkv_gk_family family, const gki_flat_parameters *p)
{
    if ((unsigned)family >= GKV_GK_FAMILIES)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: there is no family number %d", caller, (int)family);
    return gki_flat_check(caller, p);
}

static gkv_status evaluate(const char *caller, gkv_gk_family family, gkv_flat_function function,
                           bool exact, const gki_flat_parameters *p, const double *x, double *out)
{
    const bool batch = !exact && gki_gk_has_batches(family) && batch_has(function);
    gkv_gk gk;
    if (p->n > 0 && function < GKV_FLAT_ENTROPY && !x)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: x is NULL", caller);
    GKV_TRY(check(caller, family, p));
    if ((unsigned)function >= GKV_FLAT_FUNCTIONS)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: there is no function number %d", caller,
                        (int)function);
    for (size_t i = 0, count; out && i < p->n; i += count) {
        count = gki_flat_run(p, i, &gk);
        gk.family = family;
        const bool valid = is_valid(&gk);
        if (valid && batch) {
            GKV_TRY(by_batch(&gk, function, count, x + i, out + i));
            continue;
        }
        for (size_t j = i; j < i + count; j++)
            out[j] = valid                        ? value_of(&gk, function, x ? x[j] : 0)
                     : function == GKV_FLAT_VALID ? 0
                                                  : NAN;
    }
    return GKV_OK;
}

gkv_status gkv_flat_gk_evaluate(gkv_gk_family family, gkv_flat_function function, bool exact,
                                size_t n, const double *x, size_t n_a, const double *a, size_t n_b,
                                const double *b, size_t n_g, const double *g, size_t n_k,
                                const double *k, size_t n_c, const double *c, double *out)
{
    const gki_flat_parameters p = GKV_FLAT_COLLECT;
    const gkv_status status = evaluate(__func__, family, function, exact, &p, x, out);
    if (status != GKV_OK)
        gki_flat_nan(out, n); /* not before: x may be the same array */
    return status;
}

gkv_status gkv_flat_gk_moments(gkv_gk_family family, size_t n, size_t n_a, const double *a,
                               size_t n_b, const double *b, size_t n_g, const double *g, size_t n_k,
                               const double *k, size_t n_c, const double *c, double *moments)
{
    const gki_flat_parameters p = GKV_FLAT_COLLECT;
    gkv_gk gk;
    gki_flat_nan(moments, n * GKV_FLAT_MOMENTS);
    GKV_TRY(check(__func__, family, &p));
    for (size_t i = 0, count; moments && i < n; i += count) {
        double row[GKV_FLAT_MOMENTS] = {NAN, NAN, NAN, NAN};
        gkv_gk_summary summary;
        count = gki_flat_run(&p, i, &gk);
        gk.family = family;
        if (gkv_gk_is_valid(&gk)) {
            /* after GKV_ERR_NUMERIC the results are the inaccurate ones */
            if (gkv_gk_moments(&gk, &summary) != GKV_ERR_ARGUMENT) {
                row[GKV_FLAT_MEAN] = summary.mean;
                row[GKV_FLAT_VARIANCE] = summary.variance;
                row[GKV_FLAT_SKEWNESS] = summary.skewness;
                row[GKV_FLAT_KURTOSIS] = summary.kurtosis;
            }
        }
        for (size_t j = i; j < i + count; j++)
            for (int m = 0; m < GKV_FLAT_MOMENTS; m++)
                moments[j * GKV_FLAT_MOMENTS + (size_t)m] = row[m];
    }
    return GKV_OK;
}

gkv_status gkv_flat_gk_draw(gkv_gk_family family, size_t n, size_t n_a, const double *a, size_t n_b,
                            const double *b, size_t n_g, const double *g, size_t n_k,
                            const double *k, size_t n_c, const double *c, uint64_t seed,
                            uint64_t first, double *out)
{
    const gki_flat_parameters p = GKV_FLAT_COLLECT;
    gkv_gk gk;
    gki_flat_nan(out, n);
    GKV_TRY(check(__func__, family, &p));
    if (!out)
        return GKV_OK;
    gki_gk_random_normals(n, seed, first, out);
    for (size_t i = 0, count; i < n; i += count) {
        count = gki_flat_run(&p, i, &gk);
        gk.family = family;
        if (is_valid(&gk))
            gki_gk_random_transform(&gk, count, out + i);
        else
            gki_flat_nan(out + i, count);
    }
    return GKV_OK;
}
