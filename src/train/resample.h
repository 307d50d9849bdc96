/* Importance resampling of the draw: training on the importance-weighted objective with one draw of
 * each image.
 *
 * Let v_k = w_k/Σw be the normalised importance weights. The gradient of −log mean_k w_k is Σ_k
 * v_k·∇(−log w_k), a mean over the K draws with probabilities v_k. So one draw that is sampled with
 * these probabilities has the same mean gradient (sampling importance resampling; Cremer, Morris,
 * Duvenaud, ICLR 2017 workshop). All K draws pass forward for their weights. Only one passes
 * backward, which is two thirds of the work of a pass. */
#ifndef GKV_TRAIN_RESAMPLE_H
#define GKV_TRAIN_RESAMPLE_H

#include "vae/images.h"
#include "vae/model.h"

typedef struct gki_resampler {
    const gkv_model *model;
    size_t draws; /* K */
    /* the images of a forward pass; fixed, because results may depend on it */
    size_t batch;
    int threads;
    gki_workspace *ws; /* a workspace for each thread, forward only, of batch · K rows */
    /* the means of −log p(x|z) and KL over each image's draws in the step [images, 2] */
    double *losses;
    size_t before; /* the images of the step before those of this rank */
} gki_resampler;

/* Creates a resampler for `threads` threads and steps of at most `images` images. It uses the
 * weights that are packed in `shared`, the workspace of training, which must outlive it. The caller
 * frees *out with gki_resampler_free(). GKV_ERR_MEMORY. */
gkv_status gki_resampler_create(const gkv_model *model, const gki_workspace *shared, int threads,
                                size_t images, gki_resampler **out);
void gki_resampler_free(gki_resampler *resampler);

/* Replaces gki_pass_forward() and gki_pass_backward() for images [first, first + count) of the
 * workspace of training. The workspace has x and labels, and one row for each image. u and
 * draw_weight of its rows become those of the resampled draw. The noise of image i is that of
 * index[i − first] in this step, and its losses are number `before` + i. `thread`, 0 … threads − 1,
 * selects the scratch; calls with different threads may run at the same time. */
void gki_resampler_pass(const gki_resampler *resampler, int thread, gki_workspace *ws, size_t first,
                        size_t count, const uint32_t *index, uint64_t step,
                        const gki_objective *objective);

#endif
