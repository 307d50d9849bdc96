/* Models: a trained VAE in memory.
 *
 * A model is the result of training (gkvae/train.h), or is read from a safetensors file. An image
 * is an array of `values` = height·width·channels floats in [0, 1], row by row. Grey images have
 * one channel; the channels red, green and blue of a pixel are neighbours. A code is an array of
 * `latent` floats. Arrays of n images or codes have one after another.
 *
 * The library distributes the work itself, so that results do not depend on the number of threads.
 * On a processor without AVX2 it loads OpenBLAS and calls it on one thread. OpenBLAS's number of
 * threads is set for the time of the call and restored after it. An application that itself calls
 * OpenBLAS at the same time may get fewer threads there.
 *
 * Thread-safety: functions that take a const gkv_model may run at the same time on one model.
 *
 * Options: NULL `options` are the defaults, and 0 threads are the number of the model
 * (train.threads). The units of progress are images or codes. After GKV_ERR_INTERRUPTED the outputs
 * are unspecified.
 *
 * NULL: functions return GKV_ERR_ARGUMENT for a pointer that is NULL where their comment does not
 * allow that, also for an array of no elements. */
#ifndef GKVAE_MODEL_H
#define GKVAE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/run.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_model gkv_model;

/* Creates a model of images with 1 channel (grey) or 3 (red, green and blue), with initial weights
 * drawn from settings->train.seed. mean[height·width·channels] is the mean image of the data, in
 * [0, 1] (gkv_dataset_mean). The channels of a model of levels depend on the earlier ones of the
 * same pixel (model.likelihood); those of binary pixels are independent. NULL settings are the
 * defaults. The caller frees *out with gkv_model_free(); it is NULL after a failure. GKV_ERR_CONFIG
 * for settings that cannot be built, GKV_ERR_ARGUMENT for sizes outside 1 … 65536, another number
 * of channels or a mean outside [0, 1], GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_create(size_t height, size_t width, size_t channels,
                                                 const double *mean, const gkv_settings *settings,
                                                 gkv_model **out);

/* Reads a model from a safetensors file of gkv_model_save() or of a training run. The caller frees
 * *out with gkv_model_free(); it is NULL after a failure. GKV_ERR_IO if the file cannot be read.
 * GKV_ERR_DATA if it is truncated, not a model, or holds numbers that are not a valid model; the
 * message names the tensor. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_load(const char *path, gkv_model **out);

/* Writes the weights to a safetensors file, with the settings as metadata. The file is written
 * completely or not at all. GKV_ERR_IO, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_save(const gkv_model *model, const char *path);

/* Frees a model. NULL does nothing. */
GKV_API void gkv_model_free(gkv_model *model);

/* Return the channels of an image, 1 or 3, and the number of its values, height·width·channels; 0
 * for NULL. */
GKV_API size_t gkv_model_channels(const gkv_model *model);
GKV_API size_t gkv_model_values(const gkv_model *model);
/* Return the height and the width of images in pixels, and the dimension of codes; 0 for NULL. */
GKV_API size_t gkv_model_height(const gkv_model *model);
GKV_API size_t gkv_model_width(const gkv_model *model);
GKV_API size_t gkv_model_latent(const gkv_model *model);
/* Returns the number of trained parameters, with those of the base; 0 for NULL. */
GKV_API size_t gkv_model_parameters(const gkv_model *model);
/* Returns the number of classes of the base (model.base = gk-by-class); 0 for any other base, and
 * for NULL. */
GKV_API size_t gkv_model_classes(const gkv_model *model);
/* Returns the settings that the model was created with; NULL for NULL. The model owns them. */
GKV_API const gkv_settings *gkv_model_settings_of(const gkv_model *model);
/* Sets the number of threads of the model's functions, 1 … 256. GKV_ERR_ARGUMENT for another
 * number. */
GKV_API GKV_MUST_USE gkv_status gkv_model_set_threads(gkv_model *model, int threads);

/* Writes the mean μ and the scale σ of the posteriors of images[n, values], before any posterior
 * flow, to mean[n, latent] and scale[n, latent]. Either may be NULL. Grey values are used
 * unchanged, so images for a model of binary images must be binarized first. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_posterior(const gkv_model *model, size_t n,
                                                    const float *images,
                                                    const gkv_run_options *options, float *mean,
                                                    float *scale);

/* Encodes images[n, values] to their codes[n, latent]. A code is z at the noise u = 0. For
 * normal noise without a posterior flow it is the posterior mean. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_encode(const gkv_model *model, size_t n,
                                                 const float *images,
                                                 const gkv_run_options *options, float *codes);

/* Draws z ~ q(z|x) for each of images[n, values], as codes[n, latent]. Image i uses number first +
 * i of the seed's noise. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_sample_posterior(const gkv_model *model, size_t n,
                                                           const float *images, uint64_t seed,
                                                           uint64_t first,
                                                           const gkv_run_options *options,
                                                           float *codes);

/* Decodes codes[n, latent] to the mean images of p(x|z), images[n, values] in [0, 1]: pixel
 * probabilities of a model of binary pixels, and mean levels divided by 255 of a model of levels.
 * In colour, the mean of a channel is given the means of the earlier channels of the pixel.
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_decode(const gkv_model *model, size_t n,
                                                 const float *codes, const gkv_run_options *options,
                                                 float *images);

/* Does the same with the median of each value: 0 or 1 for binary pixels, a level divided by 255 for
 * levels; in colour given the medians of the earlier channels. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_decode_medians(const gkv_model *model, size_t n,
                                                         const float *codes,
                                                         const gkv_run_options *options,
                                                         float *images);

/* Draws images from p(x|z) at codes[n, latent], as images[n, values]: pixels that are 0 or 1, or
 * levels divided by 255. Image i uses number first + i of the seed's sequence, and its noise
 * depends only on the seed and its number. For binary pixels the result is that of
 * gkv_model_sample_pixels() for the images of gkv_model_decode(). GKV_ERR_ARGUMENT for a number
 * beyond 2³² − 1; GKV_ERR_CONFIG for a model that has mean levels only (GKV_PIXELS_MEAN_LEVELS);
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_sample_images(const gkv_model *model, size_t n,
                                                        const float *codes, uint64_t seed,
                                                        uint64_t first,
                                                        const gkv_run_options *options,
                                                        float *images);

/* Draws each pixel of n images as 0 or 1 from its probability: images[n, values] from
 * probabilities[n, values], as gkv_model_decode() writes them. Both may be the same array. The
 * draws are number first … first + n − 1 of the seed's sequence, and the noise of an image depends
 * only on the seed and its number. The numbers are arbitrary; the program uses those of the draws
 * from the prior. A pixel is 1 if a uniform multiple of 2⁻³² in [0, 1) is below its probability, so
 * probability 0 always gives 0, and probability 1 always gives 1. GKV_ERR_ARGUMENT for a
 * probability outside [0, 1] (the message names it), or for a number beyond 2³² − 1; GKV_ERR_CONFIG
 * for a model whose pixels are not binary (gkv_settings_pixels), whose means are no
 * probabilities. */
GKV_API GKV_MUST_USE gkv_status gkv_model_sample_pixels(const gkv_model *model, size_t n,
                                                        const float *probabilities, uint64_t seed,
                                                        uint64_t first,
                                                        const gkv_run_options *options,
                                                        float *images);

/* Draws codes[n, latent] from the prior: number first … first + n − 1 of the seed's sequence. The
 * sequence repeats after number 2³² − 1. docs/model.md defines the draws. ε is drawn from the base
 * with its normal scores multiplied by `temperature`. A temperature of 1 draws from the model, and
 * a lower one closer to the mode. GKV_ERR_ARGUMENT for a temperature that is negative or not
 * finite, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_sample(const gkv_model *model, size_t n, uint64_t seed,
                                                 uint64_t first, double temperature,
                                                 const gkv_run_options *options, float *codes);

/* Draws codes[n, latent] from the prior given class `which`, p(z | y), as gkv_model_sample() does
 * from p(z). The same errors; also GKV_ERR_ARGUMENT if there is no such class, and GKV_ERR_CONFIG
 * for a model without classes. */
GKV_API GKV_MUST_USE gkv_status gkv_model_sample_class(const gkv_model *model, size_t n,
                                                       size_t which, uint64_t seed, uint64_t first,
                                                       double temperature,
                                                       const gkv_run_options *options,
                                                       float *codes);

/* Computes the class probabilities p(y | z) = π_y p(z | y)/p(z) of codes[n, latent], as
 * probabilities[n, classes]. GKV_ERR_CONFIG for a model without classes; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_classify(const gkv_model *model, size_t n,
                                                   const float *codes,
                                                   const gkv_run_options *options,
                                                   double *probabilities);

/* Computes log p(z) of codes[n, latent] in nats, as log_prior[n]. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_log_prior(const gkv_model *model, size_t n,
                                                    const float *codes,
                                                    const gkv_run_options *options,
                                                    double *log_prior);

/* Computes log p(x|z) of images[n, values] at codes[n, latent] in nats, as log_likelihood[n]. Of a
 * model of grey levels each value is taken as the nearest level; with GKV_PIXELS_MEAN_LEVELS it is
 * the negative cross-entropy. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_log_likelihood(const gkv_model *model, size_t n,
                                                         const float *images, const float *codes,
                                                         const gkv_run_options *options,
                                                         double *log_likelihood);

/* gkv_model_normalise() maps codes[n, latent] to eps[n, latent] by ε = h⁻¹(z), where h is the
 * prior's flow and the base is the distribution of ε. gkv_model_generate() maps ε back to codes.
 * Both may be the same array. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_model_normalise(const gkv_model *model, size_t n,
                                                    const float *codes,
                                                    const gkv_run_options *options, float *eps);
GKV_API GKV_MUST_USE gkv_status gkv_model_generate(const gkv_model *model, size_t n,
                                                   const float *eps, const gkv_run_options *options,
                                                   float *codes);

/* Writes the margin of one dimension of the base as (A, B, g, k, c). A normal base has (0, 1, 0, 0,
 * 0.8). GKV_ERR_ARGUMENT if there is no such dimension; GKV_ERR_CONFIG for mixtures and Student's
 * t, whose margins are not g-and-k distributions. */
GKV_API GKV_MUST_USE gkv_status gkv_model_base_margin(const gkv_model *model, size_t dimension,
                                                      double margin[5]);

/* Computes the density pdf[n] and the distribution function cdf[n] of one dimension of the base at
 * x[n]. Every base has them. GKV_ERR_ARGUMENT if there is no such dimension. */
GKV_API GKV_MUST_USE gkv_status gkv_model_base_margin_at(const gkv_model *model, size_t n,
                                                         size_t dimension, const double *x,
                                                         double *pdf, double *cdf);

#ifdef __cplusplus
}
#endif
#endif
