/* The bootstrap: standard errors, intervals and a test of fit by simulation.
 *
 * The parametric bootstrap draws samples of the same size from the fitted distribution, and fits
 * each of them. The distribution of these estimates about the fitted parameters approximates that
 * of the estimates about the true ones. The fractions of their χ² and A² that exceed those of the
 * sample are p-values. They take into account that the parameters are estimated (Stute,
 * González-Manteiga and Presedo-Quindimil, Metrika 40, 1993).
 *
 * Draws of rounded data are rounded to the same resolution. Censored and binned data by their ends
 * have the nonparametric bootstrap only, because the ends of other samples are not known.
 *
 * The nonparametric bootstrap draws from the sample, with replacement. Its errors are also valid if
 * the model is wrong, but it cannot test the fit. */
#ifndef GKVAE_GK_BOOTSTRAP_H
#define GKVAE_GK_BOOTSTRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "gkvae/gk_fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The settings. Comments begin with the default. */
typedef struct gkv_gk_bootstrap_settings {
    size_t replicates;  /* 999; ≥ 19; the number of replicates */
    bool nonparametric; /* false; true for the nonparametric bootstrap */
    uint64_t seed;      /* 1; the seed of the random numbers */
    double confidence;  /* 0.95; 0 < confidence < 1; the confidence of the intervals */
} gkv_gk_bootstrap_settings;

typedef struct gkv_gk_bootstrap_result {
    double se[4];   /* standard deviations of the estimates of A, B, g, k */
    double bias[4]; /* means of the estimates minus the fitted values */
    /* percentile intervals: the quantiles (1 ∓ confidence)/2 of the estimates */
    double low[4], high[4];
    double covariance[4][4]; /* covariance of the estimates of A, B, g, k */
    /* (1 + number of replicates with a greater or equal χ²)/(1 + used); NaN if nonparametric, and
     * if the fit has no p-value for ties or heaps */
    double p_chi2;
    double p_anderson_darling; /* the same for A²; NaN if nonparametric or if the fit has no A² */
    size_t used, failed;       /* the numbers of replicates that were, and were not, fitted */
} gkv_gk_bootstrap_result;

/* Sets all settings to their defaults. Does nothing for NULL. */
GKV_API void gkv_gk_bootstrap_defaults(gkv_gk_bootstrap_settings *settings);

/* Makes a bootstrap of `fit`, the fit of `sample` with `fit_settings`. NULL settings of either kind
 * mean the defaults. The parameters of `fit` must be valid; its family is that of the replicates. A
 * weighted sample counts as Σ w observations, rounded. The random numbers of a replicate depend
 * only on the seed and its number. estimates[replicates × 4], unless it is NULL, receives A, B, g,
 * k of each replicate, NaN if it could not be fitted. The progress counts replicates, without
 * details, after each block of them. Ranks (the member `dist` of the options) share the replicates;
 * all get the same result. Rank 0 counts those of all ranks, which tell it once a second how many
 * they have; each of the others counts its own until all are done.
 *
 * Returns the errors of the sample as gkv_gk_fit_many; GKV_ERR_ARGUMENT for an invalid `fit`,
 * settings out of range, NULL, and the parametric bootstrap of intervals by their ends;
 * GKV_ERR_NUMERIC if fewer than half of the replicates could be fitted; GKV_ERR_INTERRUPTED;
 * GKV_ERR_MEMORY. After an error *result is zeroed. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_bootstrap(const gkv_gk_sample *sample,
                                                 const gkv_gk_fit_result *fit,
                                                 const gkv_gk_fit_settings *fit_settings,
                                                 const gkv_gk_bootstrap_settings *settings,
                                                 const gkv_run_options *options, double *estimates,
                                                 gkv_gk_bootstrap_result *result);

#ifdef __cplusplus
}
#endif
#endif
