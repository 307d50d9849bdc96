/* Fits of a g-and-k distribution to a sample. There are three methods, from a simple to an
 * efficient one.
 *
 * GKV_GK_OCTILES is a closed form in seven sample quantiles (Moors 1988; Drovandi and Pettitt
 * 2011). It is exact for the quantiles of a distribution and inaccurate for those of a sample. The
 * other methods use it as a start.
 *
 * GKV_GK_LM is generalised least squares on m sample quantiles. x_i are the sample quantiles at
 * levels p_i, z_i = Φ⁻¹(p_i), and q'(p) = Q'(z)/φ(z). With
 *
 *     u_i = (x_i − Q(z_i))/q'_i − ½ p_i(1−p_i)/(n+2) q''_i/q'_i
 *
 * whose last term is the expectation of the first one (David and Johnson 1954), the residuals
 *
 *     r_i = √(n+2) (u_{i+1} − u_i)/√(p_{i+1} − p_i),  i = 0 … m,  u_0 = u_{m+1} = 0
 *
 * are the increments of a Brownian bridge, which are independent with unit variance.
 * Levenberg–Marquardt (gkvae/lm_batch.h) minimizes ½ Σ r_i² with fixed q'. Then q' is computed at
 * the solution, and so on, until the estimates do not change. These are the reweighting iterations.
 * Levels are denser in the tails, which determine k: p = sin²(πt/2) for equally spaced t, from
 * 0.002 to 0.998. Standard errors are within 4% of the least possible ones. A few outliers in a
 * thousand values have little effect, because the fit uses quantiles only. In small samples of a
 * density that changes abruptly the equations may have no solution. The estimates are then those of
 * GKV_GK_MLE, and `method` of the result says so.
 *
 * GKV_GK_MLE is the maximum of Σ w log f. Newton steps in a trust region, with the analytic
 * Hessian, begin at the least-squares fit. Further starts are tried if this maximum is doubtful,
 * and the greatest maximum is the result (docs/fitting.md lists the starts). A maximum is doubtful
 * if
 *
 *   - it has not converged;
 *   - a parameter is at a bound or fixed, |g| > 20 or k > 2;
 *   - it is far more likely than the least-squares fit;
 *   - the χ² of the quantiles is unlikely.
 *
 * The likelihood of the g-and-k distribution is
 * unbounded, because the density has a pole where Q' = 0. k therefore stays at least min(3/n, 0.05)
 * above k_min(g).
 *
 * k is always above its least valid value. The variable of the solvers is k − k_min(g), which has a
 * lower bound, so that all parameters that they visit are valid.
 *
 * A weight is the number of observations that a value represents. Weight 2 is the same value twice,
 * with the same bits in the lm method. The responsibilities of a mixture's component can be
 * weights. With weights, n above is their sum. Equal values form one group with the sum of their
 * weights, at the middle of their ranks.
 *
 * Rounded, censored and binned data are observations that are known to lie in intervals, see
 * gkv_gk_sample. GKV_GK_MLE maximizes the probability of their intervals, and their density where
 * values are exact. The other methods use rounded values as they are. They need few ties, and
 * cannot fit censored data. The test of fit then counts the observations in bins that divide no
 * interval.
 *
 * All methods also fit the g-and-h and the generalised g-and-h family (`family` of the settings),
 * with h in place of k. Instead of octiles GKV_GK_OCTILES uses letter values then (Hoaglin 1985).
 * h ≥ 0, and h = 0 is possible, unless c > 0.8336 in the generalised family. |g| is at most 10 in
 * the g-and-h family. These fits compute in long double, and take some 50 times longer.
 *
 * docs/fitting.md contains more. gkvae/gk_bootstrap.h has intervals and tests by simulation. */
#ifndef GKVAE_GK_FIT_H
#define GKVAE_GK_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"
#include "gkvae/lm.h"
#include "gkvae/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The least number of observations of a fit. */
enum { GKV_GK_FIT_MIN = 8 };

typedef enum gkv_gk_method {
    GKV_GK_LM,     /* least squares on quantiles */
    GKV_GK_MLE,    /* maximum likelihood, starting at the least-squares fit */
    GKV_GK_OCTILES /* the closed form; it gives estimates without errors, intervals and χ² */
} gkv_gk_method;

/* The confidence intervals of a fit. */
typedef enum gkv_gk_intervals {
    /* estimate ± z·se, and for B the factors e^(± z·se/B) */
    GKV_GK_WALD,
    /* For GKV_GK_MLE: the interval in which the profile log-likelihood, the maximum over the other
     * parameters, is at most half the quantile of χ² with one degree of freedom below the maximum
     * (Venzon and Moolgavkar 1988). An end is a bound of the settings, or the least valid k, if the
     * profile is not that low there; and ±∞, or 0 for the lower end of B, if it is nowhere. */
    GKV_GK_PROFILE
} gkv_gk_intervals;

/* Settings of a fit that are rarely changed. Comments begin with the default. */
typedef struct gkv_gk_fit_advanced {
    double margin; /* 1e-4; 0 < margin < 1; the least k − k_min(g) */
    /* 20; ≥ 1; the limit of reweighting iterations; from the 9th iteration on Newton's method
     * solves the same equations, and if it does not converge the estimates are those of mle */
    size_t max_reweightings;
    /* 1e-3; > 0; the reweighting iterations end if no estimate changes by more than this number of
     * standard errors */
    double reweighting_tolerance;
    /* GKV_LM_SQUARES and 1; the loss of the residuals, see gkvae/lm.h; the default loss is
     * efficient because residuals are those of quantiles, and another one reduces the effect of
     * levels that do not fit */
    gkv_lm_loss loss;
    double loss_scale;
    /* 1e-3, 1e-8 and 10; the tolerances and the limit of Levenberg–Marquardt steps of a reweighting
     * iteration; they are coarse because q' changes after each iteration */
    double cost_tolerance, step_tolerance;
    size_t max_steps;
    size_t max_newton; /* 500; ≥ 1; the limit of steps of an ascent of the mle */
    /* false; true means that a doubtful fit is not repeated from other starts; this suits repeated
     * fits of a slowly changing sample */
    bool one_start;
    /* false; true means that the start is one of several even if the fit from it is not doubtful:
     * lm also begins at the octile estimate, and mle begins at the lm fit from the octile estimate
     * and climbs from the start too; the best fit is the result */
    bool start_competes;
} gkv_gk_fit_advanced;

/* The settings of a fit. Comments begin with the default. */
typedef struct gkv_gk_fit_settings {
    gkv_gk_method method; /* GKV_GK_LM */
    gkv_gk_family family; /* GKV_GK_FAMILY_GK; the family that is fitted */
    double c; /* 0.8; 0 < c < 1; c is not fitted unless free_c; the g-and-h family has none */
    /* false; true estimates c too, in [0.001, 0.999], where the density is valid. Needs GKV_GK_MLE
     * and a family with c, and g that is not held at 0. `c` is then the start, and the value that
     * the likelihood-ratio test compares. Bootstraps and fits of several dimensions refuse it. */
    bool free_c;
    double confidence; /* 0.95; 0 < confidence < 1; the confidence of the intervals */
    /* GKV_GK_WALD; the intervals of the result; GKV_GK_PROFILE needs GKV_GK_MLE */
    gkv_gk_intervals intervals;
    /* 0; m, the number of levels, 7 … n; 0 means n/4, but at least 7 and at most 99; the fit uses
     * fewer levels if the sample has fewer distinct values */
    size_t levels;
    /* 0.002; 0 … 0.1; the fraction of the sample beyond the outermost levels, on either side, but
     * at least one value; 0 reduces the error of k by 2%, but outliers then have an effect */
    double tail;
    /* NULL; the start; an invalid start is projected; NULL means the octile estimate, and so does
     * NaN for a parameter that is not fixed; a fit with a doubtful result is repeated from the
     * octile estimate and from g ≈ 0; not owned */
    const gkv_gk *start;
    /* false; true fixes A, B, g or k at its value in the start, which is then needed; a fixed k
     * must be valid; the octile method ignores this setting */
    bool fixed[4];
    double low[4], high[4]; /* −∞, ∞; bounds of A, B, g and k; the octile method ignores them */
    bool likelihood;        /* true; whether to compute log L, AIC and BIC */
    bool anderson_darling; /* false; whether to compute A² */
    gkv_gk_fit_advanced advanced;
} gkv_gk_fit_settings;

/* The test of fit of a result: its χ², or why there is no p-value. */
typedef enum gkv_gk_test {
    GKV_GK_TEST_LEVELS, /* χ² of the levels, for exact values */
    /* χ² of the counts in bins that divide no interval, for rounded, censored and binned data */
    GKV_GK_TEST_BINS,
    /* no p-value: there are equal values, which contradict a continuous distribution, and their
     * resolution is not known */
    GKV_GK_TEST_TIES,
    /* no p-value: too many values are multiples of `heaps`, as if they were rounded further */
    GKV_GK_TEST_HEAPS,
    /* no p-value and no χ²: the bins that divide no interval are not more than parameters + 1 */
    GKV_GK_TEST_FEW_BINS,
    GKV_GK_TEST_NONE /* no χ²: the octile method */
} gkv_gk_test;

/* The estimate of c, which is gk.c of the result. All members are 0 unless settings.free_c. */
typedef struct gkv_gk_fit_c {
    bool free; /* whether c is an estimate */
    /* whether c could be determined at all; it cannot be if the estimate of g is exactly 0, and
     * gk.c is then c of the settings */
    bool determined;
    /* whether the values hardly determine c, because g compensates for c unless the skewness is
     * strong: the interval has 0 or 1 as an end or is longer than ½, or that of g contains 0 */
    bool weak;
    double se;            /* standard error; ∞ if c is not determined */
    double low, high;     /* the confidence interval, within [0, 1] */
    double covariance[5]; /* with A, B, g, k, and the variance */
    signed char bound;    /* −1 or 1 at the least or the greatest c of fits, else 0 */
    /* the likelihood-ratio test of c = `held`, the c of the settings: the greatest log-likelihood
     * with it, 2 (log L − held_log_likelihood), and its probability by χ² with one degree of
     * freedom; NaN if c is not determined or the fit has not converged */
    double held, held_log_likelihood, ratio, p_value;
} gkv_gk_fit_c;

typedef struct gkv_gk_fit_result {
    gkv_gk gk; /* the estimates; they are always valid */
    /* Standard errors of A, B, g, k; 0 for a parameter that is fixed or at a bound of the settings,
     * and for g if `symmetric`. Those of lm are of the equations Jᵀr = 0, including the dependence
     * of q', and not less than those of (JᵀJ)⁻¹. Those of mle are of the observed information; they
     * are NaN, like the intervals, if the maximum is not verified (`converged`). */
    double se[4];
    /* of A, B, g, k; a variance is ∞ if the data do not determine the parameter */
    double covariance[4][4];
    /* Σ w log f(x_i), and of intervals Σ w log P, at the estimates; −∞ if values are outside the
     * support, or so far away that the density underflows; NaN unless settings.likelihood */
    double log_likelihood;
    double aic, bic; /* 2q − 2 log L and q log n − 2 log L, q = parameters */
    /* Σ (n+2) (F_{i+1} − F_i − Δp_i)²/Δp_i, F_i = F(x_i), or for bins Σ (n_i − n p_i)²/(n p_i),
     * less what the parameters explain; χ² distributed with `dof` degrees of freedom under the
     * model */
    double chi2;
    size_t dof; /* levels − parameters; for bins, k at its bound is not a parameter */
    /* P(χ² > chi2), corrected for the variance in small samples; a small value means that the
     * distribution of the data is not g-and-k; NaN if `test` says that there is none */
    double p_value;
    gkv_gk_test test;
    size_t n;            /* the number of values with a weight above 0 */
    size_t levels;       /* the number of levels used, or of edges between bins */
    size_t reweightings; /* the number of reweighting iterations, from all starts */
    size_t iterations;   /* the number of LM steps of all reweighting iterations */
    /* whether the fit has converged; for mle, whether the estimates are verified to be a local
     * maximum: the gradient of the parameters that are neither fixed nor at a bound is 0 within a
     * small fraction of a standard error, the information in them is positive definite, and the
     * likelihood decreases from each bound inwards; for lm, whether they solve the equations, and
     * other estimates are not far more likely */
    bool converged;
    /* whether k is at its least valid value, because the tails of the data are lighter than those
     * of any g-and-k distribution; errors do not take the bound into account, so that intervals for
     * a k near its bound have at least the nominal coverage */
    bool at_bound;
    /* whether an lm or mle fit of a free g is at g = 0 exactly: there k can be as low as −½, but
     * for g near 0 only as low as k_min(g), which is greater, so that the likelihood jumps at g =
     * 0, and g has no standard error; g then does not count in `parameters` */
    bool symmetric;
    /* for A, B, g, k: −1 at the lower bound, 1 at the upper bound, else 0; bounds are those of the
     * settings and of the fit (|g| ≤ 100, and k as in at_bound) */
    signed char bound[4];
    double cost_before; /* ½‖r‖² at the start, with the q' of the start */
    double cost_after;  /* ½‖r‖² at the estimates, with the q' of the estimates */
    /* why the last reweighting iteration ended; GKV_LM_GRADIENT if Newton's method converged */
    gkv_lm_stop stop;
    /* the method of the estimates; GKV_GK_MLE also if lm has found no solution */
    gkv_gk_method method;
    double low[4], high[4]; /* confidence intervals, as settings.intervals says */
    double total;           /* Σ w, the number of observations */
    size_t parameters;      /* the number of fitted parameters */
    size_t newton;          /* the number of steps of the mle, from all starts */
    /* A², a distance from the data; of rounded values that of grouped data (docs/fitting.md); NaN
     * unless settings.anderson_darling, and for intervals by their ends */
    double anderson_darling;
    double resolution; /* the resolution of the values, also a recognised one; 0 for exact values */
    double heaps;      /* a recognised multiple of it with too many values, or 0 */
    /* the largest group of equal values and its number of observations, if there are too many ties
     * for exact values; else 0 */
    double tied_value, tied;
    /* the estimate of c; `se` and `covariance` above then take into account that c is estimated */
    gkv_gk_fit_c c;
} gkv_gk_fit_result;

/* Sets all settings to their defaults. Does nothing for NULL. */
GKV_API void gkv_gk_fit_defaults(gkv_gk_fit_settings *settings);

/* Computes parameters from the seven octiles e[0 … 6] = E1 … E7:
 *
 *     A = E4, c tanh(g z₆/2) = (E6 + E2 − 2 E4)/(E6 − E2), ((1+z₇²)/(1+z₆²))^k = (E7−E1)
 *         z₆/((E6−E2) z₇),
 *
 * with the normal quantiles z₆ and z₇ of 6/8 and 7/8. gkv_gk_project makes them valid, and B
 * follows from E6 − E2. The result is exact for octiles of a g-and-k distribution whose k is at
 * least `margin` above its bound. Returns GKV_ERR_ARGUMENT unless 0 < c < 1 and margin ≥ 0, and for
 * NULL; GKV_ERR_DATA unless the octiles are finite, E2 < E6 and E1 < E7. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_from_octiles(const double e[7], double c, double margin,
                                                    gkv_gk *out);

/* The octile method for x[n] in ascending order, 0 < c < 1, with the margin 1e-4. Returns the
 * errors of gkv_gk_fit_sorted. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_octiles(size_t n, const double *x, double c,
                                                   gkv_gk *out);

/* Fits x[n], which may have any order and does not change, on one thread. NULL settings are the
 * defaults. The result has the same bits as that of gkv_gk_fit_many, which also supports weights.
 *
 * Returns GKV_ERR_DATA for n < 8, values that are not finite, equal values, fewer than 7 distinct
 * values, and heavy ties, that is, a value with more than two observations and more than a tenth of
 * the sample (mle with a resolution fits both); GKV_ERR_ARGUMENT for settings out of range and for
 * NULL; GKV_ERR_NUMERIC; GKV_ERR_MEMORY. A fit that has not converged is not an error; see
 * `converged`. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit(size_t n, const double *x,
                                           const gkv_gk_fit_settings *settings,
                                           gkv_gk_fit_result *result);

/* Fits x[n], which must be in ascending order. Returns GKV_ERR_DATA if it is not, and the errors of
 * gkv_gk_fit. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_sorted(size_t n, const double *x,
                                                  const gkv_gk_fit_settings *settings,
                                                  gkv_gk_fit_result *result);

/* A resolution that the fit recognises. If values have ties that contradict a continuous
 * distribution, it is the greatest number of which all their differences are multiples, unless it
 * does not explain the ties. Otherwise values are exact. */
#define GKV_GK_RESOLUTION_AUTO (-1.0)

/* A sample for gkv_gk_fit_many. The pointers are not owned. */
typedef struct gkv_gk_sample {
    size_t n;        /* the number of values */
    const double *x; /* [n] the values; they do not change; ignored with lower and upper */
    /* [n] weights ≥ 0 with a sum of at least 8; values of weight 0 are ignored; NULL means 1 */
    const double *weights;
    const gkv_gk *start; /* the start for this sample; NULL means settings.start */
    bool sorted;         /* whether x is in ascending order */
    /* 0 for exact values; h > 0 if values are rounded, so that x[i] represents the interval
     * [x[i] − h/2, x[i] + h/2]; or GKV_GK_RESOLUTION_AUTO */
    double resolution;
    /* [n] both NULL, or the ends of the intervals in which the observations lie, in the place of
     * x; lower[i] ≤ upper[i]. Equal ends are an exact value, and an infinite end is a censored
     * observation. Only GKV_GK_MLE fits them, and it needs more different intervals than free
     * parameters. */
    const double *lower, *upper;
} gkv_gk_sample;

/* Fits `count` samples. Batched Levenberg–Marquardt solves them together. results[i] has the same
 * bits as the fit of sample i alone, on any number of threads. If a sample cannot be fitted, the
 * other samples are fitted, and its result is zeroed. If `statuses` is not NULL, statuses[i]
 * becomes the status of sample i. The progress counts samples, without details; a unit of work is a
 * block of up to 256 of them.
 *
 * Returns GKV_OK if all samples were fitted; GKV_ERR_INTERRUPTED, which is also the status of the
 * samples that were then not fitted; else the status of the first sample that was not fitted, which
 * the message names. With count = 0 it only checks the settings and options. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_fit_many(size_t count, const gkv_gk_sample *samples,
                                                const gkv_gk_fit_settings *settings,
                                                const gkv_run_options *options,
                                                gkv_gk_fit_result *results, gkv_status *statuses);

/* Computes the Anderson–Darling distance of a sample from a distribution into *a2:
 *
 *     A² = −n − (1/n) Σ_i [(2i − 1) log F(x_(i)) + (2n − 2i + 1) log(1 − F(x_(i)))]
 *
 * With weights it is the integral n ∫ (F_n − F)²/(F(1 − F)) dF. *p_value, which may be NULL,
 * becomes P(A² > a2) for n → ∞ (Marsaglia and Marsaglia, Journal of Statistical Software 9(2),
 * 2004). It is valid only if the parameters were not estimated from the sample. If they were, A² is
 * much smaller, and gkv_gk_bootstrap gives the p-value. Returns the errors of gkv_gk_fit, but ties
 * are allowed. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_anderson_darling(const gkv_gk *gk,
                                                        const gkv_gk_sample *sample, double *a2,
                                                        double *p_value);

/* Returns the level u with P(U_(r) ≤ u) = p, where U_(r) is the r-th smallest of n uniform draws.
 * It is the quantile p of Beta(r, n + 1 − r). gkv_gk_quantile at u is the quantile p of the r-th
 * smallest of n draws from the distribution. This is the band of a QQ plot, whose point at level (i
 * − ½)/n has r = i. n and r may be real numbers with 0 < r < n + 1. The result is NaN for others,
 * and for p outside [0, 1]. The relative error of u is about 1e-10; so is that of 1 − u near 1,
 * within the resolution of a double. Does not allocate memory. Thread-safe. */
GKV_API double gkv_gk_order_level(double n, double r, double p);

#ifdef __cplusplus
}
#endif
#endif
