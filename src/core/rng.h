/* Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011) from Random123.
 *
 * There is no state. What is drawn is a pure function of (seed, stream, step,
 * index), so that noise does not depend on threads, batches or what was drawn
 * before, and a resumed run draws what the uninterrupted one would have. */
#ifndef GKV_CORE_RNG_H
#define GKV_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "core/real.h"

/* What the numbers are for. Values are part of the reproducibility promise:
 * append, never renumber. */
typedef enum gkv_stream {
    GKV_STREAM_INIT = 1,       /* initial weights; index = parameter's place in the table */
    GKV_STREAM_SHUFFLE,        /* order of the images; step = epoch */
    GKV_STREAM_BINARIZE_TRAIN, /* step = training step, index = image */
    GKV_STREAM_BINARIZE_FIXED, /* the one binarization of test, validation or static sets */
    GKV_STREAM_POSTERIOR,      /* u ~ N(0,I) in training; step = training step, index = image */
    GKV_STREAM_CODE,           /* which of an image's draws a refit takes, or goes backward; step = training step, index = place in the batch */
    GKV_STREAM_EVAL,           /* posterior noise in evaluation; step = sample, index = image */
    GKV_STREAM_SAMPLE,         /* draws from the prior; step: vae/draws.h, index = number of the draw */
    GKV_STREAM_VALIDATION_SPLIT,
    GKV_STREAM_BOOTSTRAP,
    GKV_STREAM_USER,           /* draws asked for by name through the public API */
    GKV_STREAM_REFINE,         /* posterior noise in refinement; index = image, step: infer/refine_iteration.h */
    GKV_STREAM_FINE_TUNE,         /* the same in training, from another place in each epoch */
    GKV_STREAM_AUGMENT,           /* whether an image is bent; step = training step, index = image */
    GKV_STREAM_AUGMENT_FIELD,     /* how */
    GKV_STREAM_PIXELS,         /* Bernoulli draws of decoded images; index = number of the draw */
    GKV_STREAM_SUBSET,         /* rows of a subset (kernel distance); step = subset, index = 0 for set a, 1 for b */
    GKV_STREAM_CHOICE          /* order in which metrics of generation take images; index = 0 of training, 1 of test images */
} gkv_stream;

/* One place in the space of numbers: n values from it are values 0 … n−1. */
typedef struct gkv_rng {
    uint64_t seed;
    uint32_t stream;
    uint32_t step;
    uint32_t index;
} gkv_rng;

static inline gkv_rng gkv_rng_at(uint64_t seed, gkv_stream stream, uint64_t step, uint64_t index)
{
    return (gkv_rng){seed, (uint32_t)stream, (uint32_t)step, (uint32_t)index};
}

/* n uniform 32-bit words. */
void gkv_rng_words(gkv_rng at, size_t n, uint32_t *out);

/* n doubles uniform on (0,1), 53 bits, never 0 or 1. */
void gkv_rng_uniform(gkv_rng at, size_t n, double *out);

/* n standard normals, in double (32-bit uniforms are not enough for its tails: 53 bits). */
void gkv_rng_normal_d(gkv_rng at, size_t n, double *out);

/* n standard normals from 32-bit uniforms, in float. */
void gkv_rng_normal_f(gkv_rng at, size_t n, float *out);

/* n standard normals in the networks' numeric type. */
static inline void gkv_rng_normal(gkv_rng at, size_t n, gkv_real *out)
{
#ifdef GKV_REAL_IS_DOUBLE
    gkv_rng_normal_d(at, n, out);
#else
    gkv_rng_normal_f(at, n, out);
#endif
}

/* A permutation of 0 … n−1 (Fisher–Yates, unbiased by rejection). */
void gkv_rng_permutation(gkv_rng at, uint32_t n, uint32_t *out);

#endif
