/* Settings of data, model, training and evaluation.
 *
 * A gkv_settings is plain data. gkv_settings_defaults() fills it; an INI file and
 * single "section.key" assignments change it. Every key, with its default, range
 * and meaning, is one row of the table behind gkv_settings_key_at(), from which
 * docs/configuration.md and the program's help are made. */
#ifndef GKVAE_SETTINGS_H
#define GKVAE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GKV_NAME_SIZE = 32, GKV_PATH_SIZE = 1024 };

typedef struct gkv_data_settings {
    char dataset[GKV_NAME_SIZE];        /* mnist, fashion-mnist, or any name for one's own files */
    char folder[GKV_PATH_SIZE];         /* holds DATASET/train-images-idx3-ubyte[.gz] and so on */
    char train_images[GKV_PATH_SIZE];   /* "" takes the standard name in the folder */
    char train_labels[GKV_PATH_SIZE];
    char test_images[GKV_PATH_SIZE];
    char test_labels[GKV_PATH_SIZE];
    char binarization[GKV_NAME_SIZE];   /* dynamic, static or grey */
    int64_t validation;                 /* training images held out */
} gkv_data_settings;

typedef struct gkv_model_settings {
    int64_t latent;                     /* dimensions of z */
    int64_t hidden;                     /* units of each hidden layer of encoder and decoder */
    int64_t layers;                     /* hidden layers of each */
    char block[GKV_NAME_SIZE];          /* silu (LayerNorm + SiLU), residual (the same, its input added) or gated (h·sigmoid(g)) */
    char posterior[GKV_NAME_SIZE];      /* normal, full, gk or gk-amortized */
    char posterior_flow[GKV_NAME_SIZE]; /* none, planar or radial */
    int64_t posterior_layers;           /* K */
    char prior_flow[GKV_NAME_SIZE];     /* none or realnvp */
    int64_t prior_layers;               /* L */
    int64_t prior_hidden;               /* units of each hidden layer of a coupling net */
    double log_scale_bound;             /* coupling log-scales are bound·tanh(·) */
    char base[GKV_NAME_SIZE];           /* normal, full-gaussian, student-t, gk, gk-copula,
                                           gaussian-mixture, gk-mixture or gk-by-class */
    char base_fit[GKV_NAME_SIZE];       /* lm, grad, lm+grad or fixed */
    int64_t base_components;            /* of a mixture; of each label's, by class */
    char base_covariance[GKV_NAME_SIZE];/* full, low-rank or diagonal: within a component */
    int64_t base_rank;                  /* factors of a low-rank correlation */
    char base_shapes[GKV_NAME_SIZE];    /* own or shared: g and k of the components */
    int64_t base_classes;               /* labels, by class */
    double base_g, base_k;              /* the base's shape before any fit */
} gkv_model_settings;

typedef struct gkv_train_settings {
    int64_t epochs;
    int64_t batch;
    char objective[GKV_NAME_SIZE];      /* elbo or iwae */
    int64_t samples;                    /* draws of z for an image in a step */
    char backward[GKV_NAME_SIZE];       /* all or one: of these draws, those that the model learns from */
    int64_t elbo_epochs;                /* the first ones, on the ELBO by one draw whatever these say */
    char gradient[GKV_NAME_SIZE];       /* total or path: the encoder's */
    double learning_rate;               /* Adam's, at the start of a cosine decay to 0 */
    double weight_decay;                /* AdamW's; 0 is none */
    double clip_norm;                   /* bound on the gradient's norm; 0 is none */
    double kl_weight;                   /* of the KL term: β; 1 is the bound itself */
    double kl_warmup;                   /* epochs over which it rises from 0 */
    double warp;                        /* the share of images that are bent a little, at first */
    double free_bits;                   /* nats of an image's KL that cost nothing; 0 is none */
    double refit_every;                 /* epochs between base refits; below 1 several an epoch */
    int64_t refit_iterations;           /* of EM in a refit of a mixture */
    int64_t refit_codes;                /* training codes a refit is made from */
    int64_t refit_steps;                /* steps between a mixture's refits after the first; 0: as refit_every says */
    double refit_window;                /* epochs of images that these remember */
    double refit_damping;               /* in (0,1]: how far a refit first tries to move */
    double ema;                         /* decay of the weight average; 0 is off */
    int64_t fine_tune_epochs;              /* the last epochs, which train on refined posteriors */
    int64_t fine_tune_iterations;          /* of the refinement */
    int64_t fine_tune_samples;             /* of its curvature; even */
    int64_t patience;                   /* epochs without a better validation −ELBO; 0 is off */
    int64_t checkpoint_every;           /* epochs between checkpoints */
    uint64_t seed;
    int64_t threads;                    /* 0 stands for "auto": one per processor */
} gkv_train_settings;

typedef struct gkv_eval_settings {
    int64_t samples;                    /* importance samples per image */
    int64_t images;                     /* test images, from the first; 0 stands for "all" */
    char generation[GKV_NAME_SIZE];     /* all, samples or none: which metrics of generation are measured */
    int64_t draws;                      /* images in a set of draws; 0 stands for "auto": one per test image */
    int64_t draw_sets;                  /* sets of draws */
    double temperature;                 /* of these draws */
    char features[GKV_PATH_SIZE];       /* the feature network's file; "" takes the data set's own */
    uint64_t seed;                      /* of posterior noise and of the test set's binarization */
} gkv_eval_settings;

typedef struct gkv_settings {
    gkv_data_settings data;
    gkv_model_settings model;
    gkv_train_settings train;
    gkv_eval_settings eval;
} gkv_settings;

/* Fills every field with its default. */
GKV_API void gkv_settings_defaults(gkv_settings *settings);

/* Applies an INI file ([section], key = value, # and ; comments) to *settings.
 * GKV_ERR_IO if it cannot be read; GKV_ERR_CONFIG, with file, line and the nearest
 * valid name, for an unknown section or key or a bad value. On failure *settings
 * is unchanged. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_read(gkv_settings *settings, const char *path);

/* Applies one assignment: name is "section.key". GKV_ERR_CONFIG as above; `origin`
 * (as in "--set") is named in the message. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_set(gkv_settings *settings, const char *name, const char *value,
                                                 const char *origin);

/* Checks what no single key can say (a batch no larger than the data comes later):
 * combinations such as a posterior flow with no layers. GKV_ERR_CONFIG. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_check(const gkv_settings *settings);

/* Writes every key as an INI file, so that reading it gives the same settings back
 * exactly. The file appears whole or not at all. GKV_ERR_IO. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_write(const gkv_settings *settings, const char *path);

/* One key of the table. Strings live as long as the program. */
typedef struct gkv_settings_key {
    const char *section, *name;
    const char *type;    /* "integer", "number", "name" or "path" */
    const char *range;   /* as in "1 … 4096" or "normal, gk, gk-copula"; "" when free */
    const char *meaning; /* one sentence */
} gkv_settings_key;

/* The i-th key, from 0; NULL past the last. */
GKV_API const gkv_settings_key *gkv_settings_key_at(size_t i);

/* The value of a key ("section.key") as text, in the caller's buffer.
 * GKV_ERR_CONFIG for an unknown key, GKV_ERR_ARGUMENT for a short buffer. */
GKV_API GKV_MUST_USE gkv_status gkv_settings_get(const gkv_settings *settings, const char *name, char *value,
                                                 size_t size);

#ifdef __cplusplus
}
#endif
#endif
