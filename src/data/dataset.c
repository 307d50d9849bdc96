#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "config/settings_table.h"

gkv_status gkv_dataset_open(const char *images_path, const char *labels_path, gkv_dataset **out)
{
    gkv_settings defaults;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(images_path);
    gkv_settings_defaults(&defaults);
    return gki_dataset_read(images_path, labels_path, &defaults.data, NULL, out);
}

gkv_status gkv_dataset_open_as(const char *images_path, const char *labels_path,
                               const gkv_data_settings *settings, gkv_dataset **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(images_path);
    GKV_NEED(settings);
    return gki_dataset_read(images_path, labels_path, settings, NULL, out);
}

static void transpose_numbers(size_t h, size_t w, size_t c, float *numbers, float *scratch)
{
    memcpy(scratch, numbers, h * w * c * sizeof *scratch);
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++)
            for (size_t k = 0; k < c; k++)
                numbers[(x * h + y) * c + k] = scratch[(y * w + x) * c + k];
}

gkv_status gki_dataset_turn(gkv_dataset *dataset, bool invert, bool transpose)
{
    gki_raster *images = &dataset->images;
    const size_t h = images->height, w = images->width, c = images->channels, n = h * w * c;
    uint8_t *image = NULL;
    if (!invert && !transpose)
        return GKV_OK;
    GKV_TRY(gki_raster_own(images));
    if (invert)
        for (size_t i = 0; i < images->count * n; i++)
            images->bytes[i] = (uint8_t)(255 - images->bytes[i]);
    if (!transpose)
        return GKV_OK;
    GKV_TRY(gki_alloc(n, sizeof(float), &image));
    for (size_t i = 0; i < images->count; i++) {
        uint8_t *pixels = images->bytes + i * n;
        memcpy(image, pixels, n);
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                for (size_t k = 0; k < c; k++)
                    pixels[(x * h + y) * c + k] = image[(y * w + x) * c + k];
        if (images->numbers)
            transpose_numbers(h, w, c, images->numbers + i * n, (float *)(void *)image);
    }
    free(image);
    images->height = w;
    images->width = h;
    return GKV_OK;
}

gkv_status gkv_dataset_from_memory(size_t count, size_t height, size_t width, size_t channels,
                                   const uint8_t *pixels, const uint8_t *labels, gkv_dataset **out)
{
    GKV_NEED(out);
    *out = NULL;
    size_t bytes = 0;
    GKV_NEED(pixels);
    if (count == 0 || height == 0 || width == 0 || (channels != 1 && channels != 3) ||
        __builtin_mul_overflow(count, height, &bytes) ||
        __builtin_mul_overflow(bytes, width, &bytes) ||
        __builtin_mul_overflow(bytes, channels, &bytes))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "gkv_dataset_from_memory: count %zu × height %zu × width %zu × channels %zu; expected "
            "at least 1 of each, 1 or 3 channels, and a product that can be addressed",
            count, height, width, channels);
    gkv_dataset *dataset = NULL;
    gkv_status status;
    GKV_TRY(gki_alloc(1, sizeof *dataset, &dataset));
    dataset->images.count = count;
    dataset->images.height = height;
    dataset->images.width = width;
    dataset->images.channels = channels;
    GKV_TRY_GOTO(gki_alloc(bytes, 1, &dataset->images.bytes));
    memcpy(dataset->images.bytes, pixels, bytes);
    if (labels) {
        GKV_TRY_GOTO(gki_alloc(count, 1, &dataset->labels.bytes));
        memcpy(dataset->labels.bytes, labels, count);
    }
    *out = dataset;
    return GKV_OK;
done:
    gkv_dataset_free(dataset);
    return status;
}

gkv_status gkv_dataset_from_numbers(size_t count, size_t height, size_t width, size_t channels,
                                    const float *numbers, const uint8_t *labels,
                                    const gkv_data_settings *settings, gkv_dataset **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(numbers);
    uint8_t *levels = NULL;
    gkv_dataset *dataset = NULL;
    gkv_status status = GKV_OK;
    size_t n = 0;
    if (__builtin_mul_overflow(count, height, &n) || __builtin_mul_overflow(n, width, &n) ||
        __builtin_mul_overflow(n, channels, &n) || n > SIZE_MAX / sizeof *numbers)
        n = 0; /* refused below */
    GKV_TRY_GOTO(gki_alloc(n > 0 ? n : 1, 1, &levels));
    GKV_TRY_GOTO(gkv_dataset_from_memory(n > 0 ? count : 0, height, width, channels, levels, labels,
                                         &dataset));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *numbers, &dataset->images.numbers));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(numbers[i])) {
            status = gki_fail(GKV_ERR_DATA, "number %zu is %g", i, (double)numbers[i]);
            goto done;
        }
        dataset->images.numbers[i] = numbers[i];
    }
    GKV_TRY_GOTO(gki_raster_scale(&dataset->images, gkv_settings_range(settings, dataset->range),
                                  dataset->range));
done:
    free(levels);
    if (status != GKV_OK) {
        gkv_dataset_free(dataset);
        dataset = NULL;
    }
    *out = dataset;
    return status;
}

void gkv_dataset_free(gkv_dataset *dataset)
{
    if (!dataset)
        return;
    gki_raster_free(&dataset->images);
    gki_raster_free(&dataset->labels);
    for (size_t i = 0; i < GKV_DATASET_FILES; i++)
        free(dataset->path[i]);
    gki_words_free(&dataset->names);
    gki_words_free(&dataset->remarks);
    gki_words_free(&dataset->skipped);
    free(dataset);
}

size_t gkv_dataset_count(const gkv_dataset *dataset)
{
    return dataset ? dataset->images.count : 0;
}

size_t gkv_dataset_height(const gkv_dataset *dataset)
{
    return dataset ? dataset->images.height : 0;
}

size_t gkv_dataset_width(const gkv_dataset *dataset)
{
    return dataset ? dataset->images.width : 0;
}

size_t gkv_dataset_channels(const gkv_dataset *dataset)
{
    return dataset ? dataset->images.channels : 0;
}

const uint8_t *gkv_dataset_pixels(const gkv_dataset *dataset, size_t image)
{
    return dataset && image < dataset->images.count
               ? dataset->images.bytes + image * gki_dataset_values(dataset)
               : NULL;
}

const float *gkv_dataset_numbers(const gkv_dataset *dataset, size_t image)
{
    return dataset && dataset->images.numbers && image < dataset->images.count
               ? dataset->images.numbers + image * gki_dataset_values(dataset)
               : NULL;
}

const uint8_t *gkv_dataset_labels(const gkv_dataset *dataset)
{
    return dataset ? dataset->labels.bytes : NULL;
}

static const char *word_at(const gki_words *words, size_t i)
{
    return i < words->count ? words->list[i] : NULL;
}

const char *gkv_dataset_remark(const gkv_dataset *dataset, size_t i)
{
    return dataset ? word_at(&dataset->remarks, i) : NULL;
}

const char *gkv_dataset_skipped(const gkv_dataset *dataset, size_t i)
{
    return dataset ? word_at(&dataset->skipped, i) : NULL;
}

const char *gkv_dataset_name(const gkv_dataset *dataset, size_t image)
{
    return dataset ? word_at(&dataset->names, image) : NULL;
}

static bool is_file(gkv_dataset_file file)
{
    return file == GKV_IMAGES_FILE || file == GKV_LABELS_FILE;
}

static const gki_raster *part(const gkv_dataset *dataset, int file)
{
    return file == GKV_IMAGES_FILE ? &dataset->images : &dataset->labels;
}

const char *gkv_dataset_path(const gkv_dataset *dataset, gkv_dataset_file file)
{
    return dataset && is_file(file) && dataset->path[file] ? dataset->path[file] : "";
}

const char *gkv_dataset_sha256(const gkv_dataset *dataset, gkv_dataset_file file)
{
    return dataset && is_file(file) ? part(dataset, (int)file)->sha256 : "";
}

void gki_dataset_identify(const gkv_dataset *training, gkv_data_settings *settings)
{
    char *const digests[GKV_DATASET_FILES] = {settings->train_images_sha256,
                                              settings->train_labels_sha256};
    for (int i = 0; i < GKV_DATASET_FILES; i++)
        if (part(training, i)->sha256[0])
            memcpy(digests[i], part(training, i)->sha256, GKV_DIGEST_SIZE);
    if (training->images.numbers)
        gki_settings_put_range(training->range, settings->range);
}

gkv_status gki_dataset_check_file(const gkv_dataset *training, const gkv_data_settings *settings)
{
    static const char *const keys[GKV_DATASET_FILES] = {"train_images", "train_labels"};
    const char *const wanted[GKV_DATASET_FILES] = {settings->train_images_sha256,
                                                   settings->train_labels_sha256};
    for (int i = 0; i < GKV_DATASET_FILES; i++) {
        const char *found = part(training, i)->sha256;
        if (*wanted[i] && *found && strcmp(wanted[i], found) != 0)
            return gki_fail(
                GKV_ERR_DATA,
                "%s: this is not the file that the model was trained with: its SHA-256 is %s, and "
                "data.%s_sha256 is %s; point data.%s (or data.folder and data.dataset) at the "
                "original file; to start a new run with this one, clear data.%s_sha256",
                training->path[i], found, keys[i], wanted[i], keys[i], keys[i]);
    }
    return GKV_OK;
}

/* The most images whose levels are summed in 16 bits, and the pixels that are summed together. */
enum { SUMMED = 65535 / 255, PIXELS_TOGETHER = 64 };

/* Adds the levels of n ≤ SUMMED images. */
static void add_images(const uint8_t *images, size_t n, size_t size, double *sum)
{
    for (size_t first = 0; first < size; first += PIXELS_TOGETHER) {
        uint16_t part[PIXELS_TOGETHER] = {0};
        const size_t pixels = size - first < PIXELS_TOGETHER ? size - first : PIXELS_TOGETHER;
        for (size_t i = 0; i < n; i++) {
            const uint8_t *image = images + i * size + first;
            if (pixels == PIXELS_TOGETHER) /* a constant, which the compiler vectorises for */
                for (size_t p = 0; p < PIXELS_TOGETHER; p++)
                    part[p] = (uint16_t)(part[p] + image[p]);
            else
                for (size_t p = 0; p < pixels; p++)
                    part[p] = (uint16_t)(part[p] + image[p]);
        }
        for (size_t p = 0; p < pixels; p++)
            sum[first + p] += part[p];
    }
}

gkv_status gkv_dataset_mean(const gkv_dataset *dataset, size_t n, size_t first, double *mean)
{
    GKV_NEED(dataset);
    GKV_NEED(mean);
    if (n == 0 || first > dataset->images.count || n > dataset->images.count - first)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the mean of %zu images from number %zu: there must be at least one, and "
                        "the data set has %zu",
                        n, first, dataset->images.count);
    const size_t size = gki_dataset_values(dataset);
    for (size_t p = 0; p < size; p++)
        mean[p] = 0;
    if (dataset->images.numbers) {
        for (size_t i = first; i < first + n; i++)
            for (size_t p = 0; p < size; p++)
                mean[p] += (double)dataset->images.numbers[i * size + p];
        for (size_t p = 0; p < size; p++) /* numbers beyond the range are rare */
            mean[p] = fmin(fmax(mean[p] / (double)n, 0), 1);
        return GKV_OK;
    }
    for (size_t done = 0; done < n; done += SUMMED) {
        const size_t here = n - done < SUMMED ? n - done : SUMMED;
        add_images(dataset->images.bytes + (first + done) * size, here, size, mean);
    }
    const double white = 255.0 * (double)n;
    for (size_t p = 0; p < size; p++)
        mean[p] /= white;
    return GKV_OK;
}
