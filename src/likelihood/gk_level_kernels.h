/* Kernels of discretised g-and-k distributions of grey levels, for the values of one image or some
 * of them. There is one table for each instruction set (core/simd.h). All are thread-safe.
 *
 * With z = Q⁻¹(e) an edge e has F(e) = Φ(z), the density f = φ(z)/Q'(z), and ∂F/∂θ = −f ∂Q/∂θ,
 * since ∂z/∂θ = −(∂Q/∂θ)/Q'. */
#ifndef GKV_LIKELIHOOD_GK_LEVEL_KERNELS_H
#define GKV_LIKELIHOOD_GK_LEVEL_KERNELS_H

#include <stdbool.h>

#include "likelihood/likelihood_kernels.h"

/* The parameters of a component in the order of the outputs: A, log B, raw g and raw k. */
enum { GKV_GK_LEVEL_PARAMETERS = 4 };

/* The bounds of the shapes: g = 8 tanh(r/8) and k = −0.05 + softplus(r), at most 4. For these k
 * every g is valid. */
#define GKV_GK_LEVEL_G 8.0
#define GKV_GK_LEVEL_K_MIN (-0.05)
#define GKV_GK_LEVEL_K_MAX 4.0

/* The values of one call of combine(), and the distances between the rows of its arrays. */
enum { GKV_GK_LEVEL_CHUNK = 128, GKV_GK_LEVEL_RESULTS = GKV_GK_LEVEL_PARAMETERS + 3 };

/* A mixture for n ≤ GKV_GK_LEVEL_CHUNK values. */
typedef struct gki_gk_level_mixture {
    size_t n, components;
    gki_real weight[GKV_LIKELIHOOD_COMPONENTS_MAX][GKV_GK_LEVEL_CHUNK];
    /* parameters() of each component: rows of n elements */
    gki_real value[GKV_LIKELIHOOD_COMPONENTS_MAX][GKV_GK_LEVEL_PARAMETERS * GKV_GK_LEVEL_CHUNK];
    gki_real slope[GKV_LIKELIHOOD_COMPONENTS_MAX][GKV_GK_LEVEL_PARAMETERS * GKV_GK_LEVEL_CHUNK];
} gki_gk_level_mixture;

/* Edges of n ≤ GKV_GK_LEVEL_BLOCK values where F is known, from which the search for the next edges
 * starts. */
enum { GKV_GK_LEVEL_BLOCK = 32 };
typedef struct gki_gk_level_place {
    bool begun;
    gki_real x[GKV_GK_LEVEL_BLOCK], z[GKV_GK_LEVEL_BLOCK];
    gki_real by_dq[GKV_GK_LEVEL_BLOCK], ratio[GKV_GK_LEVEL_BLOCK];
} gki_gk_level_place;

/* Where combine() writes gradients. */
typedef struct gki_gk_level_gradients {
    gki_real
        *out; /* in parameter p of component k of value i: out[(p·components + k)·stride + i] */
    gki_real *logits; /* in logit k of value i: logits[k·stride + i]; NULL for one component */
    size_t stride;
    gki_real lower[GKV_GK_LEVEL_CHUNK], upper[GKV_GK_LEVEL_CHUNK]; /* in the edges */
} gki_gk_level_gradients;

typedef struct gki_gk_level_kernels {
    /* Finds the levels of n values, and their edges. The outputs have GKV_GK_LEVEL_CHUNK elements,
     * of which those after the n-th may be written too. */
    void (*levels)(size_t n, const gki_real *x, const gki_level_edges *edges, int *level,
                   gki_real *lower, gki_real *upper);
    /* Computes the weights of the components, the softmax of logits: logit k of value i is
     * out[k·stride + i]. With one component they are 1, and `out` is not read. */
    void (*weights)(size_t stride, const gki_real *out, gki_gk_level_mixture *mixture);
    /* Computes A, B, g and k of n values, as value[4][n], and their derivatives in the outputs,
     * those of log B in place of B, as slope[4][n]. Parameter p of value i is out[p·stride + i]. */
    void (*parameters)(size_t n, size_t stride, const gki_real *out, gki_real *value,
                       gki_real *slope);
    /* Computes F(x) and its derivatives in A, log B, g and k at an edge x[i] of each of n values,
     * as to[5][n], from value[4][n] of parameters(). Unless `from` is NULL or not begun, the search
     * starts at its edges; it becomes these edges. */
    void (*edges)(size_t n, const gki_real *value, const gki_real *x, gki_gk_level_place *from,
                  gki_real *to);
    /* Widens [*least, *most] so that F is 0 below it and 1 above it for each of n values, up to
     * rounding. */
    void (*reach)(size_t n, const gki_real *value, gki_real *least, gki_real *most);
    /* Computes p = F(upper) − F(lower) of n intervals and its derivatives in A, log B, g, k and the
     * lower and upper edge, as out[7][n]. One of the edges may be at infinity, ∓GKV_LEVEL_FAR. */
    void (*intervals)(size_t n, const gki_real *value, const gki_real *lower, const gki_real *upper,
                      gki_real *out);
    /* Returns −Σ log P of the values from their intervals results[component], and computes its
     * gradients unless `gradients` is NULL. */
    gki_real (*combine)(const gki_gk_level_mixture *mixture,
                        gki_real (*results)[GKV_GK_LEVEL_RESULTS * GKV_GK_LEVEL_CHUNK],
                        gki_gk_level_gradients *gradients);
} gki_gk_level_kernels;

GKV_SIMD_DECLARE(gki_gk_level_kernels);

#endif
