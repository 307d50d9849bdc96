/* Computes the features of images by a feature network. features_read.c reads the file of the
 * network, and features_train.c makes it.
 *
 * Images are processed in tiles of a fixed number of images, so that results do not depend on the
 * number of threads. */
#include "metrics/features.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>

#include "core/call.h"

enum { TILE_IMAGES = 8 }; /* images, of which the data of a thread stays in its cache */

size_t gkv_features_height(const gkv_features *features)
{
    return features ? features->height : 0;
}

size_t gkv_features_width(const gkv_features *features)
{
    return features ? features->width : 0;
}

size_t gkv_features_dimensions(const gkv_features *features)
{
    return features ? features->net.features.width : 0;
}

size_t gkv_features_classes(const gkv_features *features)
{
    return features ? features->classes : 0;
}

const char *gkv_features_name(const gkv_features *features)
{
    return features ? features->name : NULL;
}

const char *gkv_features_sha256(const gkv_features *features)
{
    return features ? features->sha256 : NULL;
}

/* --- A tile --------------------------------------------------------------- */

/* Writes an image to the input of a row. False for a pixel outside [0,1]. */
static bool put_image(const gki_map *map, const float *image, gki_real *row)
{
    for (size_t y = 0; y < map->height; y++, image += map->width) {
        gki_real *line = row + gki_map_row(map, y);
        for (size_t x = 0; x < map->width; x++) {
            if (!(image[x] >= 0.0F && image[x] <= 1.0F)) /* NaN fails too */
                return false;
            line[x] = (gki_real)image[x];
        }
    }
    return true;
}

/* The softmax of one row of logits. They are finite, because features_read.c limits the weights. */
static void softmax(size_t n, const gki_real *logits, float *out)
{
    double top = (double)logits[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        top = fmax(top, (double)logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(exp((double)logits[i] - top) / sum);
}

/* Runs `count` images through the network. Either result may be NULL. False for a pixel outside
 * [0,1]. */
static bool run_tile(const gkv_features *f, gki_workspace *ws, size_t count, const float *images,
                     float *features, float *probabilities)
{
    const gki_lenet *net = &f->net;
    const size_t dimensions = net->features.width;
    for (size_t i = 0; i < count; i++)
        if (!put_image(&net->image, images + i * f->height * f->width,
                       gki_at(ws, net->image.slot, i)))
            return false;
    gki_lenet_forward(net, ws, probabilities ? net->count : gki_lenet_feature_layers(net), 0,
                      count);
    const gki_real *values = gki_at(ws, net->features, 0);
    for (size_t i = 0; features && i < count * dimensions; i++)
        features[i] = (float)values[i];
    for (size_t i = 0; probabilities && i < count; i++)
        softmax(f->classes, gki_at(ws, net->logits, i), probabilities + i * f->classes);
    return true;
}

/* --- All tiles ------------------------------------------------------------ */

/* GKV_ERR_DATA for the first pixel outside [0,1], from image `first` on. */
static gkv_status name_pixel(const gkv_features *f, size_t first, const float *images)
{
    const size_t pixels = f->height * f->width;
    size_t index = first * pixels;
    while (images[index] >= 0.0F && images[index] <= 1.0F)
        index++;
    return gki_fail(GKV_ERR_DATA,
                    "features: pixel %zu of image %zu is %g; grey values must be in [0,1]",
                    index % pixels, index / pixels, (double)images[index]);
}

/* Makes the workspaces of threads. *made is their number, also after a failure. */
static gkv_status make_workspaces(const gkv_features *network, size_t rows, size_t wanted,
                                  gki_workspace *ws, size_t *made)
{
    for (*made = 0; *made < wanted; ++*made) {
        GKV_TRY(gki_workspace_create(&network->net.plan, rows, false, &network->net.params,
                                     &ws[*made]));
        gki_workspace_share_packed(&ws[*made], &network->weights);
    }
    return GKV_OK;
}

gkv_status gkv_features_apply(const gkv_features *network, size_t n, const float *images,
                              const gkv_run_options *options, float *features, float *probabilities)
{
    gki_call call;
    gkv_status status = GKV_OK;
    GKV_NEED(network);
    GKV_NEED(images);
    if (!features && !probabilities)
        return gki_fail(GKV_ERR_ARGUMENT, "features of images: both outputs are NULL");
    if (n == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "features of 0 images: at least one is needed");
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t each = gki_plan_rows(&network->net.plan, 1, TILE_IMAGES),
                 tiles = (n + each - 1) / each, available = (size_t)gki_call_threads(&call, 0),
                 used = available < tiles ? available : tiles;
    const size_t pixels = network->height * network->width,
                 dimensions = gkv_features_dimensions(network);
    gki_workspace workspaces[GKV_THREADS_MAX];
    size_t made = 0, bad = n; /* the first image of the first tile with a pixel outside [0,1] */
    GKV_TRY_GOTO(make_workspaces(network, each, used, workspaces, &made));
#pragma omp parallel for num_threads((int)used) schedule(dynamic, 1) reduction(min : bad)
    for (size_t tile = 0; tile < tiles; tile++) {
        const size_t first = tile * each, count = n - first < each ? n - first : each;
        if (gki_call_stopped(&call))
            continue;
        if (!run_tile(network, &workspaces[omp_get_thread_num()], count, images + first * pixels,
                      features ? features + first * dimensions : NULL,
                      probabilities ? probabilities + first * network->classes : NULL) &&
            first < bad)
            bad = first;
        gki_call_advance(&call, count);
    }
    status = bad < n ? name_pixel(network, bad, images)
                     : gki_call_end(&call, "a feature network", "images");
done:
    for (size_t i = 0; i < made; i++)
        gki_workspace_free(&workspaces[i]);
    return status;
}
