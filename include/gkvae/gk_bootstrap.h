/* Standard errors, intervals and a test of fit by simulation.
 *
 * The parametric bootstrap draws samples of the same size from the fitted distribution and
 * fits each: its estimates scatter about the fitted ones as those about the truth, and the
 * share of its χ² and A² that exceed the sample's are p-values that account for the
 * parameters having been estimated (Stute, González-Manteiga and Presedo-Quindimil, Metrika 40,
 * 1993).
 * The nonparametric one draws from the sample itself, with replacement: its errors hold
 * also where the model does not, but it cannot test the fit. */
#ifndef GKVAE_GK_BOOTSTRAP_H
#define GKVAE_GK_BOOTSTRAP_H

#include <stdint.h>

#include "gkvae/gk_fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Called now and then on the calling thread. Anything but 0 ends the bootstrap with
 * GKV_ERR_INTERRUPTED. */
typedef int gkv_gk_progress(void *user, size_t done, size_t replicates);

typedef struct gkv_gk_bootstrap_settings {
    size_t replicates;    /* 999; ≥ 19 */
    int nonparametric;    /* 0 */
    uint64_t seed;        /* 1 */
    int threads;          /* 0: all; the result does not depend on it */
    double confidence;    /* 0.95 */
    gkv_gk_progress *progress; /* NULL */
    void *progress_user;
    double *estimates;    /* NULL, or [replicates × 4]: receives A, B, g, k of each; NaN if it failed */
} gkv_gk_bootstrap_settings;

typedef struct gkv_gk_bootstrap_result {
    double se[4];         /* standard deviations of the estimates of A, B, g, k */
    double bias[4];       /* their means less the fitted values */
    double low[4], high[4]; /* percentile intervals: quantiles (1 ∓ confidence)/2 of the estimates */
    double covariance[4][4];
    double p_chi2, p_anderson_darling; /* parametric only, else NaN: (1 + exceeding)/(1 + used); the latter if
                             the fit has A² */
    size_t used, failed;  /* replicates that were, and were not, fitted */
} gkv_gk_bootstrap_result;

/* Fills in the defaults that stand beside the settings. */
GKV_API void gkv_gk_bootstrap_defaults(gkv_gk_bootstrap_settings *settings);

/* Bootstraps the fit of `sample` by `fit_settings` (NULL: defaults) that gave `fit`, whose
 * parameters are valid and of the g-and-k family. A weighted sample counts as Σ w observations,
 * rounded. `settings` NULL takes the defaults. A replicate is a function of seed and its number alone.
 * Errors of the sample as gkv_gk_fit_many; GKV_ERR_ARGUMENT for `fit`, or settings out of range;
 * GKV_ERR_NUMERIC if fewer than half of the replicates could be fitted; GKV_ERR_INTERRUPTED;
 * GKV_ERR_MEMORY. *result is zeroed after a failure. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_bootstrap(const gkv_gk_sample *sample,
                                                 const gkv_gk_fit_settings *fit_settings,
                                                 const gkv_gk_fit_result *fit,
                                                 const gkv_gk_bootstrap_settings *settings,
                                                 gkv_gk_bootstrap_result *result);

#ifdef __cplusplus
}
#endif
#endif
