/* Semi-amortized fine-tuning: training on refined posteriors.
 *
 * A step refines the encoder's Gaussian of each image by T iterations of gkvae/refine.h to q = N(m,
 * LLᵀ), and draws z = m + Lu from it. Decoder, flow and base follow the gradient of the objective
 * at these draws. No gradient passes through the refinement. None is needed, because the objective
 * is a bound for any fixed q. The encoder minimises
 *     −E_q[log N(z; μ, diag σ²)] = Σ_j log σ_j + ((m_j − μ_j)² + (LLᵀ)_jj)/(2σ_j²) + const.
 * The minimum has the means and variances of q, so that the next refinement starts closer to q. The
 * expectation is computed exactly, without the noise of draws. */
#ifndef GKV_TRAIN_FINE_TUNE_H
#define GKV_TRAIN_FINE_TUNE_H

#include "infer/refine_target.h"

/* The memory of one thread, which refines a batch at a time, whatever the size of a step. */
typedef struct gki_fine_tuner_worker {
    gki_refine_target target;
    gki_refinement refinement;
    double *variance; /* the variances of an image's q [d] */
} gki_fine_tuner_worker;

typedef struct gki_fine_tuner {
    const gkv_model *model;
    /* the images that are refined together; fixed, because results may depend on it */
    size_t batch;
    int threads;
    gki_fine_tuner_worker *workers;
} gki_fine_tuner;

/* Returns the settings of refinement, by train.fine_tune_iterations and train.fine_tune_samples.
 * There are 4 gradient samples and 4 acceptance samples, where inference has 16. More noise in q is
 * acceptable, because each step has new noise. */
gkv_refine_settings gki_fine_tune_refine_settings(const gkv_settings *settings);

/* Creates a fine-tuner for `threads` threads and a model with a normal posterior. It uses the
 * weights that are packed in `shared`, the workspace of training, which must outlive it. The caller
 * frees *out with gki_fine_tuner_free(). GKV_ERR_MEMORY. */
gkv_status gki_fine_tuner_create(const gkv_model *model, const gki_workspace *shared, int threads,
                                 gki_fine_tuner **out);
void gki_fine_tuner_free(gki_fine_tuner *fine_tuner);

/* Replaces gki_pass_forward() and gki_pass_backward() for images [first, first + count) of the
 * workspace, which has x, u and labels. z and log q of its rows become those of the refined
 * Gaussians. The noise of image i is that of index[i − first] in this epoch. `thread`, 0 … threads
 * − 1, selects the scratch; calls with different threads may run at the same time. */
void gki_fine_tuner_pass(const gki_fine_tuner *fine_tuner, int thread, gki_workspace *ws,
                         size_t first, size_t count, const uint32_t *index, uint64_t epoch,
                         const gki_objective *objective);

#endif
