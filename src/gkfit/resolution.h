/* Recognition of rounded samples. */
#ifndef GKV_GKFIT_RESOLUTION_H
#define GKV_GKFIT_RESOLUTION_H

#include <stdbool.h>

#include "gkfit/sorted_sample.h"

/* Whether equal values of the sample contradict a continuous distribution: the largest tied group
 * has more than two observations, and more than a quarter of those between two of m levels. Weights
 * that are not whole numbers are no repetitions, and then the result is false. *largest becomes
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
