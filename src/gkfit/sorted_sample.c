/* A sorted sample: its ties, quantiles and levels, and whether it is rounded; order statistics of
 * uniform draws. */
#define _GNU_SOURCE /* lgamma_r; lgamma writes the global variable signgam */
#include "gkfit/sorted_sample.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "gkvae/gk_fit.h"
#include "num/constants.h"
#include "num/sort.h"
#include "num/special.h"

enum { DISTINCT_MIN = 7 };
static const double first_rank = 2.0; /* the rank of the first level is at least this */

static gkv_status check_values(const gkv_gk_sample *sample)
{
    const double *x = sample->x, *w = sample->weights;
    for (size_t i = 0; i < sample->n; i++) {
        if (!isfinite(x[i]))
            return gki_fail(GKV_ERR_DATA,
                            "a g-and-k fit needs finite values: value %zu of %zu is %g", i + 1,
                            sample->n, x[i]);
        if (sample->sorted && i > 0 && x[i] < x[i - 1])
            return gki_fail(GKV_ERR_DATA, "the sample is not sorted: value %zu is %g after %g",
                            i + 1, x[i], x[i - 1]);
        if (w && !(w[i] >= 0 && isfinite(w[i])))
            return gki_fail(GKV_ERR_DATA,
                            "weight %zu of %zu is %g; a weight is the number of observations of a "
                            "value, and must be finite and ≥ 0",
                            i + 1, sample->n, w[i]);
    }
    return GKV_OK;
}

/* Removes values of weight 0, and merges equal values. */
static void merge(const double *x, const double *weights, size_t n, gki_gk_ties *ties)
{
    size_t count = 0;
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double w = weights ? weights[i] : 1.0;
        if (w == 0)
            continue;
        ties->n++;
        total += w;
        count += count == 0 || x[i] != ties->x[count - 1];
        ties->x[count - 1] = x[i];
        ties->end[count - 1] = total;
    }
    ties->count = count;
    ties->total = total;
}

static gkv_status check_size_and_spread(const gki_gk_ties *ties, bool weighted)
{
    if (weighted && !(ties->total >= GKV_GK_FIT_MIN && ties->total < 1e15))
        return gki_fail(GKV_ERR_DATA,
                        "a g-and-k fit needs at least %d observations and less than 1e15; the "
                        "weights of %zu values add up to %g",
                        GKV_GK_FIT_MIN, ties->n, ties->total);
    const double first = ties->x[0], last = ties->x[ties->count - 1];
    if (ties->count == 1)
        return gki_fail(GKV_ERR_DATA,
                        "all %zu values are %g; a sample without spread has no g-and-k fit",
                        ties->n, first);
    if (!isfinite(last - first))
        return gki_fail(GKV_ERR_DATA,
                        "the range of the sample, %g to %g, is too large for a double", first,
                        last);
    return GKV_OK;
}

/* The weight of a group. */
static double size_of(const gki_gk_ties *ties, size_t r)
{
    return ties->end[r] - (r > 0 ? ties->end[r - 1] : 0.0);
}

gkv_status gki_gk_ties_check(const gki_gk_ties *ties, bool are_special)
{
    const gkv_remedy remedy = are_special ? GKV_REMEDY_NONE : GKV_REMEDY_RESOLUTION;
    for (size_t r = 0; r < ties->count && !ties->untied; r++) {
        const double here = size_of(ties, r);
        if (here > 2 && here > 0.1 * ties->total)
            return gki_fail_remedy(
                GKV_ERR_DATA, remedy,
                "heavy ties: %.10g of %.10g values are %g; a continuous distribution does not fit "
                "them; %s",
                here, ties->total, ties->x[r],
                are_special
                    ? "the values are multiples of no resolution, so that they are not only "
                      "rounded: fit them without those of a special value, such as 0, or give the "
                      "resolution"
                    : "if they are rounded, fit by maximum likelihood with their resolution");
    }
    if (ties->count < DISTINCT_MIN)
        return gki_fail_remedy(
            GKV_ERR_DATA, remedy,
            "a g-and-k fit needs at least %d distinct values, but %zu of %zu are distinct; %s",
            DISTINCT_MIN, ties->count, ties->n,
            are_special ? "rounded values may be fewer, but these are multiples of no resolution: "
                          "give it, or more values"
                        : "rounded values may be fewer: fit them by maximum likelihood with their "
                          "resolution");
    return GKV_OK;
}

gkv_status gki_gk_ties_of(const gkv_gk_sample *sample, bool allow_ties, double *memory,
                          gki_gk_ties *ties)
{
    const size_t n = sample->n;
    const double *x = sample->x, *weights = sample->weights;
    if (n < 1 || (!weights && n < GKV_GK_FIT_MIN))
        return gki_fail(GKV_ERR_DATA, "a g-and-k fit needs at least %d values, not %zu",
                        GKV_GK_FIT_MIN, n);
    if (!x)
        return gki_fail(GKV_ERR_ARGUMENT, "a sample of %zu values has x = NULL", n);
    if (n >= UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "a g-and-k fit takes fewer than %u values, not %zu",
                        UINT32_MAX, n);
    GKV_TRY(check_values(sample));
    if (!sample->sorted) {
        memcpy(memory, x, n * sizeof *memory);
        if (weights)
            memcpy(memory + n, weights, n * sizeof *memory);
        gki_sort(n, memory, weights ? memory + n : NULL, memory + 2 * n);
        x = memory;
        weights = weights ? memory + n : NULL;
    }
    /* merge() never writes beyond the values that it has read, so that x may be `memory` */
    *ties = (gki_gk_ties){.x = memory, .end = memory + 4 * n};
    merge(x, weights, n, ties);
    ties->untied = !weights && ties->count == n;
    if (ties->count == 0)
        return gki_fail(GKV_ERR_DATA, "all %zu weights are 0; there is nothing to fit", n);
    GKV_TRY(check_size_and_spread(ties, sample->weights != NULL));
    return allow_ties ? GKV_OK : gki_gk_ties_check(ties, false);
}

/* The first group from `from` on whose middle rank is at least `rank`, or `count` if there is
 * none. */
static size_t first_at(const gki_gk_ties *ties, size_t from, double rank)
{
    size_t low = from, high = ties->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (gki_gk_ties_rank(ties, middle) < rank)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double gki_gk_ties_quantile(const gki_gk_ties *ties, double p)
{
    const double rank = p * (ties->total + 1.0);
    const size_t r = first_at(ties, 0, rank);
    if (r == 0 || r == ties->count)
        return ties->x[r == 0 ? 0 : r - 1];
    const double before = gki_gk_ties_rank(ties, r - 1), after = gki_gk_ties_rank(ties, r);
    return ties->x[r - 1] + (rank - before) / (after - before) * (ties->x[r] - ties->x[r - 1]);
}

void gki_gk_ties_moments(const gki_gk_ties *ties, double *mean, double *deviation)
{
    const double scale = fmax(fabs(ties->x[0]), fabs(ties->x[ties->count - 1]));
    double first = 0.0, second = 0.0;
#pragma omp simd reduction(+ : first)
    for (size_t r = 1; r < ties->count; r++)
        first += (ties->end[r] - ties->end[r - 1]) * (ties->x[r] / scale);
    first = (first + ties->end[0] * (ties->x[0] / scale)) / ties->total;
#pragma omp simd reduction(+ : second)
    for (size_t r = 1; r < ties->count; r++) {
        const double off = ties->x[r] / scale - first;
        second += (ties->end[r] - ties->end[r - 1]) * off * off;
    }
    second += ties->end[0] * (ties->x[0] / scale - first) * (ties->x[0] / scale - first);
    *mean = scale * first;
    *deviation = scale * sqrt(second / ties->total);
}

size_t gki_gk_levels_default(double total)
{
    return total < 28 ? 7 : total < 396 ? (size_t)(0.25 * total) : 99;
}

void gki_gk_levels_choose(const gki_gk_ties *ties, size_t m, double tail, double *x, double *p)
{
    /* The outermost order statistics are neither nearly normal nor nearly linear in the parameters,
     * and are left out. Levels beyond 1e-5 would not add information. */
    const double half_pi = 1.57079632679489661923;
    const double first = fmax(fmax(1e-5, tail), first_rank / (ties->total + 1.0));
    const double begin = asin(sqrt(fmin(first, 0.25))) / half_pi;
    size_t next = 0;
    for (size_t i = 0; i < m; i++) {
        const double t = begin + (1.0 - 2.0 * begin) * (double)i / ((double)m - 1.0),
                     s = sin(half_pi * t);
        const double rank = s * s * (ties->total + 1.0);
        size_t r = first_at(ties, next, rank);
        if (r > next && (r == ties->count ||
                         rank - gki_gk_ties_rank(ties, r - 1) < gki_gk_ties_rank(ties, r) - rank))
            r--;
        /* the values of levels are distinct, and enough values remain for the following levels */
        r = r < ties->count - (m - i) ? r : ties->count - (m - i);
        x[i] = ties->x[r];
        p[i] = gki_gk_ties_rank(ties, r) / (ties->total + 1.0);
        next = r + 1;
    }
}

/* --- Order statistics ----------------------------------------------------- */

/* The r-th smallest of n uniform draws has the distribution Beta(r, n + 1 − r). */

/* log Γ(z) − ((z − ½) log z − z + ½ log 2π), which is Stirling's series for large z. */
static double stirling(double z)
{
    if (z >= 15.0)
        return (1.0 / 12.0 -
                (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * z * z)) / (z * z)) / (z * z)) /
               z;
    int sign = 0;
    return lgamma_r(z, &sign) - ((z - 0.5) * log(z) - z + GKV_HALF_LOG_2PI);
}

/* log(x^a (1−x)^b/B(a,b)). It is written relative to its maximum at x₀ = a/(a+b), because
 * logarithms would cancel for large a and b. */
static double log_prefactor(double a, double b, double x, double y)
{
    const double sum = a + b, off = x * b - y * a, s = off / a, t = -off / b; /* a s + b t = 0 */
    return a * (log1p(s) - s) + b * (log1p(t) - t) +
           0.5 * log(a * (b / sum) / 6.28318530717958647693) - stirling(a) - stirling(b) +
           stirling(sum);
}

/* I_x(a,b) = prefactor/a · Σ (a+b)…(a+b+m−1)/((a+1)…(a+m)) x^m for x ≤ ½. All terms are positive. A
 * small multiple of √a terms is enough, unless x is far from the distribution's mass. */
static double series(double a, double b, double x, double prefactor)
{
    double term = 1.0, sum = 1.0;
    for (double m = 0.0; term > 0.25 * DBL_EPSILON * sum; m += 1.0) {
        term *= (a + b + m) / (a + 1.0 + m) * x;
        sum += term;
    }
    return prefactor / a * sum;
}

/* I_x(a,b) at the logit t of x, and its derivative in t. */
static double beta_cdf(double a, double b, double t, double *slope)
{
    const double x = 1.0 / (1.0 + exp(-t)), y = 1.0 / (1.0 + exp(t));
    *slope = exp(log_prefactor(a, b, x, y));
    if (*slope < 1e-280)
        return x * b > y * a ? 1.0 : 0.0;
    return x <= 0.5 ? series(a, b, x, *slope) : 1.0 - series(b, a, y, *slope);
}

double gkv_gk_order_level(double n, double r, double p)
{
    const double a = r, b = n + 1.0 - r;
    if (!(a > 0 && b > 0 && isfinite(n) && p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p;
    /* Newton's method in the logit, inside a bracket. The distribution of the logit is nearly
     * normal. */
    double low = -700.0, high = 700.0, slope;
    double t =
        fmax(-600.0, fmin(600.0, log(a / b) + gki_normal_quantile(p) * sqrt(1.0 / a + 1.0 / b)));
    for (int step = 0; step < 200; step++) {
        const double off = beta_cdf(a, b, t, &slope) - p;
        *(off > 0 ? &high : &low) = t;
        double next = slope > 0 ? t - off / slope : NAN;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        const double moved = fabs(next - t);
        t = next;
        if (moved <= 1e-14 * fmax(1.0, fabs(t)))
            break;
    }
    return 1.0 / (1.0 + exp(-t));
}

/* --- Rounded samples ------------------------------------------------------ */

bool gki_gk_has_ties(const gki_gk_ties *ties, size_t m, const double *weights, size_t n,
                     size_t *largest)
{
    double most = 0.0;
    for (size_t i = 0; weights && i < n; i++)
        if (weights[i] != floor(weights[i]))
            return false;
    *largest = 0;
    for (size_t r = 0; r < ties->count && !ties->untied; r++)
        if (size_of(ties, r) > most) {
            most = size_of(ties, r);
            *largest = r;
        }
    return most > 2 && most > 0.25 * ties->total / ((double)m + 1.0);
}

/* --- The greatest common step --------------------------------------------- */

/* Values count as multiples of a step up to this part of it, and the least difference as this many
 * steps at most. Differences below `noise` of the largest value are rounding errors. */
enum { STEPS = 20 };
static const double off = 0.01, noise = 1e-10;

static double least_difference(const gki_gk_ties *ties)
{
    const double size = fmax(fabs(ties->x[0]), fabs(ties->x[ties->count - 1]));
    double least = INFINITY;
    for (size_t r = 1; r < ties->count; r++) {
        const double gap = ties->x[r] - ties->x[r - 1];
        if (gap > noise * size)
            least = fmin(least, gap);
    }
    return least;
}

/* Whether all values are multiples of the step h from the first. Each value in turn makes h more
 * accurate. Returns the improved step, or 0. */
static double fits(const gki_gk_ties *ties, double h)
{
    for (size_t r = 1; r < ties->count; r++) {
        const double away = ties->x[r] - ties->x[0], steps = nearbyint(away / h);
        if (!(fabs(away / h - steps) <= off) || steps > 1e15)
            return 0.0;
        if (steps > 0)
            h = away / steps;
    }
    return h;
}

/* A decimal step is known exactly, such as 0.05. */
static double tidy(double h)
{
    const double scale = pow(10.0, 3.0 - floor(log10(h)));
    const double near = nearbyint(h * scale) / scale;
    return fabs(near - h) <= 1e-9 * h ? near : h;
}

static double interquartile_range(const gki_gk_ties *ties)
{
    return gki_gk_ties_quantile(ties, 0.75) - gki_gk_ties_quantile(ties, 0.25);
}

double gki_gk_find_resolution(const gki_gk_ties *ties, size_t largest)
{
    const double gap = least_difference(ties);
    double h = 0.0;
    for (int steps = 1; steps <= STEPS && h == 0 && isfinite(gap); steps++)
        h = fits(ties, gap / steps);
    if (!(h > 0))
        return 0.0;
    /* the mean number of observations of a step within the quartiles, about */
    const double usual = 0.5 * ties->total * h / interquartile_range(ties);
    return size_of(ties, largest) <= 16.0 * fmax(1.0, usual) ? tidy(h) : 0.0;
}

/* --- Heaps ---------------------------------------------------------------- */

/* Sums the observations at multiples of the step. *most becomes the number at the most frequent of
 * them. */
static double at_multiples(const gki_gk_ties *ties, double h, double m, double *most)
{
    double count = 0.0;
    *most = 0.0;
    for (size_t r = 0; r < ties->count; r++) {
        const double steps = ties->x[r] / (m * h), here = size_of(ties, r);
        if (fabs(steps - nearbyint(steps)) * m < 0.25) {
            count += here;
            *most = fmax(*most, here);
        }
    }
    return count;
}

double gki_gk_find_heaps(const gki_gk_ties *ties, double h)
{
    static const double multiples[] = {2,  3,  4,  5,  6,  7,  8,  10, 12,
                                       15, 16, 20, 25, 30, 50, 60, 100};
    const double range = interquartile_range(ties), significant = 5.0; /* standard deviations */
    double heaps = 0.0, excess_most = significant, all_most = 0.0;
    for (size_t i = 0; i < sizeof multiples / sizeof *multiples; i++) {
        const double m = multiples[i];
        double most;
        if (!(2.5 * range > m * h))
            break;
        /* with a unit above the quartiles' distance, values at the mode may be multiples */
        const double least = range > m * h ? 1.3 : 2.0;
        const double all = at_multiples(ties, h, m, &most), count = all - most;
        const double expected = (ties->total - most) / m;
        const double excess = (count - expected) / sqrt(expected * (1.0 - 1.0 / m));
        /* A multiple of a unit is the unit if the other multiples have no more than their share. */
        const double part = heaps > 0 ? h / heaps - 1.0 / m : 0.0, times = m * h / heaps;
        const bool is_multiple = heaps > 0 && fabs(times - nearbyint(times)) < 1e-6 &&
                                 all_most - all < 1.5 * part * (ties->total - all);
        if ((excess > excess_most || (excess > significant && is_multiple)) &&
            count > least * expected) {
            excess_most = excess;
            all_most = all;
            heaps = m * h;
        }
    }
    return heaps;
}
