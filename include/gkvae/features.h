/* Features of images by a small classifier: what distances between sets of images are measured in.
 *
 * The network is a LeNet (LeCun, Bottou, Bengio & Haffner 1998) that was trained to tell the classes of a data set
 * apart, and is frozen: two convolutions of 5×5, each with ReLU and max-pooling 2×2, two linear layers with ReLU, whose
 * last activations are the features, and a linear layer to the classes with a softmax. gkvae ships the networks of
 * MNIST and Fashion-MNIST, as features/NAME.safetensors and within the library; scripts/train_features.py makes one of
 * other images with labels. docs/files.md states the form of the file. Figures compare if they are by one network:
 * state its SHA-256 with them.
 *
 * Thread-safety: a gkv_features does not change once made, so any number of threads may use one. */
#ifndef GKVAE_FEATURES_H
#define GKVAE_FEATURES_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_features gkv_features;

/* The network of a data set that gkvae ships: "mnist" or "fashion-mnist". *out is NULL on failure and otherwise the
 * caller's, to be freed with gkv_features_free(). GKV_ERR_CONFIG for another data set; the message says how to make a
 * network. GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_features_builtin(const char *dataset, gkv_features **out);

/* The network of a file. GKV_ERR_IO if it cannot be read; GKV_ERR_DATA, with the tensor or the field, for a file of
 * another format, a tensor that is missing or of another type or shape, and weights that are not finite or so large
 * that a sum could overflow; GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. *out as above. */
GKV_API GKV_MUST_USE gkv_status gkv_features_load(const char *path, gkv_features **out);

/* Frees the network; NULL is fine. */
GKV_API void gkv_features_free(gkv_features *features);

/* The images' size, the number of features of an image, and the number of classes. */
GKV_API size_t gkv_features_height(const gkv_features *features);
GKV_API size_t gkv_features_width(const gkv_features *features);
GKV_API size_t gkv_features_dimensions(const gkv_features *features);
GKV_API size_t gkv_features_classes(const gkv_features *features);

/* What the network calls its data set, as in "mnist", and the SHA-256 of its file in 64 hexadecimal digits. Both are
 * owned by the network. */
GKV_API const char *gkv_features_name(const gkv_features *features);
GKV_API const char *gkv_features_sha256(const gkv_features *features);

/* What the network makes of images[n, height·width], grey levels in [0,1], row by row: `features` [n, dimensions], after
 * the ReLU and so at least 0, and `probabilities` [n, classes] of each image's classes, which sum to 1. Either may be
 * NULL. Works with so many threads, 0 for one a processor; the same bits on any number of them.
 *
 * GKV_ERR_ARGUMENT for NULL images or network, n of 0, both results NULL, or threads below 0; GKV_ERR_DATA, with the
 * image, for a pixel outside [0,1] or NaN; GKV_ERR_MEMORY. What the results hold after a failure is unspecified. */
GKV_API GKV_MUST_USE gkv_status gkv_features_apply(const gkv_features *network, size_t n, const float *images,
                                                   int threads, float *features, float *probabilities);

#ifdef __cplusplus
}
#endif
#endif
