#include "app/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double p)
{
    const double rank = p * (double)(n - 1);
    const size_t below = (size_t)rank, above = below + 1 < n ? below + 1 : below;
    const double weight = rank - (double)below;
    /* a difference of the two could overflow */
    return sorted[below] * (1 - weight) + sorted[above] * weight;
}

static void choose_range(gki_histogram *out, const double *sorted, size_t n)
{
    const double low = quantile(sorted, n, 0.005), high = quantile(sorted, n, 0.995);
    const double margin = 0.15 * (high - low);
    out->low = fmax(sorted[0], low - margin);
    out->high = fmin(sorted[n - 1], high + margin);
    /* If all values are equal, or if the range cannot be divided into bins, the range is a unit
     * around the median. */
    const double size = fmax(fabs(out->low), fabs(out->high));
    if (!(out->high - out->low > size * 1e-9) || !isfinite(out->high - out->low)) {
        const double half = size < 1e290 ? fmax(0.5, size * 0.1) : 1e290;
        const double middle = fmin(fmax(sorted[n / 2], -1e300), 1e300);
        out->low = middle - half;
        out->high = middle + half;
    }
}

static size_t choose_bins(const gki_histogram *out, const double *sorted, size_t n)
{
    const double spread = quantile(sorted, n, 0.75) - quantile(sorted, n, 0.25);
    const double width = 2 * spread / cbrt((double)n);
    const double bins = width > 0 ? (out->high - out->low) / width : 10;
    return (size_t)fmin(fmax(ceil(bins), 10), 80);
}

gkv_status gki_histogram_make(gki_histogram *histogram, const double *sample, size_t n, size_t bins)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->high = 1;
    histogram->bins = bins ? bins : 10;
    double *sorted = NULL;
    GKV_TRY(gki_alloc(n, sizeof *sorted, &sorted));
    size_t finite = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(sample[i]))
            sorted[finite++] = sample[i];
    histogram->finite = finite;
    if (finite == 0) {
        free(sorted);
        return GKV_OK;
    }
    qsort(sorted, finite, sizeof *sorted, by_value);
    choose_range(histogram, sorted, finite);
    if (!bins)
        histogram->bins = choose_bins(histogram, sorted, finite);

    const double width = (histogram->high - histogram->low) / (double)histogram->bins;
    for (size_t i = 0; i < finite; i++) {
        if (sorted[i] < histogram->low || sorted[i] > histogram->high) {
            histogram->outside++;
            continue;
        }
        size_t bin = (size_t)((sorted[i] - histogram->low) / width);
        if (bin >= histogram->bins) /* the upper end is in the last bin */
            bin = histogram->bins - 1;
        histogram->heights[bin] += 1;
    }
    for (size_t b = 0; b < histogram->bins; b++) {
        histogram->heights[b] /= (double)finite * width;
        histogram->tallest = fmax(histogram->tallest, histogram->heights[b]);
    }
    free(sorted);
    return GKV_OK;
}
