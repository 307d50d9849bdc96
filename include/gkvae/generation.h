/* Metrics of generation: how realistic and how diverse a model's images are.
 *
 * Features of generated images are compared with features of the test images. A frozen network
 * (gkvae/features.h) computes the features. gkvae/generation_metrics.h has the metrics, and
 * docs/generation.md their definitions. Values depend on the network and on the number of draws, so
 * both are part of the protocol. */
#ifndef GKVAE_GENERATION_H
#define GKVAE_GENERATION_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/features.h"
#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which images are compared with the test images. */
typedef enum gkv_image_set {
    GKV_SET_SAMPLES = 0, /* decoded draws from the prior */
    GKV_SET_NORMAL,      /* decoded draws z ~ N(0, I) in place of the prior, as a control */
    /* decoded draws z ~ q(z|x) of the test images: the limit of this decoder */
    GKV_SET_POSTERIOR,
    GKV_SET_RECONSTRUCTIONS, /* decoded codes of the test images, without posterior noise */
    /* decoded refined codes of the test images, if the caller gives them */
    GKV_SET_REFINED,
    GKV_SET_TRAINING, /* training images: the floor, which a perfect model would reach */
    GKV_IMAGE_SETS
} gkv_image_set;

/* The form in which images are compared. */
typedef enum gkv_image_form {
    /* means of pixels: probabilities or mean levels, against grey test images */
    GKV_FORM_MEANS = 0,
    /* one Bernoulli draw of each pixel, against binarized test images; GKV_PIXELS_BINARY only */
    GKV_FORM_BINARY,
    /* one draw of each pixel's level, against grey test images; GKV_PIXELS_LEVELS only */
    GKV_FORM_LEVELS,
    GKV_IMAGE_FORMS
} gkv_image_form;

/* The figures of one set of images in one form. Those of GKV_SET_SAMPLES are means over
 * gkv_generation.sets sets of draws; every other set is measured once. A figure that is undefined
 * or was not measured is NaN, and so is the standard error of a single value. */
typedef struct gkv_generation_figures {
    /* Fréchet distance of features, and its standard error over sets of draws */
    double frechet, frechet_se;
    double kid, kid_se;       /* kernel distance, and its standard error over sets of draws */
    double precision, recall; /* as Kynkäänniemi et al. (2019) define them */
    double density, coverage; /* as Naeem et al. (2020) define them */
    double coverage_se;       /* the standard error of coverage over sets of draws */
    /* of the histogram of predicted classes, in nats; at most log(classes) */
    double class_entropy;
    double confidence; /* the mean of the classifier's largest probability */
    double confident;  /* the fraction of images whose largest probability is above 0.9 */
    /* the fraction of images whose most probable class is their label; NaN for draws from the prior
     * or N(0, I), and without labels */
    double recognised;
} gkv_generation_figures;

/* The figures of all sets and forms. `sets` is 0 if nothing was measured. */
typedef struct gkv_generation {
    gkv_generation_figures figures[GKV_IMAGE_SETS][GKV_IMAGE_FORMS];
    /* the fraction of each predicted class among the first set of samples, as means */
    double class_share[256];
    /* the fraction of each predicted class among the grey test images */
    double test_class_share[256];
    /* confidence, confident and recognised of the grey test images */
    double test_confidence, test_confident, test_recognised;
    /* The Euclidean distance to the nearest training image, for pixels in [0, 1]: the mean and the
     * standard error over up to 2,000 images each. The samples are those of the first set. */
    double nearest_samples, nearest_samples_se;
    double nearest_reconstructions, nearest_reconstructions_se;
    double nearest_test, nearest_test_se;
    /* the number of test images, and of reconstructions, in these means */
    uint64_t nearest_images;
    uint64_t draws;                        /* the number of images in a set of draws */
    uint64_t sets;                         /* the number of sets of draws */
    uint64_t references;                   /* the number of test images */
    uint64_t classes;                      /* the number of classes of the classifier */
    double temperature;                    /* the temperature of the draws from the prior */
    double seconds;                        /* wall-clock time */
    char features[65];                     /* the network's name, of at most 64 bytes */
    char features_sha256[GKV_DIGEST_SIZE]; /* the SHA-256 of its file */
    char protocol[384];                    /* a description of the counts and settings above */
} gkv_generation;

/* Sets all figures to NaN and all counts to 0, the values for no measurement. NULL does nothing. */
GKV_API void gkv_generation_none(gkv_generation *out);

/* Compares the model's images with all test images, by the settings generation, draws, draw_sets,
 * temperature and seed of settings->eval.
 *
 * With n = eval.draws, set s = 0 … draw_sets − 1 of samples consists of draws s·n … (s+1)·n − 1 of
 * eval.seed's sequence (gkv_model_sample). GKV_SET_NORMAL uses the normal scores of set 0, without
 * the temperature. GKV_SET_POSTERIOR uses draw i of gkv_model_sample_posterior with eval.seed for
 * test image i. GKV_SET_TRAINING has n training images, or all if there are fewer, in an order
 * drawn from eval.seed. gkv_model_sample_images draws the pixels of image i of set s with draw s·n
 * + i. A form that the model's pixels do not have is NaN.
 *
 * With eval.generation = samples, only GKV_SET_SAMPLES is measured, in GKV_FORM_MEANS, without
 * nearest training images. With eval.generation = none, nothing is measured. Figures that are not
 * measured are as gkv_generation_none() sets them.
 *
 * refined[test, latent] are refined codes of all test images, for GKV_SET_REFINED; they may be
 * NULL. NULL settings are those of the model. NULL `options` are the defaults, and 0 threads are
 * settings->train.threads. The units of progress are sets of images. The ranks of options->dist
 * share the images of each set and the comparisons. Memory does not grow with the number of sets.
 * Results are the same to the bit on any number of threads. After a failure *out is as
 * gkv_generation_none() sets it.
 *
 * GKV_ERR_ARGUMENT for NULL, for no set of draws, and for a negative number of draws or
 * temperature; GKV_ERR_DATA if the sizes of images, model and network differ, or a decoded pixel is
 * outside [0, 1] or NaN; GKV_ERR_NUMERIC if the Fréchet distance fails; GKV_ERR_INTERRUPTED,
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_evaluate_generation(
    const gkv_model *model, const gkv_dataset *test, const gkv_dataset *training,
    const gkv_features *network, const float *refined, const gkv_settings *settings,
    const gkv_run_options *options, gkv_generation *out);

#ifdef __cplusplus
}
#endif
#endif
