/* The bound of k as a function of g alone, c being fixed, for kernels: a table of where its
 * maximum is, from which two Newton steps reach 1e-13. What the bound is: gk/validity.c. */
#ifndef GKV_GK_EDGE_H
#define GKV_GK_EDGE_H

#include "gkvae/error.h"

enum { GKV_K_MIN_NODES = 64 };

/* v of the maximum at s = |g|/(2 + |g|) = s_most·i/NODES. */
typedef struct gkv_k_min_table {
    double c, s_most;
    double v[GKV_K_MIN_NODES + 1];
} gkv_k_min_table;

/* Of |g| ≤ 100, for 0 < c < 1. */
void gkv_k_min_table_fill(double c, gkv_k_min_table *edge);

#endif
