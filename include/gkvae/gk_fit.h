/* Fits of a g-and-k distribution to a sample.
 *
 * Two methods. The octile method is a closed form and rough (Moors 1988; Drovandi
 * and Pettitt 2011). The quantile method starts from it, or from given parameters,
 * and does generalised least squares on m sample quantiles: with sample quantiles
 * x_i at levels p_i, q'(p) = Q'(z)/φ(z) and u_i = (x_i − Q(z_i))/q'_i, the residuals
 *
 *     r_i = √(n+2) (u_{i+1} − u_i)/√(p_{i+1} − p_i),  i = 0 … m,  u_0 = u_{m+1} = 0
 *
 * are the increments of a Brownian bridge: independent, of unit variance. They are
 * minimized by Levenberg–Marquardt (gkvae/lm.h) with q' held fixed, q' is
 * refreshed, and so on until nothing moves. The efficiency against maximum
 * likelihood at m = 99 is about .99/.99/.97/.91 for A/B/g/k.
 *
 * k is kept above its least valid value throughout: the solver's own variable is
 * k − k_min(g), bounded below, so every point it visits is a distribution. */
#ifndef GKVAE_GK_FIT_H
#define GKVAE_GK_FIT_H

#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"
#include "gkvae/lm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The least sample that can be fitted. */
enum { GKV_GK_FIT_MIN = 8 };

typedef struct gkv_gk_fit_settings {
    size_t levels;         /* m, 7 … n; 0 stands for n/4 held to 7 … 99 */
    double c;              /* 0.8; held fixed; 0 < c < 1 */
    double margin;         /* 1e-4: the least of k − k_min(g); > 0 */
    int max_passes;        /* 20: refreshes of q' */
    double pass_tolerance; /* 1e-3: passes end when no estimate moves by more standard errors */
    const gkv_gk *start;   /* where to begin, projected if invalid; if that ends badly the octiles are
                              tried too, as NULL does at once; not owned */
    gkv_lm_settings lm;    /* of each pass: cost_tolerance 1e-10, step_tolerance 1e-8; bounds are
                              set by the fit */
} gkv_gk_fit_settings;

typedef struct gkv_gk_fit_result {
    gkv_gk gk;                  /* the estimates: always valid */
    double se[4];               /* standard errors of A, B, g, k */
    double covariance[4][4];    /* infinite variances where the data say nothing */
    double log_likelihood;      /* Σ log f(x_i) at the estimates */
    double aic, bic;            /* 8 − 2 logL and 4 log n − 2 logL */
    double chi2;                /* ‖r‖²: under the model χ² with `dof` degrees of freedom */
    size_t dof;                 /* m − 4 */
    double p_value;             /* P(χ² > chi2): small says the shape is not g-and-k */
    size_t n, levels;
    int passes, iterations;     /* refreshes of q'; LM steps of all passes together */
    int converged;              /* 1 if the last pass converged and moved nothing */
    int at_bound;               /* 1 if k − k_min(g) = margin: standard errors are too large then */
    double cost_before;         /* ½‖r‖² at the start, q' being its own */
    double cost_after;          /* ½‖r‖² at the end */
    gkv_lm_stop stop;           /* of the last pass */
} gkv_gk_fit_result;

GKV_API void gkv_gk_fit_defaults(gkv_gk_fit_settings *settings);

/* Parameters from the seven octiles e[0 … 6] = E1 … E7, made valid by
 * gkv_gk_project: exact for octiles of a valid g-and-k whose k is `margin` above its
 * bound. GKV_ERR_DATA unless they are finite and E2 < E6, E1 < E7. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_from_octiles(const double e[7], double c, double margin, gkv_gk *out);

/* The octile method: x sorted ascending. Errors as gkv_gk_fit_sorted. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_octiles(const double *x, size_t n, double c, gkv_gk *out);

/* The quantile method for x in any order; x is left as it is. `settings` NULL takes
 * the defaults. GKV_ERR_DATA, saying which, for n < 8, NaN or infinite values, all
 * values equal, or one value that is more than a tenth of the sample (and more than
 * two of it); GKV_ERR_ARGUMENT for settings out of range; GKV_ERR_MEMORY;
 * GKV_ERR_NUMERIC. Not converging is no error: see `converged`. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit(const double *x, size_t n, const gkv_gk_fit_settings *settings,
                                           gkv_gk_fit_result *result);

/* The same for x sorted ascending, without a copy; GKV_ERR_DATA if it is not. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_sorted(const double *x, size_t n, const gkv_gk_fit_settings *settings,
                                                  gkv_gk_fit_result *result);

#ifdef __cplusplus
}
#endif
#endif
