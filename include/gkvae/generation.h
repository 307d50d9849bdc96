/* Metrics of generation: how realistic and how diverse a model's images are.
 *
 * Features of generated images are compared with features of the test images. A frozen network
 * (gkvae/features.h) makes the features, and the formulas are those of gkvae/generation_metrics.h. Values
 * depend on the network and on the number of draws, so that both are part of the protocol; docs/generation.md
 * has the definitions. */
#ifndef GKVAE_GENERATION_H
#define GKVAE_GENERATION_H

#include <signal.h>
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
    GKV_SET_SAMPLES = 0,      /* decoded draws from the prior */
    GKV_SET_NORMAL,           /* decoded draws z ~ N(0, I): what the prior is worth */
    GKV_SET_POSTERIOR,        /* decoded draws z ~ q(z|x) of the test images: the decoder's own limit */
    GKV_SET_RECONSTRUCTIONS,  /* decoded codes of the test images, without posterior noise */
    GKV_SET_REFINED,          /* decoded refined codes of the test images, if they are given */
    GKV_SET_TRAINING,         /* training images: the floor, which a perfect model would reach */
    GKV_IMAGE_SETS
} gkv_image_set;

/* In which form. */
typedef enum gkv_image_form {
    GKV_FORM_MEANS = 0, /* pixel probabilities, against grey test images */
    GKV_FORM_BINARY,    /* one Bernoulli draw of each pixel, against binarized test images; not of grey models */
    GKV_IMAGE_FORMS
} gkv_image_form;

/* The figures of one set of images in one form: means over the repetitions (`sets` sets of draws). NaN where a
 * figure is not defined or was not measured. */
typedef struct gkv_generation_figures {
    double frechet, frechet_se; /* Fréchet distance of features, and its standard error over repetitions */
    double kid, kid_se;         /* kernel distance, and its standard error over repetitions */
    double precision, recall;   /* shares, of Kynkäänniemi et al. (2019) */
    double density, coverage;   /* of Naeem et al. (2020) … */
    double coverage_se;         /* … and the coverage's standard error over repetitions */
    double class_entropy;       /* of the classifier's answers, in nats; log(classes) if all are equally frequent */
    double confidence;          /* the mean of the classifier's largest probability */
    double confident;           /* the share of images whose largest probability is above 0.9 */
    double recognised;          /* the share of images whose most probable class is their label; of posterior
                                   draws, reconstructions and training images with labels */
} gkv_generation_figures;

/* Everything that is measured. `sets` is 0 if nothing was. */
typedef struct gkv_generation {
    gkv_generation_figures of[GKV_IMAGE_SETS][GKV_IMAGE_FORMS];
    double class_share[256];      /* of the samples' means: how often the classifier answers each class */
    double test_class_share[256]; /* the same of the test images */
    double test_confidence, test_confident, test_recognised; /* the classifier's, of grey test images */
    /* Distance in pixels to the nearest training image, √Σ(Δ/255)², mean over `nearest_images` images. */
    double nearest_samples, nearest_samples_se;
    double nearest_reconstructions, nearest_reconstructions_se;
    double nearest_test, nearest_test_se;
    uint64_t nearest_images;
    uint64_t draws;               /* images in a set of draws */
    uint64_t sets;                /* sets of draws */
    uint64_t references;          /* test images */
    uint64_t classes;             /* of the classifier */
    double temperature;
    double seconds;
    char features[65];            /* the network's name, of at most 64 bytes, … */
    char features_sha256[65];     /* … and its file's SHA-256 */
    char protocol[384];           /* in words */
} gkv_generation;

/* A measurement of nothing: all figures NaN, all counts 0. */
GKV_API void gkv_generation_none(gkv_generation *out);

typedef struct gkv_generation_options {
    const float *refined;              /* refined codes of all test images, [test, latent], or NULL */
    void (*progress)(void *context, size_t done, size_t of); /* sets of images; may be NULL */
    void *context;
    const volatile sig_atomic_t *stop; /* may be NULL; nonzero ends it with GKV_ERR_INTERRUPTED */
} gkv_generation_options;

/* Measures the model's images against all test images, by settings->eval (draws, draw_sets, temperature, seed).
 *
 * Set s = 0 … draw_sets − 1 of draws from the prior is draws s·n … (s+1)·n − 1 of eval.seed, n being eval.draws;
 * posterior draws are those numbers of q(z|x)'s noise, and so are the uniform numbers that binarize their pixels.
 * Training images are n of them, in an order drawn from eval.seed. Of grey models GKV_FORM_BINARY is left NaN.
 * Memory does not grow with the number of sets. The same for any number of threads.
 *
 * GKV_ERR_DATA if images have another size than the model's or the network's; GKV_ERR_ARGUMENT for NULL, no
 * set of draws, or a negative number of draws or temperature;
 * GKV_ERR_NUMERIC if a feature is not finite; GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. options may be NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_evaluate_generation(const gkv_model *model, const gkv_dataset *test,
                                                        const gkv_dataset *training, const gkv_features *network,
                                                        const gkv_settings *settings,
                                                        const gkv_generation_options *options, gkv_generation *out);

#ifdef __cplusplus
}
#endif
#endif
