/* Histograms of samples that may have heavy tails. */
#ifndef GKV_REPORT_HISTOGRAM_H
#define GKV_REPORT_HISTOGRAM_H

#include <stddef.h>

#include "core/error.h"

enum { GKV_BINS_MAX = 500 };

typedef struct gkv_histogram {
    double low, high;               /* what is shown */
    size_t bins;
    double heights[GKV_BINS_MAX];   /* densities of the whole sample */
    double tallest;
    size_t finite, outside;         /* values counted; those below low or above high */
} gkv_histogram;

/* Counts the finite values into `bins` bins, or as many as Freedman & Diaconis (1981)
 * would have (10 … 80), over the middle 99 % of the sample and some room. With no
 * finite value, `finite` and all heights are 0. GKV_ERR_MEMORY. */
gkv_status gkv_histogram_make(gkv_histogram *histogram, const double *sample, size_t n, size_t bins);

#endif
