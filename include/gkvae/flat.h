/* Flat functions for bindings: arrays and scalars in, arrays out, without structs or handles.
 *
 * They are for languages that call C directly, such as Python (ctypes, cffi), Julia (ccall) and
 * Fortran (iso_c_binding). R's .C passes pointers only; a wrapper for .Call passes the scalars.
 * Each function does the same as the function that its comment names, with the same bits. The
 * documentation of that function has the mathematics and the errors.
 *
 * Conventions. size_t is an unsigned integer of the size of a pointer, bool has one byte, and
 * enumerations are of type int. Matrices are row-major, so that x[n × d] is a NumPy array of that
 * shape. `threads` is 0 … 256, where 0 means one for each processor; results do not depend on it.
 * Inputs that may be NULL are marked so. Every output but x may be NULL and is then skipped.
 * All functions return GKV_OK or an error, which gkv_error_message() explains, and
 * GKV_ERR_ARGUMENT for NULL where an input is needed. They are thread-safe.
 *
 * A function with `progress` and `context` calls progress(context, done, total) on the calling
 * thread between units of work, and ends with GKV_ERR_INTERRUPTED if that returns true. NULL
 * reports nothing. */
#ifndef GKVAE_FLAT_H
#define GKVAE_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/gk_batch.h"
#include "gkvae/gk_fit.h"
#include "gkvae/lm.h"
#include "gkvae/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- The g-and-k distribution at many points ------------------------------ */

/* The parameters of these functions are arrays a, b, g, k, c of the lengths n_a … n_c, each 1 or n:
 * an array of one element is the parameter of all n elements, and one of n elements has a parameter
 * for each. The parameters of every element must be valid; the message of GKV_ERR_ARGUMENT names
 * the element, and the output is then undefined. Elements with equal parameters next to each other
 * are computed together, which is faster. */

/* Computes f(x[i]) into out[n], or log f(x[i]) if `log` is true; see gkv_gk_batch_x. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_pdf(size_t n, const double *x, size_t n_a,
                                                const double *a, size_t n_b, const double *b,
                                                size_t n_g, const double *g, size_t n_k,
                                                const double *k, size_t n_c, const double *c,
                                                bool log, double *out);

/* Computes the probability of x[i] that `tail` names into out[n]; see gkv_gk_batch_x. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_cdf(size_t n, const double *x, size_t n_a,
                                                const double *a, size_t n_b, const double *b,
                                                size_t n_g, const double *g, size_t n_k,
                                                const double *k, size_t n_c, const double *c,
                                                gkv_gk_tail tail, double *out);

/* Computes the quantile of the probability p[i], whose meaning `tail` names, into out[n]; see
 * gkv_gk_batch_quantile. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_quantile(size_t n, const double *p, size_t n_a,
                                                     const double *a, size_t n_b, const double *b,
                                                     size_t n_g, const double *g, size_t n_k,
                                                     const double *k, size_t n_c, const double *c,
                                                     gkv_gk_tail tail, double *out);

/* Computes draws number first … first + n − 1 of the random sequence of `seed` into out[n]; see
 * gkv_gk_random. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_random(size_t n, size_t n_a, const double *a,
                                                   size_t n_b, const double *b, size_t n_g,
                                                   const double *g, size_t n_k, const double *k,
                                                   size_t n_c, const double *c, uint64_t seed,
                                                   uint64_t first, double *out);

/* The functions of gkv_flat_gk_evaluate. */
typedef enum gkv_flat_function {
    GKV_FLAT_PDF,                /* f(x) */
    GKV_FLAT_LOG_PDF,            /* log f(x) */
    GKV_FLAT_CDF,                /* P(X ≤ x) */
    GKV_FLAT_UPPER,              /* P(X > x) */
    GKV_FLAT_LOG_CDF,            /* log P(X ≤ x) */
    GKV_FLAT_LOG_UPPER,          /* log P(X > x) */
    GKV_FLAT_QUANTILE,           /* the quantile of x = P(X ≤ q) */
    GKV_FLAT_QUANTILE_UPPER,     /* of x = P(X > q) */
    GKV_FLAT_QUANTILE_LOG,       /* of x = log P(X ≤ q) */
    GKV_FLAT_QUANTILE_LOG_UPPER, /* of x = log P(X > q) */
    GKV_FLAT_Q,                  /* Q(z) of a normal score z = x */
    GKV_FLAT_Q_INVERSE,          /* z = Q⁻¹(x) */
    GKV_FLAT_RAW_MOMENT,         /* E X^x for an integer x in 0 … 100, else NaN */
    GKV_FLAT_ENTROPY,            /* the differential entropy in nats; x is not read */
    GKV_FLAT_VALID,              /* 1 if the parameters are valid, else 0; x is not read */
    GKV_FLAT_FUNCTIONS           /* the number of these functions */
} gkv_flat_function;

/* Returns this function of the family at x; NaN for invalid parameters, an unknown family and an
 * unknown function. It is that of gkvae/gk.h. Leaves no message. */
GKV_API double gkv_flat_gk_value(gkv_gk_family family, gkv_flat_function function, double x,
                                 double a, double b, double g, double k, double c);

/* Computes this function of the family at x[n] into out[n]. An element whose parameters are invalid
 * is NaN, and the others are computed. If `exact` is true, or the family is not g-and-k, the
 * results are those of gkv_flat_gk_value; else densities, probabilities, quantiles and Q are those
 * of gkvae/gk_batch.h, which are faster. Elements of `x` and `out` may be the same. x may be NULL
 * where it is not read. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_evaluate(
    gkv_gk_family family, gkv_flat_function function, bool exact, size_t n, const double *x,
    size_t n_a, const double *a, size_t n_b, const double *b, size_t n_g, const double *g,
    size_t n_k, const double *k, size_t n_c, const double *c, double *out);

/* The indices of the moments of gkv_flat_gk_moments. */
enum {
    GKV_FLAT_MEAN,
    GKV_FLAT_VARIANCE,
    GKV_FLAT_SKEWNESS,
    GKV_FLAT_KURTOSIS, /* 3 for the normal */
    GKV_FLAT_MOMENTS   /* the number of these moments */
};

/* Computes the moments of n distributions of this family by gkv_gk_moments into
 * moments[n × GKV_FLAT_MOMENTS]; NaN for invalid parameters. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_moments(gkv_gk_family family, size_t n, size_t n_a,
                                                    const double *a, size_t n_b, const double *b,
                                                    size_t n_g, const double *g, size_t n_k,
                                                    const double *k, size_t n_c, const double *c,
                                                    double *moments);

/* --- Fits of single columns ----------------------------------------------- */

/* The indices of the array `statistics` of a fit. */
enum {
    GKV_FLAT_LOG_LIKELIHOOD,
    GKV_FLAT_AIC,
    GKV_FLAT_BIC,
    GKV_FLAT_CHI2,             /* the χ² of the levels */
    GKV_FLAT_DOF,              /* its degrees of freedom */
    GKV_FLAT_P_VALUE,          /* its p-value */
    GKV_FLAT_ANDERSON_DARLING, /* A² */
    GKV_FLAT_STATISTICS        /* the number of these statistics */
};

/* Fits x[n] by gkv_gk_fit_many with this method, c and confidence; the other settings are the
 * defaults, with A². weights[n] may be NULL. The outputs are A, B, g, k; their standard errors,
 * covariance matrix and intervals (low, then high); the statistics; and whether the fit has
 * converged. If the sample cannot be fitted the numbers are NaN; after GKV_ERR_ARGUMENT for a NULL
 * x and after GKV_ERR_MEMORY they are undefined. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_fit(size_t n, const double *x, const double *weights,
                                                gkv_gk_method method, double c, double confidence,
                                                double estimates[4], double se[4],
                                                double covariance[16], double intervals[8],
                                                double statistics[GKV_FLAT_STATISTICS],
                                                bool *converged);

/* Fits observations in the intervals from lower[n] to upper[n] by maximum likelihood, as
 * gkv_gk_fit_many does with a gkv_gk_sample that has them: rounded, censored and binned data, with
 * infinite ends for censored ones. weights[n] may be NULL. A² is NaN. The outputs are those of
 * gkv_flat_gk_fit. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_fit_intervals(
    size_t n, const double *lower, const double *upper, const double *weights, double c,
    double confidence, double estimates[4], double se[4], double covariance[16],
    double intervals[8], double statistics[GKV_FLAT_STATISTICS], bool *converged);

/* Fits every column of x[n × d] in one batch; weights[n], which may be NULL, are those of all
 * columns. The outputs of column j are estimates[j × 4], se[j × 4], covariance[j × 16],
 * intervals[j × 8], statistics[j × GKV_FLAT_STATISTICS], converged[j], and statuses[j], the status
 * of its fit. A column that cannot be fitted has NaN, and the others are fitted. Returns the status
 * of the first column that was not fitted. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_fit_many(
    size_t n, size_t d, const double *x, const double *weights, gkv_gk_method method, double c,
    double confidence, int threads, double *estimates, double *se, double *covariance,
    double *intervals, double *statistics, bool *converged, gkv_status *statuses);

/* The same for a family: g-and-k, g-and-h or generalised g-and-h. k is h in the latter. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_fit_family(
    size_t n, size_t d, const double *x, const double *weights, gkv_gk_family family,
    gkv_gk_method method, double c, double confidence, int threads, double *estimates, double *se,
    double *covariance, double *intervals, double *statistics, bool *converged,
    gkv_status *statuses);

/* Fits x[n] by maximum likelihood with this family, c and confidence, and computes the intervals of
 * the profile likelihood (GKV_GK_PROFILE of gkvae/gk_fit.h). weights[n] may be NULL. The outputs,
 * which may be NULL, are A, B, g, k (or h), their intervals (low, then high), of which ends may be
 * infinite, and the log-likelihood; NaN if the sample cannot be fitted. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_profile(size_t n, const double *x,
                                                    const double *weights, gkv_gk_family family,
                                                    double c, double confidence,
                                                    double estimates[4], double intervals[8],
                                                    double *log_likelihood);

/* The numbers of a fit: indices of the members of gkv_gk_fit_result. */
enum {
    GKV_FLAT_FIT_ESTIMATES = 0,  /* [4] A, B, g, k */
    GKV_FLAT_FIT_SE = 4,         /* [4] */
    GKV_FLAT_FIT_COVARIANCE = 8, /* [4 × 4] */
    GKV_FLAT_FIT_LOW = 24,       /* [4] */
    GKV_FLAT_FIT_HIGH = 28,      /* [4] */
    GKV_FLAT_FIT_BOUND = 32,     /* [4] */
    GKV_FLAT_FIT_LOG_LIKELIHOOD = 36,
    GKV_FLAT_FIT_AIC,
    GKV_FLAT_FIT_BIC,
    GKV_FLAT_FIT_CHI2,
    GKV_FLAT_FIT_DOF,
    GKV_FLAT_FIT_P_VALUE,
    GKV_FLAT_FIT_TEST,
    GKV_FLAT_FIT_ANDERSON_DARLING,
    GKV_FLAT_FIT_N,
    GKV_FLAT_FIT_TOTAL,
    GKV_FLAT_FIT_LEVELS,
    GKV_FLAT_FIT_PARAMETERS,
    GKV_FLAT_FIT_ITERATIONS,
    GKV_FLAT_FIT_NEWTON,
    GKV_FLAT_FIT_CONVERGED,
    GKV_FLAT_FIT_AT_BOUND,
    GKV_FLAT_FIT_SYMMETRIC,
    GKV_FLAT_FIT_METHOD,
    GKV_FLAT_FIT_RESOLUTION,
    GKV_FLAT_FIT_HEAPS,
    GKV_FLAT_FIT_TIED_VALUE,
    GKV_FLAT_FIT_TIED,
    GKV_FLAT_FIT_NUMBERS /* the number of these numbers */
};

/* Fits `count` samples by gkv_gk_fit_many, with A² if `anderson_darling` is true. Sample i has the
 * elements starts[i] … starts[i + 1] − 1 of x, upper and weights; starts[count + 1] ascends. upper
 * and weights may be NULL. With `upper` the observations lie in the intervals from x to upper.
 * `resolution` is that of gkv_gk_sample, and `levels` that of the settings, where 0 is the default.
 * start[4], fixed[4], low[4] and high[4] are those of the settings for A, B, g, k, and may be NULL;
 * a start may have NaN for parameters that are not fixed. numbers[count × GKV_FLAT_FIT_NUMBERS]
 * receives the results, NaN for a sample that cannot be fitted, and statuses[count] their
 * statuses. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_fit_samples(
    size_t count, const size_t *starts, const double *x, const double *upper, const double *weights,
    gkv_gk_family family, gkv_gk_method method, double c, double confidence,
    gkv_gk_intervals intervals, double resolution, size_t levels, bool anderson_darling,
    const double *start, const bool *fixed, const double *low, const double *high, int threads,
    gkv_flat_progress *progress, void *context, double *numbers, gkv_status *statuses);

/* The numbers of a bootstrap: indices of the members of gkv_gk_bootstrap_result. */
enum {
    GKV_FLAT_BOOTSTRAP_SE = 0,          /* [4] */
    GKV_FLAT_BOOTSTRAP_BIAS = 4,        /* [4] */
    GKV_FLAT_BOOTSTRAP_LOW = 8,         /* [4] */
    GKV_FLAT_BOOTSTRAP_HIGH = 12,       /* [4] */
    GKV_FLAT_BOOTSTRAP_COVARIANCE = 16, /* [4 × 4] */
    GKV_FLAT_BOOTSTRAP_P_CHI2 = 32,
    GKV_FLAT_BOOTSTRAP_P_ANDERSON_DARLING,
    GKV_FLAT_BOOTSTRAP_USED,
    GKV_FLAT_BOOTSTRAP_FAILED,
    GKV_FLAT_BOOTSTRAP_NUMBERS /* the number of these numbers */
};

/* Fits the sample as gkv_flat_gk_fit_samples with count = 1 does, and makes a bootstrap of the fit
 * by gkv_gk_bootstrap. numbers[GKV_FLAT_BOOTSTRAP_NUMBERS] and estimates[replicates × 4] receive
 * the results. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_bootstrap(
    size_t n, const double *x, const double *upper, const double *weights, gkv_gk_family family,
    gkv_gk_method method, double c, double resolution, size_t levels, const double *start,
    const bool *fixed, const double *low, const double *high, size_t replicates, bool nonparametric,
    uint64_t seed, double confidence, int threads, gkv_flat_progress *progress, void *context,
    double *estimates, double *numbers);

/* --- Several dimensions --------------------------------------------------- */

/* Fits the multivariate g-and-k distribution to x[n × d] by gkv_mgk_fit with this method, c,
 * shrinkage (0 … 1, or −1 for that of the sample size) and `normal`. weights[n] may be NULL. The
 * outputs are the parameters A, B, g, k of the margins [d × 4] and their standard errors [d × 4],
 * the correlation matrix [d × d] and its standard errors [d × d], and the log-likelihood. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_fit(size_t n, size_t d, const double *x,
                                                 const double *weights, gkv_gk_method method,
                                                 double c, double shrink, bool normal, int threads,
                                                 double *estimates, double *se, double *correlation,
                                                 double *correlation_se, double *log_likelihood);

/* Fits a mixture of `components` components to x[n × d] by gkv_mgk_mixture_fit with this c,
 * `normal`, seed, limit of iterations and tolerance (≥ 0, or −1 for that of the sample size).
 * weights[n] may be NULL. The outputs are *count, the number of components that remain; of each of
 * them its weight pi[components], the parameters of its margins parameters[components × d × 4] and
 * its correlation matrix correlations[components × d × d], of which the first *count are set; the
 * log-likelihood, the number of iterations, and whether the fit has converged. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_mixture_fit(
    size_t n, size_t d, const double *x, const double *weights, size_t components, double c,
    bool normal, uint64_t seed, size_t max_iterations, double tolerance, int threads, size_t *count,
    double *pi, double *parameters, double *correlations, double *log_likelihood,
    size_t *iterations, bool *converged);

/* Computes log f at the rows of x[n × d] into log_pdf[n] by gkv_mgk_mixture_log_pdf, for the
 * mixture of `count` components with the weights pi[count], the margins parameters[count × d × 4]
 * with this c, and correlations[count × d × d]. NULL `pi` means equal weights, and NULL
 * `correlations` the identity. One component is the distribution of gkvae/mgk.h. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_mixture_log_pdf(size_t n, size_t d, const double *x,
                                                             size_t count, const double *pi,
                                                             const double *parameters, double c,
                                                             const double *correlations,
                                                             int threads, double *log_pdf);

/* Writes draws number first … first + n − 1 of the random sequence of `seed` from this mixture to
 * x[n × d], and the component of each to component[n], by gkv_mgk_mixture_sample. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_mixture_sample(
    size_t n, size_t d, size_t count, const double *pi, const double *parameters, double c,
    const double *correlations, uint64_t seed, uint64_t first, int threads, double *x,
    size_t *component);

/* In the functions below a distribution is a mixture of `count` components in d dimensions: the
 * weights pi[count], of which NULL means equal ones; A, B, g, k of the margins parameters[count × d
 * × 4] with this c; and the means and the lower triangular Cholesky factors of the normal scores,
 * mean[count × d] and cholesky[count × d × d]. NULL means 0 and the identity. One component is the
 * distribution of gkvae/mgk.h. */

/* The numbers of a fit in several dimensions: indices of the members of gkv_mgk_mixture_result and
 * gkv_mgk_fit_result. A number that the fit does not have is NaN. */
enum {
    GKV_FLAT_MIXTURE_LOG_LIKELIHOOD,
    GKV_FLAT_MIXTURE_AIC,
    GKV_FLAT_MIXTURE_BIC,
    GKV_FLAT_MIXTURE_PARAMETERS,
    GKV_FLAT_MIXTURE_COMPONENTS,
    GKV_FLAT_MIXTURE_ITERATIONS,
    GKV_FLAT_MIXTURE_CONVERGED, /* of one component, whether all margins are */
    GKV_FLAT_MIXTURE_STOP,
    GKV_FLAT_MIXTURE_UNEXPLAINED,
    GKV_FLAT_MIXTURE_LAST_GAIN,
    GKV_FLAT_MIXTURE_SHRINK,
    GKV_FLAT_MIXTURE_REPAIR,
    GKV_FLAT_MIXTURE_GOODNESS,
    GKV_FLAT_MIXTURE_FALLBACKS,
    GKV_FLAT_MIXTURE_NUMBERS /* the number of these numbers */
};

/* Fits one component to x[n × d] by gkv_mgk_fit with these settings. The
 * outputs are margins[d × GKV_FLAT_FIT_NUMBERS] with the fits of the margins, the
 * correlation matrix and its standard errors [d × d], its Cholesky factor [d × d], and
 * numbers[GKV_FLAT_MIXTURE_NUMBERS]. weights[n] may be NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_estimate(
    size_t n, size_t d, const double *x, const double *weights, gkv_gk_method method, double c,
    double confidence, double shrink, bool normal, bool independent, bool normal_fallback,
    int threads, gkv_flat_progress *progress, void *context, double *margins, double *correlation,
    double *correlation_se, double *cholesky, double *numbers);

/* Fits a mixture to x[n × d] by gkv_mgk_mixture_fit if least = most, else the best of least … most
 * components by gkv_mgk_mixture_fit_range. weights[n] may be NULL. The other settings are those of
 * gkv_mgk_mixture_settings. The outputs have room for `most` components, of which the first
 * numbers[GKV_FLAT_MIXTURE_COMPONENTS] are set: pi, parameters, mean and cholesky as above. After
 * GKV_ERR_INTERRUPTED they are the best mixture so far, or NaN. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_estimate(
    size_t n, size_t d, const double *x, const double *weights, size_t least, size_t most, double c,
    bool normal, bool independent, double shrink, size_t restarts, uint64_t seed,
    size_t max_iterations, double tolerance, int threads, gkv_flat_progress *progress,
    void *context, double *pi, double *parameters, double *mean, double *cholesky, double *numbers);

/* Computes log f at the rows of x[n × d] into log_pdf[n], and the responsibilities into
 * responsibilities[n × count], by gkv_mgk_mixture_responsibilities. Either may be NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_evaluate(
    size_t n, size_t d, const double *x, size_t count, const double *pi, const double *parameters,
    double c, const double *mean, const double *cholesky, int threads, double *log_pdf,
    double *responsibilities);

/* Writes draws number first … first + n − 1 of the random sequence of `seed` to x[n × d], and the
 * component of each to component[n], by gkv_mgk_mixture_sample. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_draw(size_t n, size_t d, size_t count,
                                                      const double *pi, const double *parameters,
                                                      double c, const double *mean,
                                                      const double *cholesky, uint64_t seed,
                                                      uint64_t first, int threads, double *x,
                                                      size_t *component);

/* Computes a part of a distribution: if x_given is NULL, the marginal distribution of the n_which
 * coordinates which[n_which] by gkv_mgk_mixture_marginal; else the conditional distribution of the
 * other coordinates, given that coordinate which[i] is x_given[i], by gkv_mgk_mixture_conditional.
 * The outputs describe it as above, with room for `count` components, of which the first
 * *count_out are set. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_part(size_t d, size_t count, const double *pi,
                                                      const double *parameters, double c,
                                                      const double *mean, const double *cholesky,
                                                      size_t n_which, const size_t *which,
                                                      const double *x_given, size_t *count_out,
                                                      double *pi_out, double *parameters_out,
                                                      double *mean_out, double *cholesky_out);

/* Computes a function of the margin of a coordinate at x[n] into out[n]: the probabilities and
 * quantiles of gkv_flat_function, by gkv_mgk_mixture_margin_cdf and
 * gkv_mgk_mixture_margin_quantile. GKV_ERR_ARGUMENT for another function. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_margin(size_t d, size_t count, const double *pi,
                                                        const double *parameters, double c,
                                                        const double *mean, const double *cholesky,
                                                        size_t column, gkv_flat_function function,
                                                        size_t n, const double *x, double *out);

/* Computes the normal scores of the rows of x[n × d] into z[n × d] by gkv_mgk_mixture_scores, or,
 * if `whiten` is true, the whitened scores by gkv_mgk_mixture_whiten. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_scores(size_t n, size_t d, const double *x,
                                                        size_t count, const double *pi,
                                                        const double *parameters, double c,
                                                        const double *mean, const double *cholesky,
                                                        bool whiten, int threads, double *z);

/* Replaces every NaN in x[n × d] by a draw from its conditional distribution in the one component
 * given by parameters[d × 4], c, mean and cholesky, by gkv_mgk_impute. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_impute(size_t n, size_t d, const double *parameters,
                                                    double c, const double *mean,
                                                    const double *cholesky, uint64_t seed,
                                                    uint64_t first, int threads, double *x);

/* --- Least squares -------------------------------------------------------- */

/* Minimizes the cost from the start x[p], which receives the solution, by gkv_lm_solve. The
 * callbacks are those of gkvae/lm.h: residuals(context, x, r), and jacobian(context, x, J) with J
 * column-major or NULL for differences. They return 0, or an error that ends the solution.
 * `context`, weights[n], low[p], high[p] and fixed[p] may be NULL. The other settings are the
 * defaults. The outputs are (JᵀJ)⁻¹ at the solution [p × p], the cost ½ Σ w ρ, the number of steps,
 * and whether the solution has converged. */
GKV_API GKV_MUST_USE gkv_status
gkv_flat_lm_solve(size_t n, size_t p, gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian,
                  void *context, const double *weights, const double *low, const double *high,
                  const bool *fixed, gkv_lm_loss loss, double loss_scale, size_t max_iterations,
                  double *x, double *covariance, double *cost, size_t *iterations, bool *converged);

/* The numbers of a solution: indices of the members of gkv_lm_result. */
enum {
    GKV_FLAT_LM_STOP,
    GKV_FLAT_LM_ITERATIONS,
    GKV_FLAT_LM_ACCEPTED,
    GKV_FLAT_LM_RESIDUAL_EVALUATIONS,
    GKV_FLAT_LM_JACOBIAN_EVALUATIONS,
    GKV_FLAT_LM_COST_BEFORE,
    GKV_FLAT_LM_COST_AFTER,
    GKV_FLAT_LM_NUMBERS /* the number of these numbers */
};

/* As gkv_flat_lm_solve, with the tolerances of cost, step and gradient in tolerances[3], which may
 * be NULL for the defaults, and the limit `acceleration` of gkv_lm_advanced. After an error of a
 * callback x is the best point found so far. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_lm_minimize(
    size_t n, size_t p, gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian, void *context,
    const double *weights, const double *low, const double *high, const bool *fixed,
    gkv_lm_loss loss, double loss_scale, const double *tolerances, size_t max_iterations,
    double acceleration, double *x, double *covariance, double numbers[GKV_FLAT_LM_NUMBERS]);

/* The callbacks of gkv_flat_lm_batch: those of gkvae/lm_batch.h with the members of the group. They
 * write r[n × lanes] and J[p × n × lanes], in which element e of a lane is at e·lanes + lane. */
typedef gkv_status gkv_flat_batch_callback(void *context, size_t lanes, const size_t *problem,
                                           const bool *active, const double *x, double *out);

/* Solves `count` problems by gkv_lm_batch_solve, from the starts x[count × p], which receive the
 * solutions. `jacobian`, `context`, weights[count × n], low, high and fixed [count × p] and
 * tolerances[3] may be NULL. covariances[count × p × p] and numbers[count × GKV_FLAT_LM_NUMBERS]
 * receive the rest. Callbacks are called on the calling thread if `threads` is 1. */
GKV_API GKV_MUST_USE gkv_status
gkv_flat_lm_batch(size_t count, size_t n, size_t p, gkv_flat_batch_callback *residuals,
                  gkv_flat_batch_callback *jacobian, void *context, const double *weights,
                  const double *low, const double *high, const bool *fixed, gkv_lm_loss loss,
                  double loss_scale, const double *tolerances, size_t max_iterations, int threads,
                  double *x, double *covariances, double *numbers);

#ifdef __cplusplus
}
#endif
#endif
