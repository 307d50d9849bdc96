/* Prepares samples of intervals: checks them, merges equal intervals, and finds exact values for
 * the start of a fit. */
#include "gkfit/interval_data.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/memory.h"
#include "num/special.h"

static gkv_status allocate(size_t count, gki_gk_interval_data *out)
{
    *out = (gki_gk_interval_data){.count = count};
    GKV_TRY(gki_alloc(count, 3 * sizeof(double), &out->memory));
    out->lower = out->memory;
    out->upper = out->lower + count;
    out->weight = out->upper + count;
    return GKV_OK;
}

gkv_status gki_gk_interval_data_rounded(const gki_gk_ties *ties, double h,
                                        gki_gk_interval_data *out)
{
    GKV_TRY(allocate(ties->count, out));
    out->n = ties->n;
    out->total = ties->total;
    for (size_t r = 0; r < ties->count; r++) {
        out->lower[r] = ties->x[r] - 0.5 * h;
        out->upper[r] = ties->x[r] + 0.5 * h;
        out->weight[r] = ties->end[r] - (r > 0 ? ties->end[r - 1] : 0.0);
        out->points += out->lower[r] == out->upper[r] ? out->weight[r] : 0.0;
    }
    return GKV_OK;
}

/* --- Intervals by their ends ---------------------------------------------- */

typedef struct observation {
    double lower, upper, weight;
    size_t index; /* for a unique order */
} observation;

static int order(const void *a, const void *b)
{
    const observation *one = a, *other = b;
    if (one->lower != other->lower)
        return one->lower < other->lower ? -1 : 1;
    if (one->upper != other->upper)
        return one->upper < other->upper ? -1 : 1;
    return one->index < other->index ? -1 : one->index > other->index;
}

static gkv_status check_observation(const observation *observed, size_t n)
{
    const double low = observed->lower, high = observed->upper;
    if (!(observed->weight >= 0 && isfinite(observed->weight)))
        return gki_fail(GKV_ERR_DATA,
                        "weight %zu of %zu is %g; a weight is the number of observations of a "
                        "value, and must be finite and ≥ 0",
                        observed->index + 1, n, observed->weight);
    if (!(low <= high) || low == INFINITY || high == -INFINITY)
        return gki_fail(GKV_ERR_DATA,
                        "observation %zu of %zu is the interval from %g to %g; the lower end must "
                        "not be above the upper end, and neither may be NaN",
                        observed->index + 1, n, low, high);
    if (isinf(low) && isinf(high))
        return gki_fail(GKV_ERR_DATA,
                        "observation %zu of %zu is unknown, from −∞ to ∞; leave it out",
                        observed->index + 1, n);
    return GKV_OK;
}

/* Copies the observations of weight above 0. Returns an error for the first that is wrong. */
static gkv_status take(const gkv_gk_sample *sample, observation *all, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < sample->n; i++) {
        const observation observed = {.lower = sample->lower[i],
                                      .upper = sample->upper[i],
                                      .weight = sample->weights ? sample->weights[i] : 1.0,
                                      .index = i};
        GKV_TRY(check_observation(&observed, sample->n));
        if (observed.weight > 0)
            all[(*count)++] = observed;
    }
    return GKV_OK;
}

static void merge(const observation *all, size_t count, gki_gk_interval_data *out)
{
    out->count = 0;
    out->n = count;
    for (size_t i = 0; i < count; i++) {
        const observation *observed = &all[i];
        if (i == 0 || observed->lower != all[i - 1].lower || observed->upper != all[i - 1].upper) {
            out->lower[out->count] = observed->lower;
            out->upper[out->count] = observed->upper;
            out->weight[out->count++] = 0.0;
        }
        out->weight[out->count - 1] += observed->weight;
        out->total += observed->weight;
        out->points += observed->lower == observed->upper ? observed->weight : 0.0;
    }
}

gkv_status gki_gk_interval_data_of(const gkv_gk_sample *sample, gki_gk_interval_data *out)
{
    observation *all = NULL;
    size_t count = 0;
    gkv_status status = GKV_OK;
    if (!sample->lower || !sample->upper)
        return gki_fail(GKV_ERR_ARGUMENT, "a sample of intervals has %s = NULL",
                        sample->lower ? "upper" : "lower");
    if (sample->n >= UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "a g-and-k fit takes fewer than %u values, not %zu",
                        UINT32_MAX, sample->n);
    GKV_TRY_GOTO(gki_alloc(sample->n, sizeof *all, &all));
    GKV_TRY_GOTO(take(sample, all, &count));
    qsort(all, count, sizeof *all, order);
    GKV_TRY_GOTO(allocate(count, out));
    merge(all, count, out);
    if (!(out->total >= GKV_GK_FIT_MIN && out->total < 1e15))
        status = gki_fail(GKV_ERR_DATA,
                          "a g-and-k fit needs at least %d observations and less than 1e15, not %g",
                          GKV_GK_FIT_MIN, out->total);
done:
    free(all);
    return status;
}

gkv_status gki_gk_interval_data_check(const gki_gk_interval_data *data, size_t parameters,
                                      bool by_ends)
{
    if (data->count <= parameters)
        return gki_fail_remedy(GKV_ERR_DATA, GKV_REMEDY_FIX,
                               "%zu distinct %s%s cannot determine %zu parameter%s: use more data, "
                               "or fix some of the parameters",
                               data->count, by_ends ? "interval" : "value",
                               data->count == 1 ? "" : "s", parameters, parameters == 1 ? "" : "s");
    for (size_t i = 0; i < data->count; i++)
        if (data->lower[i] == data->upper[i] && data->weight[i] > 2 &&
            data->weight[i] > 0.1 * data->total)
            return gki_fail(GKV_ERR_DATA,
                            "heavy ties: %.10g of %.10g observations are exactly %g; a continuous "
                            "distribution does not fit them",
                            data->weight[i], data->total, data->lower[i]);
    return GKV_OK;
}

bool gki_gk_interval_data_common(const gki_gk_interval_data *data, double *low, double *high)
{
    *low = -INFINITY, *high = INFINITY;
    for (size_t i = 0; i < data->count; i++) {
        *low = fmax(*low, data->lower[i]);
        *high = fmin(*high, data->upper[i]);
    }
    return *low <= *high;
}

/* --- Exact values for a start --------------------------------------------- */

/* The greatest number of values in the place of an interval, and the iterations that place
 * censored observations. */
enum { PARTS = 32, ITERATIONS = 6 };

static size_t parts_of(const gki_gk_interval_data *data, size_t i)
{
    const double w = data->weight[i];
    return w <= 1 || data->lower[i] == data->upper[i] ? 1 : w < PARTS ? (size_t)ceil(w) : PARTS;
}

/* The quantile `v` of a censored observation: beyond its end by an exponential distribution of this
 * spread, or under the distribution gk. */
static double censored_value(double low, double high, double v, double spread, const gkv_gk *gk)
{
    const double end = isinf(high) ? low : high, away = isinf(high) ? 1.0 : -1.0;
    double x = end - away * spread * log1p(-v);
    if (gk) {
        const double log_tail =
            isinf(high) ? gkv_gk_log_cdf_upper(gk, low) : gkv_gk_log_cdf(gk, high);
        const double log_p = log_tail + log1p(-v);
        const double quantile =
            isinf(high) ? gkv_gk_quantile_log_upper(gk, log_p) : gkv_gk_quantile_log(gk, log_p);
        x = isfinite(quantile) ? quantile : x;
    }
    return isinf(high) ? fmax(x, low) : fmin(x, high);
}

/* Computes the values; those of bounded intervals only if gk is NULL, because they do not
 * change. */
static void place(const gki_gk_interval_data *data, double spread, const gkv_gk *gk, double *x,
                  double *w)
{
    const double golden = 0.61803398874989484820;
    size_t next = 0;
    for (size_t i = 0; i < data->count; i++) {
        const double low = data->lower[i], high = data->upper[i];
        const size_t parts = parts_of(data, i);
        for (size_t j = 0; j < parts; j++, next++) {
            const double turn = ((double)i + 0.5) * golden;
            const double v = parts == 1 ? turn - floor(turn) : ((double)j + 0.5) / (double)parts;
            if (isinf(low) || isinf(high))
                x[next] = censored_value(low, high, v, spread, gk);
            else if (!gk)
                x[next] = low + v * (high - low);
            w[next] = data->weight[i] / (double)parts;
        }
    }
}

/* The interquartile range of the finite ends. */
static gkv_status spread_of(const gki_gk_interval_data *data, double *scratch, double *ends,
                            double *spread)
{
    gki_gk_ties ties;
    for (size_t i = 0; i < data->count; i++)
        ends[i] = isinf(data->lower[i]) ? data->upper[i] : data->lower[i];
    const gkv_gk_sample sample = {.n = data->count, .x = ends, .weights = data->weight};
    GKV_TRY(gki_gk_ties_of(&sample, true, scratch, &ties));
    *spread = gki_gk_ties_quantile(&ties, 0.75) - gki_gk_ties_quantile(&ties, 0.25);
    if (!(*spread > 0))
        *spread = ties.x[ties.count - 1] - ties.x[0];
    return GKV_OK;
}

gkv_status gki_gk_interval_data_values(const gki_gk_interval_data *data, double c, double margin,
                                       double **memory, gki_gk_ties *ties)
{
    size_t n = 0;
    bool censored = false;
    for (size_t i = 0; i < data->count; i++) {
        n += parts_of(data, i);
        censored = censored || isinf(data->lower[i]) || isinf(data->upper[i]);
    }
    GKV_TRY(gki_alloc(2 * n + gki_gk_ties_size(n), sizeof(double), memory));
    double *x = *memory, *w = x + n, *scratch = w + n, spread = 0.0, e[7];
    const gkv_gk_sample sample = {.n = n, .x = x, .weights = w};
    if (censored)
        GKV_TRY(spread_of(data, scratch, x, &spread));
    place(data, spread, NULL, x, w);
    GKV_TRY(gki_gk_ties_of(&sample, true, scratch, ties));
    for (int round = 0; round < ITERATIONS && censored; round++) {
        gkv_gk gk;
        for (int i = 0; i < 7; i++)
            e[i] = gki_gk_ties_quantile(ties, (i + 1) / 8.0);
        GKV_TRY(gkv_gk_from_octiles(e, c, margin, &gk));
        place(data, spread, &gk, x, w);
        GKV_TRY(gki_gk_ties_of(&sample, true, scratch, ties));
    }
    return GKV_OK;
}

void gki_gk_interval_data_scale(gki_gk_interval_data *data, double centre, double spread)
{
    for (size_t i = 0; i < data->count; i++) {
        data->lower[i] = (data->lower[i] - centre) / spread;
        data->upper[i] = (data->upper[i] - centre) / spread;
    }
}
