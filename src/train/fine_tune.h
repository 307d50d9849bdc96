/* Polishing: training on refined posteriors.
 *
 * A step refines the Gaussian that the encoder gives of each image by T iterations of gkvae/refine.h, to
 * q = N(m, LLᵀ), and draws z = m + Lu from that. Decoder, flow and base follow the gradient of the
 * objective at these draws. Nothing goes through the refinement, and nothing needs to: with any q the
 * objective is a bound, and for them q is held. The encoder follows
 *     −E_q[log N(z; μ, diag σ²)] = Σ_j log σ_j + ((m_j − μ_j)² + (LLᵀ)_jj)/(2σ_j²) + const,
 * whose least value has q's means and variances, so that the next guess is a better one. The mean over
 * q is taken exactly: draws would only add noise. */
#ifndef GKV_VAE_POLISH_H
#define GKV_VAE_POLISH_H

#include "infer/refine_target.h"

/* One thread's memory: that of refining a batch, whatever the size of a step. */
typedef struct gkv_fine_tuner_worker {
    gkv_refine_target target;
    gkv_refinement refinement;
    double *variance; /* of an image's q [d] */
} gkv_fine_tuner_worker;

typedef struct gkv_fine_tuner {
    const gkv_model *model;
    size_t batch; /* images that are refined together: fixed, as bits may depend on it */
    int threads;
    gkv_fine_tuner_worker *workers;
} gkv_fine_tuner;

/* How images are refined, by train.fine_tune_iterations and train.fine_tune_samples. Gradients and judging have
 * 4 points each in place of inference's 16: noise in q does no lasting harm, as each step draws its own. */
gkv_refine_settings gkv_fine_tune_refine_settings(const gkv_settings *settings);

/* For so many threads that work on one model with a normal posterior. Weights are packed in `of`, the
 * workspace of training, which outlives the fine_tuner. */
gkv_status gkv_fine_tuner_create(const gkv_model *model, const gkv_workspace *of, int threads, gkv_fine_tuner **out);
void gkv_fine_tuner_free(gkv_fine_tuner *fine_tuner);

/* In place of gkv_pass_forward and gkv_pass_backward for images [first, first + count) of the workspace, in
 * which x, u and labels are: z and log q in its rows are the refined Gaussians'. The noise of image i is
 * that of place[i − first] in this epoch. `thread` is one of the fine_tuner's. */
void gkv_fine_tuner_pass(const gkv_fine_tuner *fine_tuner, int thread, gkv_workspace *ws, size_t first, size_t count,
                       const uint32_t *place, uint64_t epoch, const gkv_objective *objective);

#endif
