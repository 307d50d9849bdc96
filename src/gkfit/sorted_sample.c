#include "gkfit/sorted_sample.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "num/sort.h"

enum { DISTINCT_MIN = 7 };
static const double first_place = 2.0;

static gkv_status check_values(const gkv_gk_sample *sample)
{
    const double *x = sample->x, *w = sample->weights;
    for (size_t i = 0; i < sample->n; i++) {
        if (!isfinite(x[i]))
            return gkv_fail(GKV_ERR_DATA, "a g-and-k fit needs finite values: value %zu of %zu is %g", i + 1, sample->n,
                            x[i]);
        if (sample->sorted && i > 0 && x[i] < x[i - 1])
            return gkv_fail(GKV_ERR_DATA, "the sample is not sorted: value %zu is %g after %g", i + 1, x[i], x[i - 1]);
        if (w && !(w[i] >= 0 && isfinite(w[i])))
            return gkv_fail(GKV_ERR_DATA, "weight %zu of %zu is %g: weights say how many observations a value stands "
                                          "for, and must be finite and ≥ 0", i + 1, sample->n, w[i]);
    }
    return GKV_OK;
}

/* Values of weight 0 go; equal ones become one. */
static void merge(const double *x, const double *weights, size_t n, gkv_gk_ties *runs)
{
    size_t count = 0;
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double w = weights ? weights[i] : 1.0;
        if (w == 0)
            continue;
        runs->n++;
        total += w;
        count += count == 0 || x[i] != runs->x[count - 1];
        runs->x[count - 1] = x[i];
        runs->end[count - 1] = total;
    }
    runs->count = count;
    runs->total = total;
}

static gkv_status check_runs(const gkv_gk_ties *runs, int weighted)
{
    if (weighted && !(runs->total >= GKV_GK_FIT_MIN && runs->total < 1e15))
        return gkv_fail(GKV_ERR_DATA, "a g-and-k fit needs at least %d observations and less than 1e15: the weights of "
                                      "%zu values add up to %g", GKV_GK_FIT_MIN, runs->n, runs->total);
    const double first = runs->x[0], last = runs->x[runs->count - 1];
    if (runs->count == 1)
        return gkv_fail(GKV_ERR_DATA, "all %zu values are %g: a sample without spread has no g-and-k fit", runs->n,
                        first);
    if (!isfinite(last - first))
        return gkv_fail(GKV_ERR_DATA, "the range of the sample, %g to %g, is too large for a double", first, last);
    return GKV_OK;
}

static gkv_status check_ties(const gkv_gk_ties *runs)
{
    for (size_t r = 0; r < runs->count; r++) {
        const double here = runs->end[r] - (r > 0 ? runs->end[r - 1] : 0.0);
        if (here > 2 && here > 0.1 * runs->total)
            return gkv_fail(GKV_ERR_DATA, "heavy ties: %.10g of %.10g values are %g; a continuous distribution does not "
                                          "fit them", here, runs->total, runs->x[r]);
    }
    if (runs->count < DISTINCT_MIN)
        return gkv_fail(GKV_ERR_DATA, "a g-and-k fit needs at least %d distinct values: there are %zu among %zu",
                        DISTINCT_MIN, runs->count, runs->n);
    return GKV_OK;
}

gkv_status gkv_gk_ties_of(const gkv_gk_sample *sample, int ties, double *memory, gkv_gk_ties *runs)
{
    const size_t n = sample->n;
    const double *x = sample->x, *weights = sample->weights;
    if (n < 1 || (!weights && n < GKV_GK_FIT_MIN))
        return gkv_fail(GKV_ERR_DATA, "a g-and-k fit needs at least %d values: there are %zu", GKV_GK_FIT_MIN, n);
    if (n >= UINT32_MAX)
        return gkv_fail(GKV_ERR_ARGUMENT, "a g-and-k fit takes fewer than %u values, not %zu", UINT32_MAX, n);
    GKV_TRY(check_values(sample));
    if (!sample->sorted) {
        memcpy(memory, x, n * sizeof *memory);
        if (weights)
            memcpy(memory + n, weights, n * sizeof *memory);
        gkv_sort(n, memory, weights ? memory + n : NULL, memory + 2 * n);
        x = memory;
        weights = weights ? memory + n : NULL;
    }
    /* merge() writes no further than it has read */
    *runs = (gkv_gk_ties){.x = memory, .end = memory + 4 * n};
    merge(x, weights, n, runs);
    if (runs->count == 0)
        return gkv_fail(GKV_ERR_DATA, "all %zu weights are 0: there is nothing to fit", n);
    GKV_TRY(check_runs(runs, sample->weights != NULL));
    return ties ? GKV_OK : check_ties(runs);
}

/* The first value from `from` on that stands at `place` or beyond; count if there is none. */
static size_t first_at(const gkv_gk_ties *runs, size_t from, double place)
{
    size_t low = from, high = runs->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (gkv_gk_ties_place(runs, middle) < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double gkv_gk_ties_quantile(const gkv_gk_ties *runs, double p)
{
    const double place = p * (runs->total + 1.0);
    const size_t r = first_at(runs, 0, place);
    if (r == 0 || r == runs->count)
        return runs->x[r == 0 ? 0 : r - 1];
    const double before = gkv_gk_ties_place(runs, r - 1), after = gkv_gk_ties_place(runs, r);
    return runs->x[r - 1] + (place - before) / (after - before) * (runs->x[r] - runs->x[r - 1]);
}

size_t gkv_gk_levels_default(double total)
{
    return total < 28 ? 7 : total < 396 ? (size_t)(0.25 * total) : 99;
}

void gkv_gk_levels_choose(const gkv_gk_ties *runs, size_t m, double tail, double *x, double *p)
{
    /* The outermost order statistics are neither nearly normal nor nearly linear in the
     * parameters; levels beyond 1e-5 would bring nothing. */
    const double half_pi = 1.57079632679489661923;
    const double first = fmax(fmax(1e-5, tail), first_place / (runs->total + 1.0));
    const double begin = asin(sqrt(fmin(first, 0.25))) / half_pi;
    size_t next = 0;
    for (size_t i = 0; i < m; i++) {
        const double t = begin + (1.0 - 2.0 * begin) * (double)i / ((double)m - 1.0), s = sin(half_pi * t);
        const double place = s * s * (runs->total + 1.0);
        size_t r = first_at(runs, next, place);
        if (r > next && (r == runs->count ||
                         place - gkv_gk_ties_place(runs, r - 1) < gkv_gk_ties_place(runs, r) - place))
            r--;
        /* distinct, and enough left for the levels to come */
        r = r < runs->count - (m - i) ? r : runs->count - (m - i);
        x[i] = runs->x[r];
        p[i] = gkv_gk_ties_place(runs, r) / (runs->total + 1.0);
        next = r + 1;
    }
}
