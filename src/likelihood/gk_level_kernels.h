/* Kernels of discretised g-and-k distributions of grey levels, for the values of one image or some
 * of them. There is one table for each instruction set (core/simd.h). All are thread-safe.
 *
 * With z = Q⁻¹(e) an edge e has F(e) = Φ(z), the density f = φ(z)/Q'(z), and ∂F/∂θ = −f ∂Q/∂θ,
 * since ∂z/∂θ = −(∂Q/∂θ)/Q'. Arrays of edges have a row for lower edges and one for upper edges,
 * [2, n]. */
#ifndef GKV_LIKELIHOOD_GK_LEVEL_KERNELS_H
#define GKV_LIKELIHOOD_GK_LEVEL_KERNELS_H

#include "likelihood/likelihood_kernels.h"

/* The parameters of a component in the order of the outputs: A, log B, raw g and raw k. */
enum { GKV_GK_LEVEL_PARAMETERS = 4 };

/* The bounds of the shapes: g = 8 tanh(r/8) and k = −0.05 + softplus(r), at most 4. For these k
 * every g is valid. */
#define GKV_GK_LEVEL_G 8.0
#define GKV_GK_LEVEL_K_LEAST (-0.05)
#define GKV_GK_LEVEL_K_MOST 4.0

/* A normal score beyond which probabilities and densities are 0 in every numeric type. */
#define GKV_GK_LEVEL_FAR_SCORE 40.0

/* What is known of some edges. */
typedef struct gki_gk_level_edges {
    const gki_real *x;         /* the edges; ±GKV_LEVEL_FAR or beyond have no z */
    const gki_real *z, *dq;    /* Q⁻¹ and Q' there */
    const gki_real *ratio;     /* Q''/Q'; not read by edges() */
    const gki_real *x_g, *x_k; /* ∂Q/∂g and ∂Q/∂k */
} gki_gk_level_edges;

/* The values of one call of combine(), and the distances between the rows of its arrays. */
enum { GKV_GK_LEVEL_CHUNK = 64, GKV_GK_LEVEL_RESULTS = GKV_GK_LEVEL_PARAMETERS + 3 };

/* A mixture for n ≤ GKV_GK_LEVEL_CHUNK values. */
typedef struct gki_gk_level_mixture {
    size_t n, components;
    gki_real weight[GKV_LIKELIHOOD_COMPONENTS_MOST][GKV_GK_LEVEL_CHUNK];
    /* parameters() of each component: rows of n elements */
    gki_real value[GKV_LIKELIHOOD_COMPONENTS_MOST][GKV_GK_LEVEL_PARAMETERS * GKV_GK_LEVEL_CHUNK];
    gki_real slope[GKV_LIKELIHOOD_COMPONENTS_MOST][GKV_GK_LEVEL_PARAMETERS * GKV_GK_LEVEL_CHUNK];
} gki_gk_level_mixture;

/* Where combine() writes gradients. */
typedef struct gki_gk_level_gradients {
    gki_real
        *out; /* in parameter p of component k of value i: out[(p·components + k)·stride + i] */
    gki_real *logits; /* in logit k of value i: logits[k·stride + i]; NULL for one component */
    size_t stride;
    gki_real lower[GKV_GK_LEVEL_CHUNK], upper[GKV_GK_LEVEL_CHUNK]; /* in the edges */
} gki_gk_level_gradients;

typedef struct gki_gk_level_kernels {
    /* Computes the weights of the components, the softmax of logits: logit k of value i is
     * out[k·stride + i]. With one component they are 1, and `out` is not read. */
    void (*weights)(size_t stride, const gki_real *out, gki_gk_level_mixture *its);
    /* Computes A, B, g and k of n values, as to[4][n], and their derivatives in the outputs, those
     * of log B in place of B, as slope[4][n]. Parameter p of value i is out[p·stride + i]. */
    void (*parameters)(size_t n, size_t stride, const gki_real *out, gki_real *to, gki_real *slope);
    /* Computes F(e) and its derivatives in A, log B, g and k at n edges, as to[5][n]. */
    void (*edges)(size_t n, const gki_real *a, const gki_gk_level_edges *at, gki_real *to);
    /* Computes p = F(upper) − F(lower) of n intervals and its derivatives in A, log B, g, k and the
     * lower and upper edge, as to[7][n]. width[n] are the widths of the intervals. */
    void (*intervals)(size_t n, const gki_real *a, const gki_real *width,
                      const gki_gk_level_edges *at, gki_real *to);
    /* Returns −Σ log P of the values from their intervals of[component], and computes its gradients
     * unless `to` is NULL. */
    gki_real (*combine)(const gki_gk_level_mixture *its,
                        gki_real (*of)[GKV_GK_LEVEL_RESULTS * GKV_GK_LEVEL_CHUNK],
                        gki_gk_level_gradients *to);
} gki_gk_level_kernels;

GKV_SIMD_DECLARE(gki_gk_level_kernels);

#endif
