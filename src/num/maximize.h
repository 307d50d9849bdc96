/* The maximum of a smooth function of v on (0, end]. */
#ifndef GKV_NUM_MAXIMIZE_H
#define GKV_NUM_MAXIMIZE_H

typedef double gkv_curve(double v, const void *user);

/* The maximum of a curve that rises up to v = ½ and is next to its limit at v = 40, as those are that decide whether
 * Q increases. A geometric grid between these two brackets the maximum, and golden sections refine it: *at has half
 * the digits, and the value all of them. With `interior` only local maxima count, and the result is −∞ if there is
 * none. */
double gkv_maximize(gkv_curve *curve, const void *user, double end, int interior, double *at);

#endif
