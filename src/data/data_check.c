/* Warnings about images that are legal but probably not meant. */
#include <stdio.h>
#include <string.h>

#include "data/catalogue.h"
#include "data/copies.h"

typedef struct check {
    gki_call *call;
    const gkv_dataset *train, *test;
} check;

/* What the grey levels of a data set are. */
typedef struct levels {
    size_t of[256];     /* the number of pixels of each level */
    size_t pixels;      /* the number of all pixels */
    size_t flat;        /* the number of images of one level only */
    unsigned highest;   /* the highest level */
    double mean;        /* the mean level of all pixels */
    double mean_border; /* the mean level of the pixels at the borders of images */
} levels;

static void count_levels(const gkv_dataset *data, levels *out)
{
    const size_t h = gkv_dataset_height(data), w = gkv_dataset_width(data),
                 c = gkv_dataset_channels(data), n = h * w * c;
    double border = 0, sum = 0;
    size_t border_pixels = 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < gkv_dataset_count(data); i++) {
        const uint8_t *pixel = gkv_dataset_pixels(data, i);
        bool flat = true;
        for (size_t k = 0; k < n; k++) {
            out->of[pixel[k]]++;
            flat = flat && pixel[k] == pixel[k % c];
        }
        out->flat += flat;
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x += y == 0 || y == h - 1 || w == 1 ? 1 : w - 1)
                for (size_t k = 0; k < c; k++) {
                    border += pixel[(y * w + x) * c + k];
                    border_pixels++;
                }
    }
    for (unsigned v = 0; v < 256; v++) {
        out->pixels += out->of[v];
        sum += (double)v * (double)out->of[v];
        if (out->of[v] > 0)
            out->highest = v;
    }
    out->mean = sum / (double)out->pixels;
    out->mean_border = border / (double)border_pixels;
}

static void check_levels(const check *it, const gkv_dataset *data, const char *name)
{
    const size_t count = gkv_dataset_count(data);
    levels all;
    count_levels(data, &all);
    if (all.of[all.highest] == all.pixels) {
        gki_tell(it->call,
                 "all pixels of the %s images are %u: there is nothing to learn; check the file",
                 name, all.highest);
        return;
    }
    if (all.highest < 128)
        gki_tell(
            it->call,
            "the brightest pixel of the %s images is %u of 255: their levels seem to be from 0 to "
            "%u; multiply them by %u",
            name, all.highest, all.highest, 255 / all.highest);
    if (all.highest >= 128 && all.mean_border > 160 && all.mean > 128)
        gki_tell(
            it->call,
            "the %s images are dark on a bright ground (mean level %.0f, at the borders %.0f); if "
            "they should be bright on black as MNIST's are, set data.invert = yes",
            name, all.mean, all.mean_border);
    if (all.flat > 0 && 100 * all.flat >= count)
        gki_tell(it->call,
                 "%zu of the %zu %s images are of one level only; check whether they are blank",
                 all.flat, count, name);
}

/* --- Duplicates ----------------------------------------------------------- */

static gkv_status check_duplicates(const check *it)
{
    const size_t count = gkv_dataset_count(it->train);
    gki_copies *copies = NULL;
    GKV_TRY(gki_copies_create(it->train, &copies));
    const size_t repeated = gki_copies_count(copies);
    if (100 * repeated >= count) /* a data set has an image */
        gki_tell(it->call, "copies of other training images: %zu of %zu", repeated, count);
    if (it->test) {
        const size_t tests = gkv_dataset_count(it->test);
        size_t common = 0;
        for (size_t i = 0; i < tests; i++)
            common += gki_copies_contain(copies, it->test, i);
        if (100 * common >= tests)
            gki_tell(
                it->call,
                "%zu of the %zu test images are training images too: figures of the test images "
                "say little about new images",
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

static void check_labels(const check *it)
{
    size_t train[256], test[256], unknown = 0, first = 0;
    count_labels(it->train, train);
    count_labels(it->test, test);
    for (size_t c = 256; c-- > 0;)
        if (test[c] > 0 && train[c] == 0)
            unknown += test[c], first = c;
    if (unknown > 0 && gkv_dataset_labels(it->train))
        gki_tell(it->call,
                 "%zu test images have a label that no training image has (the first such label is "
                 "%zu): check whether the files belong together",
                 unknown, first);
}

static void tell_remarks(const check *it, const gkv_dataset *data)
{
    for (size_t i = 0; gkv_dataset_remark(data, i); i++)
        gki_tell(it->call, "%s", gkv_dataset_remark(data, i));
}

gkv_status gkv_dataset_check(const gkv_dataset *train, const gkv_dataset *test,
                             const gkv_run_options *options)
{
    gki_call call;
    GKV_NEED(train);
    GKV_TRY(gki_call_begin(&call, options, 0));
    const check it = {&call, train, test};
    const size_t h = gkv_dataset_height(train), w = gkv_dataset_width(train);
    tell_remarks(&it, train);
    tell_remarks(&it, test);
    if (h > GKV_IMAGE_PIXELS_MAX / w)
        gki_tell(it.call,
                 "the training images have %zu × %zu pixels, and a model takes at most %d in all: "
                 "make the images smaller",
                 h, w, (int)GKV_IMAGE_PIXELS_MAX);
    check_levels(&it, train, "training");
    if (test && (gkv_dataset_height(test) != gkv_dataset_height(train) ||
                 gkv_dataset_width(test) != gkv_dataset_width(train))) {
        gki_tell(
            it.call,
            "the test images have %zu × %zu pixels, and the training images %zu × %zu: a model of "
            "these cannot be evaluated on those",
            gkv_dataset_height(test), gkv_dataset_width(test), gkv_dataset_height(train),
            gkv_dataset_width(train));
        return GKV_OK;
    }
    if (test && gkv_dataset_channels(test) != gkv_dataset_channels(train)) {
        gki_tell(it.call,
                 "the test images are %s, and the training images %s: set data.channels, so that "
                 "both are the same",
                 gkv_dataset_channels(test) == 1 ? "grey" : "in colour",
                 gkv_dataset_channels(train) == 1 ? "grey" : "in colour");
        return GKV_OK;
    }
    if (test) {
        check_levels(&it, test, "test");
        check_labels(&it);
    }
    return check_duplicates(&it);
}
