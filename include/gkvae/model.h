/* Models: a trained VAE in memory, and what can be asked of it.
 *
 * A model is made by training (gkvae/train.h) or read from a safetensors file.
 * Images are floats in [0, 1], row by row, `pixels` = height·width to an image;
 * codes are floats, `latent` to an image.
 *
 * Making or reading a model sets OpenBLAS to one thread a call for the whole process
 * (openblas_set_num_threads): gkvae splits the work itself, so that results do not
 * depend on the number of threads.
 *
 * Thread-safety: functions that take a const gkv_model may run at the same time on
 * one model. Work is spread over the model's threads (train.threads) with the same
 * results for any number of them. */
#ifndef GKVAE_MODEL_H
#define GKVAE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_model gkv_model;

/* A new model with initial weights drawn from settings->train.seed. mean[height·width]
 * is the data's mean image in [0, 1] (gkv_dataset_mean). The caller frees *out with
 * gkv_model_free(). GKV_ERR_CONFIG for settings that cannot be built, GKV_ERR_ARGUMENT
 * for sizes outside 1 … 65536 or a mean outside [0, 1], GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_create(const gkv_settings *settings, size_t height, size_t width,
                                                 const double *mean, gkv_model **out);

/* Reads a model from a safetensors file made by gkv_model_save or a training run.
 * GKV_ERR_IO if it cannot be read, GKV_ERR_DATA if it is cut, foreign, or holds
 * numbers that are no valid model; the message names the tensor. */
GKV_API GKV_MUST_USE gkv_status gkv_model_load(const char *path, gkv_model **out);

/* Writes the weights, with the settings as metadata. The file appears whole or not at all. */
GKV_API GKV_MUST_USE gkv_status gkv_model_save(const gkv_model *model, const char *path);

/* NULL is fine. */
GKV_API void gkv_model_free(gkv_model *model);

/* Shapes and sizes. */
GKV_API size_t gkv_model_height(const gkv_model *model);
GKV_API size_t gkv_model_width(const gkv_model *model);
GKV_API size_t gkv_model_latent(const gkv_model *model);
/* Numbers in the model that training sets, the base's included. */
GKV_API size_t gkv_model_parameters(const gkv_model *model);
/* The settings it was made with; owned by the model. */
GKV_API const gkv_settings *gkv_model_settings_of(const gkv_model *model);
/* How many threads its functions use: 1 … 256. */
GKV_API GKV_MUST_USE gkv_status gkv_model_set_threads(gkv_model *model, int threads);

/* Mean and scale of the posterior of each of n images[n, pixels]: μ and σ before any
 * posterior flow, [n, latent] each; either may be NULL. Grey values are taken as they
 * are; binarize first for a model that was trained on binary images. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_encode(const gkv_model *model, size_t n, const float *images, float *mean,
                                                 float *scale);

/* The code of each image, [n, latent]: z at the noise u = 0, which for normal noise
 * without a posterior flow is the posterior mean. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_code(const gkv_model *model, size_t n, const float *images, float *codes);

/* A draw z ~ q(z|x) for each image, [n, latent]; number first … first + n − 1 of the
 * seed's noise. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_draw(const gkv_model *model, size_t n, const float *images, uint64_t seed,
                                               uint64_t first, float *codes);

/* Pixel probabilities [n, pixels] of n codes[n, latent]. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_decode(const gkv_model *model, size_t n, const float *codes,
                                                 float *images);

/* Draws each pixel of n images as 0 or 1 from its probability: images[n, pixels] from probabilities[n, pixels], as
 * gkv_model_decode gives them. Both may be the same array. The draws are number first … first + n − 1 of the seed's
 * sequence, and the noise of an image depends only on the seed and its number. The program gives these draws the
 * numbers of the draws from the prior, but any other numbers will do. A pixel is 1 if a uniform multiple of 2⁻³² in
 * [0, 1) is below its probability: never at 0, always at 1. GKV_ERR_ARGUMENT for NULL, for a probability outside [0,
 * 1] (the message says which), or beyond number 2³² − 1; GKV_ERR_CONFIG for a model of grey levels
 * (data.binarization = grey), whose decoder gives mean levels. */
GKV_API GKV_MUST_USE gkv_status gkv_model_draw_pixels(const gkv_model *model, size_t n, const float *probabilities,
                                                      uint64_t seed, uint64_t first, float *images);

/* n draws from the prior, number first … first + n − 1 of the seed's sequence, as codes [n, latent]. The sequence
 * repeats after number 2³² − 1. docs/model.md defines the draws. ε is drawn from the base with its normal scores
 * multiplied by `temperature` (1 is the model; less is nearer to the mode). GKV_ERR_ARGUMENT for a temperature that
 * is negative or not finite, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_sample(const gkv_model *model, size_t n, uint64_t seed, uint64_t first,
                                                 double temperature, float *codes);

/* How many classes the base is made of (model.base = gk-by-class); 0 for every other one. */
GKV_API size_t gkv_model_classes(const gkv_model *model);

/* As gkv_model_sample, from the prior given the class, p(z | y). GKV_ERR_ARGUMENT if there is no such
 * class; GKV_ERR_CONFIG for a model without any. */
GKV_API GKV_MUST_USE gkv_status gkv_model_sample_class(const gkv_model *model, size_t which, size_t n, uint64_t seed,
                                                       uint64_t first, double temperature, float *codes);

/* p(y | z) of n codes[n, latent], [n, classes]: π_y p(z | y)/p(z). GKV_ERR_CONFIG for a model without
 * classes; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_classify(const gkv_model *model, size_t n, const float *codes,
                                                   double *probabilities);

/* log p(z), in nats, of n codes[n, latent]. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_log_prior(const gkv_model *model, size_t n, const float *codes,
                                                    double *log_prior);

/* ε = h⁻¹(z), what the base is the distribution of, and back: [n, latent] each, which may
 * be the same array. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_normalise(const gkv_model *model, size_t n, const float *codes,
                                                    float *eps);
GKV_API GKV_MUST_USE gkv_status gkv_model_generate(const gkv_model *model, size_t n, const float *eps,
                                                   float *codes);

/* The base's margin of one dimension as (A, B, g, k, c); a normal base is (0, 1, 0, 0, 0.8).
 * GKV_ERR_ARGUMENT if there is no such dimension; GKV_ERR_CONFIG for mixtures and Student's t, whose
 * margins are no g-and-k distributions. */
GKV_API GKV_MUST_USE gkv_status gkv_model_base_margin(const gkv_model *model, size_t dimension, double margin[5]);

/* Density and distribution function of the base's margin of one dimension at x[n], for every base.
 * GKV_ERR_ARGUMENT if there is no such dimension. */
GKV_API GKV_MUST_USE gkv_status gkv_model_base_margin_at(const gkv_model *model, size_t dimension, size_t n,
                                                         const double *x, double *pdf, double *cdf);

#ifdef __cplusplus
}
#endif
#endif
