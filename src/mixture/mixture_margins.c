/* The margins of mixtures: probabilities, quantiles and normal scores. */
#include "gkvae/mgk_margins.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "mixture/mixture.h"
#include "num/special.h"

/* --- The margin of one component ------------------------------------------ */

/* x = Q(z) with z ~ N(mean, sd²). */
typedef struct part {
    gkv_gk gk;
    double weight, log_weight, mean, sd;
    bool standard; /* whether the mean is 0 and sd is 1 up to rounding */
} part;

static part part_of(const gkv_mgk_mixture *mixture, size_t k, size_t column)
{
    const gkv_mgk *c = mixture->components[k];
    double sum = 0.0;
    for (size_t i = 0; i <= column; i++)
        sum += c->cholesky[column * c->d + i] * c->cholesky[column * c->d + i];
    return (part){.gk = c->margins[column],
                  .weight = mixture->weights[k],
                  .log_weight = mixture->log_weights[k],
                  .mean = c->mean[column],
                  .sd = sqrt(sum),
                  .standard = c->mean[column] == 0 && fabs(sum - 1.0) < 1e-12};
}

/* The normal score of x. */
static double score_of(const part *p, double x)
{
    const double z = gkv_gk_Q_inverse(&p->gk, x);
    return p->standard ? z : (z - p->mean) / p->sd;
}

static double probability_of(const part *p, double x, gkv_gk_tail tail)
{
    switch (tail) {
    case GKV_GK_LOWER: return p->standard ? gkv_gk_cdf(&p->gk, x) : gki_normal_cdf(score_of(p, x));
    case GKV_GK_UPPER:
        return p->standard ? gkv_gk_cdf_upper(&p->gk, x) : gki_normal_cdf(-score_of(p, x));
    case GKV_GK_LOG_LOWER:
        return p->standard ? gkv_gk_log_cdf(&p->gk, x) : gki_normal_log_cdf(score_of(p, x));
    default:
        return p->standard ? gkv_gk_log_cdf_upper(&p->gk, x) : gki_normal_log_cdf(-score_of(p, x));
    }
}

static double log_density_of(const part *p, double x)
{
    if (p->standard)
        return gkv_gk_log_pdf(&p->gk, x);
    const double z = gkv_gk_Q_inverse(&p->gk, x);
    return isinf(z)
               ? -INFINITY
               : gki_normal_log_pdf((z - p->mean) / p->sd) - log(p->sd) - gkv_gk_log_dQ(&p->gk, z);
}

static double quantile_of(const part *p, double probability, gkv_gk_tail tail)
{
    if (p->standard)
        switch (tail) {
        case GKV_GK_LOWER: return gkv_gk_quantile(&p->gk, probability);
        case GKV_GK_UPPER: return gkv_gk_quantile_upper(&p->gk, probability);
        case GKV_GK_LOG_LOWER: return gkv_gk_quantile_log(&p->gk, probability);
        default: return gkv_gk_quantile_log_upper(&p->gk, probability);
        }
    const bool log = tail == GKV_GK_LOG_LOWER || tail == GKV_GK_LOG_UPPER;
    const bool upper = tail == GKV_GK_UPPER || tail == GKV_GK_LOG_UPPER;
    const double u = log ? gki_normal_quantile_log(probability) : gki_normal_quantile(probability);
    return gkv_gk_Q(&p->gk, p->mean + p->sd * (upper ? -u : u));
}

/* --- The margin ----------------------------------------------------------- */

/* log(e^a + e^b) */
static double log_sum(double a, double b)
{
    const double most = fmax(a, b);
    return isinf(most) ? most : most + log1p(exp(-fabs(a - b)));
}

/* Σ_k π_k P_k for the lower or upper tail. */
static double sum_of(const part *parts, size_t count, double x, gkv_gk_tail tail)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++)
        sum += parts[k].weight * probability_of(&parts[k], x, tail);
    return fmin(sum, 1.0);
}

static double margin_probability(const part *parts, size_t count, double x, gkv_gk_tail tail)
{
    if (isnan(x))
        return NAN;
    if (count == 1)
        return probability_of(parts, x, tail);
    if (tail == GKV_GK_LOWER || tail == GKV_GK_UPPER)
        return sum_of(parts, count, x, tail);
    const double other =
        sum_of(parts, count, x, tail == GKV_GK_LOG_LOWER ? GKV_GK_UPPER : GKV_GK_LOWER);
    if (other < 0.5)
        return log1p(-other);
    double sum = -INFINITY;
    for (size_t k = 0; k < count; k++)
        sum = log_sum(sum, parts[k].log_weight + probability_of(&parts[k], x, tail));
    return sum;
}

static double margin_log_density(const part *parts, size_t count, double x)
{
    double sum = -INFINITY;
    for (size_t k = 0; k < count; k++)
        sum = log_sum(sum, parts[k].log_weight + log_density_of(&parts[k], x));
    return sum;
}

/* The x between low and high at which the logarithm of a tail is log_p. */
static double solve(const part *parts, size_t count, gkv_gk_tail tail, double log_p, double low,
                    double high)
{
    enum { HALVINGS_MAX = 2200 }; /* more than the halvings between any two doubles */
    const double sign = tail == GKV_GK_LOG_LOWER ? 1.0 : -1.0;
    double x = 0.5 * low + 0.5 * high, before = INFINITY;
    for (int i = 0; i < HALVINGS_MAX && x > low && x < high; i++) {
        const double log_tail = margin_probability(parts, count, x, tail);
        const double excess = sign * (log_tail - log_p);
        if (excess == 0)
            return x;
        if (excess > 0)
            high = x;
        else
            low = x;
        /* Newton's step on the logarithm, in which the derivative is density/tail */
        const double step = -excess * exp(log_tail - margin_log_density(parts, count, x));
        const double next = x + step, middle = 0.5 * low + 0.5 * high;
        if (next == x)
            return x;
        const bool good = next > low && next < high && fabs(step) < 0.5 * before;
        before = good ? fabs(step) : INFINITY;
        x = good ? next : middle;
    }
    return x;
}

static double margin_quantile(const part *parts, size_t count, double p, gkv_gk_tail tail)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < count; k++) {
        const double one = quantile_of(&parts[k], p, tail);
        if (isnan(one))
            return NAN;
        low = fmin(low, one);
        high = fmax(high, one);
    }
    if (!(low < high))
        return low;
    const bool log_given = tail == GKV_GK_LOG_LOWER || tail == GKV_GK_LOG_UPPER;
    const bool upper_given = tail == GKV_GK_UPPER || tail == GKV_GK_LOG_UPPER;
    const double log_p = log_given ? p : log(p);
    if (log_p == -INFINITY || log_p == 0) /* an end of the support */
        return (log_p == 0) == upper_given ? low : high;
    if (isinf(low) || isinf(high)) /* beyond the greatest double */
        return isinf(low) ? low : high;
    /* the smaller of the two tails determines x better */
    const bool other = log_p > -0.69;
    const double target = !other ? log_p : log_given ? log(-expm1(p)) : log1p(-p);
    return solve(parts, count, upper_given == other ? GKV_GK_LOG_LOWER : GKV_GK_LOG_UPPER, target,
                 low, high);
}

static double margin_score(const part *parts, size_t count, double x)
{
    if (count == 1)
        return score_of(parts, x);
    const double lower = margin_probability(parts, count, x, GKV_GK_LOG_LOWER);
    const double upper = margin_probability(parts, count, x, GKV_GK_LOG_UPPER);
    return lower < upper ? gki_normal_quantile_log(lower) : -gki_normal_quantile_log(upper);
}

/* Allocates the margins of all components. */
static gkv_status parts_of(const gkv_mgk_mixture *mixture, size_t column, part **out)
{
    *out = NULL;
    if (column >= mixture->d)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no coordinate %zu: the mixture has %zu", column,
                        mixture->d);
    GKV_TRY(gki_alloc(mixture->count, sizeof **out, out));
    for (size_t k = 0; k < mixture->count; k++)
        (*out)[k] = part_of(mixture, k, column);
    return GKV_OK;
}

typedef double margin_function(const part *parts, size_t count, double x, gkv_gk_tail tail);

static gkv_status evaluate_margin(const gkv_mgk_mixture *mixture, size_t column, gkv_gk_tail tail,
                                  size_t n, margin_function *function, const double *in,
                                  double *out)
{
    part *parts;
    if ((unsigned)tail > GKV_GK_LOG_UPPER)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no tail number %d", (int)tail);
    GKV_TRY(parts_of(mixture, column, &parts));
    for (size_t i = 0; i < n; i++)
        out[i] = function(parts, mixture->count, in[i], tail);
    free(parts);
    return GKV_OK;
}

gkv_status gkv_mgk_mixture_margin_cdf(const gkv_mgk_mixture *mixture, size_t column,
                                      gkv_gk_tail tail, size_t n, const double *x, double *p)
{
    GKV_NEED(mixture);
    if (n > 0) {
        GKV_NEED(x);
        GKV_NEED(p);
    }
    return evaluate_margin(mixture, column, tail, n, margin_probability, x, p);
}

gkv_status gkv_mgk_mixture_margin_quantile(const gkv_mgk_mixture *mixture, size_t column,
                                           gkv_gk_tail tail, size_t n, const double *p, double *x)
{
    GKV_NEED(mixture);
    if (n > 0) {
        GKV_NEED(p);
        GKV_NEED(x);
    }
    return evaluate_margin(mixture, column, tail, n, margin_quantile, p, x);
}

gkv_status gkv_mgk_mixture_scores(const gkv_mgk_mixture *mixture, size_t n, const double *x,
                                  const gkv_run_options *options, double *z)
{
    GKV_NEED(mixture);
    if (n > 0) {
        GKV_NEED(x);
        GKV_NEED(z);
    }
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mixture->d, count = mixture->count, tiles = gki_mgk_tiles(n);
    const int used = gki_mgk_threads(call.options.threads, tiles);
    part *parts;
    GKV_TRY(gki_alloc(d, count * sizeof *parts, &parts));
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < count; k++)
            parts[j * count + k] = part_of(mixture, k, j);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        const size_t first = t * GKV_MGK_TILE, rows = gki_mgk_tile_rows(n, t);
        if (gki_call_stopped(&call))
            continue;
        for (size_t i = first * d; i < (first + rows) * d; i++)
            z[i] = margin_score(parts + i % d * count, count, x[i]);
        gki_call_advance(&call, rows);
    }
    free(parts);
    return gki_call_end(&call, "normal scores", "rows");
}
