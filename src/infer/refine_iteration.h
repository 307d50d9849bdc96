/* The Gauss–Newton iteration of gkvae/refine.h for a batch of images, independent of models. It
 * minimises over a target, −log p(x, z) of each image, and calls the target for values, gradients
 * and curvatures at sampled points. refiner.c and train/fine_tune.c call it with the target of
 * refine_target.c. */
#ifndef GKV_INFER_REFINE_ITERATION_H
#define GKV_INFER_REFINE_ITERATION_H

#include <stdbool.h>

#include "core/call.h"
#include "core/rng.h"
#include "gkvae/refine.h"

/* A target. Points are rows z[rows, d]; image[rows] is the image of the batch to which each point
 * belongs. */
typedef struct gki_target {
    size_t d;
    void *context;
    /* Computes −log p(x, z) of each row, as value[rows]. */
    void (*value)(void *context, size_t rows, const size_t *image, const gki_real *z,
                  double *value);
    /* Adds the gradient of each row to that of its image in gradient[images, d]. Unless curvature
     * is NULL, also adds its curvature to the lower triangle of that of its image in
     * curvature[images, d, d]. The upper triangle is not read. */
    void (*expand)(void *context, size_t rows, const size_t *image, const gki_real *z,
                   gki_real *gradient, gki_real *curvature);
} gki_target;

/* The state of one image. */
typedef struct gki_refinement_image {
    double before;      /* −ELBO on the acceptance samples at the start */
    double value;       /* the same now */
    double trial_value; /* the same after the trial step */
    double lambda;      /* λ */
    uint64_t index;     /* the index of its noise */
    size_t accepted;    /* the number of accepted iterations */
    bool finite;        /* whether `before` is finite; otherwise the image is not refined */
    bool pending;       /* whether no step of this iteration has been accepted yet */
    bool possible;      /* whether the trial step is finite and positive definite */
} gki_refinement_image;

/* The Gaussians of a batch. Only the lower triangles of the matrices are read. */
typedef struct gki_gaussians {
    double *mean;      /* μ [capacity, d] */
    double *precision; /* P [capacity, d, d] */
    double *factor;    /* L [capacity, d, d] */
} gki_gaussians;

typedef struct gki_refinement {
    gkv_refine_settings settings;
    /* once it is stopped, no image starts another iteration; NULL never stops */
    const gki_call *call;
    const gki_target *target;
    size_t d;
    size_t capacity;   /* the most images of a batch */
    gki_stream stream; /* the stream of the noise, GKV_STREAM_REFINE */
    /* the first step number of the noise, 0; the caller may change it before a run */
    uint64_t noise_step;
    gki_refinement_image *images; /* [capacity] */
    /* the current Gaussians and the trial step; MAP sets the factors at the end */
    gki_gaussians now, trial;
    /* sums over an iteration's samples [capacity, d], [capacity, d, d] */
    gki_real *gradient, *curvature;
    /* the points of a batch [points, d]; the noise of one of them [d] */
    gki_real *z, *noise;
    double *value, *quadratic; /* the target's value and ½‖u‖² of each point [points] */
    double *work;              /* scratch [d, d] */
    size_t *owner;             /* the image of each point [points] */
} gki_refinement;

/* Returns GKV_ERR_ARGUMENT unless the settings are in the ranges of gkvae/refine.h. */
gkv_status gki_refine_settings_check(const gkv_refine_settings *settings);

/* Allocates memory for batches of up to `capacity` images. The settings must be valid. The
 * refinement borrows the target. The caller frees the memory with gki_refinement_free().
 * GKV_ERR_MEMORY. */
gkv_status gki_refinement_create(const gkv_refine_settings *settings, const gki_target *target,
                                 size_t capacity, gki_refinement *out);
void gki_refinement_free(gki_refinement *refinement); /* frees the arrays, not the struct */

/* Returns the number of noise steps that a run of so many iterations uses at most. */
uint64_t gki_refinement_noise_count(size_t iterations);

/* Sets the start of image i of the batch: N(mean, LLᵀ) with L = diag(sd)(I + M), where
 * mixing[d(d−1)/2] has the rows of M; NULL is M = 0. `index` is the index of its noise. */
void gki_refinement_begin(gki_refinement *refinement, size_t i, const gki_real *mean,
                          const gki_real *sd, const gki_real *mixing, uint64_t index);

/* Refines the first n images, after gki_refinement_begin() of each. Afterwards each image has its
 * L, also in MAP mode. */
void gki_refinement_run(gki_refinement *refinement, size_t n);

#endif
