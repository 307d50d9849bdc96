/* A sample prepared for fits: checked, sorted, and with equal values merged; and whether it is
 * rounded. */
#ifndef GKV_GKFIT_SORTED_SAMPLE_H
#define GKV_GKFIT_SORTED_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "gkvae/gk_fit.h"

/* The distinct values of a sample in ascending order. Equal values are ties, which form one group.
 * The observations of group r have the ranks end[r−1] + 1 … end[r]. The group counts at the middle
 * of these ranks. */
typedef struct gki_gk_ties {
    size_t n;     /* the number of values with a weight above 0 */
    size_t count; /* the number of distinct values */
    double total; /* Σ w */
    double *x;    /* [count] the distinct values, in the memory of the caller */
    double *end;  /* [count] the sum of the weights up to and including each value */
    bool untied;  /* whether all values are distinct and have no weights */
} gki_gk_ties;

/* The number of doubles of memory that gki_gk_ties_of needs for n values. */
static inline size_t gki_gk_ties_size(size_t n)
{
    return 5 * n;
}

/* Prepares a sample. Returns GKV_ERR_DATA with the reason unless the sample has at least
 * GKV_GK_FIT_MIN observations that are all finite. Unless allow_ties, the function also
 * refuses samples with heavy ties, which no continuous distribution fits. */
gkv_status gki_gk_ties_of(const gkv_gk_sample *sample, bool allow_ties, double *memory,
                          gki_gk_ties *ties);

/* Refuses samples with heavy ties or too few distinct values. `are_special` says that a resolution
 * was looked for, and does not explain them. */
gkv_status gki_gk_ties_check(const gki_gk_ties *ties, bool are_special);

/* The middle rank of group r. It corresponds to the level p = rank/(n+1). */
static inline double gki_gk_ties_rank(const gki_gk_ties *ties, size_t r)
{
    const double before = r > 0 ? ties->end[r - 1] : 0.0;
    return before + 0.5 * (ties->end[r] - before + 1.0);
}

/* The sample quantile at rank p(n+1), by linear interpolation between values. */
double gki_gk_ties_quantile(const gki_gk_ties *ties, double p);

/* The mean and the standard deviation, Σ w (x − mean)²/Σ w, without overflow. */
void gki_gk_ties_moments(const gki_gk_ties *ties, double *mean, double *deviation);

/* The default number of levels of a fit to `total` observations. */
size_t gki_gk_levels_default(double total);

/* Chooses m ≤ count of the values x[m] and their levels p[m]. Levels lie closer in the tails, but
 * leave out the fraction `tail` of the sample on either side. */
void gki_gk_levels_choose(const gki_gk_ties *ties, size_t m, double tail, double *x, double *p);

/* --- Rounded samples ------------------------------------------------------ */

/* Whether equal values of the sample contradict a continuous distribution: the largest tied group
 * has more than two observations, and more than a quarter of those between two of m levels. Weights
 * that are not whole numbers are not repetitions, and then the result is false. *largest becomes
 * the index of the largest group. */
bool gki_gk_has_ties(const gki_gk_ties *ties, size_t m, const double *weights, size_t n,
                     size_t *largest);

/* The resolution of the values: the greatest h of which all their differences are multiples. 0 if
 * there is none, or if it does not explain the largest group, whose value is then special. */
double gki_gk_find_resolution(const gki_gk_ties *ties, size_t largest);

/* A multiple of the resolution h at whose multiples there are too many values, as if some of them
 * were rounded further; or 0. The most frequent of these multiples does
 * not count, because it may be a value of its own kind, such as 0. */
double gki_gk_find_heaps(const gki_gk_ties *ties, double h);

#endif
