/* Describes data sets, and the files of the data set that the settings name. */
#include <stdio.h>
#include <string.h>

#include "data/catalogue.h"
#include "data/copies.h"
#include "data/dataset.h"

enum { ON = 128 }; /* the least level that counts as on */

static void count_levels(const gkv_dataset *dataset, gkv_data_info *out)
{
    const size_t n = out->count * out->height * out->width * out->channels;
    const uint8_t *pixels = gkv_dataset_pixels(dataset, 0);
    uint64_t count[UINT8_MAX + 1] = {0}, sum = 0, on = 0;
    for (size_t i = 0; i < n; i++)
        count[pixels[i]]++;
    for (unsigned v = 0; v <= UINT8_MAX; v++) {
        if (count[v] == 0)
            continue;
        out->lowest = out->levels == 0 ? v : out->lowest;
        out->highest = v;
        out->levels++;
        sum += v * count[v];
        on += v >= ON ? count[v] : 0;
    }
    out->mean_grey = (double)sum / (double)n;
    out->share_on = (double)on / (double)n;
}

static void count_labels(const gkv_dataset *dataset, gkv_data_info *out)
{
    const uint8_t *labels = gkv_dataset_labels(dataset);
    if (!labels)
        return;
    for (size_t i = 0; i < out->count; i++) {
        out->per_class[labels[i]]++;
        if (out->classes <= labels[i])
            out->classes = (size_t)labels[i] + 1;
    }
}

static void name_file(const gkv_dataset *dataset, gkv_dataset_file which, gkv_file_info *out)
{
    snprintf(out->path, sizeof out->path, "%s", gkv_dataset_path(dataset, which));
    snprintf(out->sha256, sizeof out->sha256, "%s", gkv_dataset_sha256(dataset, which));
    out->checksum = GKV_CHECKSUM_UNKNOWN;
}

gkv_status gkv_dataset_describe(const gkv_dataset *dataset, gkv_data_info *out)
{
    gki_copies *copies = NULL;
    GKV_NEED(dataset);
    GKV_NEED(out);
    *out = (gkv_data_info){.count = gkv_dataset_count(dataset),
                           .height = gkv_dataset_height(dataset),
                           .width = gkv_dataset_width(dataset),
                           .channels = gkv_dataset_channels(dataset)};
    name_file(dataset, GKV_IMAGES_FILE, &out->images);
    name_file(dataset, GKV_LABELS_FILE, &out->labels);
    count_levels(dataset, out);
    count_labels(dataset, out);
    GKV_TRY(gki_copies_create(dataset, &copies));
    out->copies = gki_copies_count(copies);
    gki_copies_free(copies);
    return GKV_OK;
}

/* Compares a file with the known ones. If the file has the path of a known data set, `expected` is
 * that data set and `file` the number of the file in it. If `expected` is NULL, the file may be any
 * file of any known data set. */
static void describe_file(const gki_known_data *expected, int file, gkv_file_info *out)
{
    const char *name;
    if (!*out->path)
        return;
    if (expected) {
        const bool good = strcmp(expected->files[file].sha256, out->sha256) == 0;
        out->checksum = good                    ? GKV_CHECKSUM_GOOD
                        : expected->any_version ? GKV_CHECKSUM_UNKNOWN
                                                : GKV_CHECKSUM_DIFFERENT;
        return;
    }
    for (size_t i = 0; (name = gkv_data_name_at(i)); i++)
        for (int k = 0; k < GKV_DATA_FILES; k++)
            if (strcmp(gki_known_data_find(name)->files[k].sha256, out->sha256) == 0)
                out->checksum = GKV_CHECKSUM_GOOD;
}

gkv_status gkv_data_describe(gkv_split split, const gkv_data_settings *settings, gkv_data_info *out)
{
    gkv_settings defaults;
    gkv_dataset *dataset = NULL;
    GKV_NEED(out);
    *out = (gkv_data_info){0};
    gkv_settings_defaults(&defaults);
    settings = settings ? settings : &defaults.data;
    gkv_data_settings any = *settings; /* its files may have another SHA-256 */
    memset(any.train_images_sha256, 0, sizeof any.train_images_sha256);
    memset(any.train_labels_sha256, 0, sizeof any.train_labels_sha256);
    GKV_TRY(gkv_dataset_load(split, &any, &dataset));
    const gkv_status status = gkv_dataset_describe(dataset, out);
    gkv_dataset_free(dataset);
    if (status != GKV_OK)
        return status;
    const bool test = split == GKV_TEST;
    const gki_known_data *known = gki_known_data_find(settings->dataset);
    const char *images = test ? settings->test_images : settings->train_images,
               *labels = test ? settings->test_labels : settings->train_labels;
    describe_file(*images ? NULL : known, test ? 2 : 0, &out->images);
    describe_file(*labels || *images ? NULL : known, test ? 3 : 1, &out->labels);
    return GKV_OK;
}
