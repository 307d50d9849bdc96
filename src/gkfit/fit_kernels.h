/* What the fits compute in quantity, once for every instruction set (core/simd.h). */
#ifndef GKV_GK_FIT_KERNELS_H
#define GKV_GK_FIT_KERNELS_H

#include <stddef.h>

#include "core/simd.h"
#include "gk/validity.h"
#include "gkvae/gk.h"

/* Up to `lanes` fits side by side, element e of lane l at e·lanes + l of each array. Rows
 * from a fit's last level on have z = ln = step = 0: their residuals are 0. */
typedef struct gkv_gk_fit_lanes {
    size_t lanes, rows;
    const double *x, *z, *ln; /* quantiles of the sample, normal scores, log(1+z²) */
    const double *weight;     /* 1/q' */
    const double *step;       /* √((n+2)/(p_{i+1} − p_i)) */
    const double *plain;      /* [lanes] 1: the fourth variable is k; 0: it is k − k_min(g) */
    const gkv_k_min_table *edge;
} gkv_gk_fit_lanes;

/* One fit's levels: normal scores, log(1+z²), φ(z), and ½ p(1−p)/(n+2). */
typedef struct gkv_gk_fit_levels {
    const double *z, *ln, *phi, *noise;
} gkv_gk_fit_levels;

/* Sums over a sample at one parameter point. */
enum { GKV_GK_PAIRS = 10 };
typedef struct gkv_gk_sums {
    double log_likelihood;
    double score[4];
    double hessian[GKV_GK_PAIRS]; /* Σ w ∂²log f: AA AB Ag Ak BB Bg Bk gg gk kk */
    double outer[GKV_GK_PAIRS];   /* Σ w (∂log f)(∂log f)ᵀ */
} gkv_gk_sums;

typedef struct gkv_gk_fit_kernels {
    /* p to z = Φ⁻¹(p) (Wichura 1988, AS 241: 1e-16), log(1+z²) and φ(z); 0 < p < 1 */
    void (*scores)(size_t n, const double *p, double *z, double *ln, double *phi);
    /* k_min(g), its slope and its curvature; |g| ≤ 100 */
    void (*edge)(size_t n, const gkv_k_min_table *edge, const double *g, double *k_min, double *slope, double *curvature);
    /* 1/q' = φ(z)/Q'(z), and q'' · noise: by how much a quantile's mean is beyond Q, noise being
     * half its level's variance */
    void (*weights)(size_t n, const gkv_gk *gk, const gkv_gk_fit_levels *at, double *weight, double *excess);
    /* r and ∂r/∂v at v[4 × lanes]; a lane's bits do not depend on how many there are */
    void (*residuals)(const gkv_gk_fit_lanes *fit, const double *v, double *r);
    void (*jacobian)(const gkv_gk_fit_lanes *fit, const double *v, double *jacobian);
    /* both for one fit (lanes = 1): r[rows] and jacobian[4 × rows]; either may be NULL */
    void (*terms)(const gkv_gk_fit_lanes *fit, const double *v, double *r, double *jacobian);
    /* adds n observations whose normal scores are z; weights NULL is 1 */
    void (*sums)(size_t n, const gkv_gk *gk, const double *z, const double *weights, gkv_gk_sums *sums);
} gkv_gk_fit_kernels;

GKV_SIMD_DECLARE(gkv_gk_fit_kernels);

#endif
