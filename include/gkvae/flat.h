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
 * GKV_ERR_ARGUMENT for NULL where an input is needed. They are thread-safe. */
#ifndef GKVAE_FLAT_H
#define GKVAE_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/gk_batch.h"
#include "gkvae/gk_fit.h"
#include "gkvae/lm.h"

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

#ifdef __cplusplus
}
#endif
#endif
