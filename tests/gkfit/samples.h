/* What tests of fits begin with: samples of a g-and-k, and the settings of maximum likelihood. */
#ifndef GKV_TESTS_GKFIT_SAMPLES_H
#define GKV_TESTS_GKFIT_SAMPLES_H

#include "core/rng.h"
#include "gkvae/gk_fit.h"

/* Draws a sample of n values. Each file of tests has a seed of its own. */
static inline void draw_sample(uint64_t seed, const gkv_gk *gk, uint64_t sample, size_t n,
                               double *x)
{
    gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, sample, 0), n, x);
    for (size_t i = 0; i < n; i++)
        x[i] = gkv_gk_Q(gk, x[i]);
}

/* The default settings with maximum likelihood. */
static inline gkv_gk_fit_settings mle_settings(void)
{
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    return set;
}

#endif
