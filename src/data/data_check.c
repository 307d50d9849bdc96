/* Warnings about images that are legal but probably not meant. */
#include <stdio.h>
#include <string.h>

#include "data/catalogue.h"
#include "data/copies.h"

typedef struct data_check {
    gki_call *call;
    const gkv_dataset *train, *test;
} data_check;

/* What the grey levels of a data set are. */
typedef struct levels {
    uint8_t lowest, highest;
    size_t flat;        /* the number of images of one level, or one colour, only */
    double mean;        /* the mean level of all pixels */
    double mean_border; /* the mean level of the pixels at the borders of images */
} levels;

/* Takes up to 2¹⁶ values into account, and returns their sum. */
static uint32_t add_values(const uint8_t *value, size_t n, levels *out)
{
    uint8_t lowest = out->lowest, highest = out->highest;
    uint32_t sum = 0;
#pragma omp simd reduction(min : lowest) reduction(max : highest) reduction(+ : sum)
    for (size_t k = 0; k < n; k++) {
        lowest = value[k] < lowest ? value[k] : lowest;
        highest = value[k] > highest ? value[k] : highest;
        sum += value[k];
    }
    out->lowest = lowest;
    out->highest = highest;
    return sum;
}

/* The same for the n values of an image. */
static uint64_t add_image(const uint8_t *value, size_t n, levels *out)
{
    enum { VALUES_MAX = 1 << 16 }; /* their sum fits in 32 bits */
    uint64_t sum = 0;
    for (size_t k = 0; k < n; k += VALUES_MAX)
        sum += add_values(value + k, n - k < VALUES_MAX ? n - k : VALUES_MAX, out);
    return sum;
}

/* The sum of the values at the border of an image of h × w pixels of c values. */
static uint64_t border_sum(const uint8_t *value, size_t h, size_t w, size_t c)
{
    uint64_t sum = 0;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x += y == 0 || y == h - 1 || w == 1 ? 1 : w - 1)
            for (size_t k = 0; k < c; k++)
                sum += value[(y * w + x) * c + k];
    return sum;
}

static void find_levels(const gkv_dataset *data, levels *out)
{
    const size_t h = gkv_dataset_height(data), w = gkv_dataset_width(data),
                 c = gkv_dataset_channels(data), n = h * w * c, count = gkv_dataset_count(data),
                 inner = h > 2 && w > 2 ? (h - 2) * (w - 2) * c : 0;
    uint64_t border = 0, sum = 0;
    *out = (levels){.lowest = UINT8_MAX};
    for (size_t i = 0; i < count; i++) {
        const uint8_t *value = gkv_dataset_pixels(data, i);
        sum += add_image(value, n, out);
        border += border_sum(value, h, w, c);
        out->flat += memcmp(value, value + c, n - c) == 0; /* each pixel is as the next one */
    }
    out->mean = (double)sum / (double)(count * n);
    out->mean_border = (double)border / (double)(count * (n - inner));
}

static void check_levels(const data_check *check, const gkv_dataset *data, const char *name)
{
    const size_t count = gkv_dataset_count(data);
    levels all;
    find_levels(data, &all);
    if (all.lowest == all.highest) {
        gki_tell(check->call,
                 "all pixels of the %s images are %u: there is nothing to learn; check the file",
                 name, all.highest);
        return;
    }
    if (all.highest < 128)
        gki_tell(check->call,
                 "the brightest pixel of the %s images is %u of 255: their levels seem to be from "
                 "0 to %u; multiply them by %u",
                 name, all.highest, all.highest, 255 / all.highest);
    if (all.highest >= 128 && all.mean_border > 160 && all.mean > 128)
        gki_tell(check->call,
                 "the %s images are dark on a bright ground (mean level %.0f, at the borders "
                 "%.0f); if they should be bright on black as MNIST's are, set data.invert = yes",
                 name, all.mean, all.mean_border);
    if (all.flat > 0 && 100 * all.flat >= count)
        gki_tell(check->call,
                 "%zu of the %zu %s images are of one level only; check whether they are blank",
                 all.flat, count, name);
}

/* --- Duplicates ----------------------------------------------------------- */

static gkv_status check_duplicates(const data_check *check)
{
    const size_t count = gkv_dataset_count(check->train);
    gki_copies *copies = NULL;
    GKV_TRY(gki_copies_create(check->train, &copies));
    const size_t repeated = gki_copies_count(copies);
    if (100 * repeated >= count) /* a data set has an image */
        gki_tell(check->call, "copies of other training images: %zu of %zu", repeated, count);
    if (check->test) {
        const size_t tests = gkv_dataset_count(check->test);
        size_t common = 0;
        for (size_t i = 0; i < tests; i++)
            common += gki_copies_contain(copies, check->test, i);
        if (100 * common >= tests)
            gki_tell(check->call,
                     "%zu of the %zu test images are training images too: figures of the test "
                     "images say little about new images",
                     common, tests);
    }
    gki_copies_free(copies);
    return GKV_OK;
}

/* --- Labels --------------------------------------------------------------- */

static void count_labels(const gkv_dataset *data, size_t per_class[256])
{
    const uint8_t *labels = gkv_dataset_labels(data);
    memset(per_class, 0, 256 * sizeof *per_class);
    for (size_t i = 0; labels && i < gkv_dataset_count(data); i++)
        per_class[labels[i]]++;
}

static void check_label_counts(const data_check *check)
{
    size_t train[256], test[256], unknown = 0, first = 0;
    count_labels(check->train, train);
    count_labels(check->test, test);
    for (size_t c = 256; c-- > 0;)
        if (test[c] > 0 && train[c] == 0)
            unknown += test[c], first = c;
    if (unknown > 0 && gkv_dataset_labels(check->train))
        gki_tell(check->call,
                 "%zu test images have a label that no training image has (the first such label is "
                 "%zu): check whether the files belong together",
                 unknown, first);
}

static void tell_remarks(const data_check *check, const gkv_dataset *data)
{
    for (size_t i = 0; gkv_dataset_remark(data, i); i++)
        gki_tell(check->call, "%s", gkv_dataset_remark(data, i));
}

gkv_status gkv_dataset_check(const gkv_dataset *train, const gkv_dataset *test,
                             const gkv_run_options *options)
{
    gki_call call;
    GKV_NEED(train);
    GKV_TRY(gki_call_begin(&call, options, 0));
    const data_check check = {&call, train, test};
    const size_t h = gkv_dataset_height(train), w = gkv_dataset_width(train);
    tell_remarks(&check, train);
    tell_remarks(&check, test);
    if (h > GKV_IMAGE_PIXELS_MAX / w)
        gki_tell(check.call,
                 "the training images have %zu × %zu pixels, and a model takes at most %d in all: "
                 "make the images smaller",
                 h, w, (int)GKV_IMAGE_PIXELS_MAX);
    check_levels(&check, train, "training");
    if (test && (gkv_dataset_height(test) != gkv_dataset_height(train) ||
                 gkv_dataset_width(test) != gkv_dataset_width(train))) {
        gki_tell(check.call,
                 "the test images have %zu × %zu pixels, and the training images %zu × %zu: a "
                 "model of these cannot be evaluated on those",
                 gkv_dataset_height(test), gkv_dataset_width(test), gkv_dataset_height(train),
                 gkv_dataset_width(train));
        return GKV_OK;
    }
    if (test && gkv_dataset_channels(test) != gkv_dataset_channels(train)) {
        gki_tell(check.call,
                 "the test images are %s, and the training images %s: set data.channels, so that "
                 "both are the same",
                 gkv_dataset_channels(test) == 1 ? "grey" : "in colour",
                 gkv_dataset_channels(train) == 1 ? "grey" : "in colour");
        return GKV_OK;
    }
    if (test) {
        check_levels(&check, test, "test");
        check_label_counts(&check);
    }
    return check_duplicates(&check);
}
