/* Row kernels of mixtures, compiled once for each instruction set (core/simd.h). A row has n =
 * components · d numbers, one component after the other. The results of a row depend on that row
 * alone. */
#ifndef GKV_BASE_MIXTURE_KERNELS_H
#define GKV_BASE_MIXTURE_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

typedef struct gki_mixture_kernels {
    /* Computes z ← (z − a)/b, clamped to ±1e15. */
    void (*standardise)(size_t n, const gki_real *a, const gki_real *b, gki_real *z);

    /* Clamps z to ±1e15, and dq, unless it is NULL, to at least 1e-15. Without the bounds the
     * squares of extreme scores, and scores divided by Q', would overflow a float. */
    void (*clamp)(size_t n, gki_real *z, gki_real *dq);

    /* Computes log_f[k] ← −½ Σ_j w[k,j]² − Σ_j log_dq[k,j]; log_dq may be NULL. */
    void (*log_densities)(size_t components, size_t d, const gki_real *w, const gki_real *log_dq,
                          gki_real *log_f);

    /* Replaces logs[components] by their softmax, with 0 for negligible values. Returns the log of
     * the sum of the exponentials. */
    gki_real (*softmax)(size_t components, gki_real *logs);

    /* Returns Σ x[j]·y[j]. */
    gki_real (*dot)(size_t n, const gki_real *x, const gki_real *y);

    /* Adds the gradient of weight·log f: to[j] −= weight·(u[j] + ratio[j])/dq[j]. NULL ratio is
     * 0. */
    void (*add_gradient)(size_t n, gki_real weight, const gki_real *u, const gki_real *ratio,
                         const gki_real *dq, gki_real *to);
} gki_mixture_kernels;

GKV_SIMD_DECLARE(gki_mixture_kernels);

#endif
