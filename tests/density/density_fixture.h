/* Tables for the tests of densities, and settings of fits of a second. */
#ifndef GKV_TESTS_DENSITY_FIXTURE_H
#define GKV_TESTS_DENSITY_FIXTURE_H

#include "core/rng.h"
#include "gkvae/density.h"
#include "support.h"

/* Settings whose fits are short. */
static inline gkv_density_settings quick_settings(void)
{
    gkv_density_settings settings;
    gkv_density_defaults(&settings);
    settings.folds = 1;
    settings.flow_updates = 60;
    settings.flow_layers = 2;
    settings.flow_hidden = 8;
    settings.max_components = 2;
    return settings;
}

/* A skewed column, and columns with heavy tails that depend on it. The caller frees. */
static inline double *make_table(size_t n, size_t d)
{
    double *x = test_alloc(n * d * sizeof *x), *z = test_alloc(n * d * sizeof *z);
    gki_rng_normal_d(gki_rng_at(3, GKV_STREAM_USER, 0, 0), n * d, z);
    for (size_t i = 0; i < n; i++) {
        const double a = z[i * d];
        x[i * d] = exp(0.5 * a);
        for (size_t j = 1; j < d; j++) {
            const double b = 0.6 * a + 0.8 * z[i * d + j];
            x[i * d + j] = 10.0 * (double)j + b * (1 + 0.2 * b * b);
        }
    }
    free(z);
    return x;
}

static inline gkv_density *fit_table(size_t n, size_t d, const double *x,
                                     const gkv_density_settings *settings, int threads)
{
    gkv_density *density = NULL;
    assert_ok(gkv_density_fit(n, d, x, settings, ON_THREADS(threads), &density));
    return density;
}

/* The log densities of the rows under a candidate. The caller frees. */
static inline double *log_densities(const gkv_density *density, int64_t candidate, size_t n,
                                    const double *x)
{
    double *out = test_alloc(n * sizeof *out);
    assert_ok(gkv_density_log_density(density, candidate, n, x, ON_THREADS(1), out));
    return out;
}

#endif
