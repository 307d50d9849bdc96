/* The refinement of a batch of Gaussians by damped Gauss–Newton steps: gkvae/refine.h says
 * which. It knows nothing of models: what is refined is a target, −log p(x, z) of several
 * images, of which it asks values, gradients and curvatures at points of its choice. */
#ifndef GKV_VAE_REFINEMENT_H
#define GKV_VAE_REFINEMENT_H

#include <stdbool.h>

#include "core/rng.h"
#include "gkvae/refine.h"

/* Points come as rows z[rows, d]; image[rows] says which image of the batch each belongs to. */
typedef struct gkv_target {
    size_t d;
    void *context;
    /* −log p(x, z) of each row. */
    void (*value)(void *context, size_t rows, const size_t *image, const gkv_real *z, double *value);
    /* Adds each row's gradient to its image's in gradient[images, d]; and unless that is NULL its
     * curvature to the lower triangle of its image's in curvature[images, d, d]: what is above is not
     * read. */
    void (*expand)(void *context, size_t rows, const size_t *image, const gkv_real *z, gkv_real *gradient,
                   gkv_real *curvature);
} gkv_target;

/* One image on its way. */
typedef struct gkv_refinement_image {
    double before, value;   /* the bound at the start and now … */
    double trial_value;     /* … and after the step being tried */
    double lambda;
    uint64_t index;         /* of its noise */
    int accepted;
    bool finite;            /* false: nothing can be done */
    bool pending;           /* this iteration's step has not counted yet */
    bool possible;          /* the step being tried is a number at all */
} gkv_refinement_image;

/* Gaussians of a batch. Only the lower triangles of the matrices are read. */
typedef struct gkv_gaussians {
    double *mean, *precision, *factor; /* [room, d], [room, d, d] each: μ, P, L */
} gkv_gaussians;

typedef struct gkv_refinement {
    gkv_refine_settings settings;
    const gkv_target *target;
    size_t d, room;                 /* images of a batch at most */
    gkv_stream stream;              /* of the noise, and the place where it begins: GKV_STREAM_REFINE and 0, … */
    uint64_t place;                 /* … but for who changes them before a run */
    gkv_refinement_image *images;   /* [room] */
    gkv_gaussians now, trial;       /* in MAP mode without a factor until the end */
    gkv_real *gradient, *curvature; /* sums over an iteration's samples [room, d], [room, d, d] */
    gkv_real *z, *noise;            /* points of a batch [points, d]; noise of one of them [d] */
    double *value, *quadratic;      /* of each point: the target's value, ½‖u‖² */
    double *work;                   /* [d, d] */
    size_t *owner;                  /* of each point: its image */
} gkv_refinement;

/* GKV_ERR_ARGUMENT unless they are in the ranges of gkvae/refine.h. */
gkv_status gkv_refine_settings_check(const gkv_refine_settings *settings);

/* Memory for batches of up to `room` images. The settings are valid ones; the target is borrowed. */
gkv_status gkv_refinement_create(const gkv_refine_settings *settings, const gkv_target *target, size_t room,
                                 gkv_refinement *out);
void gkv_refinement_free(gkv_refinement *it); /* frees what it holds, not the struct */

/* Places of noise that a run of so many iterations may use. */
uint64_t gkv_refinement_noise_count(int iterations);

/* Where image i of the batch begins: N(mean, LLᵀ) with L = diag(sd)(I + M), M's rows [d(d−1)/2] being `mixing`; NULL
 * is M = 0. */
void gkv_refinement_begin(gkv_refinement *it, size_t i, const gkv_real *mean, const gkv_real *sd, const gkv_real *mixing,
                          uint64_t index);

/* Refines the first n images, which have begun. In MAP mode too each has its L afterwards. */
void gkv_refinement_run(gkv_refinement *it, size_t n);

#endif
