/* Features for the tests of generation metrics, and the comparison of results of different numbers
 * of threads. */
#ifndef GKV_TESTS_GENERATION_FIXTURE_H
#define GKV_TESTS_GENERATION_FIXTURE_H

#include "support.h"

#include "core/rng.h"
#include "gkvae/generation_metrics.h"

static const int thread_counts[] = {1, 2, 3, 8};
enum { THREAD_COUNTS = sizeof thread_counts / sizeof *thread_counts };

/* Rows of scale·normal + shift, whose normals depend on `which`. The caller frees them with
 * free(). */
static inline float *normal_features(uint64_t which, size_t n, size_t d, double scale, double shift)
{
    double *draws = test_alloc(n * d * sizeof *draws);
    float *x = test_alloc(n * d * sizeof *x);
    gki_rng_normal_d(gki_rng_at(which, GKV_STREAM_USER, 0, 0), n * d, draws);
    for (size_t i = 0; i < n * d; i++)
        x[i] = (float)(scale * draws[i] + shift);
    free(draws);
    return x;
}

/* Rows of whole numbers 0 … values − 1, whose distances are exact and often equal. The caller frees
 * them with free(). */
static inline float *whole_features(uint64_t which, size_t n, size_t d, uint32_t values)
{
    uint32_t *words = test_alloc(n * d * sizeof *words);
    float *x = test_alloc(n * d * sizeof *x);
    gki_rng_words(gki_rng_at(which, GKV_STREAM_USER, 0, 0), n * d, words);
    for (size_t i = 0; i < n * d; i++)
        x[i] = (float)(words[i] % values);
    free(words);
    return x;
}

#endif
