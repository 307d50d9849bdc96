/* Features of images by a small frozen classifier. Distances between sets of images are measured in these features.
 *
 * The network is a LeNet (LeCun, Bottou, Bengio & Haffner 1998) that was trained to classify the images of a data
 * set. It has two convolutions of 5×5, each with ReLU and max-pooling 2×2; two linear layers with ReLU; and a linear
 * layer to the classes with a softmax. The activations of the second linear layer are the features.
 *
 * gkvae ships the networks of MNIST and Fashion-MNIST, as features/NAME.safetensors and built into the library.
 * scripts/train_features.py trains one on other labelled images. docs/files.md describes the file format. Figures are
 * comparable only if the same network made the features, so state its SHA-256 with them.
 *
 * Thread-safety: a gkv_features never changes after it is made, so any number of threads may use one. */
#ifndef GKVAE_FEATURES_H
#define GKVAE_FEATURES_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_features gkv_features;

/* The built-in network of a data set: "mnist" or "fashion-mnist". The caller frees *out with gkv_features_free(); it is
 * NULL after a failure. GKV_ERR_CONFIG for another data set; the message says how to make a network. GKV_ERR_ARGUMENT
 * for NULL, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_features_builtin(const char *dataset, gkv_features **out);

/* The network of a file, in *out as above. GKV_ERR_IO if the file cannot be read. GKV_ERR_DATA if it has another
 * format, if a tensor is missing or has another type or shape, or if weights are not finite or so large that a sum
 * could overflow; the message names the tensor or the field. GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_features_load(const char *path, gkv_features **out);

/* Frees the network; NULL is fine. */
GKV_API void gkv_features_free(gkv_features *features);

/* The size of the images, the number of features of an image, and the number of classes. `features` is not NULL, here
 * and below. */
GKV_API size_t gkv_features_height(const gkv_features *features);
GKV_API size_t gkv_features_width(const gkv_features *features);
GKV_API size_t gkv_features_dimensions(const gkv_features *features);
GKV_API size_t gkv_features_classes(const gkv_features *features);

/* The name of the network's data set, such as "mnist", and the SHA-256 of its file in 64 hexadecimal digits. Both live
 * as long as the network. */
GKV_API const char *gkv_features_name(const gkv_features *features);
GKV_API const char *gkv_features_sha256(const gkv_features *features);

/* Runs n images[n, height·width], grey levels in [0,1], row by row, through the network. features[n, dimensions]
 * receives the features, which are at least 0 after the ReLU. probabilities[n, classes] receives the probabilities
 * of the classes, which sum to 1. Either of the two may be NULL. `threads` is the number of threads, 0 for one a
 * processor; results are the same to the bit on any number.
 *
 * GKV_ERR_ARGUMENT for NULL images or network, n of 0, both results NULL, or threads below 0. GKV_ERR_DATA for a pixel
 * outside [0,1] or NaN; the message names the image. GKV_ERR_MEMORY. After a failure the results are unspecified. */
GKV_API GKV_MUST_USE gkv_status gkv_features_apply(const gkv_features *network, size_t n, const float *images,
                                                   int threads, float *features, float *probabilities);

#ifdef __cplusplus
}
#endif
#endif
