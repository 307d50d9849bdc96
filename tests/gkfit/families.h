/* Samples of families other than g-and-k, for bench/starts.c and tests/gkfit. */
#ifndef GKV_BENCH_FAMILIES_H
#define GKV_BENCH_FAMILIES_H

#include <math.h>
#include <stdlib.h>

#include "gkvae/gk.h"

typedef enum family {
    CAUCHY,
    CHI2_1,
    GAMMA_HALF,
    WEIBULL_HALF,
    LOGNORMAL,
    STUDENT_3,
    EXPONENTIAL,
    UNIFORM,
    HALVES, /* uniform in (−10, 0) with probability 0.3, else in (0, 1) */
    CUBES,  /* of normal values */
    FAMILIES
} family;

static inline const char *family_name(family which)
{
    static const char *const names[FAMILIES] = {
        "cauchy",    "chi2_1",      "gamma(1/2)", "weibull(1/2)", "lognormal",
        "student_3", "exponential", "uniform",    "halves",       "cubes"};
    return names[which];
}

/* One value from four normal values. */
static inline double family_value(family which, const double z[4])
{
    const double u = 0.5 * erfc(-z[0] / sqrt(2.0)), v = 0.5 * erfc(z[0] / sqrt(2.0));
    switch (which) {
    case CAUCHY: return z[0] / z[1];
    case CHI2_1: return z[0] * z[0];
    case GAMMA_HALF: return 0.5 * z[0] * z[0];
    case WEIBULL_HALF: return log(v) * log(v);
    case LOGNORMAL: return exp(z[0]);
    case STUDENT_3: return z[0] / sqrt((z[1] * z[1] + z[2] * z[2] + z[3] * z[3]) / 3.0);
    case EXPONENTIAL: return -log(v);
    case HALVES: return u < 0.3 ? 10.0 * u / 0.3 - 10.0 : (u - 0.3) / 0.7;
    case CUBES: return z[0] * z[0] * z[0];
    case UNIFORM:
    case FAMILIES: break;
    }
    return u;
}

static inline int family_compare(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Draws sample number `sample` in ascending order. */
static inline void family_draw(family which, uint64_t sample, size_t n, double *x)
{
    const gkv_gk normal = gkv_gk_standard();
    for (size_t i = 0; i < n; i++) {
        double z[4];
        gkv_gk_random(&normal, 4, 100 + (uint64_t)which, 4 * (sample * n + i), z);
        x[i] = family_value(which, z);
    }
    qsort(x, n, sizeof *x, family_compare);
}

#endif
