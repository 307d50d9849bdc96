/* Finite mixtures of multivariate g-and-k distributions, f(x) = Σ_k π_k f_k(x), and their fit by
 * expectation–maximization (EM; Dempster, Laird and Rubin 1977). Normal mixtures are the special
 * case of margins with g = k = 0.
 *
 * A mixture is immutable. gkvae/mgk.h describes options, determinism and NULL arguments. */
#ifndef GKVAE_MGK_MIXTURE_H
#define GKVAE_MGK_MIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_mgk_mixture gkv_mgk_mixture;

/* Creates a mixture of copies of `count` ≥ 1 components of the same dimension. The weights must be
 * positive, and are scaled to the sum 1, unless that is their sum up to rounding; NULL means equal
 * weights. The caller frees *out with gkv_mgk_mixture_free. Returns GKV_ERR_ARGUMENT for other
 * arguments, and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_create(size_t count, const double *weights,
                                                       const gkv_mgk *const *components,
                                                       gkv_mgk_mixture **out);

/* Frees a mixture. `mixture` may be NULL. */
GKV_API void gkv_mgk_mixture_free(gkv_mgk_mixture *mixture);

/* The parts of a mixture. Pointers belong to it. A component that does not exist is NULL. */
GKV_API size_t gkv_mgk_mixture_count(const gkv_mgk_mixture *mixture);
GKV_API size_t gkv_mgk_mixture_dimensions(const gkv_mgk_mixture *mixture);
GKV_API const double *gkv_mgk_mixture_weights(const gkv_mgk_mixture *mixture); /* [count] */
GKV_API const gkv_mgk *gkv_mgk_mixture_component(const gkv_mgk_mixture *mixture, size_t i);

/* Writes log f of row i of x[n × d] to log_pdf[i]. It is −∞ where the densities of all components
 * are 0, and NaN for rows with NaN. Returns GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_log_pdf(const gkv_mgk_mixture *mixture, size_t n,
                                                        const double *x,
                                                        const gkv_run_options *options,
                                                        double *log_pdf);

/* Writes π_k f_k(x_i)/f(x_i) to responsibilities[i·count + k], and, unless it is NULL, log f to
 * log_pdf[n]. Rows whose density is 0 get the weights π. Rows with NaN get NaN. Returns
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_responsibilities(const gkv_mgk_mixture *mixture,
                                                                 size_t n, const double *x,
                                                                 const gkv_run_options *options,
                                                                 double *log_pdf,
                                                                 double *responsibilities);

/* Writes draws number first … first + n − 1 of the random sequence of `seed` to x[n × d], and,
 * unless it is NULL, the component of each to component[n]. Draw i is a function of seed and i
 * only. Returns GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_sample(const gkv_mgk_mixture *mixture, size_t n,
                                                       uint64_t seed, uint64_t first,
                                                       const gkv_run_options *options, double *x,
                                                       size_t *component);

/* The marginal and conditional distributions, with the arguments and errors of gkv_mgk_marginal and
 * gkv_mgk_conditional. The weights of a conditional mixture are proportional to π_k f_k(x_given).
 * Components whose weight is 0 are left out. Also returns GKV_ERR_NUMERIC if the density of x_given
 * is 0 in all components. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_marginal(const gkv_mgk_mixture *mixture,
                                                         size_t count, const size_t *which,
                                                         gkv_mgk_mixture **out);
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_conditional(const gkv_mgk_mixture *mixture,
                                                            size_t count, const size_t *given,
                                                            const double *x, gkv_mgk_mixture **out);

/* --- The fit --------------------------------------------------------------
 *
 * The start is the best of several (`restarts`). k-means++ and k-means find clusters of the
 * robustly standardised rows, which are clamped to ±5, as they are, and compressed by asinh.
 * Further starts are centres of k-means++ with other seeds. Up to 30 iterations with normal margins
 * follow. The best three, and fits that begin with one component less, then compete in a few
 * iterations of the fit itself (Biernacki, Celeux and Govaert, Computational Statistics & Data
 * Analysis 41, 2003), and the fit continues from the best; docs/multivariate.md has the details. A
 * start in which a component has fewer than `min_rows` rows is taken only if there is no other. A
 * fit never has a smaller log-likelihood than one component. Each iteration has two steps:
 *   E  r_ik = π_k f_k(x_i)/f(x_i); values below 1e-5 are left out.
 *   M  The quantile method (gkvae/gk_fit.h) fits every margin of every component with the weights
 *      r_ik, in one batch. R_k is the shrunk correlation of the weighted normal scores, and π_k =
 *      Σ_i r_ik/n.
 * This M-step does not maximize the likelihood. It is more robust against outliers, and nearly as
 * efficient. A component takes a fraction of its step for which Σ_i r_ik log f_k(x_i) does not
 * decrease: 1, ½, a fifth, the new R only, or none. After none it skips several M-steps. The
 * algorithm is therefore a generalized EM, whose log-likelihood never decreases.
 *
 * During the fit there is a noise component. Its density is a product of Cauchy densities with the
 * medians of the columns and twice their spreads. Its weight e^−300 is so small that it has only
 * rows that no other component explains. An extreme outlier then costs several hundred nats instead
 * of 10¹², and does not distort the components. The noise is not part of the returned mixture;
 * `unexplained` counts its rows.
 *
 * The likelihood of a mixture is unbounded: a component on equal values may have any B. The least B
 * of a margin (`min_scale`) bounds it. A component gains at most −log(min_scale) nats for each
 * row and column over one that is as wide as the column's clusters. A component of one outlier has
 * too few rows to move (`min_rows`).
 *
 * A fit may also start from a mixture and make a few iterations at a time as data arrive (`start`,
 * `step`, `keep`). Rows may be known to belong to a group of components (`groups`).
 *
 * Most r_ik are negligible. Components that are 16 nats below the best one of a row (r_ik < 1e-7)
 * are evaluated in every sixth iteration only. */

typedef enum gkv_mgk_mixture_stop {
    /* the gain was below `tolerance` in two consecutive iterations, the last of which tried to move
     * every component with enough rows; EM is slow at the end, so that further iterations may gain
     * more in total */
    GKV_MIXTURE_CONVERGED = 1,
    GKV_MIXTURE_LIMIT,    /* max_iterations was reached */
    GKV_MIXTURE_HELD_OUT, /* the held-out rows did not improve for `patience` iterations */
    /* the log-likelihood decreased by more than rounding explains; the last step was undone */
    GKV_MIXTURE_STALLED,
    GKV_MIXTURE_INTERRUPTED /* the options asked for the end */
} gkv_mgk_mixture_stop;

/* The state of a fit: gkv_progress.details of gkv_mgk_mixture_fit. Means are for each observation,
 * in nats. */
typedef struct gkv_mgk_mixture_progress {
    /* 1 … starts after each start that was tried; 0 in the fit itself */
    size_t start, starts;
    size_t iteration;      /* the number of the iteration; 0 is the start */
    size_t components;     /* the number of components that have not been dropped */
    double log_likelihood; /* the mean log f of the rows of the fit */
    double held_out;       /* the mean log f of the held-out rows; NaN if there are none */
    double seconds;        /* the time since the start of the fit */
    size_t damped;         /* the number of components whose last step was shortened */
    size_t refused;        /* the number of components whose last step was not taken */
} gkv_mgk_mixture_progress;

/* A value of gkv_mgk_mixture_settings.tolerance. For up to N = 2000 observations it is 0.01 nats,
 * which no likelihood-ratio test detects. For more observations, where iterations take longer, it
 * is 0.01(N/2000)², but at most 2e-4 nats for each observation. */
#define GKV_MGK_TOLERANCE_AUTO (-1.0)

/* Settings of a fit that are rarely changed. Comments begin with the default. Pointers are not
 * owned. */
typedef struct gkv_mgk_mixture_advanced {
    /* 1; in (0, 1]; the fraction of the way to its fit that a component and its weight try first; a
     * smaller value keeps more information from earlier samples if each fit has new rows */
    double step;
    /* false; true means that no component is dropped; a component with fewer than `min_rows` rows
     * at `start` is reinitialised: it takes half of the heaviest component, and both halves are
     * moved apart along its first principal axis */
    bool keep;
    /* 0; the number of groups; the components are divided in order into this number of equal
     * groups, only the components of a row's group can have the row, and log f(x_i) is log Σ π_k
     * f_k(x_i) over them; 0 means that there are no groups */
    size_t groups;
    const uint32_t *group;          /* NULL; [n] the group of each row, 0 … groups − 1 */
    const uint32_t *held_out_group; /* NULL; [held_out_rows] the group of each held-out row */
    /* false; true means that a column has the same g and k in all components, the
     * precision-weighted means of its fits; all components then take the same fraction of their
     * steps */
    bool shared_shapes;
    /* true; shrinks g and k of the columns of a component towards 0, according to the ratio of
     * their errors to their spread (empirical Bayes) */
    bool shrink_shapes;
    double log_noise; /* −300; ≤ 0; the log weight of the noise; −∞ means no noise */
    /* 1e-3; > 0; the least B of a margin relative to the spread of the column within clusters. This
     * is 0.43 m times the median distance of neighbouring different values, where m is their
     * number, or the robust spread of the whole column if that is smaller or `keep` is set; at
     * least 1e-6 of the latter */
    double min_scale;
    /* 8; ≥ 8; a component with fewer rows keeps its margins and R; one with hardly any is dropped;
     * with `shrink` = 0 it is at least d + 1, because fewer rows have a singular correlation
     * matrix; a component with fewer than 20 rows has normal margins */
    double min_rows;
    /* false; true computes densities and scores in float, with an error of about 1e-6, and leaves
     * out responsibilities below 1e-3; this is for fits of a few iterations; log_likelihood of the
     * result is then that of the last E-step, including the noise, and without held-out rows there
     * is no E-step after the last M-step */
    bool single_precision;
    /* gkv_gk_fit_defaults with max_reweightings = 4 and without `likelihood`; the settings of
     * margins; `start` and `one_start` are ignored, because margins begin at those before; fixed
     * parameters keep their values at the start, for k-means g = k = 0 */
    gkv_gk_fit_settings margins;
} gkv_mgk_mixture_advanced;

/* The settings of a fit. Comments begin with the default. Pointers are not owned. */
typedef struct gkv_mgk_mixture_settings {
    size_t components; /* 8; 1 … n; the number of components */
    uint64_t seed;     /* 1; the seed of the starts */
    /* 8; 1 … 10000; the number of starts from clusters, and the most starts from splits; 1 means
     * k-means on clamped rows alone; ignored with `start`, and with the members `keep`, `groups`
     * and `single_precision` of `advanced`, which have this start too */
    size_t restarts;
    /* NULL; the start, a mixture of `components` components; NULL means `restarts` */
    const gkv_mgk_mixture *start;
    /* NULL; [n] the number of observations that each row represents, ≥ 0; NULL means 1 */
    const double *weights;
    /* false; true fits a normal mixture: g = k = 0, with the exact M-step */
    bool normal;
    bool independent; /* false; true sets R = I in all components */
    /* GKV_MGK_SHRINK_AUTO (gkvae/mgk_fit.h) with the weight of each component, or 0 … 1 */
    double shrink;
    size_t max_iterations; /* 200; the limit of iterations */
    /* GKV_MGK_TOLERANCE_AUTO, or ≥ 0; in nats of the total log-likelihood Σ w log f */
    double tolerance;
    size_t held_out_rows; /* 0; the number of rows of held_out */
    /* NULL; [held_out_rows × d] rows that are evaluated but not fitted; NULL means none */
    const double *held_out;
    /* 10; ≥ 1; the fit ends after this number of iterations without a better mean of the held-out
     * rows; the best mixture is returned */
    size_t patience;
    const char *const *names; /* NULL; [d] the names of the columns for messages */
    gkv_mgk_mixture_advanced advanced;
} gkv_mgk_mixture_settings;

typedef struct gkv_mgk_mixture_result {
    gkv_mgk_mixture_stop stop; /* why the fit ended */
    size_t iterations;         /* the number of iterations */
    /* the iteration of the returned mixture: the last, or the best on the held-out rows */
    size_t best_iteration;
    size_t components; /* the number of components of the returned mixture */
    size_t dropped;    /* the number of components that were dropped */
    /* the number of components that were reinitialised at the start, see `keep` */
    size_t reinitialised;
    /* Σ_i w_i log f(x_i) of the returned mixture; rows that no component explains count with the
     * density of the noise */
    double log_likelihood;
    /* the number of observations that the noise explains better than the mixture does */
    double unexplained;
    /* the increase of the total log-likelihood in the last iteration; NaN if there was none */
    double last_gain;
    double held_out;         /* the mean log f of the held-out rows; NaN if there are none */
    double largest_decrease; /* the largest decrease of the mean log-likelihood in an iteration */
    /* the numbers of steps of components that were shortened, and not taken */
    size_t damped, refused;
    /* the tolerance that was used, in nats of the total log-likelihood */
    double tolerance;
    /* the number of fitted parameters: count − 1 weights, A and B of every margin, every g and k
     * that is not exactly 0, less those of margins.fixed, and d(d−1)/2 for every component whose R
     * is not I; shrunk parameters count in full, so that aic and bic are rather too large */
    size_t parameters;
    double aic, bic; /* 2p − 2 log L and p log Σw − 2 log L, p = parameters */
    double seconds;  /* the duration of the fit */
} gkv_mgk_mixture_result;

/* Sets all settings to their defaults. Does nothing for NULL. */
GKV_API void gkv_mgk_mixture_defaults(gkv_mgk_mixture_settings *settings);

/* Fits a mixture to x[n × d]. NULL settings mean the defaults. `result` may be NULL. The caller
 * frees *out with gkv_mgk_mixture_free. Its components are in the order of decreasing weight if the
 * fit looked for its own start, else in that of the start. A fit that has not converged is not an
 * error; see `stop`.
 *
 * The fit reports its progress after each start that it tries, after the start of the iterations
 * and after every iteration: `done` is the number of iterations, `total` is max_iterations, and
 * `details` a gkv_mgk_mixture_progress. If the options ask for the end, the fit returns
 * GKV_ERR_INTERRUPTED; *out is then the best mixture so far, at least a start, and *result
 * describes it, with GKV_MIXTURE_INTERRUPTED. The iterations of the starts are not part of
 * result->iterations.
 *
 * Ranks (the member `dist` of the options) share the starts; all make the iterations of the best
 * one, and get the same result. If one of them is asked to end while they try starts, there is no
 * mixture yet.
 *
 * Returns GKV_ERR_DATA for a value that is not finite, whose row and column the message counts from
 * 1, for a constant column, for a column whose range or whose A or B is out of the range of a
 * double, and for fewer different rows than components; GKV_ERR_ARGUMENT for settings out of range
 * and for NULL; GKV_ERR_INTERRUPTED; GKV_ERR_MEMORY. A column whose spread is beyond 2^±64 is
 * fitted in a power of two of its unit, so that its squares neither overflow nor vanish, unless
 * margins.low or margins.high bound A or B. The function needs memory for about 3nd doubles, and 12
 * bytes for each r_ik that is not left out. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_fit(size_t n, size_t d, const double *x,
                                                    const gkv_mgk_mixture_settings *settings,
                                                    const gkv_run_options *options,
                                                    gkv_mgk_mixture **out,
                                                    gkv_mgk_mixture_result *result);

/* Fits mixtures of `least` … `most` components, and chooses the one with the least bic, Schwarz's
 * criterion. Each fit also starts from the splits of the one before, so that its log-likelihood is
 * not smaller. settings->components is ignored; `start`, `keep`, `groups` and `single_precision`
 * must not be set. mixtures[most − least + 1] and results[most − least + 1] receive the fits, and
 * *chosen the index of the best. The caller frees each mixture with gkv_mgk_mixture_free, also
 * after an error; those that were not fitted are NULL. Progress, errors and determinism are those
 * of gkv_mgk_mixture_fit, whose calls this function makes in turn. After GKV_ERR_INTERRUPTED the
 * last mixture that is not NULL is unfinished. After GKV_ERR_INTERRUPTED, and after GKV_ERR_DATA
 * because there are fewer different rows than `most`, *chosen is one of those that are not NULL.
 * Also returns GKV_ERR_ARGUMENT unless 1 ≤ least ≤ most ≤ n. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_fit_range(
    size_t n, size_t d, const double *x, const gkv_mgk_mixture_settings *settings, size_t least,
    size_t most, const gkv_run_options *options, gkv_mgk_mixture **mixtures,
    gkv_mgk_mixture_result *results, size_t *chosen);

/* Returns a description of the reason. It is never NULL. */
GKV_API const char *gkv_mgk_mixture_stop_name(gkv_mgk_mixture_stop stop);

#ifdef __cplusplus
}
#endif
#endif
