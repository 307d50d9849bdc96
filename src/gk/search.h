/* The maximum of a smooth function of v on (0, end]. */
#ifndef GKV_GK_SEARCH_H
#define GKV_GK_SEARCH_H

typedef double gkv_gk_curve(double v, const void *user);

/* Of the curves that say whether Q increases, in v = |gz|/2. All of them rise up to
 * v = ½ and have all but reached their limit at v = 40: looked for in between, on a
 * geometric grid and then by golden sections, to half the digits of *at and all of the
 * value. `interior`: local maxima only, −∞ if there is none. */
double gkv_gk_search(gkv_gk_curve *curve, const void *user, double end, int interior, double *at);

#endif
