/* Fits of a multivariate g-and-k distribution to a sample.
 *
 * A fit has two steps (inference functions for margins; Joe, Journal of Multivariate Analysis 94,
 * 2005). First, the quantile method of gkvae/gk_fit.h fits all margins in one batch. Then R is the
 * correlation of the normal scores z = Q⁻¹(x) of the fitted margins. */
#ifndef GKVAE_MGK_FIT_H
#define GKVAE_MGK_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A value of gkv_mgk_fit_settings.shrink: the shrinkage follows from the size of the sample, s = Σ
 * (1−r²)²/n / Σ r² over the pairs, at most 1 (Schäfer and Strimmer, Statistical Applications in
 * Genetics and Molecular Biology 4/1, 2005). */
#define GKV_MGK_SHRINK_AUTO (-1.0)

/* The settings of a fit. Comments begin with the default. Pointers are not owned. */
typedef struct gkv_mgk_fit_settings {
    /* gkv_gk_fit_defaults without `likelihood`; the settings of all margins */
    gkv_gk_fit_settings margins;
    const gkv_gk *starts; /* NULL; [d] the start of each margin */
    /* 0; R becomes (1−s)R + sI with this s in [0, 1], or with GKV_MGK_SHRINK_AUTO */
    double shrink;
    /* false; true fits a multivariate normal distribution: g = k = 0, by moments */
    bool normal;
    bool independent;         /* false; true sets R = I */
    const char *const *names; /* NULL; [d] the names of the columns for messages */
    /* false; true gives a column without a g-and-k fit (for example because of heavy ties) a normal
     * margin; otherwise the fit fails */
    bool normal_fallback;
} gkv_mgk_fit_settings;

typedef struct gkv_mgk_fit_result {
    size_t n, d;   /* the numbers of rows and columns */
    double weight; /* Σ w_i, the number of observations */
    /* [d] the fits of the margins; normal margins have the method GKV_GK_MLE, and χ², A² and the
     * likelihood of them are NaN or 0 */
    gkv_gk_fit_result *margins;
    double *correlation; /* [d × d] R */
    /* [d × d] standard errors (1−s)(1−r²)/√Σw of R; this is the lower bound for known margins and,
     * for a Gaussian copula, also for unknown ones (Klaassen and Wellner, Bernoulli 3, 1997) */
    double *correlation_se;
    double shrink; /* the shrinkage s that was used */
    /* the fraction of I that was mixed into R beyond s to make it positive definite; if it is not
     * 0, columns are functions of each other or there are too few rows, a density does not exist,
     * and log_likelihood, aic and bic are not meaningful */
    double repair;
    double log_likelihood; /* Σ w_i log f(x_i) */
    /* the number of fitted parameters: those of the margins, and d(d−1)/2 of R unless R = I */
    size_t parameters;
    double aic, bic; /* 2p − 2 log L and p log Σw − 2 log L, p = parameters */
    /* the mean of χ²/dof over the fitted margins, about 1 if they are g-and-k; NaN if there are
     * none */
    double goodness;
    size_t converged; /* the number of margins whose fit has converged */
    /* the number of margins that are normal because of normal_fallback */
    size_t fallbacks;
} gkv_mgk_fit_result;

/* Sets all settings to their defaults. Does nothing for NULL. */
GKV_API void gkv_mgk_fit_defaults(gkv_mgk_fit_settings *settings);

/* Fits x[n × d]. Row i represents weights[i] ≥ 0 observations; NULL weights mean 1. A row of weight
 * 0 is ignored, whatever its values are. NULL settings mean the defaults. There may be more columns
 * than rows; see `repair`. `result` may be NULL. The caller frees *out with gkv_mgk_free, and the
 * contents of `result` with gkv_mgk_fit_result_free, also after an error. The progress counts
 * margins, without details.
 *
 * Returns GKV_ERR_DATA for a value that is not finite, whose row and column the message counts from
 * 1, and for a column that is constant or that gkv_gk_fit refuses; GKV_ERR_ARGUMENT for settings
 * out of range and for NULL; GKV_ERR_INTERRUPTED; GKV_ERR_MEMORY. The function needs memory for
 * about n·d doubles. Thread-safe. The result has the same bits on any number of threads. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_fit(size_t n, size_t d, const double *x,
                                            const double *weights,
                                            const gkv_mgk_fit_settings *settings,
                                            const gkv_run_options *options, gkv_mgk **out,
                                            gkv_mgk_fit_result *result);

/* Frees the arrays of a result, and zeroes it. `result` may be NULL. */
GKV_API void gkv_mgk_fit_result_free(gkv_mgk_fit_result *result);

#ifdef __cplusplus
}
#endif
#endif
