/* Row kernels of mixtures, compiled once for each instruction set (core/simd.h). A row has n = components · d
 * numbers, one component after the other. The results of a row depend on that row alone. */
#ifndef GKV_BASE_MIXTURE_KERNELS_H
#define GKV_BASE_MIXTURE_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

typedef struct gkv_mixture_kernels {
    /* Computes z ← (z − a)/b, clamped to ±1e15. */
    void (*standardise)(size_t n, const gkv_real *a, const gkv_real *b, gkv_real *z);

    /* Clamps z to ±1e15, and dq, unless it is NULL, to at least 1e-15. Without the bounds the squares of extreme
     * scores, and scores divided by Q', would overflow a float. */
    void (*clamp)(size_t n, gkv_real *z, gkv_real *dq);

    /* Computes log_f[k] ← −½ Σ_j w[k,j]² − Σ_j log_dq[k,j]; log_dq may be NULL. */
    void (*log_densities)(size_t components, size_t d, const gkv_real *w, const gkv_real *log_dq, gkv_real *log_f);

    /* Replaces logs[components] by their softmax, with 0 for negligible values. Returns the log of the sum of the
     * exponentials. */
    gkv_real (*softmax)(size_t components, gkv_real *logs);

    /* Returns Σ x[j]·y[j]. */
    gkv_real (*dot)(size_t n, const gkv_real *x, const gkv_real *y);

    /* Adds the gradient of weight·log f: to[j] −= weight·(u[j] + ratio[j])/dq[j]. NULL ratio is 0. */
    void (*add_gradient)(size_t n, gkv_real weight, const gkv_real *u, const gkv_real *ratio, const gkv_real *dq,
                      gkv_real *to);
} gkv_mixture_kernels;

GKV_SIMD_DECLARE(gkv_mixture_kernels);

#endif
