/* Sorting doubles, by their bits. */
#ifndef GKV_GK_SORT_H
#define GKV_GK_SORT_H

#include <stddef.h>

/* Sorts n finite doubles ascending, −0 before 0, and moves the weights, unless NULL, along
 * with them; equal values keep their order. spare is as long as x (and as the weights,
 * together). Linear in n: a radix sort. */
void gkv_sort(size_t n, double *x, double *weights, double *spare);

#endif
