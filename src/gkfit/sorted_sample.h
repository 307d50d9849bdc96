/* A sample made ready for fits: checked, sorted, equal values put together. */
#ifndef GKV_GK_SAMPLE_H
#define GKV_GK_SAMPLE_H

#include <stddef.h>

#include "core/error.h"
#include "gkvae/gk_fit.h"

/* Distinct values ascending, and the weight up to and with each. The observations of one
 * value have ranks end[r−1] + 1 … end[r], which are taken at their middle. */
typedef struct gkv_gk_ties {
    size_t n, count;  /* values of weight above 0; distinct ones */
    double total;     /* Σ w */
    double *x, *end;  /* in the memory given */
} gkv_gk_ties;

/* Numbers of memory that gkv_gk_ties_of needs for n values. */
static inline size_t gkv_gk_ties_size(size_t n)
{
    return 5 * n;
}

/* GKV_ERR_DATA and the reason, unless the sample has at least GKV_GK_FIT_MIN observations, all
 * finite. `ties` 0 also refuses what no continuous distribution fits. */
gkv_status gkv_gk_ties_of(const gkv_gk_sample *sample, int ties, double *memory, gkv_gk_ties *runs);

/* Where value r stands: of p(n+1), the middle of its ranks. */
static inline double gkv_gk_ties_place(const gkv_gk_ties *runs, size_t r)
{
    const double before = r > 0 ? runs->end[r - 1] : 0.0;
    return before + 0.5 * (runs->end[r] - before + 1.0);
}

/* The quantile at place p(n+1), between values by a straight line. */
double gkv_gk_ties_quantile(const gkv_gk_ties *runs, double p);

/* How many levels a fit of `total` observations uses by itself. */
size_t gkv_gk_levels_default(double total);

/* Chooses m ≤ count of the values, closer in the tails but not beyond the share `tail` of
 * either: x[m] and their levels p[m]. */
void gkv_gk_levels_choose(const gkv_gk_ties *runs, size_t m, double tail, double *x, double *p);

#endif
