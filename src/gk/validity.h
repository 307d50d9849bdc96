/* The bounds of validity that families and fits need. gkvae/gk.h declares the public part.
 *
 * The bounds are maxima over v = |gz|/2 in (0, v_end], with S(v) = c v sech²v/(1 − c tanh v). */
#ifndef GKV_GK_VALIDITY_H
#define GKV_GK_VALIDITY_H

#include <stdint.h>

/* k_min(g,c) of the g-and-k family. At g = 0 the function returns the limit for g → 0, not −½. If
 * `slope` is not NULL, *slope becomes the derivative in g. */
double gki_gk_k_min_limit(double g, double c, double *slope);

/* The k, or h, from which on a family with the skewness factor 1 + c tanh(gz/2) is valid for every
 * g: 0 for c < c* = 0.8336, where S(v) < 1 for all v, else ∞. */
double gki_gk_free_weight(double c);

/* A g-and-k distribution with c ≤ 0.8 is valid for every g if k is at or above this value. The
 * supremum of k_min(g) is −0.0593. */
#define GKV_GK_FREE_K (-0.059)

/* The maximum of (S(v) − 1)(1 + g²/(4v²)) on (0, v_end]. *at becomes its position. */
double gki_gk_excess_peak(double g, double c, double v_end, double *where);

/* The greatest local maximum of the same function on (0, ∞), or −∞ if there is none. *at becomes
 * its position. */
double gki_gk_excess_interior_maximum(double g, double c, double *where);

/* The maximum of (S(v) − 1)/v² on (0, v_end]. */
double gki_gk_violation_peak(double c, double v_end);

/* A table from which kernels compute k_min as a function of g for one c. It holds the position v of
 * the maximum for GKV_K_MIN_NODES + 1 values of g. From an interpolated position two Newton steps
 * give k_min to 1e-13. */
enum { GKV_K_MIN_NODES = 64 };

typedef struct gki_k_min_table {
    int64_t family; /* for kernels of several families; the nodes are those of the g-and-k family */
    double c;       /* the c for which the table holds */
    /* s = |g|/(2 + |g|) of the last node; node i is at s_most·i/NODES */
    double s_most;
    double v[GKV_K_MIN_NODES + 1]; /* the position of the maximum at each node */
} gki_k_min_table;

/* Fills the table for |g| ≤ 100, 0 < c < 1, all but its family. */
void gki_k_min_table_fill(double c, gki_k_min_table *table);

#endif
