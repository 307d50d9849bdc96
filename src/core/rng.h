/* Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011) from Random123.
 *
 * There is no state. A number is a pure function of (seed, stream, step, index). So noise does not
 * depend on threads, on batches or on earlier draws, and a resumed run draws the same numbers as an
 * uninterrupted one. All functions are thread-safe. */
#ifndef GKV_CORE_RNG_H
#define GKV_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "core/real.h"

/* The purpose of the numbers. The values are part of the reproducibility promise: append new ones,
 * never renumber. */
typedef enum gki_stream {
    GKV_STREAM_INIT = 1,       /* initial weights; index = position of the parameter in the table */
    GKV_STREAM_SHUFFLE,        /* the order of the training images; step = epoch */
    GKV_STREAM_BINARIZE_TRAIN, /* dynamic binarization; step = training step, index = image */
    /* the fixed binarization of test, validation and static sets; index = image */
    GKV_STREAM_BINARIZE_FIXED,
    GKV_STREAM_POSTERIOR, /* u ~ N(0,I) in training; step = training step, index = image */
    /* chooses the draw of an image that a refit or the backward pass uses; step = training step,
     * index = position in the batch */
    GKV_STREAM_CODE,
    GKV_STREAM_EVAL, /* posterior noise in evaluation; step = sample, index = image */
    /* draws from the prior; vae/draws.h defines step, index = number of the draw */
    GKV_STREAM_SAMPLE,
    GKV_STREAM_VALIDATION_SPLIT, /* the choice of validation images */
    GKV_STREAM_BOOTSTRAP,        /* bootstrap samples */
    /* draws that a caller of the public API requests, and noise of tests */
    GKV_STREAM_USER,
    /* posterior noise in refinement; index = image, infer/refine_iteration.h defines step */
    GKV_STREAM_REFINE,
    /* posterior noise in fine-tuning; index = image, every epoch has its own steps */
    GKV_STREAM_FINE_TUNE,
    /* whether an image is augmented; step = training step, index = image */
    GKV_STREAM_AUGMENT,
    /* the elastic deformation of an augmented image; step and index as GKV_STREAM_AUGMENT */
    GKV_STREAM_AUGMENT_FIELD,
    /* draws of the pixels of decoded images; index = number of the draw; step = 0 or, of images in
     * colour, a number for each channel of a part of the image (likelihood/colour_levels.c) */
    GKV_STREAM_PIXELS,
    /* rows of a subset (kernel distance); step = subset, index = 0 for set a, 1 for set b */
    GKV_STREAM_SUBSET,
    /* the order in which generation metrics take images; index = 0 for training images, 1 for test
     * images */
    GKV_STREAM_CHOICE,
    GKV_STREAM_TEST_SPLIT, /* the images of a data set that are written as its test part */
    /* the density of a table: folds (step 0), rows of fits (step 1 …), the order of rows in the
     * training of the flow (step = epoch, index = 1 + fold) */
    GKV_STREAM_TABLE,
    /* values spread over their intervals; step = 0 at first and 1 in the fit of a margin; index =
     * column */
    GKV_STREAM_TABLE_SPREAD,
    /* draws from the density of a table; step = the high bits of the number of the draw, index =
     * the low ones */
    GKV_STREAM_TABLE_DRAW,
    /* the shift of a training image of a feature network; step = training step, index = image */
    GKV_STREAM_FEATURE_SHIFT,
    GKV_STREAM_FEATURE_MASK /* its dropout; step and index as GKV_STREAM_FEATURE_SHIFT */
} gki_stream;

/* One address in the space of numbers. n values at an address are its values 0 … n−1. */
typedef struct gki_rng {
    uint64_t seed;
    uint32_t stream;
    uint32_t step;
    uint32_t index;
} gki_rng;

static inline gki_rng gki_rng_at(uint64_t seed, gki_stream stream, uint64_t step, uint64_t index)
{
    return (gki_rng){seed, (uint32_t)stream, (uint32_t)step, (uint32_t)index};
}

/* Writes n uniform 32-bit words. */
void gki_rng_words(gki_rng rng, size_t n, uint32_t *out);

/* out[i] = 1 if (word i of gki_rng_words(at, n, …))·2⁻³² < probabilities[i], and else 0, for i < n.
 * Probabilities are in [0, 1]. A probability of 0 always gives 0, and 1 always gives 1. `out` may
 * be `probabilities`. */
void gki_rng_bernoulli(gki_rng rng, size_t n, const float *probabilities, float *out);

/* Writes n doubles that are uniform on (0,1), with 52 random bits each. They are never 0 or 1. */
void gki_rng_uniform(gki_rng rng, size_t n, double *out);

/* Writes numbers 2·pair and 2·pair + 1 of gki_rng_uniform(at, …) to two[2]. */
void gki_rng_uniform_pair(gki_rng rng, size_t pair, double *two);

/* Writes n standard normals in double, by Box–Muller from the uniforms of gki_rng_uniform(). Their
 * tails need more than 32 random bits. */
void gki_rng_normal_d(gki_rng rng, size_t n, double *out);

/* Writes n standard normals in float, by Box–Muller from 32-bit uniforms. */
void gki_rng_normal_f(gki_rng rng, size_t n, float *out);

/* Writes n standard normals in the numeric type of the networks. */
static inline void gki_rng_normal(gki_rng rng, size_t n, gki_real *out)
{
#ifdef GKV_REAL_IS_DOUBLE
    gki_rng_normal_d(rng, n, out);
#else
    gki_rng_normal_f(rng, n, out);
#endif
}

/* Writes a uniformly random permutation of 0 … n−1 (Fisher–Yates; rejection removes the bias). */
void gki_rng_permutation(gki_rng rng, uint32_t n, uint32_t *out);

#endif
