/* Evaluation of a model on a data set, by a protocol that the results state.
 *
 * Thread-safety: every function may run at the same time on several threads with different
 * outputs. */
#ifndef GKVAE_EVAL_H
#define GKVAE_EVAL_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/generation.h"
#include "gkvae/model.h"
#include "gkvae/refine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The figures of an evaluation whose posteriors are refined (gkvae/refine.h). They are means over
 * images and use the same posterior noise as gkv_metrics. A figure named X_se is the standard error
 * of X. */
typedef struct gkv_refined_metrics {
    double neg_elbo, neg_elbo_se;             /* As in gkv_metrics. */
    double reconstruction, reconstruction_se; /* As in gkv_metrics. */
    double kl, kl_se;                         /* As in gkv_metrics. */
    double nll, nll_se;                       /* As in gkv_metrics. */
    double ess;                               /* As in gkv_metrics. */
    double cross_entropy_before;              /* −log p(x|z) at the encoder's mean, in nats. */
    double cross_entropy;                     /* −log p(x|z) at the refined mean, in nats. */
    double mse, psnr, ssim;                   /* As in gkv_metrics, at the refined mean. */
    double accepted;                          /* The mean number of accepted iterations. */
    uint64_t improved;   /* The number of images with at least one accepted iteration. */
    double milliseconds; /* The wall-clock time of refinement per image. */
    /* The settings of the refinement: iterations and curvature samples; 0 without it. */
    size_t iterations, samples;
} gkv_refined_metrics;

/* The figures of an evaluation. Log-probabilities are means over images in nats per image. A figure
 * named X_se is the standard error of X over images. `pixels` tells what x is: with
 * GKV_PIXELS_BINARY the images binarized once, with GKV_PIXELS_LEVELS their grey levels. With
 * GKV_PIXELS_MEAN_LEVELS there is no likelihood: nll and ess are NaN, reconstruction is a
 * cross-entropy, and neg_elbo is the training loss. gkv_bits_per_dimension() converts figures of
 * grey levels. */
typedef struct gkv_metrics {
    double neg_elbo, neg_elbo_se;             /* E_q[−log p(x|z) − log p(z) + log q(z|x)]. */
    double reconstruction, reconstruction_se; /* E_q[−log p(x|z)]. */
    double kl, kl_se;                         /* E_q[log q(z|x) − log p(z)]. */
    /* −log p(x) by importance sampling (Burda et al. 2016, eq. 8). On average it is an upper bound,
     * which is tighter with more samples. */
    double nll, nll_se;
    /* The number of importance samples per image. The terms above are means over them. */
    uint64_t nll_samples;
    /* The effective sample size (Σw)²/Σw² of an image's importance weights. */
    double ess;
    /* The number of latent dimensions whose code has a variance over images above 0.01. */
    uint64_t active_units;
    /* The accuracy of the class with the largest p(y|z) at the codes (gkv_class_accuracy). NaN for
     * a model without classes or images without labels. */
    double class_accuracy;
    /* The decoder's probabilities at the code (u = 0) compared with the grey images. */
    double mse, psnr, ssim;
    gkv_pixels pixels;    /* What the pixels of the model are. */
    uint64_t values;      /* The number of values of an image: of pixels, times channels. */
    uint64_t channels;    /* 1 for grey images, 3 for images in colour. */
    uint64_t images;      /* The number of images. */
    uint64_t parameters;  /* The number of trained parameters of the model. */
    double train_seconds; /* The training time of the run; NaN if it is not known. */
    /* The part of train_seconds that refits of the base took; NaN if it is not known. */
    double refit_seconds;
    double eval_seconds; /* The wall-clock time of the evaluation. */
    int threads;         /* The number of threads of the evaluation. */
    uint64_t seed;       /* train.seed of the model. */
    uint64_t eval_seed;  /* eval.seed. */
    /* The figures with refined posteriors; NaN and 0 without refinement. */
    gkv_refined_metrics refined;
    /* As gkv_generation_none() sets it. gkv_evaluate_generation() measures it. */
    gkv_generation generation;
    char protocol[256]; /* A description of the targets, the images and the samples. */
    /* data.dataset, or the name of the file that data.test_images or data.train_images names. */
    char dataset[GKV_NAME_SIZE];
    /* The files of the images and their labels: path, and SHA-256 of the uncompressed
     * content. "" for images from memory, and without labels. */
    char images_file[GKV_PATH_SIZE], labels_file[GKV_PATH_SIZE];
    char images_sha256[GKV_DIGEST_SIZE], labels_sha256[GKV_DIGEST_SIZE];
} gkv_metrics;

/* The images of an evaluation. The split of the training part depends on train.seed and
 * data.validation. */
typedef enum gkv_eval_set {
    GKV_EVAL_TEST,      /* The test part. */
    GKV_EVAL_TRAIN,     /* The images of the training part that the model was trained on. */
    GKV_EVAL_VALIDATION /* The images of the training part that were held out for validation. */
} gkv_eval_set;

/* Returns nats/(values·log 2): a log-probability of an image of so many values in bits per
 * dimension, as it is usual for grey levels. */
GKV_API double gkv_bits_per_dimension(double nats, uint64_t values);

/* Evaluates the model on `images` by settings->eval and settings->data.binarization. Unless `set`
 * is GKV_EVAL_TEST, `images` must be the training part. Test images are binarized once from
 * eval.seed, and images of the training part once from train.seed, as validation does. eval.images
 * limits the evaluation to the first images; those of the training part are in the random order of
 * the split. NULL settings are those of the model.
 *
 * `refine` are the settings of refinement, or NULL for none. The mode must be GKV_REFINE_MEAN, and
 * eval.seed replaces the seed. refined_mean[images, latent] receives the refined means; it may be
 * NULL, and without refinement it is not written.
 *
 * NULL `options` are the defaults, and 0 threads are settings->train.threads. The units of progress
 * are images; with refinement each image counts twice. The ranks of options->dist share the images,
 * those of refinement in blocks of 500, and eval_seconds and milliseconds are those of each rank.
 *
 * train_seconds and refit_seconds are NaN. Memory does not grow with the number of samples. Results
 * are the same to the bit on any number of threads.
 *
 * GKV_ERR_DATA if the images and the model differ in size, or if images of the training part have
 * another mean than those of training; GKV_ERR_CONFIG for eval.images beyond the set, or a set
 * without images; GKV_ERR_ARGUMENT for NULL and for invalid arguments; GKV_ERR_NUMERIC if a figure
 * is not finite; GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_evaluate(const gkv_model *model, const gkv_dataset *images,
                                             gkv_eval_set set, const gkv_settings *settings,
                                             const gkv_refine_settings *refine,
                                             const gkv_run_options *options, float *refined_mean,
                                             gkv_metrics *metrics);

/* Estimates −ELBO and −log p(x) of each of images[n, pixels], as neg_elbo[n] and nll[n] in nats;
 * either may be NULL. The images are as the model sees them (gkv_targets), in [0, 1]. The estimates
 * are those of gkv_metrics with that many importance samples. Image i uses number first + i of the
 * seed's noise, so the means over the first test images, as targets of the same settings, are those
 * of gkv_evaluate() with eval.seed. Memory does not grow with the number of samples.
 *
 * NULL `options` are the defaults, and 0 threads are the model's number. The units of progress are
 * images. GKV_ERR_ARGUMENT for NULL and for 0 samples; GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_estimate(const gkv_model *model, size_t n, const float *images,
                                             size_t samples, uint64_t seed, uint64_t first,
                                             const gkv_run_options *options, double *neg_elbo,
                                             double *nll);

/* Computes the fraction of the test images whose label is the most probable class given the code
 * (gkv_model_encode, gkv_model_classify). The images are those of settings->eval. NULL settings are
 * those of the model. NaN for a model without classes or images without labels. The units of
 * progress are images, which the ranks of options->dist share. GKV_ERR_CONFIG for eval.images
 * beyond the set, GKV_ERR_ARGUMENT, GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_class_accuracy(const gkv_model *model, const gkv_dataset *test,
                                                   const gkv_settings *settings,
                                                   const gkv_run_options *options,
                                                   double *accuracy);

/* Writes the figures to a file as one flat JSON object. NaN is written as null. docs/files.md lists
 * the keys. GKV_ERR_ARGUMENT for NULL, GKV_ERR_IO. */
GKV_API GKV_MUST_USE gkv_status gkv_metrics_write(const gkv_metrics *metrics, const char *path);

/* Writes images first … first + n − 1 of one part of a data set, as the model sees them, to
 * targets[n, pixels]. They are grey, or binarized once: the test part from eval.seed and the
 * training part from train.seed, as validation and static binarization do. NULL settings are the
 * defaults. GKV_ERR_ARGUMENT for NULL, and if the part has fewer images; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_targets(const gkv_dataset *images, size_t n, gkv_split split,
                                            size_t first, const gkv_settings *settings,
                                            float *targets);

#ifdef __cplusplus
}
#endif
#endif
