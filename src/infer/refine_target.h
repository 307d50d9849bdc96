/* A model as the target of a refinement: −log p(x, z) of a batch of images, its gradients
 * and its curvatures. */
#ifndef GKV_VAE_REFINE_TARGET_H
#define GKV_VAE_REFINE_TARGET_H

#include "vae/model.h"
#include "infer/refine_iteration.h"

/* Rows that pass together, and images of a batch at most: fixed, as bits may depend on them. */
enum { GKV_REFINE_ROWS = 40 };

/* One thread's memory for it. */
typedef struct gkv_refine_target {
    gkv_target target;
    const gkv_model *model;
    gkv_workspace ws;
    double prior_weight;   /* log p(z) counts so much */
    size_t group;          /* rows whose tangents are taken together */
    gkv_real *x;           /* the batch's images [room, pixels] */
    gkv_real *label;       /* their labels as in gkv_model [room]: 0, none, but for who changes them */
    gkv_real *sd;          /* √(π(1−π)) [workspace rows, pixels] */
    gkv_tangents room;     /* tangents on their way */
    gkv_real *part;        /* those of a part of the pixels */
    gkv_real *tangents;    /* ∂ε/∂z [group, d, d] … */
    gkv_real *lambda;      /* … and the base's curvatures */
    gkv_real *product;     /* [d, d] */
} gkv_refine_target;

/* For batches of up to `room` ≤ GKV_REFINE_ROWS images: −log p(x|z) − prior_weight·log p(z). */
gkv_status gkv_refine_target_create(const gkv_model *model, double prior_weight, size_t room,
                                    gkv_refine_target *out);
void gkv_refine_target_free(gkv_refine_target *it); /* frees what it holds, not the struct */

/* Packs the model's weights as they are now. */
void gkv_refine_target_pack(gkv_refine_target *it);

/* Takes in n ≤ room images. */
void gkv_refine_target_images(gkv_refine_target *it, size_t n, const float *images);

/* Where refinement of the batch's n images begins, mean[n, d] and sd[n, d]: see gkvae/refine.h. Draws are
 * of numbers `first` … of the seed's noise. */
void gkv_refine_target_begin(gkv_refine_target *it, const gkv_refine_settings *settings, size_t n, uint64_t first,
                             gkv_real *mean, gkv_real *sd);

/* −log p(x|z) of rows as in gkv_target. */
void gkv_refine_target_cross_entropy(gkv_refine_target *it, size_t rows, const size_t *image, const gkv_real *z,
                                     double *value);

#endif
