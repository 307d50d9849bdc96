/* Row kernels of mixtures, once for every instruction set (core/simd.h). A row has n = components · d
 * numbers, component by component. A row's results depend on the row alone. */
#ifndef GKV_BASE_MIXTURE_KERNELS_H
#define GKV_BASE_MIXTURE_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

typedef struct gkv_mixture_kernels {
    /* z ← (z − a)/b, held to ±most. */
    void (*standardise)(size_t n, const gkv_real *a, const gkv_real *b, gkv_real *z);
    /* z held to ±most, and dq, unless NULL, to at least 1/most: normal scores of what is far out, whose
     * squares a float could not hold, nor what comes of dividing them by Q'. */
    void (*hold)(size_t n, gkv_real *z, gkv_real *dq);
    /* log_f[k] ← −½ Σ_j w[k,j]² − Σ_j log_dq[k,j]; log_dq may be NULL. */
    void (*log_densities)(size_t components, size_t d, const gkv_real *w, const gkv_real *log_dq, gkv_real *log_f);
    /* Logs to their shares of the sum of their exponentials, 0 for those that are negligible;
     * returns the sum's log. */
    gkv_real (*share_out)(size_t components, gkv_real *logs);
    /* Σ x[j]·y[j] */
    gkv_real (*dot)(size_t n, const gkv_real *x, const gkv_real *y);
    /* to[j] −= weight·(u[j] + ratio[j])/dq[j]; without ratio, to[j] −= weight·u[j]/dq[j]. */
    void (*pull_back)(size_t n, gkv_real weight, const gkv_real *u, const gkv_real *ratio, const gkv_real *dq,
                      gkv_real *to);
} gkv_mixture_kernels;

GKV_SIMD_DECLARE(gkv_mixture_kernels);

#endif
