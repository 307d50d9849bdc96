/* Histograms of samples that may have heavy tails. */
#ifndef GKV_APP_HISTOGRAM_H
#define GKV_APP_HISTOGRAM_H

#include <stddef.h>

#include "core/error.h"

enum { GKV_BINS_MAX = 500 };

typedef struct gki_histogram {
    double low, high;             /* ends of the range that is shown */
    size_t bins;                  /* number of bins of equal width */
    double heights[GKV_BINS_MAX]; /* [bins] densities of the whole sample */
    double tallest;               /* the greatest height */
    size_t finite;                /* number of finite values */
    size_t outside;               /* number of finite values below low or above high */
} gki_histogram;

/* Counts the finite values of sample[n] in `bins` bins, at most GKV_BINS_MAX. If `bins` is 0, the
 * number of bins follows the rule of Freedman & Diaconis (1981), limited to 10 … 80. The range
 * covers the central 99 % of the sample and a margin. Without finite values, `finite` and all
 * heights are 0. GKV_ERR_MEMORY. Thread-safe. */
gkv_status gki_histogram_make(gki_histogram *histogram, const double *sample, size_t n,
                              size_t bins);

#endif
