/* The spline with generalised Pareto tails: a monotone cubic through knots (x_i, z_i), which are
 * empirical quantiles (Fritsch and Carlson 1980). Beyond the outermost knots, tails with a shape
 * ξ < 1 are generalised Pareto for ξ > 0. A generalised Pareto tail with ξ < 0, as the excesses of
 * a normal distribution seem to have, would end. Here it has the hazard (1 − ξy/σ)/σ instead,
 * which is the same to the first order in y; the tails of a normal distribution are about so. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/margin.h"
#include "num/sort.h"
#include "num/special.h"

/* The shares of the tails and the numbers of knots, from the coarsest to the finest. */
static const struct {
    double share;
    size_t knots;
} details[] = {{0.15, 4}, {0.10, 7}, {0.06, 12}, {0.04, 20}, {0.025, 36}};
enum { DETAILS = sizeof details / sizeof *details };

/* The fewest values in a tail. */
static const double least_excesses = 12;

static size_t spline_resolutions(size_t n)
{
    size_t count = 0;
    while (count < DETAILS && details[count].share * (double)n >= least_excesses)
        count++;
    return count;
}

/* --- Scores and values ----------------------------------------------------- */

/* The segment i with knot[i] ≤ v < knot[i+1], of `knots` − 1 segments. */
static size_t segment(const double *knot, size_t knots, double v)
{
    size_t low = 0, high = knots - 1;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (v < knot[middle])
            high = middle;
        else
            low = middle;
    }
    return low;
}

/* The cubic of a segment at u in [0, 1], and its derivative in u. */
static double cubic(const gki_margin *m, size_t i, double u, double *derivative)
{
    const double h = m->x[i + 1] - m->x[i], rise = m->z[i + 1] - m->z[i];
    const double a = m->slope[i] * h, b = m->slope[i + 1] * h;
    const double second = 3 * rise - 2 * a - b, third = a + b - 2 * rise;
    *derivative = a + u * (2 * second + 3 * u * third);
    return m->z[i] + u * (a + u * (second + u * third));
}

/* log P beyond an excess y ≥ 0, and log of the density. */
static double log_survival(const gki_tail *tail, double y, double *log_density)
{
    const double v = y / tail->sigma, xi = tail->xi;
    if (xi <= 0) {
        const double near = fmin(v, 1e150); /* its square is finite */
        const double lp = tail->log_share - near * (1 - 0.5 * xi * near);
        *log_density = lp + log1p(-xi * near) - log(tail->sigma);
        return lp;
    }
    const double beyond = log1p(xi * v), lp = tail->log_share - beyond / xi;
    *log_density = lp - beyond - log(tail->sigma);
    return lp;
}

/* The excess beyond which the share e^(−h) of the tail is. */
static double excess_of(const gki_tail *tail, double h)
{
    const double xi = tail->xi;
    if (xi > 0)
        return tail->sigma * expm1(xi * h) / xi;
    return tail->sigma * 2 * h / (1 + sqrt(1 - 2 * xi * h));
}

static double spline_score(const gki_margin *m, double x, double *log_slope)
{
    const size_t knots = (size_t)m->knots;
    double log_density, derivative;
    if (x < m->lower.threshold || x > m->upper.threshold) {
        const bool low = x < m->lower.threshold;
        const gki_tail *tail = low ? &m->lower : &m->upper;
        const double lp = log_survival(tail, fabs(x - tail->threshold), &log_density);
        const double z = gki_normal_quantile_log(lp);
        *log_slope = log_density - gki_normal_log_pdf(z);
        return low ? z : -z;
    }
    const size_t i = segment(m->x, knots, x);
    const double h = m->x[i + 1] - m->x[i];
    const double z = cubic(m, i, (x - m->x[i]) / h, &derivative);
    *log_slope = log(derivative / h);
    return z;
}

static double spline_value(const gki_margin *m, double z)
{
    const size_t knots = (size_t)m->knots;
    if (z < m->z[0] || z > m->z[knots - 1]) {
        const bool low = z < m->z[0];
        const gki_tail *tail = low ? &m->lower : &m->upper;
        const double excess = tail->log_share - gki_normal_log_cdf(-fabs(z));
        const double y = excess_of(tail, excess);
        return tail->threshold + (low ? -y : y);
    }
    /* Newton's method between bounds that it halves */
    const size_t i = segment(m->z, knots, z);
    double low = 0, high = 1, u = (z - m->z[i]) / (m->z[i + 1] - m->z[i]), derivative;
    for (int step = 0; step < 100; step++) {
        const double off = cubic(m, i, u, &derivative) - z;
        if (off > 0)
            high = u;
        else
            low = u;
        double next = u - off / derivative;
        if (!(next >= low && next <= high))
            next = 0.5 * (low + high);
        if (fabs(next - u) < 1e-16)
            break;
        u = next;
    }
    return m->x[i] + u * (m->x[i + 1] - m->x[i]);
}

/* --- Tails ---------------------------------------------------------------- */

/* Shapes have a normal prior: tails of columns are rarely heavier. */
static const double prior_shape = 0.1, prior_sd = 0.2, shape_min = -0.6, shape_max = 0.95;

/* The sum of the log densities of excesses y[n], at the best σ for a shape. *log_sigma is a start,
 * and becomes its logarithm. The steps are those of Newton's method with the expected curvature. */
static double profile(size_t n, const double *y, double xi, double *log_sigma)
{
    const double curvature = xi > 0 ? 1 / (1 + 2 * xi) : 1 - xi;
    double sum = 0;
    for (int step = 0; step < 60; step++) {
        const double rate = exp(-*log_sigma);
        double slope = 0;
        sum = 0;
        for (size_t i = 0; i < n; i++) {
            const double v = y[i] * rate, w = 1 + fabs(xi) * v;
            if (xi > 0) {
                sum -= (1 + 1 / xi) * log(w);
                slope += (1 + xi) * v / w;
            } else {
                sum += log(w) - v * (1 - 0.5 * xi * v);
                slope += v * w + xi * v / w;
            }
        }
        sum -= (double)n * *log_sigma;
        const double move = (slope / (double)n - 1) / curvature;
        if (fabs(move) < 1e-7)
            break;
        *log_sigma += fmin(fmax(move, -1), 1);
    }
    return sum;
}

/* Fits the tail of excesses y[n], which may become fewer, by the posterior mean of the shape, whose
 * likelihood has the best scale for each shape. A coarse grid of shapes finds the maximum, and a
 * fine one around it gives the mean. */
static void fit_tail(size_t n, double *y, gki_tail *tail)
{
    enum { VALUES_MAX = 4000, COARSE = 15, FINE = 13 };
    const size_t stride = n > VALUES_MAX ? n / VALUES_MAX : 1, used = (n + stride - 1) / stride;
    double mean = 0, best = -INFINITY, middle = 0, total = 0, shape = 0, log_posterior[COARSE];
    for (size_t i = 0; i < used; i++) {
        y[i] = y[i * stride];
        mean += y[i] / (double)used;
    }
    tail->xi = 0;
    tail->sigma = mean;
    if (!(mean > 0))
        return;
    const double weight = (double)n / (double)used;
    double log_sigma = log(mean), at_best = log_sigma;
    for (size_t j = 0; j < COARSE; j++) {
        const double xi = -0.5 + 0.1 * (double)j, off = (xi - prior_shape) / prior_sd;
        log_posterior[j] = weight * profile(used, y, xi, &log_sigma) - 0.5 * off * off;
        if (log_posterior[j] > best) {
            best = log_posterior[j];
            middle = xi;
            at_best = log_sigma;
        }
    }
    const size_t j = (size_t)lround((middle + 0.5) / 0.1);
    double sd = 0.1;
    if (j > 0 && j + 1 < COARSE) { /* the parabola through three shapes */
        const double before = log_posterior[j - 1] - best, after = log_posterior[j + 1] - best;
        middle += 0.05 * (after - before) / -(before + after);
        sd = 0.1 / sqrt(-(before + after));
    }
    log_sigma = at_best;
    for (size_t i = 0; i < FINE; i++) {
        const double xi = fmin(fmax(middle + 0.5 * sd * ((double)i - FINE / 2), shape_min),
                               shape_max),
                     off = (xi - prior_shape) / prior_sd,
                     density =
                         exp(weight * profile(used, y, xi, &log_sigma) - 0.5 * off * off - best);
        total += density;
        shape += density * xi;
    }
    tail->xi = shape / total;
    (void)profile(used, y, tail->xi, &log_sigma);
    tail->sigma = exp(log_sigma);
}

/* --- Knots ---------------------------------------------------------------- */

/* The quantile at a level, the mean over neighbouring levels of half a knot's distance, which has
 * less variance than the order statistic. */
static double level_of(size_t n, const double *x, double from, double to)
{
    const double nn = (double)n;
    const size_t first = (size_t)fmin(nn - 1, fmax(0, floor(from * nn))),
                 last = (size_t)fmin(nn - 1, fmax((double)first, ceil(to * nn) - 1));
    double sum = 0;
    for (size_t i = first; i <= last; i++)
        sum += x[i] - x[first];
    return x[first] + sum / (double)(last - first + 1);
}

/* The order statistic between values, as a function of a level. */
static double quantile(size_t n, const double *x, double p)
{
    const double position = fmin(fmax(p * (double)n - 0.5, 0), (double)n - 1);
    const size_t i = (size_t)position, next = i + 1 < n ? i + 1 : i;
    return x[i] + (position - (double)i) * (x[next] - x[i]);
}

/* Slopes of a monotone cubic: the weighted harmonic mean of the neighbouring secants (Fritsch and
 * Butland 1984). `low` and `high` are the wished slopes at the ends. */
static void set_slopes(gki_margin *m, size_t knots, double low, double high)
{
    double secant[GKV_MARGIN_KNOTS_MAX];
    for (size_t i = 0; i + 1 < knots; i++)
        secant[i] = (m->z[i + 1] - m->z[i]) / (m->x[i + 1] - m->x[i]);
    for (size_t i = 1; i + 1 < knots; i++) {
        const double before = m->x[i] - m->x[i - 1], after = m->x[i + 1] - m->x[i];
        const double a = 2 * after + before, b = after + 2 * before;
        m->slope[i] = (a + b) / (a / secant[i - 1] + b / secant[i]);
    }
    const double most = 2.5, least = 0.2;
    m->slope[0] = fmin(fmax(low, least * secant[0]), most * secant[0]);
    m->slope[knots - 1] = fmin(fmax(high, least * secant[knots - 2]), most * secant[knots - 2]);
    for (size_t i = 1; i + 1 < knots; i++)
        m->slope[i] = fmin(m->slope[i], most * fmin(secant[i - 1], secant[i]));
}

/* Fits the tail beyond a threshold to the `count` outermost values. */
static gkv_status fit_one_tail(size_t n, const double *x, size_t count, bool upper, gki_tail *tail)
{
    double *y = NULL;
    GKV_TRY(gki_alloc(count, sizeof *y, &y));
    for (size_t i = 0; i < count; i++)
        y[i] = upper ? x[n - count + i] - tail->threshold : tail->threshold - x[count - 1 - i];
    tail->log_share = log((double)count / (double)n);
    fit_tail(count, y, tail);
    free(y);
    return GKV_OK;
}

/* Fits a spline to the ascending values x[n]. */
static gkv_status fit_sorted(size_t n, const double *x, size_t detail, gki_margin *out)
{
    const size_t count = (size_t)ceil(details[detail].share * (double)n),
                 wanted = details[detail].knots;
    const double share = (double)count / (double)n, end = gki_normal_quantile(share),
                 step = -2 * end / (double)(wanted - 1);
    size_t knots = 0;
    const double range = x[n - 1] - x[0];
    out->lower.threshold = quantile(n, x, share);
    out->upper.threshold = quantile(n, x, 1 - share);
    for (size_t i = 0; i < wanted; i++) {
        const double z = end + step * (double)i;
        const bool is_end = i == 0 || i == wanted - 1;
        const double knot = i == 0            ? out->lower.threshold
                            : i == wanted - 1 ? out->upper.threshold
                                              : level_of(n, x, gki_normal_cdf(z - step / 4),
                                                         gki_normal_cdf(z + step / 4));
        /* equal quantiles make one knot; the last one must be the threshold */
        while (knots > 0 && is_end && i > 0 && !(knot - out->x[knots - 1] > 1e-9 * range))
            knots--;
        if (knots > 0 && !(knot - out->x[knots - 1] > 1e-9 * range))
            continue;
        out->x[knots] = knot;
        out->z[knots++] = i == wanted - 1 ? -end : z;
    }
    if (knots < 2 || out->x[0] != out->lower.threshold)
        return gki_fail(GKV_ERR_DATA, "too few different values for a spline");
    out->knots = (double)knots;
    GKV_TRY(fit_one_tail(n, x, count, false, &out->lower));
    GKV_TRY(fit_one_tail(n, x, count, true, &out->upper));
    if (!(out->lower.sigma > 1e-9 * range && out->upper.sigma > 1e-9 * range))
        return gki_fail(GKV_ERR_DATA, "too few different values for the tails of a spline");
    /* the density is then continuous at the thresholds */
    const double pdf = exp(gki_normal_log_pdf(end));
    set_slopes(out, knots, share / out->lower.sigma / pdf, share / out->upper.sigma / pdf);
    return GKV_OK;
}

static gkv_status fit_spline(const gki_column *column, size_t detail, gki_margin *out)
{
    double *sorted = NULL;
    if (detail >= spline_resolutions(column->n))
        return gki_fail(GKV_ERR_DATA, "%zu values are too few for a spline", column->n);
    GKV_TRY(gki_alloc(2 * column->n, sizeof *sorted, &sorted));
    memcpy(sorted, column->spread, column->n * sizeof *sorted);
    gki_sort(column->n, sorted, NULL, sorted + column->n);
    const gkv_status status = fit_sorted(column->n, sorted, detail, out);
    free(sorted);
    return status;
}

/* --- The table's entry ---------------------------------------------------- */

static bool is_tail(const gki_tail *tail)
{
    return isfinite(tail->threshold) && tail->log_share < 0 && isfinite(tail->log_share) &&
           tail->sigma > 0 && isfinite(tail->sigma) && tail->xi > -1 && tail->xi < 1;
}

static bool is_valid_spline(const gki_margin *m)
{
    const double knots = m->knots;
    if (!(knots >= 2 && knots <= GKV_MARGIN_KNOTS_MAX && knots == floor(knots)) ||
        !is_tail(&m->lower) || !is_tail(&m->upper))
        return false;
    for (size_t i = 0; i < (size_t)knots; i++)
        if (!isfinite(m->x[i]) || !isfinite(m->z[i]) || !(m->slope[i] > 0) ||
            !isfinite(m->slope[i]) || (i > 0 && !(m->x[i] > m->x[i - 1] && m->z[i] > m->z[i - 1])))
            return false;
    return m->lower.threshold == m->x[0] && m->upper.threshold == m->x[(size_t)knots - 1];
}

static void describe_spline(const gki_margin *m, double *parameters)
{
    parameters[0] = m->knots;
    parameters[1] = m->lower.xi;
    parameters[2] = m->upper.xi;
}

const gki_margin_ops gki_margin_spline = {.name = "spline",
                                          .parameters = {"knots", "lower ξ", "upper ξ"},
                                          .resolutions = spline_resolutions,
                                          .fit = fit_spline,
                                          .is_valid = is_valid_spline,
                                          .describe = describe_spline,
                                          .score = spline_score,
                                          .value = spline_value};
