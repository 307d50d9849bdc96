/* The structure of a mixture, for the files of this module. */
#ifndef GKV_MIXTURE_MIXTURE_H
#define GKV_MIXTURE_MIXTURE_H

#include "gkvae/mgk_mixture.h"
#include "mixture/rows.h"

struct gkv_mgk_mixture {
    size_t count, d;
    double *weights, *log_weights; /* [count] */
    gkv_mgk **components;          /* [count] */
};

/* Log-sum-exp and softmax of a row: replaces logs[count] by exp(logs[k])/S with S = Σ exp(logs[k])
 * + exp(extra), and returns log S. `extra` is −∞ if there is no additional term. If S is 0, the
 * function returns −∞ and the row becomes 0. If an element is NaN, the result and the row are
 * NaN. */
double gki_mgk_softmax(size_t count, double *logs, double extra);

#endif
