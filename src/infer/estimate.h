/* Estimates per image: the ELBO and its terms, and the importance-sampled
 * log-likelihood (Burda et al. 2016, eq. 8): log (1/S) Σ_s p(x, z_s)/q(z_s|x). */
#ifndef GKV_VAE_ESTIMATE_H
#define GKV_VAE_ESTIMATE_H

#include <signal.h>

#include "gkvae/image_metrics.h"
#include "vae/images.h"

typedef struct gkv_estimates {
    double *reconstruction; /* E_q[−log p(x|z)] by the mean over the samples, [count] */
    double *kl;             /* E_q[log q(z|x) − log p(z)], likewise */
    double *nll;            /* −log of the mean importance weight */
    double *ess;            /* effective samples, (Σw)²/Σw² of the weights (Kong 1992): 1 … samples */
} gkv_estimates;

/* Gaussians in the posterior's place: N(mean, LLᵀ) for each image. */
typedef struct gkv_estimate_gaussians {
    const float *mean, *factor; /* [count, d]; L [count, d, d], of which the lower triangle is read */
} gkv_estimate_gaussians;

typedef struct gkv_estimate_job {
    const gkv_model *model;
    const gkv_params *params; /* whose values to use: the model's own, or an average's */
    const gkv_images *images;
    const gkv_estimate_gaussians *gaussians; /* NULL: the model's posterior */
    size_t samples;
    uint64_t seed;            /* of the posterior noise: sample s of image i is its place (s, i) */
    int threads;
    void (*progress)(void *context, size_t done, size_t of); /* may be NULL; called from one thread */
    void *context;
    const volatile sig_atomic_t *stop; /* may be NULL; set by another hand: GKV_ERR_INTERRUPTED */
} gkv_estimate_job;

gkv_status gkv_estimates_create(size_t count, gkv_estimates *out);
void gkv_estimates_free(gkv_estimates *estimates); /* frees what it holds, not the struct */

/* Streams the samples: memory grows with threads, not with samples. */
gkv_status gkv_estimate(const gkv_estimate_job *job, gkv_estimates *out);

/* Means over images, with standard errors. */
typedef struct gkv_estimates_summary {
    gkv_mean_se neg_elbo, reconstruction, kl, nll;
    double ess;
} gkv_estimates_summary;

/* nll and ess are NaN unless the figures are of a likelihood. GKV_ERR_NUMERIC if another is not
 * finite, GKV_ERR_MEMORY. */
gkv_status gkv_estimates_summarise(const gkv_estimates *estimates, size_t count, bool likelihood,
                                   gkv_estimates_summary *out);

/* The code of each of the job's images, at u = 0, in codes[count, d], and the decoder's answer
 * to it in probabilities[count, pixels]. */
gkv_status gkv_codes(const gkv_estimate_job *job, gkv_real *codes, gkv_real *probabilities);

/* The share of the images whose most probable class given their code is their label; NaN for a model without
 * classes or images without labels. */
gkv_status gkv_class_accuracy_of(const gkv_model *model, const gkv_images *images, double *accuracy);

#endif
