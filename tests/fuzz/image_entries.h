/* What the fuzzers of images and labels call, and the mutations of
 * tests/data/test_image_mutations.c: any bytes are read or refused with a message, and what is read
 * has the size that it states. The file that includes this defines _GNU_SOURCE first. */
#ifndef GKV_TESTS_FUZZ_IMAGE_ENTRIES_H
#define GKV_TESTS_FUZZ_IMAGE_ENTRIES_H

#include <zlib.h>

#include "data/array_read.h"
#include "data/dataset.h"
#include "data/label_read.h"
#include "data/label_table.h"
#include "data/png_read.h"
#include "data/zip_member.h"
#include "entries.h"
#include "fuzz_files.h"

/* All bytes are read, so that a sanitizer sees each of them. */
static inline unsigned fuzz_sum(const uint8_t *bytes, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    return sum;
}

static inline void fuzz_check_raster(gkv_status status, gki_raster *raster)
{
    if (status != GKV_OK) {
        FUZZ_CHECK(*gkv_error_message() && !raster->bytes && !raster->mapping);
        return;
    }
    FUZZ_CHECK(gki_raster_size(raster) > 0);
    FUZZ_CHECK(fuzz_sum(raster->bytes, gki_raster_size(raster)) < UINT32_MAX);
    gki_raster_free(raster);
}

/* Any file as images, as labels, and as both: IDX, raw or gzip, .npy, .npz, text. */
static inline int fuzz_images(const uint8_t *bytes, size_t size)
{
    char path[128];
    gki_raster raster;
    gki_words known = {0};
    gkv_dataset *dataset = NULL;
    fuzz_put("input", bytes, size, path);
    if (gkv_dataset_open(path, NULL, &dataset) == GKV_OK) {
        const size_t n = gkv_dataset_height(dataset) * gkv_dataset_width(dataset) *
                         gkv_dataset_channels(dataset);
        FUZZ_CHECK(gkv_dataset_channels(dataset) == 1 || gkv_dataset_channels(dataset) == 3);
        FUZZ_CHECK(n > 0 && fuzz_sum(gkv_dataset_pixels(dataset, 0),
                                     n * gkv_dataset_count(dataset)) < UINT32_MAX);
    }
    const gki_labelled images = {"images", NULL, dataset ? gkv_dataset_count(dataset) : 3};
    fuzz_check_raster(gki_labels_read(path, &images, &known, &raster), &raster);
    gkv_dataset_free(dataset);
    return 0;
}

/* An .npy file without its first six bytes, as images and as labels. */
static inline int fuzz_arrays(const uint8_t *bytes, size_t size)
{
    enum { MAGIC = 6 };
    gki_raster raster;
    uint8_t *whole = malloc(MAGIC + size);
    if (!whole)
        return 0;
    memcpy(whole, "\x93NUMPY", MAGIC);
    if (size > 0)
        memcpy(whole + MAGIC, bytes, size);
    fuzz_check_raster(gki_array_parse("fuzz", whole, MAGIC + size, GKV_IDX_IMAGES, &raster),
                      &raster);
    fuzz_check_raster(gki_array_parse("fuzz", whole, MAGIC + size, GKV_IDX_LABELS, &raster),
                      &raster);
    free(whole);
    return 0;
}

/* A member of a zip archive. */
static inline int fuzz_zip(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {NULL, "x", "y"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsigned char *out = NULL;
        size_t length = 0;
        const gkv_status status =
            gki_zip_member(bytes, size, "fuzz", names[i], NULL, &out, &length);
        FUZZ_CHECK(status == GKV_OK ? fuzz_sum(out, length) < UINT32_MAX : !out);
        free(out);
    }
    return 0;
}

/* A table of labels, of three images from a folder and from a file. */
static inline int fuzz_labels(const uint8_t *bytes, size_t size)
{
    char *list[] = {"a.png", "b.png", "c.png"};
    const gki_words names = {list, 3, 3}, none = {0};
    for (int folder = 0; folder < 2; folder++) {
        gki_words words;
        uint8_t labels[3];
        const gkv_status status = gki_label_table_parse("fuzz", (const char *)bytes, size,
                                                        folder ? &names : NULL, 3, &words);
        FUZZ_CHECK(status == GKV_OK || (status == GKV_ERR_DATA && words.count == 0));
        FUZZ_CHECK(status != GKV_OK || words.count == 3);
        if (status == GKV_OK)
            FUZZ_CHECK(gki_words_label(&words, &none, "fuzz", labels) == GKV_OK);
        gki_words_free(&words);
    }
    return 0;
}

/* Gives every chunk of a PNG file its checksum, so that changes get past it. */
static inline void fuzz_mend_png(uint8_t *bytes, size_t size)
{
    for (size_t offset = 8; offset + 12 <= size;) {
        const size_t length = (size_t)bytes[offset] << 24 | (size_t)bytes[offset + 1] << 16 |
                              (size_t)bytes[offset + 2] << 8 | bytes[offset + 3];
        if (length > size - offset - 12)
            return;
        const uLong sum = crc32(crc32(0, NULL, 0), bytes + offset + 4, (uInt)length + 4);
        for (unsigned i = 0; i < 4; i++)
            bytes[offset + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
        offset += length + 12;
    }
}

static inline void fuzz_decode_png(const uint8_t *bytes, size_t size)
{
    uint8_t *pixels = NULL;
    size_t channels = 0;
    gki_png_header header;
    const gkv_status status = gki_png_decode(bytes, size, &header, &pixels, &channels);
    if (status == GKV_OK) {
        FUZZ_CHECK(channels == 1 || channels == 3 || channels == 4);
        FUZZ_CHECK(fuzz_sum(pixels, header.height * header.width * channels) < UINT32_MAX);
    } else {
        FUZZ_CHECK(status == GKV_ERR_DATA && !pixels && *gkv_error_message());
    }
    free(pixels);
}

static inline int fuzz_png(const uint8_t *bytes, size_t size)
{
    uint8_t *mended = malloc(size + 1);
    if (!mended)
        return 0;
    fuzz_decode_png(bytes, size);
    if (size > 0)
        memcpy(mended, bytes, size);
    fuzz_mend_png(mended, size);
    fuzz_decode_png(mended, size);
    free(mended);
    return 0;
}

#endif
