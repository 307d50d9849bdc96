#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/idx.h"

enum { FILES = GKV_LABELS_FILE + 1 };

struct gkv_dataset {
    size_t count, height, width;
    /* of each file, if the data set is from files */
    char *path[FILES];
    char sha256[FILES][GKV_DIGEST_SIZE];
    uint8_t *pixels;
    uint8_t *labels; /* [count], or NULL if there are none */
};

static gkv_status read_files(gkv_dataset *dataset, const char *images_path, const char *labels_path)
{
    gki_idx images, labels;
    GKV_TRY(gki_idx_read(images_path, GKV_IDX_IMAGES, &images));
    dataset->pixels = images.bytes;
    dataset->count = images.count;
    dataset->height = images.height;
    dataset->width = images.width;
    memcpy(dataset->sha256[GKV_IMAGES_FILE], images.sha256, GKV_DIGEST_SIZE);
    GKV_TRY(gki_strdup(images_path, &dataset->path[GKV_IMAGES_FILE]));
    if (!labels_path)
        return GKV_OK;
    GKV_TRY(gki_idx_read(labels_path, GKV_IDX_LABELS, &labels));
    dataset->labels = labels.bytes;
    memcpy(dataset->sha256[GKV_LABELS_FILE], labels.sha256, GKV_DIGEST_SIZE);
    GKV_TRY(gki_strdup(labels_path, &dataset->path[GKV_LABELS_FILE]));
    if (labels.count != images.count)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the header's count is %zu; expected %zu, one label for each image of %s",
            labels_path, labels.count, images.count, images_path);
    return GKV_OK;
}

gkv_status gkv_dataset_open(const char *images_path, const char *labels_path, gkv_dataset **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(images_path);
    gkv_dataset *dataset = NULL;
    gkv_status status;
    GKV_TRY(gki_alloc(1, sizeof *dataset, &dataset));
    GKV_TRY_GOTO(read_files(dataset, images_path, labels_path));
    *out = dataset;
    return GKV_OK;
done:
    gkv_dataset_free(dataset);
    return status;
}

gkv_status gki_dataset_turn(gkv_dataset *dataset, bool invert, bool transpose)
{
    const size_t h = dataset->height, w = dataset->width, n = h * w;
    uint8_t *image = NULL;
    if (invert)
        for (size_t i = 0; i < dataset->count * n; i++)
            dataset->pixels[i] = (uint8_t)(255 - dataset->pixels[i]);
    if (!transpose)
        return GKV_OK;
    GKV_TRY(gki_alloc(n, 1, &image));
    for (size_t i = 0; i < dataset->count; i++) {
        uint8_t *pixels = dataset->pixels + i * n;
        memcpy(image, pixels, n);
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                pixels[x * h + y] = image[y * w + x];
    }
    free(image);
    dataset->height = w;
    dataset->width = h;
    return GKV_OK;
}

gkv_status gkv_dataset_from_memory(size_t count, size_t height, size_t width, const uint8_t *pixels,
                                   const uint8_t *labels, gkv_dataset **out)
{
    GKV_NEED(out);
    *out = NULL;
    size_t bytes = 0;
    GKV_NEED(pixels);
    if (count == 0 || height == 0 || width == 0 || __builtin_mul_overflow(count, height, &bytes) ||
        __builtin_mul_overflow(bytes, width, &bytes))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_dataset_from_memory: count %zu × height %zu × width %zu; expected at "
                        "least 1 of each, "
                        "and a product that can be addressed",
                        count, height, width);
    gkv_dataset *dataset = NULL;
    gkv_status status;
    GKV_TRY(gki_alloc(1, sizeof *dataset, &dataset));
    dataset->count = count;
    dataset->height = height;
    dataset->width = width;
    GKV_TRY_GOTO(gki_alloc(bytes, 1, &dataset->pixels));
    memcpy(dataset->pixels, pixels, bytes);
    if (labels) {
        GKV_TRY_GOTO(gki_alloc(count, 1, &dataset->labels));
        memcpy(dataset->labels, labels, count);
    }
    *out = dataset;
    return GKV_OK;
done:
    gkv_dataset_free(dataset);
    return status;
}

void gkv_dataset_free(gkv_dataset *dataset)
{
    if (!dataset)
        return;
    free(dataset->pixels);
    free(dataset->labels);
    for (size_t i = 0; i < FILES; i++)
        free(dataset->path[i]);
    free(dataset);
}

size_t gkv_dataset_count(const gkv_dataset *dataset)
{
    return dataset ? dataset->count : 0;
}

size_t gkv_dataset_height(const gkv_dataset *dataset)
{
    return dataset ? dataset->height : 0;
}

size_t gkv_dataset_width(const gkv_dataset *dataset)
{
    return dataset ? dataset->width : 0;
}

const uint8_t *gkv_dataset_pixels(const gkv_dataset *dataset, size_t image)
{
    return dataset && image < dataset->count
               ? dataset->pixels + image * dataset->height * dataset->width
               : NULL;
}

const uint8_t *gkv_dataset_labels(const gkv_dataset *dataset)
{
    return dataset ? dataset->labels : NULL;
}

static bool is_file(gkv_dataset_file file)
{
    return file == GKV_IMAGES_FILE || file == GKV_LABELS_FILE;
}

const char *gkv_dataset_path(const gkv_dataset *dataset, gkv_dataset_file file)
{
    return dataset && is_file(file) && dataset->path[file] ? dataset->path[file] : "";
}

const char *gkv_dataset_sha256(const gkv_dataset *dataset, gkv_dataset_file file)
{
    return dataset && is_file(file) ? dataset->sha256[file] : "";
}

void gki_dataset_identify(const gkv_dataset *training, gkv_data_settings *settings)
{
    char *const digests[FILES] = {settings->train_images_sha256, settings->train_labels_sha256};
    for (int i = 0; i < FILES; i++)
        if (training->sha256[i][0])
            memcpy(digests[i], training->sha256[i], GKV_DIGEST_SIZE);
}

gkv_status gki_dataset_check_file(const gkv_dataset *training, const gkv_data_settings *settings)
{
    static const char *const keys[FILES] = {"train_images", "train_labels"};
    const char *const wanted[FILES] = {settings->train_images_sha256,
                                       settings->train_labels_sha256};
    for (int i = 0; i < FILES; i++) {
        const char *found = training->sha256[i];
        if (*wanted[i] && *found && strcmp(wanted[i], found) != 0)
            return gki_fail(
                GKV_ERR_DATA,
                "%s: this is not the file that the model was trained with: its SHA-256 is %s, and "
                "data.%s_sha256 is %s; name that file by data.folder and data.dataset, or by "
                "data.%s (to begin another run with this file, leave data.%s_sha256 empty)",
                training->path[i], found, keys[i], wanted[i], keys[i], keys[i]);
    }
    return GKV_OK;
}

gkv_status gkv_dataset_mean(const gkv_dataset *dataset, size_t n, size_t first, double *mean)
{
    GKV_NEED(dataset);
    GKV_NEED(mean);
    if (n == 0 || first > dataset->count || n > dataset->count - first)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the mean of %zu images from number %zu: there must be at least one, and "
                        "the data set has %zu",
                        n, first, dataset->count);
    /* Sums of whole numbers below 2^53 are exact in double, in any order. */
    const size_t size = dataset->height * dataset->width;
    for (size_t p = 0; p < size; p++)
        mean[p] = 0;
    for (size_t i = first; i < first + n; i++) {
        const uint8_t *image = dataset->pixels + i * size;
        for (size_t p = 0; p < size; p++)
            mean[p] += image[p];
    }
    const double white = 255.0 * (double)n;
    for (size_t p = 0; p < size; p++)
        mean[p] /= white;
    return GKV_OK;
}
