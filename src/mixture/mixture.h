/* The mixture itself, as its files share it. */
#ifndef GKV_MGK_MIXTURE_INTERNAL_H
#define GKV_MGK_MIXTURE_INTERNAL_H

#include "gkvae/mgk_mixture.h"
#include "mixture/rows.h"

struct gkv_mgk_mixture {
    size_t count, d;
    double *weights, *log_weights; /* [count] */
    gkv_mgk **components;          /* [count] */
};

/* Adds up the exponentials of a row's `count` logs, which become their shares of that sum; returns its
 * log. `extra` is one more log, with no place of its own, −∞ for none. −∞ for nothing at all,
 * whose shares are 0; NaN, and NaN shares, if one of them is. */
double gkv_mgk_share_out(size_t count, double *logs, double extra);

#endif
