/* Evaluation: what a model is worth on a test set, by a stated protocol. */
#ifndef GKVAE_EVAL_H
#define GKVAE_EVAL_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/generation.h"
#include "gkvae/model.h"
#include "gkvae/refine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Figures with every image's posterior refined (gkvae/refine.h): as in gkv_metrics, over the same noise. */
typedef struct gkv_refined_metrics {
    double neg_elbo, neg_elbo_se, reconstruction, reconstruction_se, kl, kl_se, nll, nll_se, ess;
    double cross_entropy_before; /* −log p(x|z) at the encoder's mean, and … */
    double cross_entropy;        /* … at the refined one */
    double mse, psnr, ssim;      /* at the refined mean */
    double accepted;             /* iterations that counted, mean over images */
    uint64_t improved;           /* images for which one did */
    double milliseconds;         /* of refinement, an image */
    int iterations, samples;     /* as asked for */
} gkv_refined_metrics;

/* Figures in nats per image where they are log-probabilities; _se is the standard
 * error of the mean over images. Averages are over test images binarized once from
 * eval.seed; for grey targets the "reconstruction" is a cross-entropy, neg_elbo is the
 * training loss, and there is no likelihood: nll is NaN. */
typedef struct gkv_metrics {
    double neg_elbo, neg_elbo_se;             /* E_q[−log p(x|z) − log p(z) + log q(z|x)] */
    double reconstruction, reconstruction_se; /* E_q[−log p(x|z)] */
    double kl, kl_se;                         /* E_q[log q(z|x) − log p(z)] */
    double nll, nll_se;       /* −log p(x) by importance sampling (Burda et al. 2016): an upper bound on
                                 average, tighter with more samples */
    uint64_t nll_samples;     /* importance samples per image; also how many the terms above average */
    double ess;               /* effective samples of them, (Σw)²/Σw² of an image's importance weights: mean */
    uint64_t active_units;    /* latent dimensions whose code varies over images by more than 0.01 */
    double class_accuracy;    /* of p(y|z) at the images' codes (gkv_class_accuracy); NaN if the model knows
                                 no classes or the images have no labels */
    double mse, psnr, ssim;   /* of the decoder's probabilities at the code (u = 0) against the grey image */
    uint64_t images, parameters;
    double train_seconds;     /* of the run; NaN if not known … */
    double refit_seconds;     /* … and those of them that went into refits of the base */
    double eval_seconds;
    int threads;
    uint64_t seed;            /* train.seed */
    uint64_t eval_seed;
    gkv_refined_metrics refined; /* the same with refined posteriors; all NaN and 0 unless asked for */
    gkv_generation generation;   /* gkv_evaluate does not measure it: gkv_generation_none */
    char protocol[256];       /* in words */
    char dataset[GKV_NAME_SIZE];
} gkv_metrics;

/* Which images: those of the test half; or, of the training half, those the model was trained on or those that
 * were held out to watch it (data.validation, split by train.seed). */
typedef enum gkv_eval_set { GKV_EVAL_TEST, GKV_EVAL_TRAIN, GKV_EVAL_VALIDATION } gkv_eval_set;

typedef struct gkv_eval_options {
    gkv_eval_set of;                   /* GKV_EVAL_TEST; else the data set given is the training half */
    void (*progress)(void *context, size_t done, size_t of); /* images, twice as many with `refine`;
                                                                may be NULL; on the calling thread */
    void *context;
    const volatile sig_atomic_t *stop; /* may be NULL; nonzero ends it with GKV_ERR_INTERRUPTED */
    const gkv_refine_settings *refine; /* NULL: do not. Its mode must be GKV_REFINE_MEAN; its seed, threads
                                          and stop are settings->eval.seed, ->train.threads and stop above,
                                          whatever it says */
    float *refined_mean;               /* or NULL; with `refine` it receives the refined means, [images, latent] */
} gkv_eval_options;

/* Evaluates on the data set by settings->eval and settings->data.binarization; images of the training half
 * are binarized once from train.seed, as those that validation sees, and eval.images are in the order of
 * the split, which is random. Memory does not grow with the number of samples. The same for any number of threads.
 * train_seconds and refit_seconds are left NaN. options may be NULL. GKV_ERR_DATA if the images have
 * another size than the model's, or those of the training half another mean than it was trained with,
 * GKV_ERR_CONFIG for eval.images beyond the set, or held-out images where there are none,
 * GKV_ERR_ARGUMENT for a bad options->refine, GKV_ERR_NUMERIC if a figure is not finite,
 * GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_evaluate(const gkv_model *model, const gkv_dataset *test,
                                             const gkv_settings *settings, const gkv_eval_options *options,
                                             gkv_metrics *metrics);

/* The share of the test images of settings->eval, as the model is to see them, whose most probable class
 * given their code (gkv_model_code, gkv_model_classify) is their label. NaN for a model without classes or
 * images without labels. GKV_ERR_CONFIG for eval.images beyond the set, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_class_accuracy(const gkv_model *model, const gkv_dataset *test,
                                                   const gkv_settings *settings, double *accuracy);

/* Writes the figures as one flat JSON object; NaN as null. docs/files.md lists the keys. */
GKV_API GKV_MUST_USE gkv_status gkv_metrics_write(const gkv_metrics *metrics, const char *path);

/* The images first … first + n − 1 of a half as the model is to see them, [n, pixels]: grey,
 * or binarized once, the test half from eval.seed and the training half from train.seed, as
 * validation and static binarization do. GKV_ERR_ARGUMENT if there are not so many,
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_targets(const gkv_settings *settings, const gkv_dataset *images,
                                            gkv_split half, size_t first, size_t n, float *targets);

#ifdef __cplusplus
}
#endif
#endif
