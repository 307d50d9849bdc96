/* What tests of fits begin with: samples of a g-and-k, and the settings of maximum likelihood. */
#ifndef GKV_TESTS_GKFIT_SAMPLES_H
#define GKV_TESTS_GKFIT_SAMPLES_H

#include "core/rng.h"
#include "gkvae/gk_fit.h"
#include "num/sort.h"

/* Draws a sample of n values. Each file of tests has a seed of its own. */
static inline void draw_sample(uint64_t seed, const gkv_gk *gk, uint64_t sample, size_t n,
                               double *x)
{
    gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, sample, 0), n, x);
    for (size_t i = 0; i < n; i++)
        x[i] = gkv_gk_Q(gk, x[i]);
}

/* The same in ascending order, of at most SORTED_MAX values. */
enum { SORTED_MAX = 1500 };
static inline void draw_sorted_sample(uint64_t seed, const gkv_gk *gk, uint64_t sample, size_t n,
                                      double *x)
{
    double spare[SORTED_MAX];
    draw_sample(seed, gk, sample, n, x);
    gki_sort(n, x, NULL, spare);
}

/* How far the log-likelihood falls to the end of a 95 % interval of the profile: half the quantile
 * of χ² with one degree of freedom. */
static const double profile_fall = 1.9207294103;

/* The default settings with maximum likelihood. */
static inline gkv_gk_fit_settings mle_settings(void)
{
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    return set;
}

#endif
