/* The maximum of a smooth function of v on (0, end]. */
#ifndef GKV_NUM_MAXIMIZE_H
#define GKV_NUM_MAXIMIZE_H

/* The value of a curve at v. `user` is the pointer that the caller of gki_maximize gave. */
typedef double gki_curve(double v, const void *user);

/* Returns the maximum of a curve on (0, end] and writes its position to *at. The curve must
 * increase up to v = ½ and be close to its limit at v = 40. The curves of gk/validity.c are of this
 * kind. A geometric grid between ½ and 40 brackets the maximum, and golden-section search refines
 * it. The value is accurate to all digits, and *at to half of them. If `interior` is not 0, only
 * local maxima inside the grid count; the result is −∞ if there is none. */
double gki_maximize(gki_curve *curve, const void *user, double end, int interior, double *where);

#endif
