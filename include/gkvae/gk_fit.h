/* Fits of a g-and-k distribution to a sample, from rough to efficient.
 *
 * octiles  A closed form in seven sample quantiles (Moors 1988; Drovandi and Pettitt
 *          2011): exact for a population, rough for a sample, and a start.
 *
 * lm       Generalised least squares on m sample quantiles. With sample quantiles x_i at
 *          levels p_i, z_i = Φ⁻¹(p_i), q'(p) = Q'(z)/φ(z) and
 *
 *              u_i = (x_i − Q(z_i))/q'_i − ½ p_i(1−p_i)/(n+2) q''_i/q'_i
 *
 *          whose last term is the mean of the first (David and Johnson 1954), the residuals
 *
 *              r_i = √(n+2) (u_{i+1} − u_i)/√(p_{i+1} − p_i),  i = 0 … m,  u_0 = u_{m+1} = 0
 *
 *          are the increments of a Brownian bridge: independent, of unit variance. They
 *          are minimized by Levenberg–Marquardt (gkvae/lm_batch.h) with q' held fixed, q' is
 *          refreshed, and so on until nothing moves. Levels lie closer in the tails, where
 *          k is decided: p = sin²(πt/2) for even t, from 0.002 to 0.998. Errors are within 4%
 *          of the least possible; and as quantiles are all that counts, a few wild values
 *          in a thousand do no harm. In small samples of a density that changes abruptly the
 *          equations may have no solution; the estimates are then mle's, and `method` says so.
 *
 * mle      The maximum of Σ w log f from there, by damped Newton steps on the analytic
 *          Hessian. The likelihood of a g-and-k has no upper bound: where Q' touches 0 the
 *          density has a pole. So k keeps 3/n above k_min(g), or 0.05 if that is less, and what
 *          is sought is the maximum that belongs to the lm fit.
 *
 * k is kept above its least valid value throughout: the solvers' own variable is
 * k − k_min(g), bounded below, so every point they visit is a distribution.
 *
 * Weights say how many observations a value stands for: a weight of 2 is the value twice,
 * for lm to the bit, and the responsibilities of a mixture add up to a component's share.
 * What is called n above is then their sum. Equal values are one value of their common
 * weight, at the middle of their ranks.
 *
 * More in docs/fitting.md; intervals and tests by simulation in gkvae/gk_bootstrap.h. */
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

typedef enum gkv_gk_method {
    GKV_GK_LM,     /* least squares on quantiles */
    GKV_GK_MLE,    /* maximum likelihood, from there */
    GKV_GK_OCTILES /* the closed form alone: estimates without errors, intervals or χ² */
} gkv_gk_method;

typedef struct gkv_gk_fit_settings {
    size_t levels;         /* m, 7 … n; 0 stands for n/4 held to 7 … 99. Fewer where the sample has
                              fewer distinct values */
    double tail;           /* 0.002: the share of the sample beyond the outermost levels, on either side,
                              and one value at least; 0 … 0.1. 0 gains 2% in k, and trusts every value */
    double c;              /* 0.8; held fixed; 0 < c < 1 */
    double margin;         /* 1e-4: the least of k − k_min(g); > 0; see mle above */
    int max_passes;        /* 20: refreshes of q'; from the 9th on Newton's method on the equations that
                              passes solve takes over, and where that finds nothing mle does */
    double pass_tolerance; /* 1e-3: passes end when no estimate moves by more standard errors */
    const gkv_gk *start;   /* where to begin, projected if invalid; if that ends badly the octiles are
                              tried too, as NULL does at once, and then g ≈ 0; not owned */
    gkv_lm_settings lm;    /* of each pass: cost_tolerance 1e-3, step_tolerance 1e-8, max_iterations 10, for
                              q' has to follow; bounds, fixed and weights are set by the fit */
    gkv_gk_method method;  /* GKV_GK_LM */
    int one_start;         /* 0; 1: no other start is tried, however badly the first one ends: for fits that
                              follow each other on slowly changing samples */
    unsigned char fixed[4];/* A, B, g, k: 1 holds it at its value in the start, which must be given and,
                              if k is held, valid; not for the octile method */
    double low[4], high[4];/* bounds of A, B, g, k, −∞ and ∞; not for the octile method */
    double confidence;     /* 0.95: of the intervals; 0 < confidence < 1 */
    int max_newton;        /* 100: steps of the mle */
    int likelihood;        /* 1: compute logL, AIC and BIC; lm needs them for nothing else */
    int anderson_darling;  /* 0: compute A² */
} gkv_gk_fit_settings;

typedef struct gkv_gk_fit_result {
    gkv_gk gk;                  /* the estimates: always valid */
    double se[4];               /* standard errors of A, B, g, k; 0 if fixed or at a bound of the settings. Of
                                   lm: those of the equations Jᵀr = 0, q' included, and no less than those
                                   of (JᵀJ)⁻¹; of mle: of the observed information */
    double covariance[4][4];    /* infinite variances where the data say nothing */
    double log_likelihood;      /* Σ w log f(x_i) at the estimates; NaN unless asked for */
    double aic, bic;            /* 2q − 2 logL and q log n − 2 logL, q = parameters */
    double chi2;                /* Σ (n+2) (F_{i+1} − F_i − Δp_i)²/Δp_i, F_i = F(x_i), less what the parameters
                                   account for: χ² with `dof` degrees of freedom under the model */
    size_t dof;                 /* levels − parameters */
    double p_value;             /* P(χ² > chi2), with its variance in small samples: small says the shape is
                                   not g-and-k */
    size_t n, levels;           /* values with weight; quantiles compared */
    int passes, iterations;     /* refreshes of q'; LM steps of all passes together; from all starts */
    int converged;              /* 1 if the last pass converged and moved nothing, and so did Newton */
    int at_bound;               /* 1 if k is at its least valid value: no g-and-k has tails as light as the
                                   data's. The errors are those of a k without bound: for k near its bound
                                   intervals cover at least what they say */
    signed char bound[4];       /* of A, B, g, k: −1 or 1 if it is at the lower or upper end of what is
                                   allowed, by the settings or by the fit (|g| ≤ 100; at_bound); else 0 */
    double cost_before;         /* ½‖r‖² at the start, q' being its own */
    double cost_after;          /* ½‖r‖² at the estimates, likewise */
    gkv_lm_stop stop;           /* of the last pass; GKV_LM_GRADIENT if Newton's method came to its end */
    gkv_gk_method method;       /* that gave the estimates: mle also where lm found none */
    double low[4], high[4];     /* confidence intervals: estimate ± z·se; for B times e^(± z·se/B) */
    double total;               /* Σ w: the number of observations */
    size_t parameters;          /* that were free */
    int newton;                 /* steps of the mle */
    double anderson_darling;    /* A²: small is good; NaN unless asked for */
} gkv_gk_fit_result;

/* Fills in the defaults that stand beside the settings. */
GKV_API void gkv_gk_fit_defaults(gkv_gk_fit_settings *settings);

/* Parameters from the seven octiles e[0 … 6] = E1 … E7,
 *
 *     A = E4,  c tanh(g z₆/2) = (E6 + E2 − 2 E4)/(E6 − E2),  ((1+z₇²)/(1+z₆²))^k = (E7−E1) z₆/((E6−E2) z₇),
 *
 * z₆ and z₇ the normal's quantiles 6/8 and 7/8, B from E6 − E2; made valid by gkv_gk_project. Exact for
 * octiles of a valid g-and-k whose k is `margin` above its bound. GKV_ERR_ARGUMENT unless
 * 0 < c < 1 and margin ≥ 0; GKV_ERR_DATA unless they are finite and E2 < E6, E1 < E7. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_from_octiles(const double e[7], double c, double margin, gkv_gk *out);

/* The octile method: x sorted ascending, 0 < c < 1, a margin of 1e-4. Errors as gkv_gk_fit_sorted. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_octiles(const double *x, size_t n, double c, gkv_gk *out);

/* The method of the settings for x in any order; x is left as it is. `settings` NULL takes
 * the defaults. GKV_ERR_DATA, saying which, for n < 8, NaN or infinite values, all
 * values equal, fewer than 7 distinct ones, or one value that is more than a tenth of the
 * sample (and more than two of it); GKV_ERR_ARGUMENT for settings out of range; GKV_ERR_MEMORY;
 * GKV_ERR_NUMERIC. Not converging is no error: see `converged`. Thread-safe. The same, to
 * the bit, as that sample's fit in gkv_gk_fit_many, which is how to fit with weights. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit(const double *x, size_t n, const gkv_gk_fit_settings *settings,
                                           gkv_gk_fit_result *result);

/* The same for x sorted ascending; GKV_ERR_DATA if it is not. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_sorted(const double *x, size_t n, const gkv_gk_fit_settings *settings,
                                                  gkv_gk_fit_result *result);

/* A sample among many. */
typedef struct gkv_gk_sample {
    const double *x;       /* [n], ascending if `sorted`; left as it is */
    const double *weights; /* [n] in the order of x, ≥ 0, with a sum of 8 or more; NULL is 1; values
                              of weight 0 are left out */
    size_t n;
    int sorted;
    const gkv_gk *start;   /* as settings.start, but for this sample; NULL takes settings.start */
} gkv_gk_sample;

/* Fits `count` samples, all of them in one batched Levenberg–Marquardt solution, on
 * `threads` threads (0: all). results[i] is, to the bit, what a fit of sample i alone
 * gives, on any number of threads. statuses[i], unless NULL, receives what became of sample
 * i; one that cannot be fitted does not stop the others, and its result is zeroed. Returns
 * GKV_OK if all could be fitted, else the first fault; its message names the sample. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_many(const gkv_gk_sample *samples, size_t count,
                                                const gkv_gk_fit_settings *settings, int threads,
                                                gkv_gk_fit_result *results, gkv_status *statuses);

/* Anderson and Darling's distance of a sample, in any order, from a distribution:
 *
 *     A² = −n − (1/n) Σ_i [(2i − 1) log F(x_(i)) + (2n − 2i + 1) log(1 − F(x_(i)))]
 *
 * with weights its integral n ∫ (F_n − F)²/(F(1 − F)) dF. If the parameters were not
 * estimated from the sample its distribution is known: *p_value (may be NULL) is P(A² > a2)
 * by Marsaglia and Marsaglia (Journal of Statistical Software 9(2), 2004), for n → ∞. If
 * they were, A² is much smaller, and the p-value is gkv_gk_bootstrap's to find. Errors as
 * gkv_gk_fit; ties are allowed. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_anderson_darling(const gkv_gk *gk, const gkv_gk_sample *sample, double *a2,
                                                        double *p_value);

/* The level u with P(U_(r) ≤ u) = p, U_(r) the r-th least of n uniform draws: the quantile p of
 * Beta(r, n + 1 − r). gkv_gk_quantile of it is the quantile p of the r-th least of n draws from a
 * distribution: the band of a QQ plot, whose point at level (i − ½)/n has r = i. n and r may be any real
 * numbers, 0 < r < n + 1; NaN for others, and for p outside [0, 1]. Relative accuracy about 1e-10 (of
 * 1 − u, where u is near 1, as far as a double near 1 shows it). Allocates nothing; thread-safe. */
GKV_API double gkv_gk_order_level(double n, double r, double p);

#ifdef __cplusplus
}
#endif
#endif
