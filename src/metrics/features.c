/* Computes the features of images by a feature network. features_read.c reads the file of the
 * network.
 *
 * Images are processed in tiles of a fixed number of images. A convolution processes one image at a
 * time, and a linear layer one tile. So the data of a thread stays in its cache, and results do not
 * depend on the number of threads. */
#include "metrics/features.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/simd.h"
#include "core/threads.h"
#include "nn/nn_kernels.h"

enum { TILE = 25 }; /* images */

/* The memory of one thread. */
typedef struct scratch {
    gki_real *conv;    /* scratch memory of gki_conv_forward() */
    gki_real *image;   /* one image */
    gki_real *outputs; /* [4, outputs] outputs of a convolution for one image */
    /* pooled outputs of the first convolution for one image */
    gki_real *pooled;
    gki_real *rows;                       /* [TILE, in] pooled outputs of the last convolution */
    gki_real *units[GKV_FEATURE_LINEARS]; /* [TILE, out] outputs of each linear layer */
} scratch;

size_t gkv_features_height(const gkv_features *features)
{
    return features->height;
}

size_t gkv_features_width(const gkv_features *features)
{
    return features->width;
}

static const gki_feature_layer *linear(const gkv_features *features, size_t i)
{
    return &features->layers[GKV_FEATURE_CONVOLUTIONS + i];
}

size_t gkv_features_dimensions(const gkv_features *features)
{
    return linear(features, GKV_FEATURE_LINEARS - 1)->in;
}

size_t gkv_features_classes(const gkv_features *features)
{
    return features->classes;
}

const char *gkv_features_name(const gkv_features *features)
{
    return features->name;
}

const char *gkv_features_sha256(const gkv_features *features)
{
    return features->sha256;
}

/* --- Memory --------------------------------------------------------------- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Computes the sizes of the arrays of a scratch, rounded up to whole cache lines, and returns their
 * sum. */
enum { ARRAYS = 5 + GKV_FEATURE_LINEARS };
static size_t lay_out(const gkv_features *f, size_t sizes[ARRAYS])
{
    const gki_conv *const one = &f->convolutions[0], *const two = &f->convolutions[1];
    size_t total = 0;
    sizes[0] = larger(gki_conv_scratch(one), gki_conv_scratch(two));
    sizes[1] = f->height * f->width;
    sizes[2] = 4 * larger(gki_conv_outputs(one), gki_conv_outputs(two));
    sizes[3] = gki_conv_outputs(one);
    sizes[4] = TILE * gki_conv_outputs(two);
    for (size_t i = 0; i < GKV_FEATURE_LINEARS; i++)
        sizes[5 + i] = TILE * linear(f, i)->out;
    for (size_t i = 0; i < ARRAYS; i++) {
        sizes[i] = (sizes[i] + GKV_ALIGNMENT - 1) / GKV_ALIGNMENT * GKV_ALIGNMENT;
        total += sizes[i];
    }
    return total;
}

static scratch scratch_at(gki_real *memory, const size_t sizes[ARRAYS])
{
    scratch s = {.conv = memory};
    s.image = s.conv + sizes[0];
    s.outputs = s.image + sizes[1];
    s.pooled = s.outputs + sizes[2];
    s.rows = s.pooled + sizes[3];
    gki_real *next = s.rows + sizes[4];
    for (size_t i = 0; i < GKV_FEATURE_LINEARS; i++) {
        s.units[i] = next;
        next += sizes[5 + i];
    }
    return s;
}

/* --- A tile --------------------------------------------------------------- */

/* Runs one image through both convolutions into `out`. False for a pixel outside [0,1]. */
static bool convolve(const gkv_features *f, const gki_gemm_kernels *gemm, const gki_nn_kernels *nn,
                     const float *image, const scratch *s, gki_real *out)
{
    for (size_t i = 0; i < f->height * f->width; i++) {
        if (!(image[i] >= 0.0F && image[i] <= 1.0F)) /* NaN fails too */
            return false;
        s->image[i] = (gki_real)image[i];
    }
    const gki_real *x = s->image;
    for (size_t i = 0; i < GKV_FEATURE_CONVOLUTIONS; i++) {
        const gki_conv *const conv = &f->convolutions[i];
        const gki_feature_layer *const layer = &f->layers[i];
        gki_real *const pooled = i + 1 < GKV_FEATURE_CONVOLUTIONS ? s->pooled : out;
        gki_conv_forward(conv, gemm, x, layer->weight, layer->packed, layer->bias, s->conv,
                         s->outputs);
        nn->pool_relu(gki_conv_outputs(conv), s->outputs, pooled);
        x = pooled;
    }
    return true;
}

static void relu(size_t n, gki_real *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] > 0 ? x[i] : 0;
}

/* The softmax of one row of logits. They are finite, because features_read.c limits the weights. */
static void softmax(size_t n, const gki_real *logits, float *to)
{
    double top = (double)logits[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        top = fmax(top, (double)logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(exp((double)logits[i] - top) / sum);
}

/* Runs `count` images through the network. Either result may be NULL. False for a pixel outside
 * [0,1]. */
static bool run_tile(const gkv_features *f, const gki_gemm_kernels *gemm, const gki_nn_kernels *nn,
                     size_t count, const float *images, const scratch *s, float *features,
                     float *probabilities)
{
    const size_t row = linear(f, 0)->in, dimensions = gkv_features_dimensions(f);
    for (size_t i = 0; i < count; i++)
        if (!convolve(f, gemm, nn, images + i * f->height * f->width, s, s->rows + i * row))
            return false;
    const size_t layers = probabilities ? GKV_FEATURE_LINEARS : GKV_FEATURE_LINEARS - 1;
    const gki_real *x = s->rows;
    for (size_t i = 0; i < layers; i++) {
        const gki_feature_layer *const layer = linear(f, i);
        gki_gemm_forward(gemm, count, layer->out, layer->in, x, layer->weight, layer->packed,
                         layer->bias, s->units[i]);
        if (i + 1 < GKV_FEATURE_LINEARS)
            relu(count * layer->out, s->units[i]);
        x = s->units[i];
    }
    for (size_t i = 0; features && i < count * dimensions; i++)
        features[i] = (float)s->units[GKV_FEATURE_LINEARS - 2][i];
    for (size_t i = 0; probabilities && i < count; i++)
        softmax(f->classes, x + i * f->classes, probabilities + i * f->classes);
    return true;
}

/* --- All tiles ------------------------------------------------------------ */

static gkv_status check(const gkv_features *f, size_t n, const float *images, int threads,
                        const float *features, const float *probabilities)
{
    if (!f || !images)
        return gki_fail(GKV_ERR_ARGUMENT, "features of images need a network and images, not NULL");
    if (!features && !probabilities)
        return gki_fail(GKV_ERR_ARGUMENT, "features of images: both outputs are NULL");
    if (n == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "features of 0 images: at least one is needed");
    return gki_threads_check(threads, "a feature network");
}

/* GKV_ERR_DATA for the first pixel outside [0,1], from image `first` on. */
static gkv_status name_pixel(const gkv_features *f, size_t first, const float *images)
{
    const size_t pixels = f->height * f->width;
    size_t at = first * pixels;
    while (images[at] >= 0.0F && images[at] <= 1.0F)
        at++;
    return gki_fail(GKV_ERR_DATA,
                    "features: pixel %zu of image %zu is %g; grey values must be in [0,1]",
                    at % pixels, at / pixels, (double)images[at]);
}

gkv_status gkv_features_apply(const gkv_features *network, size_t n, const float *images,
                              int threads, float *features, float *probabilities)
{
    GKV_TRY(check(network, n, images, threads, features, probabilities));
    const gki_gemm_kernels *const gemm = gki_gemm_kernels_get();
    const gki_nn_kernels *const nn = gki_nn_kernels_get();
    const size_t tiles = (n + TILE - 1) / TILE, available = (size_t)gki_threads(threads);
    const size_t used = available < tiles ? available : tiles;
    const size_t pixels = network->height * network->width,
                 dimensions = gkv_features_dimensions(network);
    size_t sizes[ARRAYS];
    const size_t each = lay_out(network, sizes);
    gki_real *memory = NULL;
    size_t bad = n; /* the first image of the first tile with a pixel outside [0,1] */
    GKV_TRY(gki_alloc(used, each * sizeof *memory, &memory));
#pragma omp parallel num_threads((int)used) reduction(min : bad)
    {
        const scratch mine = scratch_at(memory + (size_t)omp_get_thread_num() * each, sizes);
#pragma omp for schedule(dynamic, 1)
        for (size_t tile = 0; tile < tiles; tile++) {
            const size_t first = tile * TILE, count = n - first < TILE ? n - first : TILE;
            if (!run_tile(network, gemm, nn, count, images + first * pixels, &mine,
                          features ? features + first * dimensions : NULL,
                          probabilities ? probabilities + first * network->classes : NULL) &&
                first < bad)
                bad = first;
        }
    }
    free(memory);
    return bad < n ? name_pixel(network, bad, images) : GKV_OK;
}
