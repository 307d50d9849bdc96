#include "gkfit/sorted_sample.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "num/sort.h"

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
            return gki_fail(
                GKV_ERR_DATA,
                "weight %zu of %zu is %g; a weight is the number of observations of a value, "
                "and must be finite and ≥ 0",
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
        return gki_fail(
            GKV_ERR_DATA,
            "a g-and-k fit needs at least %d observations and less than 1e15; the weights of "
            "%zu values add up to %g",
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

gkv_status gki_gk_ties_check(const gki_gk_ties *ties)
{
    for (size_t r = 0; r < ties->count; r++) {
        const double here = ties->end[r] - (r > 0 ? ties->end[r - 1] : 0.0);
        if (here > 2 && here > 0.1 * ties->total)
            return gki_fail(
                GKV_ERR_DATA,
                "heavy ties: %.10g of %.10g values are %g; a continuous distribution does not "
                "fit them, unless they are rounded values (--method mle --resolution auto)",
                here, ties->total, ties->x[r]);
    }
    if (ties->count < DISTINCT_MIN)
        return gki_fail(
            GKV_ERR_DATA,
            "a g-and-k fit needs at least %d distinct values, but %zu of %zu are distinct; rounded "
            "values may be fewer (--method mle --resolution auto)",
            DISTINCT_MIN, ties->count, ties->n);
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
    if (ties->count == 0)
        return gki_fail(GKV_ERR_DATA, "all %zu weights are 0; there is nothing to fit", n);
    GKV_TRY(check_size_and_spread(ties, sample->weights != NULL));
    return allow_ties ? GKV_OK : gki_gk_ties_check(ties);
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
    double first = 0.0, second = 0.0, before = 0.0;
    for (size_t r = 0; r < ties->count; r++) {
        first += (ties->end[r] - before) / ties->total * (ties->x[r] / scale);
        before = ties->end[r];
    }
    before = 0.0;
    for (size_t r = 0; r < ties->count; r++) {
        const double off = ties->x[r] / scale - first;
        second += (ties->end[r] - before) / ties->total * off * off;
        before = ties->end[r];
    }
    *mean = scale * first;
    *deviation = scale * sqrt(second);
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
