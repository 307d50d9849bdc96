/* Features of images, computed by a small classifier with fixed weights. Distances between sets of
 * images are measured in these features.
 *
 * The network is a LeNet (LeCun, Bottou, Bengio & Haffner 1998) that was trained to classify the
 * images of a data set. It has two convolutions of 5×5, each followed by ReLU and max-pooling 2×2,
 * then two linear layers with ReLU, and then a linear layer to the classes with a softmax. The
 * activations of the second linear layer are the features.
 *
 * gkvae has networks for MNIST and Fashion-MNIST, as files features/NAME.safetensors and built into
 * the library. gkv_features_train() makes a network for other labelled images. docs/files.md
 * describes the file format. Metrics can be compared only if the same network computed the
 * features, so state its SHA-256 with them.
 *
 * Thread-safety: a gkv_features never changes after it is made, so any number of threads may use
 * one.
 *
 * No pointer may be NULL unless the comment of the function allows it: GKV_ERR_ARGUMENT. */
#ifndef GKVAE_FEATURES_H
#define GKVAE_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_features gkv_features;

/* Makes the built-in network of a data set, which is "mnist" or "fashion-mnist". The caller frees
 * *out with gkv_features_free(); it is NULL after a failure. GKV_ERR_CONFIG for another data set;
 * the message says how to make a network. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_features_builtin(const char *dataset, gkv_features **out);

/* Reads a network from a file. The caller frees *out with gkv_features_free(); it is NULL after a
 * failure. GKV_ERR_IO if the file cannot be read. GKV_ERR_DATA if the file has another format, if a
 * tensor is missing or has another type or shape, or if weights are not finite or so large that a
 * sum could overflow; the message names the tensor or the field. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_features_load(const char *path, gkv_features **out);

/* Frees the network. NULL does nothing. */
GKV_API void gkv_features_free(gkv_features *features);

/* Return the height and width of the images in pixels, the number of features of an image, and the
 * number of classes; 0 for NULL. */
GKV_API size_t gkv_features_height(const gkv_features *features);
GKV_API size_t gkv_features_width(const gkv_features *features);
GKV_API size_t gkv_features_dimensions(const gkv_features *features);
GKV_API size_t gkv_features_classes(const gkv_features *features);

/* Return the name of the network's data set, such as "mnist", and the SHA-256 of its file in 64
 * hexadecimal digits; NULL for NULL. The network owns both strings. */
GKV_API const char *gkv_features_name(const gkv_features *features);
GKV_API const char *gkv_features_sha256(const gkv_features *features);

/* Computes the features and class probabilities of images[n, height·width], whose grey levels are
 * in [0,1], row by row. features[n, dimensions] receives the features, which are at least 0 because
 * of the ReLU. probabilities[n, classes] receives the probabilities, which sum to 1 for each image.
 * Either of the two may be NULL. NULL `options` are the defaults; the units of progress are images.
 * The results are the same to the bit for any number of threads.
 *
 * GKV_ERR_ARGUMENT for n of 0, and if both results are NULL. GKV_ERR_DATA for a pixel outside [0,1]
 * or NaN; the message names the image. GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. After a failure the
 * results are unspecified. */
GKV_API GKV_MUST_USE gkv_status gkv_features_apply(const gkv_features *network, size_t n,
                                                   const float *images,
                                                   const gkv_run_options *options, float *features,
                                                   float *probabilities);

/* --- Training ------------------------------------------------------------- */

/* Grey images with labels. The arrays are the caller's. */
typedef struct gkv_labelled_images {
    size_t count, height, width; /* Sides are 12 … 1024 pixels. */
    const uint8_t *levels;       /* [count, height, width], row by row; 255 is white */
    const uint8_t *labels;       /* [count] */
} gkv_labelled_images;

typedef struct gkv_features_train_settings {
    const char *name;     /* Of the data set, 1 … 64 bytes of printable text. */
    uint64_t seed;        /* Of the weights, the order, the shifts and dropout. */
    int epochs;           /* Passes over the training images, 1 … 10000. */
    int shift;            /* The most pixels that an image is shifted each way, 0 … 1024. */
    double learning_rate; /* Adam's first step size, above 0 and at most 1. */
} gkv_features_train_settings;

/* Sets the defaults: the name "mnist", seed 1, 10 epochs, shifts of up to 2 pixels, and a learning
 * rate of 0.002. */
GKV_API void gkv_features_train_defaults(gkv_features_train_settings *settings);

/* The details of progress at the end of an epoch; else they are NULL. */
typedef struct gkv_features_epoch {
    int epoch, epochs; /* The number of the epoch, from 1, and of all. */
    double loss;       /* Mean cross-entropy of its training images, in nats. */
} gkv_features_epoch;

/* Trains a network to classify images, and writes its file. The layers have 16 and 32 channels, 128
 * and 84 units, and as many classes as the greatest label + 1. Training is by Adam with weight
 * decay 0.01 and a cosine decay of the learning rate, in steps of 100 images, with cross-entropy as
 * the loss. Training images are shifted by a random number of pixels, and a quarter of the inputs
 * of the linear layers with ReLU are dropped (Srivastava et al. 2014). The same arguments give the
 * same bytes, for any number of threads.
 *
 * `test` may be NULL. Else *accuracy, unless NULL, receives the fraction of its images that are
 * classified correctly, which is also written to the file; these images do not influence the
 * network. NULL settings and options are the defaults; the units of progress are images.
 *
 * GKV_ERR_ARGUMENT for settings out of range. GKV_ERR_DATA for no images, sides out of range, one
 * class only, and test images of another size. GKV_ERR_NUMERIC if the loss is not finite.
 * GKV_ERR_IO if the file cannot be written, GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. After a failure
 * the file is as it was. */
GKV_API GKV_MUST_USE gkv_status gkv_features_train(const gkv_labelled_images *train,
                                                   const gkv_labelled_images *test,
                                                   const gkv_features_train_settings *settings,
                                                   const gkv_run_options *options, const char *path,
                                                   double *accuracy);

#ifdef __cplusplus
}
#endif
#endif
