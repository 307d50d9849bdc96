/* Running means and variances, log-mean-exp, and active units. */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "gkvae/image_metrics.h"

void gkv_accumulator_add(gkv_accumulator *accumulator, double value)
{
    if (!accumulator)
        return;
    accumulator->n++;
    const double delta = value - accumulator->mean;
    accumulator->mean += delta / (double)accumulator->n;
    accumulator->m2 += delta * (value - accumulator->mean);
}

void gkv_accumulator_merge(gkv_accumulator *accumulator, const gkv_accumulator *other)
{
    if (!accumulator || !other || other->n == 0)
        return;
    if (accumulator->n == 0) {
        *accumulator = *other;
        return;
    }
    const double mine = (double)accumulator->n, theirs = (double)other->n, all = mine + theirs;
    const double delta = other->mean - accumulator->mean;
    accumulator->m2 += other->m2 + delta * delta * (mine * theirs / all);
    accumulator->mean += delta * (theirs / all);
    accumulator->n += other->n;
}

double gkv_accumulator_variance(const gkv_accumulator *accumulator)
{
    return !accumulator || accumulator->n < 2 ? (double)NAN
                                              : accumulator->m2 / (double)(accumulator->n - 1);
}

gkv_mean_se gkv_accumulator_result(const gkv_accumulator *accumulator)
{
    if (!accumulator)
        return (gkv_mean_se){.mean = NAN, .se = NAN};
    return (gkv_mean_se){
        .n = accumulator->n,
        .mean = accumulator->n ? accumulator->mean : (double)NAN,
        .se = sqrt(gkv_accumulator_variance(accumulator) / (double)accumulator->n),
    };
}

gkv_mean_se gkv_mean_se_of(size_t n, const double *values)
{
    gkv_accumulator accumulator = {0};
    for (size_t i = 0; values && i < n; i++)
        gkv_accumulator_add(&accumulator, values[i]);
    return gkv_accumulator_result(&accumulator);
}

double gkv_log_mean_exp(size_t n, const double *x)
{
    if (n == 0 || !x)
        return NAN;
    double top = x[0];
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            return NAN;
        if (x[i] > top)
            top = x[i];
    }
    if (isinf(top)) /* all values are −∞, or one is +∞; the shift below would compute ∞ − ∞ */
        return top;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - top);
    return top + log(sum / (double)n);
}

gkv_status gkv_active_units(size_t n, size_t d, const double *means, double threshold,
                            double *variance, size_t *active)
{
    GKV_NEED(means);
    GKV_NEED(active);
    *active = 0;
    if (n == 0 || d == 0)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "active units of %zu posterior means of %zu dimensions: neither may be 0",
                        n, d);
    gkv_accumulator *columns = NULL;
    GKV_TRY(gki_alloc(d, sizeof *columns, &columns));
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < n && status == GKV_OK; i++)
        for (size_t j = 0; j < d; j++) {
            const double value = means[i * d + j];
            if (!isfinite(value)) {
                status = gki_fail(
                    GKV_ERR_DATA,
                    "active units: posterior mean %zu has %g in dimension %zu; it must be finite",
                    i, value, j);
                break;
            }
            gkv_accumulator_add(&columns[j], value);
        }
    for (size_t j = 0; j < d && status == GKV_OK; j++) {
        const double spread = columns[j].m2 / (double)n;
        *active += spread > threshold;
        if (variance)
            variance[j] = spread;
    }
    free(columns);
    return status;
}
