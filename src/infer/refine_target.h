/* A model as the target of refine_iteration.h: −log p(x, z) of a batch of images, with its gradients
 * and curvatures. refiner.c and train/fine_tune.c create one for each thread. */
#ifndef GKV_INFER_REFINE_TARGET_H
#define GKV_INFER_REFINE_TARGET_H

#include "vae/model.h"
#include "infer/refine_iteration.h"

/* The rows of a pass, and the most images of a batch. It is fixed, because results may depend on it. */
enum { GKV_REFINE_ROWS = 40 };

/* The target and its memory, for one thread. */
typedef struct gkv_refine_target {
    gkv_target target;
    const gkv_model *model;
    gkv_workspace ws;
    double prior_weight;   /* the weight of log p(z) */
    size_t group;          /* the rows whose tangents are computed together */
    gkv_real *x;           /* the images of the batch [capacity, pixels] */
    gkv_real *label;       /* their labels as in gkv_model [capacity]: 0 (no label) unless the caller sets them */
    gkv_real *sd;          /* √(π(1−π)) [workspace rows, pixels] */
    gkv_tangents tangent_scratch; /* tangents between layers */
    gkv_real *part;        /* tangents of a part of the pixels */
    gkv_real *tangents;    /* ∂ε/∂z [group, d, d] */
    gkv_real *lambda;      /* the base's curvatures Λ(ε) [group, d, d] */
    gkv_real *product;     /* scratch [d, d] */
} gkv_refine_target;

/* Creates the target −log p(x|z) − prior_weight·log p(z) for batches of up to `capacity` ≤ GKV_REFINE_ROWS images. The
 * target points into *out, which must not move. The caller frees the memory with gkv_refine_target_free().
 * GKV_ERR_MEMORY. */
gkv_status gkv_refine_target_create(const gkv_model *model, double prior_weight, size_t capacity,
                                    gkv_refine_target *out);
void gkv_refine_target_free(gkv_refine_target *it); /* frees the arrays, not the struct */

/* Packs the current weights of the model. */
void gkv_refine_target_pack(gkv_refine_target *it);

/* Copies n ≤ capacity images into the batch. */
void gkv_refine_target_images(gkv_refine_target *it, size_t n, const float *images);

/* Computes the starts of the batch's n images, mean[n, d] and sd[n, d] (gkvae/refine.h). Draws of image i use number
 * first + i of the seed's noise. */
void gkv_refine_target_begin(gkv_refine_target *it, const gkv_refine_settings *settings, size_t n, uint64_t first,
                             gkv_real *mean, gkv_real *sd);

/* Computes −log p(x|z) of rows, as value() of gkv_target does for −log p(x, z). */
void gkv_refine_target_cross_entropy(gkv_refine_target *it, size_t rows, const size_t *image, const gkv_real *z,
                                     double *value);

#endif
