/* The feature network in memory; gkvae/features.h is the public interface. */
#ifndef GKV_METRICS_FEATURES_H
#define GKV_METRICS_FEATURES_H

#include "gkvae/data.h"
#include "gkvae/features.h"
#include "nn/conv.h"

enum { GKV_FEATURE_CONVOLUTIONS = 2, GKV_FEATURE_LINEARS = 3 };

/* One layer: Y = X Wᵀ + 1 biasᵀ. For a convolution, the rows of X are the pixels under the kernel
 * (nn/conv.h). */
typedef struct gki_feature_layer {
    size_t in, out;
    gki_real *weight; /* [out, in] */
    gki_real *bias;   /* [out] */
    gki_real *packed; /* the packed weight, or NULL if this CPU has no kernels of nn/gemm.h */
} gki_feature_layer;

struct gkv_features {
    char *name;
    char sha256[GKV_DIGEST_SIZE];
    size_t height, width, classes;
    gki_conv convolutions[GKV_FEATURE_CONVOLUTIONS];
    gki_feature_layer layers[GKV_FEATURE_CONVOLUTIONS + GKV_FEATURE_LINEARS];
};

/* Makes a network from the bytes of its file. `name` stands for the path in messages. Errors as
 * gkv_features_load(). */
gkv_status gki_features_read(const char *name, const void *bytes, size_t size, gkv_features **out);

#endif
