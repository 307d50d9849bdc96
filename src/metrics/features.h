/* The feature network in memory; gkvae/features.h is the public interface. */
#ifndef GKV_METRICS_FEATURES_H
#define GKV_METRICS_FEATURES_H

#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/features.h"
#include "metrics/lenet.h"

struct gkv_features {
    char *name;
    char sha256[GKV_DIGEST_SIZE];
    size_t height, width, classes;
    gki_lenet net;
    gki_workspace weights; /* has the packed weights, and no memory for rows */
};

/* The metadata of a file of a network, and the most bytes of the name. */
#define GKV_FEATURES_FORMAT "gkvae-features-1"
enum { GKV_FEATURES_NAME_MAX = 64, GKV_FEATURES_SIDE_MAX = 1024, GKV_FEATURES_CLASSES_MAX = 256 };

/* The name of the tensor of a weight, as "linears.0" with a suffix. */
enum { GKV_FEATURES_TENSOR_SIZE = 64 };
void gki_features_tensor(size_t weight, const char *suffix, char name[GKV_FEATURES_TENSOR_SIZE]);

/* The shape of a weight in a file; returns its rank. */
size_t gki_features_shape(size_t weight, size_t out, size_t channels, size_t positions,
                          int64_t shape[4]);

/* Makes a network from the bytes of its file. `name` stands for the path in messages. Errors as
 * gkv_features_load(). */
gkv_status gki_features_read(const char *name, const void *bytes, size_t size, gkv_features **out);

#endif
