/* The bounds of validity as families and fits need them; the public half is in
 * gkvae/gk.h. All in v = |gz|/2 on (0, v_end], S(v) = c v sech²v/(1 − c tanh v). */
#ifndef GKV_GK_VALIDITY_H
#define GKV_GK_VALIDITY_H

/* k_min(g,c) of the g-and-k, with its limit at g = 0 instead of the jump to −½, and,
 * unless slope is NULL, its derivative in g. */
double gkv_gk_k_min_limit(double g, double c, double *slope);

/* The maximum of (S(v) − 1)(1 + g²/(4v²)), or its greatest local maximum (−∞: none), and
 * where it is. */
double gkv_gk_excess_peak(double g, double c, double v_end, double *at);
double gkv_gk_excess_interior_maximum(double g, double c, double *at);

/* The maximum of (S(v) − 1)/v². */
double gkv_gk_violation_peak(double c, double v_end);

#endif
