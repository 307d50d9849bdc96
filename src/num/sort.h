/* Sorting of doubles. */
#ifndef GKV_NUM_SORT_H
#define GKV_NUM_SORT_H

#include <stddef.h>

/* Sorts n finite doubles x in ascending order, with −0 before 0. If `weights` is not NULL, its n
 * elements move with the values. Equal values keep their order. `spare` is scratch of n
 * elements, or of 2n elements with weights. For n > 128 the function is a radix sort, whose time
 * is linear in n. n must be below 2^32. */
void gki_sort(size_t n, double *x, double *weights, double *spare);

#endif
