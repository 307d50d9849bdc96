/* Kernels of the likelihoods of grey levels, for the values of one image. There is one table for
 * each instruction set (core/simd.h). All are thread-safe, and output arrays overlap no inputs.
 *
 * A value x in [0, 1] is level v, the nearest whole number to 255·x. Its probability is
 *
 *   P(v) = (1 − ε) Σ_k π_k [F_k(e_{v+1}) − F_k(e_v)] + ε/256,   ε = GKV_LEVEL_FLOOR,
 *
 * with the edges e of level_edges.h. The floor bounds −log P, and its gradient falls to 0 where a
 * level is less probable than the floor. */
#ifndef GKV_LIKELIHOOD_KERNELS_H
#define GKV_LIKELIHOOD_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

enum { GKV_LEVELS = 256, GKV_LIKELIHOOD_COMPONENTS_MAX = 16 };

#define GKV_LEVEL_FLOOR 1e-6
/* An edge at infinity. It is finite, so that products with 0 are 0. */
#define GKV_LEVEL_FAR 1e30

/* The bound of locations, far beyond all levels, so that no product overflows. */
#define GKV_LOCATION_MAX 1e6
/* The bounds of log-scales. */
#define GKV_LOG_SCALE_MIN (-7.0)
#define GKV_LOG_SCALE_MAX 3.0

/* The edges of each level, and the distance between them. */
typedef struct gki_level_edges {
    struct {
        gki_real lower, upper, width, unused; /* four numbers, for aligned access */
    } level[GKV_LEVELS];
} gki_level_edges;

/* A mixture of K discretised logistic distributions for each of n values: F_k(e) = σ((e −
 * μ_k)/s_k). The outputs are out[(p·n) + i] with parameters p in this order: K logits of π if K >
 * 1, K locations μ, K log-scales. Log-scales are limited to their bounds, where their gradient is
 * 0. */
typedef struct gki_likelihood_kernels {
    /* Returns −Σ log P(x_i). Unless they are NULL, d_out receives the gradient in the outputs, and
     * d_edges[GKV_LEVELS] that in the edges; element 0 is 0. d_edges needs d_out. */
    gki_real (*logistic)(size_t n, size_t components, const gki_real *x, const gki_real *out,
                         const gki_level_edges *edges, gki_real *d_out, gki_real *d_edges);
    /* sd ← the roots of the diagonal of the Fisher information of the outputs,
     * Σ_v P(v) (∂ log P(v)/∂out)². */
    void (*logistic_sd)(size_t n, size_t components, const gki_real *out,
                        const gki_level_edges *edges, gki_real *sd);
    /* mean ← Σ_v P(v)·v/255. */
    void (*logistic_mean)(size_t n, size_t components, const gki_real *out,
                          const gki_level_edges *edges, gki_real *mean);
    /* median ← v/255 for the least level v with P(0) + … + P(v) ≥ 1/2. */
    void (*logistic_median)(size_t n, size_t components, const gki_real *out,
                            const gki_level_edges *edges, gki_real *median);
} gki_likelihood_kernels;

GKV_SIMD_DECLARE(gki_likelihood_kernels);

#endif
