#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/idx.h"

struct gkv_dataset {
    size_t count, height, width;
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
    if (!labels_path)
        return GKV_OK;
    GKV_TRY(gki_idx_read(labels_path, GKV_IDX_LABELS, &labels));
    dataset->labels = labels.bytes;
    if (labels.count != images.count)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the header's count is %zu; expected %zu, one label for each image of %s",
            labels_path, labels.count, images.count, images_path);
    return GKV_OK;
}

gkv_status gkv_dataset_open(const char *images_path, const char *labels_path, gkv_dataset **out)
{
    if (!out)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_dataset_open: out is NULL; expected the address of a pointer");
    *out = NULL;
    if (!images_path)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_dataset_open: images_path is NULL; expected the path of an IDX file");
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

gkv_status gkv_dataset_from_memory(const uint8_t *pixels, const uint8_t *labels, size_t count,
                                   size_t height, size_t width, gkv_dataset **out)
{
    if (!out)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_dataset_from_memory: out is NULL; expected the address of a pointer");
    *out = NULL;
    size_t bytes = 0;
    if (!pixels)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_dataset_from_memory: pixels is NULL; expected the images");
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
    free(dataset);
}

size_t gkv_dataset_count(const gkv_dataset *dataset)
{
    return dataset->count;
}

size_t gkv_dataset_height(const gkv_dataset *dataset)
{
    return dataset->height;
}

size_t gkv_dataset_width(const gkv_dataset *dataset)
{
    return dataset->width;
}

const uint8_t *gkv_dataset_pixels(const gkv_dataset *dataset, size_t image)
{
    return image < dataset->count ? dataset->pixels + image * dataset->height * dataset->width
                                  : NULL;
}

const uint8_t *gkv_dataset_labels(const gkv_dataset *dataset)
{
    return dataset->labels;
}

gkv_status gkv_dataset_mean(const gkv_dataset *dataset, size_t first, size_t last, double *out)
{
    if (first >= last || last > dataset->count)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_dataset_mean: images %zu up to %zu; expected first < last ≤ %zu, the "
                        "number of images",
                        first, last, dataset->count);
    /* Sums of whole numbers below 2^53 are exact in double, in any order. */
    const size_t size = dataset->height * dataset->width;
    for (size_t p = 0; p < size; p++)
        out[p] = 0;
    for (size_t i = first; i < last; i++) {
        const uint8_t *image = dataset->pixels + i * size;
        for (size_t p = 0; p < size; p++)
            out[p] += image[p];
    }
    const double white = 255.0 * (double)(last - first);
    for (size_t p = 0; p < size; p++)
        out[p] /= white;
    return GKV_OK;
}
