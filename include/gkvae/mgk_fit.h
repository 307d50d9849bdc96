/* Fits of a multivariate g-and-k distribution to a sample.
 *
 * In two steps (inference functions for margins; Joe, Journal of Multivariate Analysis 94,
 * 2005): each margin by the quantile method of gkvae/gk_fit.h, all in one batch, then R
 * as the correlation of the normal scores z = Q⁻¹(x) of the fitted margins, from the
 * pass over the sample that gives the log-likelihood too. */
#ifndef GKVAE_MGK_FIT_H
#define GKVAE_MGK_FIT_H

#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* gkv_mgk_fit_settings.shrink: as much as the sample's size asks for,
 * s = Σ (1−r²)²/n / Σ r² over the pairs, at most 1 (Schäfer and Strimmer, Statistical
 * Applications in Genetics and Molecular Biology 4/1, 2005). */
#define GKV_MGK_SHRINK_AUTO (-1.0)

typedef struct gkv_mgk_fit_settings {
    gkv_gk_fit_settings margins; /* of every margin */
    const gkv_gk *starts;        /* NULL, or [d]: margins.start of each column; not owned */
    double shrink;               /* 0: R is (1−s)R + sI, s in [0, 1] or GKV_MGK_SHRINK_AUTO */
    int normal;                  /* 0; 1 holds g = k = 0 and takes moments: the normal distribution */
    int independent;             /* 0; 1 takes R = I */
    const char *const *names;    /* NULL, or [d] of the columns, for messages; not owned */
    int normal_fallback;         /* 0; 1 gives columns that no g-and-k can be fitted to (more than a
                                    tenth of one value, say) a normal margin instead of failing */
} gkv_mgk_fit_settings;

typedef struct gkv_mgk_fit_result {
    size_t n, d;
    double weight;              /* Σ w_i: the number of observations */
    gkv_gk_fit_result *margins; /* [d]; of normal margins, which are most likely by their moments (`method` says
                                   mle), the parts about χ², A² and the likelihood are NaN or 0 */
    double *correlation;        /* [d × d] R */
    double *correlation_se;     /* [d × d] standard errors: (1−s)(1−r²)/√Σw, the bound for known
                                   margins and, for a Gaussian copula, for unknown ones (Klaassen and
                                   Wellner, Bernoulli 3, 1997) */
    double shrink;              /* s as used */
    double repair;              /* the share of I that R was mixed with beyond s to become positive definite; 0: none.
                                   Above 0 columns are functions of one another, or there are too few
                                   rows: no density exists, and log_likelihood, aic and bic say
                                   more of the repair than of the data */
    double log_likelihood;      /* Σ w_i log f(x_i) */
    size_t parameters;          /* those that were free: of the margins, and d(d−1)/2 of R unless it is I */
    double aic, bic;            /* 2p − 2 logL and p log Σw − 2 logL */
    double goodness;            /* mean of χ²/dof over the fitted margins: about 1 if they are
                                   g-and-k; NaN without any */
    size_t converged;           /* margins whose fit converged */
    size_t fallbacks;           /* margins that are normal by normal_fallback */
} gkv_mgk_fit_result;

/* Fills in the defaults: those that stand beside the settings, and gkv_gk_fit_defaults without the
 * likelihood of single margins. */
GKV_API void gkv_mgk_fit_defaults(gkv_mgk_fit_settings *settings);

/* Fits x[n × d], row i standing for weights[i] ≥ 0 observations (NULL: 1 each). `settings` NULL takes
 * the defaults. The caller frees *out with gkv_mgk_free and what `result` (may be NULL) holds with gkv_mgk_fit_result_free,
 * after a failure too. A row of weight 0 is left out altogether, whatever it holds.
 * GKV_ERR_DATA names the row and column, counted from 1, of a value that is not finite, or the column
 * that cannot be fitted (gkv_gk_fit; always one that is constant); GKV_ERR_ARGUMENT for settings
 * out of range; GKV_ERR_MEMORY. More columns than rows is fine: R is repaired as gkv_mgk_correlation does.
 * Memory: about n·d numbers. Thread-safe; the same bits on any number of threads. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_fit(size_t n, size_t d, const double *x, const double *weights,
                                            const gkv_mgk_fit_settings *settings, int threads, gkv_mgk **out,
                                            gkv_mgk_fit_result *result);

/* Frees the arrays, not the struct, and zeroes it. */
GKV_API void gkv_mgk_fit_result_free(gkv_mgk_fit_result *result);

#ifdef __cplusplus
}
#endif
#endif
