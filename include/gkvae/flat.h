/* Flat functions for bindings: arrays and scalars in, arrays out, without structs.
 *
 * They are for languages that call C directly, such as Python (ctypes, cffi), Julia (ccall) and
 * Fortran (iso_c_binding). R's .C passes pointers only; a wrapper for .Call passes the scalars.
 * Each function does the same as the function that its comment names, with the same bits. The
 * documentation of that function has the mathematics and the errors.
 *
 * Arguments. size_t is an unsigned integer of the size of a pointer, bool has one byte, and
 * enumerations are of type int. Matrices are row-major, so that x[n × d] is a NumPy array of that
 * shape. `threads` is 0 … 256, where 0 means one for each processor; results do not depend on it.
 * NULL `settings` and `options` are the defaults. Other inputs may be NULL where this is said.
 *
 * Outputs. Every output but x may be NULL and is then skipped. An array that is only an output must
 * not be an input of the same call, except in gkv_flat_gk_evaluate.
 *
 * Errors. All functions return GKV_OK or an error, which gkv_error_message() explains, and
 * GKV_ERR_ARGUMENT for NULL where an input is needed. After an error outputs are NaN, and counts
 * are 0, except where a function says what else they are. All functions are thread-safe; settings
 * are not to be changed while a call uses them.
 *
 * Names. The numbers of a result have names, so that a binding need not copy an enumeration: a
 * function such as gkv_flat_fit_name() returns name number i, and NULL past the last. A later
 * version may have more numbers at the end of a table: a binding that counts the names allocates
 * enough. */
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

/* --- Settings and options ------------------------------------------------- */

/* The settings of a fit, by name. gkv_flat_fit_settings, gkv_flat_mgk_settings,
 * gkv_flat_mixture_settings, gkv_flat_lm_settings, gkv_flat_refine_settings of gkvae/flat_model.h
 * and gkv_flat_density_settings of gkvae/flat_density.h create them. */
typedef struct gkv_flat_settings gkv_flat_settings;

/* Sets one of them from text, as gkv_settings_set() sets those of a model. A number is decimal,
 * with a point in every locale, or inf or -inf; a switch is yes or no; a choice is one of its
 * words. GKV_ERR_ARGUMENT for an unknown name and another value; the settings are then unchanged.
 * The function that takes the settings checks ranges. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_set(gkv_flat_settings *settings, const char *name,
                                             const char *value);

/* The name of setting number i, from 0, and its words in the order of their numbers, as in "lm,
 * mle, octile": those of a choice, "no, yes", "auto" where a number may be automatic, else "". NULL
 * past the last. The strings are static. */
GKV_API const char *gkv_flat_setting_name(const gkv_flat_settings *settings, size_t i);
GKV_API const char *gkv_flat_setting_words(const gkv_flat_settings *settings, size_t i);

/* Creates options with this number of threads, 0 … 256, and this progress, which may be NULL. A
 * function with these options calls progress(context, done, total) on the calling thread between
 * units of work, and ends with GKV_ERR_INTERRUPTED if that returns true. The caller frees *out,
 * which is NULL after an error, with gkv_flat_free. GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_options(int threads, gkv_flat_progress *progress,
                                                 void *context, gkv_run_options **out);

/* Frees settings or options of a gkv_flat function. NULL does nothing. */
GKV_API void gkv_flat_free(void *memory);

/* --- The g-and-k distribution at many points ------------------------------ */

/* The parameters of these functions are arrays a, b, g, k, c of the lengths n_a … n_c, each 1 or n:
 * an array of one element is the parameter of all n elements, and one of n elements has a parameter
 * for each. */

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

/* The names of the functions, as in "log_pdf". */
GKV_API const char *gkv_flat_function_name(size_t i);

/* Returns this function of the family at x; NaN for invalid parameters, an unknown family and an
 * unknown function. It is that of gkvae/gk.h. Leaves no message. */
GKV_API double gkv_flat_gk_value(gkv_gk_family family, gkv_flat_function function, double x,
                                 double a, double b, double g, double k, double c);

/* Computes this function of the family at x[n] into out[n]. An element whose parameters are invalid
 * is NaN, and the others are computed. Elements with equal parameters next to each other are
 * computed together, which is faster. If `exact` is true, or the family is not g-and-k, the
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

/* Computes draws number first … first + n − 1 of the random sequence of `seed` into out[n]; see
 * gkv_gk_random. A draw whose parameters are invalid is NaN, and the others are computed. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_draw(gkv_gk_family family, size_t n, size_t n_a,
                                                 const double *a, size_t n_b, const double *b,
                                                 size_t n_g, const double *g, size_t n_k,
                                                 const double *k, size_t n_c, const double *c,
                                                 uint64_t seed, uint64_t first, double *out);

/* --- Fits of single columns ----------------------------------------------- */

/* Creates the settings of a fit and of its bootstrap. Their names are those of the members of
 * gkv_gk_fit_settings, with these differences and additions:
 *
 *     method                      lm, mle, octile
 *     family                      gk, gh, ggh
 *     intervals                   wald, profile: the confidence intervals
 *     start.A … start.k           the start of a parameter; in g-and-h families k is h
 *     fixed.A … fixed.k           fixes a parameter at this value
 *     low.A … low.k, high.A …     bounds
 *     resolution                  that of gkv_gk_sample: a number, or auto; 0, the default, is
 *                                 exact
 *     nonparametric, seed         those of gkv_gk_bootstrap_settings
 *
 * The others are c, confidence, levels, tail, likelihood and anderson_darling. The caller frees
 * *out, which is NULL after an error, with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_fit_settings(gkv_flat_settings **out);

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
    GKV_FLAT_FIT_C,                 /* the c of the estimates, which is itself one with free_c */
    GKV_FLAT_FIT_C_SE,              /* from here on NaN without free_c */
    GKV_FLAT_FIT_C_COVARIANCE = 60, /* [5] with A, B, g, k and c */
    GKV_FLAT_FIT_C_LOW = 65,
    GKV_FLAT_FIT_C_HIGH,
    GKV_FLAT_FIT_C_BOUND,
    GKV_FLAT_FIT_C_DETERMINED,
    GKV_FLAT_FIT_C_WEAK,
    GKV_FLAT_FIT_C_HELD,
    GKV_FLAT_FIT_C_HELD_LOG_LIKELIHOOD,
    GKV_FLAT_FIT_C_RATIO,
    GKV_FLAT_FIT_C_P_VALUE,
    GKV_FLAT_FIT_NUMBERS /* the number of these numbers */
};

/* Their names: A, B, g, k, se.A … se.k, covariance.A.A, covariance.A.B … covariance.k.k, low.A …,
 * high.A …, bound.A …, and the others as in "log_likelihood"; those of an estimated c are se.c,
 * covariance.c.A … covariance.c.c, low.c, high.c, bound.c, determined.c, weak.c, held.c,
 * held_log_likelihood.c, ratio.c and p_value.c. */
GKV_API const char *gkv_flat_fit_name(size_t i);

/* The names of the tests of fit, gkv_gk_test: of the values of GKV_FLAT_FIT_TEST. */
GKV_API const char *gkv_flat_test_name(size_t i);

/* Fits `count` samples by gkv_gk_fit_many. Sample i has the elements starts[i] … starts[i + 1] − 1
 * of x, upper and weights; starts[count + 1] ascends. The columns of a matrix are samples once it
 * is transposed. upper and weights may be NULL. With `upper` the observations are censored: each is
 * known to lie between its x and its upper, of which either may be infinite. numbers[count ×
 * GKV_FLAT_FIT_NUMBERS] receives the results, NaN for a sample that cannot be fitted, while the
 * others are fitted, and statuses[count] their statuses. Returns the status of the first sample
 * that was not fitted. After an error of the arguments all statuses are that error. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_fit(size_t count, const size_t *starts, const double *x,
                                                const double *upper, const double *weights,
                                                const gkv_flat_settings *settings,
                                                const gkv_run_options *options, double *numbers,
                                                gkv_status *statuses);

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

/* Their names: se.A … se.k, bias.A …, low.A …, high.A …, covariance.A.A … covariance.k.k, and the
 * others as in "used". */
GKV_API const char *gkv_flat_bootstrap_name(size_t i);

/* Fits the sample as gkv_flat_gk_fit with count = 1 does, and makes a bootstrap of the fit by
 * gkv_gk_bootstrap. The setting `confidence` is that of its intervals.
 * numbers[GKV_FLAT_BOOTSTRAP_NUMBERS] and estimates[replicates × 4] receive the results. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_gk_bootstrap(size_t n, const double *x,
                                                      const double *upper, const double *weights,
                                                      size_t replicates,
                                                      const gkv_flat_settings *settings,
                                                      const gkv_run_options *options,
                                                      double *estimates, double *numbers);

/* --- Several dimensions --------------------------------------------------- */

/* A distribution is a mixture of `count` components in d dimensions: the weights pi[count], of
 * which NULL means equal ones; A, B, g, k of the margins parameters[count × d × 4] with this c; and
 * the means and the lower triangular Cholesky factors of the normal scores, mean[count × d] and
 * cholesky[count × d × d]. NULL means 0 and the identity. One component is the distribution of
 * gkvae/mgk.h. */

/* Creates the settings of gkv_flat_mgk_fit: method, c and confidence of the margins, and shrink (a
 * number, or auto), normal, independent and normal_fallback of gkv_mgk_fit_settings. The caller
 * frees *out, which is NULL after an error, with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_settings(gkv_flat_settings **out);

/* Creates the settings of gkv_flat_mixture_fit: c of the margins, and normal, independent, shrink
 * and tolerance (numbers, or auto), restarts, seed and max_iterations of gkv_mgk_mixture_settings.
 * The caller frees *out, which is NULL after an error, with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_settings(gkv_flat_settings **out);

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

/* Their names, as in "log_likelihood". */
GKV_API const char *gkv_flat_mixture_name(size_t i);

/* Fits one component to x[n × d] by gkv_mgk_fit. weights[n] may be NULL. The outputs are
 * margins[d × GKV_FLAT_FIT_NUMBERS] with the fits of the margins, the correlation matrix and its
 * standard errors [d × d], its Cholesky factor [d × d], and numbers[GKV_FLAT_MIXTURE_NUMBERS]. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_fit(size_t n, size_t d, const double *x,
                                                 const double *weights,
                                                 const gkv_flat_settings *settings,
                                                 const gkv_run_options *options, double *margins,
                                                 double *correlation, double *correlation_se,
                                                 double *cholesky, double *numbers);

/* Fits a mixture to x[n × d] by gkv_mgk_mixture_fit if least = most, else the best of least … most
 * components by gkv_mgk_mixture_fit_range. weights[n] may be NULL. The outputs have room for `most`
 * components, of which the first numbers[GKV_FLAT_MIXTURE_COMPONENTS] are set and the others NaN:
 * pi, parameters, mean and cholesky as above. After GKV_ERR_INTERRUPTED they are the best mixture
 * so far, if there is one. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mixture_fit(size_t n, size_t d, const double *x,
                                                     const double *weights, size_t least,
                                                     size_t most, const gkv_flat_settings *settings,
                                                     const gkv_run_options *options, double *pi,
                                                     double *parameters, double *mean,
                                                     double *cholesky, double *numbers);

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
 * coordinates which[n_which] by gkv_mgk_mixture_marginal, which has e = n_which dimensions; else
 * the conditional distribution of the other coordinates, given that coordinate which[i] is
 * x_given[i], by gkv_mgk_mixture_conditional, which has e = d − n_which. The outputs have room for
 * `count` components, of which the first *count_out are set and the others NaN: pi_out[count],
 * parameters_out[count × e × 4], mean_out[count × e] and cholesky_out[count × e × e]. */
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
 * given by parameters[d × 4], c, mean and cholesky, by gkv_mgk_impute. After an
 * error x is unchanged. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_mgk_impute(size_t n, size_t d, const double *parameters,
                                                    double c, const double *mean,
                                                    const double *cholesky, uint64_t seed,
                                                    uint64_t first, int threads, double *x);

/* --- Least squares -------------------------------------------------------- */

/* Creates the settings of least squares: loss (squares, huber, soft_l1, cauchy), loss_scale,
 * cost_tolerance, step_tolerance, gradient_tolerance and max_iterations of gkv_lm_settings, and
 * first_step, acceleration and max_evaluations of gkv_lm_advanced. max_evaluations has no limit by
 * default. The caller frees *out, which is NULL after an error, with gkv_flat_free.
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_lm_settings(gkv_flat_settings **out);

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

/* Their names, as in "cost_after". */
GKV_API const char *gkv_flat_lm_name(size_t i);

/* Minimizes the cost from the start x[p], which receives the solution, by gkv_lm_solve. The
 * callbacks are those of gkvae/lm.h: residuals(context, x, r), and jacobian(context, x, J) with J
 * column-major or NULL for differences. They return 0, or an error that ends the solution.
 * `context`, weights[n], low[p], high[p] and fixed[p] may be NULL. covariance[p × p] receives
 * (JᵀJ)⁻¹ at the solution. After an error x is the best point found so far. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_lm_solve(size_t n, size_t p, gkv_lm_residuals *residuals,
                                                  gkv_lm_jacobian *jacobian, void *context,
                                                  const double *weights, const double *low,
                                                  const double *high, const bool *fixed,
                                                  const gkv_flat_settings *settings, double *x,
                                                  double *covariance,
                                                  double numbers[GKV_FLAT_LM_NUMBERS]);

/* The callbacks of gkv_flat_lm_solve_many: those of gkvae/lm_batch.h with the members of the group.
 * They write r[n × lanes] and J[p × n × lanes], in which element e of a lane is at
 * e·lanes + lane. */
typedef gkv_status gkv_flat_batch_callback(void *context, size_t lanes, const size_t *problem,
                                           const bool *active, const double *x, double *out);

/* Solves `count` problems by gkv_lm_batch_solve, from the starts x[count × p], which receive the
 * solutions. `jacobian`, `context`, weights[count × n], low, high and fixed [count × p] may be
 * NULL. covariances[count × p × p] and numbers[count × GKV_FLAT_LM_NUMBERS] receive the rest.
 * Callbacks are called on the calling thread if `threads` is 1. After an error each x is the best
 * point found so far. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_lm_solve_many(
    size_t count, size_t n, size_t p, gkv_flat_batch_callback *residuals,
    gkv_flat_batch_callback *jacobian, void *context, const double *weights, const double *low,
    const double *high, const bool *fixed, const gkv_flat_settings *settings, int threads,
    double *x, double *covariances, double *numbers);

#ifdef __cplusplus
}
#endif
#endif
