/* The bound of k as the fits need it; the public half is in gkvae/gk.h. */
#ifndef GKV_GK_VALIDITY_H
#define GKV_GK_VALIDITY_H

/* k_min(g,c), with its limit at g = 0 instead of the jump to −½, and, unless
 * slope is NULL, its derivative in g. */
double gkv_gk_k_min_limit(double g, double c, double *slope);

#endif
