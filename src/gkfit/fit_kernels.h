/* The kernels of fits. The build compiles them once for every instruction set (core/simd.h). */
#ifndef GKV_GKFIT_FIT_KERNELS_H
#define GKV_GKFIT_FIT_KERNELS_H

#include <stddef.h>

#include "core/simd.h"
#include "gk/validity.h"
#include "gkvae/gk.h"

/* Several fits, one in each lane. Element e of lane l of each array is at e·lanes + l. Rows after
 * the last level of a fit are padding with z = ln = step = 0, so that their residuals are 0. */
typedef struct gki_gk_fit_lanes {
    size_t lanes, rows;
    const double *x, *z, *ln; /* sample quantiles, normal scores, log(1+z²) */
    const double *weight;     /* 1/q' */
    const double *step;       /* √((n+2)/(p_{i+1} − p_i)) */
    const double *plain;      /* [lanes] 1 if the fourth variable is k, 0 if it is k − k_min(g) */
    const gki_k_min_table *table;
} gki_gk_fit_lanes;

/* The levels of one fit: normal scores, log(1+z²), φ(z), and ½ p(1−p)/(n+2). */
typedef struct gki_gk_fit_levels {
    const double *z, *ln, *phi, *noise;
} gki_gk_fit_levels;

/* Sums over a sample at one set of parameters. Pairs have the order AA AB Ag Ak BB Bg Bk gg gk
 * kk. */
enum { GKV_GK_PAIRS = 10 };
typedef struct gki_gk_sums {
    double log_likelihood;        /* Σ w log f */
    double score[4];              /* Σ w ∂log f */
    double hessian[GKV_GK_PAIRS]; /* Σ w ∂²log f */
    double outer[GKV_GK_PAIRS];   /* Σ w (∂log f)(∂log f)ᵀ */
} gki_gk_sums;

typedef struct gki_gk_fit_kernels {
    /* Computes z = Φ⁻¹(p) to 1e-16 (Wichura 1988, AS 241), log(1+z²) and φ(z), for 1e-11 ≤ p ≤ 1 −
     * 1e-11. */
    void (*scores)(size_t n, const double *p, double *z, double *ln, double *phi);

    /* Computes k_min(g), its slope and its curvature in g, for |g| ≤ 100. */
    void (*k_min)(size_t n, const gki_k_min_table *table, const double *g, double *k_min,
                  double *slope, double *curvature);

    /* Computes 1/q' = φ(z)/Q'(z), and q''·noise, where `noise` is half the variance of the level.
     * The latter is the difference between the mean of a sample quantile and Q. */
    void (*weights)(size_t n, const gkv_gk *gk, const gki_gk_fit_levels *levels, double *weight,
                    double *excess);

    /* Computes r, and ∂r/∂v, at v[4 × lanes]. The bits of a lane do not depend on the number of
     * lanes. */
    void (*residuals)(const gki_gk_fit_lanes *fit, const double *v, double *r);
    void (*jacobian)(const gki_gk_fit_lanes *fit, const double *v, double *jacobian);

    /* Computes both for one fit (lanes = 1): r[rows] and jacobian[4 × rows]. Either may be NULL. */
    void (*terms)(const gki_gk_fit_lanes *fit, const double *v, double *r, double *jacobian);

    /* Adds the terms of n observations with the normal scores z to the sums. NULL weights mean 1.
     * The log-likelihood lacks the constant −n ½ log 2π. */
    void (*sums)(size_t n, const gkv_gk *gk, const double *z, const double *weights,
                 gki_gk_sums *sums);

    /* Computes the derivatives of F(x_i) = Φ(z_i) in A, B, g and k at n fixed x_i with the normal
     * scores z_i, divided by φ(z_i): slope[4 × n], and curvature[10 × n] in the order of the pairs
     * unless it is NULL. */
    void (*edges)(size_t n, const gkv_gk *gk, const double *z, double *slope, double *curvature);
} gki_gk_fit_kernels;

GKV_SIMD_DECLARE(gki_gk_fit_kernels);

#endif
