/* Settings of data, model, training and evaluation.
 *
 * A gkv_settings is plain data. gkv_settings_defaults() fills it; an INI file and
 * single "section.key" assignments change it. Every key, with its default, range
 * and meaning, is one row of the table behind gkv_settings_key_at(), from which
 * docs/configuration.md and the program's help are made.
 *
 * The structs are the sections of an INI file, and their members are its keys, with the same names.
 * Rarely used members are therefore not in a separate struct, as in gkv_refine_settings.advanced: a
 * key would then have two names.
 *
 * No pointer may be NULL unless the comment of the function allows it: GKV_ERR_ARGUMENT. All
 * functions are thread-safe for different settings. */
#ifndef GKVAE_SETTINGS_H
#define GKVAE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GKV_NAME_SIZE = 32, GKV_PATH_SIZE = 1024 };
enum { GKV_RANGE_SIZE = 64 };  /* of two numbers of 17 digits and a comma */
enum { GKV_DIGEST_SIZE = 65 }; /* of a SHA-256: 64 hexadecimal digits and a NUL */

/* The values of the keys that are choices, in the order in which gkv_settings_key.range lists their
 * names. */

typedef enum gkv_binarization {
    GKV_BINARIZE_DYNAMIC,   /* dynamic: pixels are drawn anew at every step */
    GKV_BINARIZE_STATIC,    /* static: pixels are drawn once */
    GKV_BINARIZE_GREY,      /* grey: pixels keep their grey levels */
    GKV_BINARIZE_CONTINUOUS /* continuous: the numbers of an array of floats */
} gkv_binarization;

typedef enum gkv_channels {
    GKV_CHANNELS_AUTO,  /* auto: colour if a pixel of any image is not grey */
    GKV_CHANNELS_GREY,  /* 1: colour becomes its luma */
    GKV_CHANNELS_COLOUR /* 3: grey becomes three equal channels */
} gkv_channels;

typedef enum gkv_net_family {
    GKV_NET_MLP,  /* mlp: a multilayer perceptron */
    GKV_NET_CONV, /* conv: a residual convolutional network */
    GKV_NETS
} gkv_net_family;

typedef enum gkv_block {
    GKV_BLOCK_SILU,     /* silu: LayerNorm and SiLU */
    GKV_BLOCK_RESIDUAL, /* residual: the same with its input added, except in the first layer */
    GKV_BLOCK_GATED,    /* gated: h·sigmoid(g) */
    GKV_BLOCKS
} gkv_block;

typedef enum gkv_conv_block {
    GKV_CONV_BLOCK_FULL,      /* full: convolutions 3×3 */
    GKV_CONV_BLOCK_DEPTHWISE, /* depthwise: depthwise convolutions 3×3, then 1×1 */
    GKV_CONV_BLOCKS
} gkv_conv_block;

typedef enum gkv_downsampling {
    GKV_DOWNSAMPLING_UNSHUFFLE, /* unshuffle: 2×2 pixels become channels, then convolution 1×1 */
    GKV_DOWNSAMPLING_STRIDE,    /* stride: LayerNorm, SiLU, convolution 3×3 with stride 2 */
    GKV_DOWNSAMPLINGS
} gkv_downsampling;

typedef enum gkv_posterior_family {
    GKV_POSTERIOR_NORMAL,       /* normal: independent dimensions */
    GKV_POSTERIOR_FULL,         /* full: normal with any covariance */
    GKV_POSTERIOR_GK,           /* gk: g-and-k noise with one shape for all images */
    GKV_POSTERIOR_GK_AMORTIZED, /* gk-amortized: g-and-k noise with a shape for each image */
    GKV_POSTERIORS
} gkv_posterior_family;

typedef enum gkv_posterior_flow_family {
    GKV_POSTERIOR_FLOW_NONE,
    GKV_POSTERIOR_FLOW_PLANAR,
    GKV_POSTERIOR_FLOW_RADIAL,
    GKV_POSTERIOR_FLOW_IAF,
    GKV_POSTERIOR_FLOW_SYLVESTER_ORTHOGONAL,
    GKV_POSTERIOR_FLOW_SYLVESTER_HOUSEHOLDER,
    GKV_POSTERIOR_FLOWS
} gkv_posterior_flow_family;

typedef enum gkv_prior_flow_family {
    GKV_PRIOR_FLOW_NONE,
    GKV_PRIOR_FLOW_REALNVP,
    GKV_PRIOR_FLOW_SPLINE,
    GKV_PRIOR_FLOW_GK_COUPLING,
    GKV_PRIOR_FLOW_MAF,
    GKV_PRIOR_FLOW_GLOW,
    GKV_PRIOR_FLOWS
} gkv_prior_flow_family;

typedef enum gkv_base_family {
    GKV_BASE_NORMAL,           /* normal: N(0, I) */
    GKV_BASE_FULL_GAUSSIAN,    /* full-gaussian: normal with any covariance */
    GKV_BASE_STUDENT_T,        /* student-t: independent Student's t */
    GKV_BASE_GK,               /* gk: independent g-and-k */
    GKV_BASE_GK_COPULA,        /* gk-copula: g-and-k margins joined by a Gaussian copula */
    GKV_BASE_GAUSSIAN_MIXTURE, /* gaussian-mixture */
    GKV_BASE_GK_MIXTURE,       /* gk-mixture: a mixture of multivariate g-and-k distributions */
    GKV_BASE_GK_BY_CLASS,      /* gk-by-class: such a mixture for each label */
    GKV_BASES
} gkv_base_family;

/* What settings, models and pages need to know of a base. Strings live as long as the program. */
typedef struct gkv_base_facts {
    /* As in "independent Student's t distributions"; NULL for a mixture, whose components depend on
     * other keys. */
    const char *words;
    const char *margin; /* A margin, as in "a Student's t distribution". */
    /* How a refit fits it, as in "expectation–maximization"; NULL if there is nothing to fit. */
    const char *refit;
    bool is_standard_normal;  /* It is N(0, I). */
    bool has_full_covariance; /* It has any covariance, whatever model.base_covariance is. */
    bool has_shapes;          /* Its margins, or those of its components, are g-and-k. */
    /* It is a mixture: the keys of components and of their covariance have an effect. */
    bool has_components;
    bool has_classes; /* It has components for each label. */
} gkv_base_facts;

/* The likelihood p(x|z) of an image's values given its code. */
typedef enum gkv_likelihood_family {
    GKV_LIKELIHOOD_BERNOULLI,        /* bernoulli: pixels that are 0 or 1 */
    GKV_LIKELIHOOD_LOGISTIC_MIXTURE, /* logistic-mixture: levels, by discretised logistics */
    GKV_LIKELIHOOD_GK,               /* gk: levels, by a discretised g-and-k distribution */
    GKV_LIKELIHOOD_GK_MIXTURE,       /* gk-mixture: levels, by discretised g-and-k's */
    GKV_LIKELIHOOD_NORMAL_DENSITY,   /* normal-density: real numbers, normal */
    GKV_LIKELIHOOD_GK_DENSITY,       /* gk-density: real numbers, g-and-k */
    GKV_LIKELIHOODS
} gkv_likelihood_family;

/* What the pixels of a model are, and so what its figures are figures of. */
typedef enum gkv_pixels {
    /* 0 or 1: images are binarized, and −log p(x) is of binary pixels */
    GKV_PIXELS_BINARY,
    /* mean levels: grey images under the Bernoulli likelihood, a cross-entropy and not a
     * probability */
    GKV_PIXELS_MEAN_LEVELS,
    /* one of 256 levels: −log p(x) is of grey levels, also in bits per dimension */
    GKV_PIXELS_LEVELS,
    /* real numbers: p is a density in the units of the data, not a probability; −log p(x) in nats
     * may be negative */
    GKV_PIXELS_CONTINUOUS
} gkv_pixels;

/* What settings, models and pages need to know of a likelihood. */
typedef struct gkv_likelihood_facts {
    gkv_pixels pixels;        /* GKV_PIXELS_BINARY, GKV_PIXELS_LEVELS or GKV_PIXELS_CONTINUOUS */
    const char *distribution; /* that of a value, as in "g-and-k"; NULL for Bernoulli */
    bool is_mixture;          /* It has model.likelihood_components of these. */
} gkv_likelihood_facts;

/* How the base is fitted. The two methods are flags, so lm+grad is both. */
typedef enum gkv_base_fitting {
    GKV_FIT_FIXED = 0,      /* fixed: it stays as it starts */
    GKV_FIT_LM = 1,         /* lm: refits by Levenberg–Marquardt, for mixtures within EM */
    GKV_FIT_GRADIENT = 2,   /* grad: gradients of the objective */
    GKV_FIT_LM_GRADIENT = 3 /* lm+grad: gradients between refits */
} gkv_base_fitting;

/* The correlations within a component of a mixture. */
typedef enum gkv_covariance {
    GKV_COVARIANCE_FULL,     /* full: any correlation matrix */
    GKV_COVARIANCE_LOW_RANK, /* low-rank: that of a model with few factors */
    GKV_COVARIANCE_DIAGONAL  /* diagonal: none */
} gkv_covariance;

typedef enum gkv_bound { GKV_BOUND_ELBO, GKV_BOUND_IWAE } gkv_bound;

typedef enum gkv_resampling {
    GKV_RESAMPLING_NONE, /* none: the model learns from all draws of an image */
    /* importance: the model learns from one draw, chosen by its importance weight */
    GKV_RESAMPLING_IMPORTANCE
} gkv_resampling;

typedef enum gkv_encoder_gradient {
    GKV_GRADIENT_TOTAL,          /* total: the gradient of the objective */
    GKV_GRADIENT_PATH_DERIVATIVE /* path-derivative: without the score term of log q(z|x) */
} gkv_encoder_gradient;

typedef enum gkv_generation_scope {
    GKV_GENERATION_ALL,     /* all: every set of images in every form */
    GKV_GENERATION_SAMPLES, /* samples: the draws from the prior as pixel means */
    GKV_GENERATION_NONE     /* none */
} gkv_generation_scope;

typedef struct gkv_data_settings {
    /* Name of the data set: mnist, fashion-mnist, or any other for your own files. */
    char dataset[GKV_NAME_SIZE];
    /* Folder that contains DATASET/train-images-idx3-ubyte[.gz] and the other files. */
    char folder[GKV_PATH_SIZE];
    /* File of the training images. "" takes the standard name in the folder. */
    char train_images[GKV_PATH_SIZE];
    char train_labels[GKV_PATH_SIZE]; /* File of the training labels. "" takes the standard name. */
    char test_images[GKV_PATH_SIZE];  /* File of the test images. "" takes the standard name. */
    char test_labels[GKV_PATH_SIZE];  /* File of the test labels. "" takes the standard name. */
    /* SHA-256 that the uncompressed content of the training images' file must have. "" takes any
     * file. Training fills it in. */
    char train_images_sha256[GKV_DIGEST_SIZE];
    char train_labels_sha256[GKV_DIGEST_SIZE]; /* The same for the training labels. */
    bool invert;                               /* Whether to take 255 − level for every level. */
    bool transpose;        /* Whether to exchange rows and columns of the images. */
    gkv_channels channels; /* Whether images are grey or in colour. */
    /* "HEIGHTxWIDTH" to which images are resized, or "". */
    char resize[GKV_NAME_SIZE];
    /* What is behind pixels that are not opaque: "white", "black" or six hexadecimal digits. */
    char background[GKV_NAME_SIZE];
    bool skip_bad;                 /* Whether files of a folder that cannot be read are left out. */
    gkv_binarization binarization; /* How grey levels become 0 and 1. */
    /* "LOW,HIGH" of the numbers of continuous data, as gkv_settings_range() reads them, or "". */
    char range[GKV_RANGE_SIZE];
    int64_t validation; /* Number of training images held out for validation. */
} gkv_data_settings;

typedef struct gkv_model_settings {
    int64_t latent;     /* Dimensions of z. */
    gkv_net_family net; /* Family of encoder and decoder. */
    /* Units of each hidden layer of the encoder and of the decoder. */
    int64_t hidden;
    /* Hidden layers of the encoder, and of the decoder. */
    int64_t layers;
    gkv_block block; /* Form of a hidden layer. */
    /* Channels of a convolutional network at half and at a quarter of the images' resolution. */
    int64_t half_channels, quarter_channels;
    int64_t conv_blocks;                      /* Its residual blocks at each resolution. */
    gkv_conv_block conv_block;                /* The convolutions of its blocks. */
    gkv_downsampling downsampling;            /* How its encoder halves the resolution. */
    gkv_posterior_family posterior;           /* Family of q(z|x). */
    gkv_posterior_flow_family posterior_flow; /* Flow that follows the posterior. */
    int64_t posterior_layers;                 /* Layers of the posterior's flow. */
    gkv_prior_flow_family prior_flow;         /* Flow between the base and the prior p(z). */
    int64_t prior_layers;                     /* Layers of the prior's flow. */
    /* Units of each hidden layer of the network of such a layer. */
    int64_t prior_hidden;
    double log_scale_bound; /* Log-scales in the flow are log_scale_bound·tanh(·). */
    int64_t spline_bins;    /* Bins of each spline of prior_flow = spline. */
    /* These splines are linear outside [−spline_bound, spline_bound]. */
    double spline_bound;
    gkv_base_family base;      /* Base distribution of the prior. */
    gkv_base_fitting base_fit; /* How the base is fitted. */
    /* Components of a mixture; for gk-by-class, of each label's mixture. */
    int64_t base_components;
    gkv_covariance base_covariance; /* Correlations within a component. */
    int64_t base_rank;              /* Factors of a low-rank correlation. */
    bool base_tied_shapes;          /* Whether all components have the same g and k. */
    int64_t base_classes;           /* Number of labels for gk-by-class. */
    /* The base's g and k before any fit. */
    double base_g, base_k;
    /* Likelihood p(x|z). */
    gkv_likelihood_family likelihood;
    /* Components of the likelihood's mixture. */
    int64_t likelihood_components;
    /* Whether edges between grey levels are learned. */
    bool learned_edges;
} gkv_model_settings;

typedef struct gkv_train_settings {
    int64_t epochs;            /* Passes over the training images. */
    int64_t batch;             /* Images per step. */
    gkv_bound objective;       /* The bound that is maximized. */
    int64_t samples;           /* Draws of z for each image of a step. */
    gkv_resampling resampling; /* The draws of an image from which the model learns. */
    /* Number of initial epochs that use the ELBO with one draw of each image. */
    int64_t elbo_epochs;
    gkv_encoder_gradient gradient; /* The encoder's gradient. */
    double learning_rate;          /* Adam's step size at the start of a cosine decay to 0. */
    double weight_decay;           /* AdamW's weight decay; 0 is none. */
    double clip_norm;              /* Bound on the norm of the gradient; 0 is none. */
    double kl_weight;              /* Weight β of the KL term; 1 is the ELBO. */
    double kl_warmup;              /* Epochs over which the weight of the KL term rises from 0. */
    /* Fraction of the images with elastic augmentation, at the start. */
    double augmentation;
    double free_bits;         /* Nats of an image's KL term that cost nothing; 0 is none. */
    double refit_every;       /* Epochs between refits of the base; may be below 1. */
    int64_t refit_iterations; /* Iterations of EM in a refit of a mixture to codes. */
    int64_t refit_codes;      /* Training codes of a refit to codes. */
    /* Steps between refits from sufficient statistics; 0 refits to codes instead. */
    int64_t refit_steps;
    /* Window of the running sufficient statistics, in epochs of images. */
    double refit_window;
    /* Fraction in (0, 1] of the way to the new parameters that a refit tries. */
    double refit_damping;
    double ema; /* Decay per step of the average of the weights; 0 is off. */
    /* Number of last epochs, which use semi-amortized fine-tuning. */
    int64_t fine_tune_epochs;
    int64_t fine_tune_iterations; /* Iterations of refinement for each image in fine-tuning. */
    int64_t fine_tune_samples;    /* Curvature samples of an iteration in fine-tuning; even. */
    /* Epochs without a better validation −ELBO before training stops; 0 is off. */
    int64_t patience;
    int64_t checkpoint_every; /* Epochs between checkpoints. */
    /* Seed of the weights, the order of images and all training noise. */
    uint64_t seed;
    int64_t threads; /* Threads; 0 stands for "auto", one per processor. */
} gkv_train_settings;

typedef struct gkv_eval_settings {
    int64_t samples; /* Importance samples per image. */
    /* Number of test images, from the first; 0 stands for "all". */
    int64_t images;
    gkv_generation_scope generation; /* Which metrics of generation are measured. */
    /* Images in a set of draws; 0 stands for "auto", one per test image. */
    int64_t draws;
    int64_t draw_sets;  /* Number of sets of draws. */
    double temperature; /* Scale of the base's normal scores in the draws. */
    /* File of the feature network; "" takes that of the data set. */
    char features[GKV_PATH_SIZE];
    /* Seed of posterior noise, of draws and of the test set's binarization. */
    uint64_t seed;
} gkv_eval_settings;

typedef struct gkv_settings {
    gkv_data_settings data;
    gkv_model_settings model;
    gkv_train_settings train;
    gkv_eval_settings eval;
} gkv_settings;

/* Fills every field with its default. NULL does nothing. */
GKV_API void gkv_settings_defaults(gkv_settings *settings);

/* Applies an INI file ([section], key = value, # and ; comments) to *settings.
 * GKV_ERR_IO if it cannot be read; GKV_ERR_CONFIG, with file, line and the nearest
 * valid name, for an unknown section or key or a bad value. On failure *settings
 * is unchanged. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_read(gkv_settings *settings, const char *path);

/* Applies one assignment: name is "section.key". GKV_ERR_CONFIG as above; `origin`
 * (as in "--set") is named in the message. NULL stands for "settings". */
GKV_API GKV_MUST_USE gkv_status gkv_settings_set(gkv_settings *settings, const char *name,
                                                 const char *value, const char *origin);

/* Checks every value and the combinations of values, such as a posterior flow with no layers.
 * Training checks what also depends on the data, such as the batch size. GKV_ERR_CONFIG. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_check(const gkv_settings *settings);

/* Writes every key as an INI file, so that reading it gives the same settings back
 * exactly. The file appears whole or not at all. GKV_ERR_IO. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_write(const gkv_settings *settings, const char *path);

/* The sections of a configuration, in their order. */
typedef enum gkv_section {
    GKV_SECTION_DATA,
    GKV_SECTION_MODEL,
    GKV_SECTION_TRAIN,
    GKV_SECTION_EVAL,
    GKV_SECTIONS
} gkv_section;

/* What the values of a key are, and the type of its member of gkv_settings. */
typedef enum gkv_key_kind {
    GKV_KIND_INTEGER, /* int64_t */
    GKV_KIND_SEED,    /* uint64_t */
    GKV_KIND_NUMBER,  /* double */
    GKV_KIND_CHOICE,  /* an enum: the index of one of the names listed in gkv_settings_key.range */
    GKV_KIND_SWITCH,  /* bool: the index of one of the names "no, yes" */
    GKV_KIND_LABEL,   /* any name that can be part of a path */
    GKV_KIND_PATH,    /* a path that may be empty */
    GKV_KIND_FOLDER,  /* a path that may not be empty */
    GKV_KIND_DIGEST,  /* a SHA-256 in hexadecimal, or nothing */
    GKV_KIND_SIZE,    /* HEIGHTxWIDTH, or nothing */
    GKV_KIND_RANGE,   /* LOW,HIGH, or nothing */
    GKV_KIND_COLOUR,  /* white, black or six hexadecimal digits */
    GKV_KINDS
} gkv_key_kind;

/* What a key is for. The facts are flags. */
typedef enum gkv_key_fact {
    /* It says where files are or how many threads there are. Files of models do not have it, and
     * the ranks of a training may have different values. */
    GKV_KEY_IS_LOCAL = 1,
    /* Models that were trained with different values are different models. */
    GKV_KEY_CHANGES_MODEL = 2,
    /* It belongs to a trained model, and an evaluation cannot change it. */
    GKV_KEY_IS_MODELS = 4
} gkv_key_fact;

/* One key of the table. Strings live as long as the program. */
typedef struct gkv_settings_key {
    const char *section, *name;
    /* the kind in a word: "integer", "number", "name", "path", "sha256", "size", "range" or
     * "colour" */
    const char *type;
    const char *range;   /* as in "1 … 4096" or "normal, gk, gk-copula"; "" when free */
    const char *meaning; /* one or more sentences */
    gkv_section section_id;
    gkv_key_kind kind;
    unsigned facts; /* those gkv_key_fact that hold, joined by | */
} gkv_settings_key;

/* Writes the name of a choice's value to text and returns text: for "model.base" and GKV_BASE_GK it
 * is "gk". The name is "" for an unknown key or NULL, a key that is not a choice, and a value out
 * of range. Returns NULL if `text` is NULL. */
GKV_API const char *gkv_settings_choice(const char *name, int value, char text[GKV_NAME_SIZE]);

/* What the pixels of a model with these settings are: by model.likelihood and data.binarization.
 * NULL stands for the defaults. Thread-safe. */
GKV_API gkv_pixels gkv_settings_pixels(const gkv_settings *settings);

/* Reads data.range: the two numbers that continuous data (GKV_PIXELS_CONTINUOUS) have as 0 and 1 in
 * a model. Returns false, and 0 and 1, if there is none, which is so for all other data. NULL
 * stands for the defaults. Thread-safe. */
GKV_API bool gkv_settings_range(const gkv_data_settings *settings, double range[2]);

/* The facts of a family of bases; NULL for a value out of range. Thread-safe. */
GKV_API const gkv_base_facts *gkv_base_facts_of(gkv_base_family family);

/* The facts of a family of likelihoods; NULL for a value out of range. Thread-safe. */
GKV_API const gkv_likelihood_facts *gkv_likelihood_facts_of(gkv_likelihood_family family);

/* The title of a family of prior flows, as in "RealNVP"; NULL for none, and for a value out of
 * range. Thread-safe. */
GKV_API const char *gkv_prior_flow_title(gkv_prior_flow_family family);

/* The i-th key, from 0; NULL past the last. */
GKV_API const gkv_settings_key *gkv_settings_key_at(size_t i);

/* Writes the value of a key ("section.key") as text to the caller's buffer value[size].
 * GKV_ERR_CONFIG for an unknown key, GKV_ERR_ARGUMENT for a short buffer. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_get(const gkv_settings *settings, const char *name,
                                                 size_t size, char *value);

#ifdef __cplusplus
}
#endif
#endif
