/* Kernels of mixtures, compiled once for each instruction set (core/simd.h). The results of a row
 * depend on that row alone.
 *
 * Arrays with the suffix _t are turned: one line for each dimension, which has a number for each of
 * `rows` rows. So the lanes of a vector are rows, and all of them have the same parameters. */
#ifndef GKV_BASE_MIXTURE_KERNELS_H
#define GKV_BASE_MIXTURE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/real.h"
#include "core/simd.h"

/* A row of statistics in one component. zeta and u are inputs. Scores are clamped to ±6, so that no
 * outlier distorts a component, and the excess u − ζ to ±6 of its standard deviations `spread`. */
typedef struct gki_mixture_statistics {
    const gki_real *zeta, *u, *spread; /* [d]; u and spread may be NULL */
    gki_real *clamped, *weighted;      /* [d]: ζ, and weight·ζ */
    gki_real *excess;                  /* [d]: weight·(u − ζ), unless u is NULL */
    int32_t *cell;                     /* [d]: the cell of ζ, 0 … GKV_ONLINE_BOUNDARIES */
} gki_mixture_statistics;

typedef struct gki_mixture_kernels {
    /* Computes zeta_t[d, rows] ← (eps_t − a)/b, clamped to ±1e15. */
    void (*standardise)(size_t rows, size_t d, const gki_real *a, const gki_real *b,
                        const gki_real *eps_t, gki_real *zeta_t);

    /* Computes the scores zeta_t[d, rows] of eps_t for the margins a, b, g, k with small shapes
     * (small_shapes.h), and log_slope[rows] ← Σ_j log(Q'_j/B_j). Scores that it cannot compute,
     * which include all scores of margins with other shapes, become ∞, and do not count in
     * log_slope. Returns whether there are any. */
    bool (*small_scores)(size_t rows, size_t d, const gki_real *a, const gki_real *b,
                         const gki_real *g, const gki_real *k, const gki_real *eps_t,
                         gki_real *zeta_t, gki_real *log_slope);

    /* Clamps z to ±1e15, and dq, unless it is NULL, to at least 1e-15. Without the bounds the
     * squares of extreme scores, and scores divided by Q', would overflow a float. */
    void (*clamp)(size_t n, gki_real *z, gki_real *dq);

    /* Turns a component's numbers from_t[d, rows] back: out[r·out_row + j] ← from_t[j, r] for the
     * rows whose responsibility[r·stride] is not 0. */
    void (*turn_back)(size_t rows, size_t d, const gki_real *from_t, const gki_real *responsibility,
                      size_t stride, gki_real *out, size_t out_row);

    /* Computes log_f[rows] ← constant − ½ Σ_j w_t[j]² − log_slope. */
    void (*log_densities)(size_t rows, size_t d, gki_real constant, const gki_real *w_t,
                          const gki_real *log_slope, gki_real *log_f);

    /* Replaces logs[components] by their softmax, with 0 for negligible values. Returns the log of
     * the sum of the exponentials. */
    gki_real (*softmax)(size_t components, gki_real *logs);

    /* Returns Σ x[j]·y[j]. */
    gki_real (*dot)(size_t n, const gki_real *x, const gki_real *y);

    /* Adds the gradient of weight·log f: out[j] −= weight·(u[j] + ratio[j])/dq[j]. NULL ratio is
     * 0. */
    void (*add_gradient)(size_t n, gki_real weight, const gki_real *u, const gki_real *ratio,
                         const gki_real *dq, gki_real *out);

    /* Prepares a row of the sufficient statistics of a component (mixture/online.h), whose sums it
     * adds to. */
    void (*statistics)(size_t d, gki_real weight, const gki_mixture_statistics *row, gki_real *sum);
} gki_mixture_kernels;

GKV_SIMD_DECLARE(gki_mixture_kernels);

#endif
