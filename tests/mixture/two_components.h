/* A mixture of two components and a sample of it, for tests of mixtures. */
#ifndef TESTS_TWO_COMPONENTS_H
#define TESTS_TWO_COMPONENTS_H

#include "support.h"

#include "gkvae/mgk_mixture.h"

enum { D = 3, N = 6000 };

static gkv_mgk_mixture *truth;
static double x[N * D];
static size_t component[N];

/* Two components with weights ⅓ and ⅔, several standard deviations apart. */
static int make(void **state)
{
    (void)state;
    const gkv_gk first[D] = {{0, 1, .5, .2, .8, 0}, {0, 1, -.3, .1, .8, 0}, {1, .5, 0, 0, .8, 0}};
    const gkv_gk second[D] = {
        {6, .7, -.4, .1, .8, 0}, {2, 2, .2, .05, .8, 0}, {-2, 1, .6, .15, .8, 0}};
    gkv_mgk *parts[2];
    assert_ok(gkv_mgk_create(D, first, (double[]){1, .5, 0, .5, 1, -.4, 0, -.4, 1}, &parts[0]));
    assert_ok(gkv_mgk_create(D, second, (double[]){1, -.6, .3, -.6, 1, 0, .3, 0, 1}, &parts[1]));
    assert_ok(gkv_mgk_mixture_create(2, (double[]){1, 2}, (const gkv_mgk *const *)parts, &truth));
    gkv_mgk_free(parts[0]);
    gkv_mgk_free(parts[1]);
    assert_ok(gkv_mgk_mixture_sample(truth, N, 31, 0, NULL, x, component));
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    gkv_mgk_mixture_free(truth);
    return 0;
}

/* The mean log density of n rows. */
static inline double mean_of(const gkv_mgk_mixture *m, size_t n, const double *rows)
{
    double *log_pdf = test_alloc(n * sizeof *log_pdf), sum = 0;
    assert_ok(gkv_mgk_mixture_log_pdf(m, n, rows, NULL, log_pdf));
    for (size_t i = 0; i < n; i++)
        sum += log_pdf[i] / (double)n;
    free(log_pdf);
    return sum;
}

#endif
