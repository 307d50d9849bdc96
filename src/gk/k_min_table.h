/* The bound of k as a function of g alone, c being fixed, for kernels: a table of where its
 * maximum is, from which two Newton steps reach 1e-13. What the bound is: gk/validity.c. */
#ifndef GKV_GK_EDGE_H
#define GKV_GK_EDGE_H

#include "gkvae/error.h"

enum { GKV_GK_EDGE_NODES = 64 };

/* v of the maximum at s = |g|/(2 + |g|) = s_most·i/NODES. */
typedef struct gkv_gk_edge {
    double c, s_most;
    double v[GKV_GK_EDGE_NODES + 1];
} gkv_gk_edge;

/* Of |g| ≤ 100, for 0 < c < 1. */
void gkv_gk_edge_prepare(double c, gkv_gk_edge *edge);

#endif
