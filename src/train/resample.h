/* The importance-weighted objective learnt from one draw of an image.
 *
 * The gradient of −log mean_k w_k is Σ_k share_k·∇(−log w_k), share_k = w_k/Σw: a mean over draws, each with the
 * probability of its share. So one draw that is chosen by these probabilities has the same gradient on average
 * (sampling importance resampling; Cremer, Morris, Duvenaud, ICLR 2017 workshop). All K pass forward, to be weighed,
 * and one of them backward, which is two thirds of a pass's work. */
#ifndef GKV_VAE_RESAMPLE_H
#define GKV_VAE_RESAMPLE_H

#include "vae/images.h"
#include "vae/model.h"

typedef struct gkv_resampler {
    const gkv_model *model;
    size_t draws, batch;   /* K, and images that are weighed together: fixed, as bits may depend on it */
    int threads;
    gkv_workspace *ws;     /* one a thread: forward only, batch · K rows */
    double *seen;          /* mean −log p(x|z) and KL of each image's draws in the step [images, 2] */
} gkv_resampler;

/* For so many threads and steps of so many images at most. Weights are packed in `of`, the workspace of training,
 * which outlives the resampler. */
gkv_status gkv_resampler_create(const gkv_model *model, const gkv_workspace *of, int threads, size_t images,
                                gkv_resampler **out);
void gkv_resampler_free(gkv_resampler *resampler);

/* In place of gkv_pass_forward and gkv_pass_backward for images [first, first + count) of the workspace of training, in
 * which x and labels are and whose rows are images: u and share in its rows become those of the draw that was chosen.
 * The noise of image i is that of place[i − first] in this step. `thread` is one of the resampler's. */
void gkv_resampler_pass(const gkv_resampler *resampler, int thread, gkv_workspace *ws, size_t first, size_t count,
                        const uint32_t *place, uint64_t step, const gkv_objective *objective);

#endif
