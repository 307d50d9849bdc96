/* Estimates for each image: the ELBO and its terms, and the log-likelihood by importance
 * sampling (Burda et al. 2016, eq. 8): log (1/S) Σ_s p(x, z_s)/q(z_s|x). */
#ifndef GKV_INFER_ESTIMATE_H
#define GKV_INFER_ESTIMATE_H

#include "core/call.h"
#include "gkvae/dist.h"
#include "gkvae/image_metrics.h"
#include "vae/images.h"

typedef struct gki_estimates {
    double *reconstruction; /* the mean over samples of −log p(x|z), in nats [count] */
    double *kl;             /* the mean over samples of log q(z|x) − log p(z), in nats [count] */
    double *nll;            /* −log of the mean importance weight, in nats [count] */
    /* the effective sample size (Σw)²/Σw² of the weights (Kong 1992), 1 … samples [count] */
    double *ess;
} gki_estimates;

/* Gaussians N(mean, LLᵀ) that replace the posteriors of the images. */
typedef struct gki_estimate_gaussians {
    const float *mean;   /* [count, d] */
    const float *factor; /* L [count, d, d]; only the lower triangle is read */
} gki_estimate_gaussians;

typedef struct gki_estimate_job {
    const gkv_model *model;
    const gki_params *params; /* the values to use: the model's own, or the moving average */
    const gki_images *images;
    /* targets [images->count, pixels] in place of those of the data set, unless NULL; image i then
     * has the noise of index first + i */
    const float *x;
    uint64_t first;
    const gki_estimate_gaussians *gaussians; /* replace the model's posterior, unless NULL */
    size_t samples;                          /* the number of samples per image */
    /* the seed of the posterior noise; sample s of image i has step s and index i */
    uint64_t seed;
    bool likelihood; /* whether −log p(x|z) is one, and not a cross-entropy; for summaries */
    int threads;
    gki_call *call; /* it must be stoppable; its units are images */
    /* the ranks that share the images, all of which have the same job; NULL: this process alone */
    gkv_dist *dist;
} gki_estimate_job;

/* The images of this rank: `*n` of the selection from `*first`, in whole tasks. */
void gki_estimate_part(const gki_estimate_job *job, size_t *first, size_t *n);

/* Gives an array of the ranks' parts to all ranks: values[count] of `size` bytes. */
gkv_status gki_estimate_share(const gki_estimate_job *job, size_t size, void *values);

/* Allocates estimates of `count` images. The caller frees them with gki_estimates_free().
 * GKV_ERR_MEMORY. */
gkv_status gki_estimates_create(size_t count, gki_estimates *out);
void gki_estimates_free(gki_estimates *estimates); /* frees the arrays, not the struct */

/* Computes the estimates of the job's images. Memory grows with the number of threads, not with the
 * number of samples. GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
gkv_status gki_estimate(const gki_estimate_job *job, gki_estimates *out);

/* Means over images, with standard errors. */
typedef struct gki_estimates_summary {
    gkv_mean_se neg_elbo, reconstruction, kl, nll;
    double ess;
} gki_estimates_summary;

/* Computes means and standard errors. nll and ess are NaN unless `likelihood` is true.
 * GKV_ERR_NUMERIC if another mean is not finite, GKV_ERR_MEMORY. */
gkv_status gki_estimates_summarise(const gki_estimates *estimates, size_t count, bool likelihood,
                                   gki_estimates_summary *out);

/* Computes the codes of the job's images at u = 0, as codes[count, d], and the mean images of
 * p(x|z) at them, as means[count, pixels]: those of this rank's images alone. */
gkv_status gki_codes(const gki_estimate_job *job, gki_real *codes, gki_real *means);

/* Computes the fraction of the images whose label is the most probable class given the code. NaN
 * for a model without classes or images without labels. The units of the call are images, which the
 * ranks of `dist` share. */
gkv_status gki_class_accuracy_of(const gkv_model *model, const gki_images *images, gki_call *call,
                                 gkv_dist *dist, double *accuracy);

#endif
