/* A model as the target of refine_iteration.h: −log p(x, z) of a batch of images, with its
 * gradients and curvatures. refiner.c and train/fine_tune.c create one for each thread. */
#ifndef GKV_INFER_REFINE_TARGET_H
#define GKV_INFER_REFINE_TARGET_H

#include "vae/model.h"
#include "infer/refine_iteration.h"

/* The rows of a pass, and the most images of a batch. It is fixed, because results may depend on
 * it. */
enum { GKV_REFINE_ROWS = 40 };

/* The target and its memory, for one thread. */
typedef struct gki_refine_target {
    gki_target target;
    const gkv_model *model;
    gki_workspace ws;
    double prior_weight; /* the weight of log p(z) */
    size_t group;        /* the rows whose tangents are computed together */
    gki_real *x;         /* the images of the batch [capacity, pixels] */
    /* their labels as in gkv_model [capacity]: 0 (no label) unless the caller sets them */
    gki_real *label;
    gki_real *sd;                 /* roots of the Fisher information [rows, outputs] */
    gki_tangents tangent_scratch; /* tangents between layers */
    gki_real *part;               /* tangents of a part of the outputs */
    gki_real *tangents;           /* ∂ε/∂z [group, d, d] */
    gki_real *lambda;             /* the base's curvatures Λ(ε) [group, d, d] */
    gki_real *product;            /* scratch [d, d] */
} gki_refine_target;

/* Creates the target −log p(x|z) − prior_weight·log p(z) for batches of up to `capacity` ≤
 * GKV_REFINE_ROWS images. The target points into *out, which must not move. The caller frees the
 * memory with gki_refine_target_free(). GKV_ERR_MEMORY. */
gkv_status gki_refine_target_create(const gkv_model *model, double prior_weight, size_t capacity,
                                    gki_refine_target *out);
void gki_refine_target_free(gki_refine_target *target); /* frees the arrays, not the struct */

/* Packs the current weights of the model. */
void gki_refine_target_pack(gki_refine_target *target);

/* Copies n ≤ capacity images into the batch. */
void gki_refine_target_images(gki_refine_target *target, size_t n, const float *images);

/* Computes the starts of the batch's n images, mean[n, d] and sd[n, d] (gkvae/refine.h). Draws of
 * image i use number first + i of the seed's noise. */
void gki_refine_target_begin(gki_refine_target *target, const gkv_refine_settings *settings,
                             size_t n, uint64_t first, gki_real *mean, gki_real *sd);

/* Computes −log p(x|z) of rows, as value() of gki_target does for −log p(x, z). */
void gki_refine_target_cross_entropy(gki_refine_target *target, size_t rows, const size_t *image,
                                     const gki_real *z, double *value);

#endif
