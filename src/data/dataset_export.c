/* Writes a data set as IDX files, in two parts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "data/catalogue.h"
#include "data/dataset.h"
#include "data/idx.h"

static const char list_name[] = "files.csv";

typedef struct export
{
    const gkv_dataset *dataset;
    const char *folder;
    const gkv_export_settings *settings;
    size_t count, tests;
    uint8_t *part; /* [count], the gkv_split of each image */
}
export;

/* Chooses the test images. */
static gkv_status choose(export *it)
{
    uint32_t *order = NULL;
    GKV_TRY(gki_alloc(it->count, sizeof *it->part, &it->part));
    if (it->tests == 0)
        return GKV_OK;
    GKV_TRY(gki_alloc(it->count, sizeof *order, &order));
    gki_rng_permutation(gki_rng_at(it->settings->seed, GKV_STREAM_TEST_SPLIT, 0, 0),
                        (uint32_t)it->count, order);
    for (size_t i = 0; i < it->tests; i++)
        it->part[order[i]] = GKV_TEST;
    free(order);
    return GKV_OK;
}

/* The names of all files that an export may write. */
enum { NAMES = GKV_DATA_FILES + 3 };

static const char *name_at(int i)
{
    return i < GKV_DATA_FILES       ? gki_data_file_names[i]
           : i < GKV_DATA_FILES + 2 ? gki_data_colour_names[i - GKV_DATA_FILES]
                                    : list_name;
}

/* Whether this export writes the file name_at(i). */
static bool writes(const export *it, int i)
{
    const bool colour = gkv_dataset_channels(it->dataset) != 1;
    if (i == NAMES - 1)
        return gkv_dataset_name(it->dataset, 0) != NULL;
    const bool is_colour = i >= GKV_DATA_FILES, is_labels = !is_colour && i % 2 == 1;
    const bool is_test = is_colour ? i > GKV_DATA_FILES : i >= 2;
    return (!is_test || it->tests > 0) &&
           (is_labels ? gkv_dataset_labels(it->dataset) != NULL : colour == is_colour);
}

/* Refuses files that exist; or, after the export, removes those of an older data set that it did
 * not replace, which would be taken for parts of this one. */
static gkv_status check_old(const export *it, bool remove_old)
{
    for (int i = 0; i < 2 * NAMES; i++) {
        const bool packed = i >= NAMES;
        char *path = NULL;
        GKV_TRY(gki_strf(&path, "%s/%s%s", it->folder, name_at(i % NAMES), packed ? ".gz" : ""));
        const bool there = gki_file_exists(path);
        gkv_status status = GKV_OK;
        if (there && !remove_old)
            status =
                gki_fail_remedy(GKV_ERR_IO, GKV_REMEDY_REPLACE,
                                "%s: the file exists; choose another folder, or allow that it is "
                                "replaced",
                                path);
        else if (there && (packed || !writes(it, i)))
            remove(path);
        free(path);
        GKV_TRY(status);
    }
    return GKV_OK;
}

/* Writes a header and the elements of `size` bytes of one part. */
static gkv_status write_part(const export *it, gkv_split split, const char *name,
                             const uint8_t *header, size_t length, const uint8_t *bytes,
                             size_t size)
{
    gki_file_writer *writer = NULL;
    char *path = NULL;
    GKV_TRY(gki_strf(&path, "%s/%s", it->folder, name));
    gkv_status status = gki_file_begin(path, &writer);
    free(path);
    GKV_TRY(status);
    /* The writer remembers its first failure, which the commit returns. */
    (void)gki_file_write(writer, header, length);
    for (size_t i = 0; i < it->count; i++)
        if (it->part[i] == split)
            (void)gki_file_write(writer, bytes + i * size, size);
    return gki_file_commit(writer);
}

static gkv_status write_split(const export *it, gkv_split split)
{
    uint8_t header[GKV_IDX_HEADER_MAX];
    const gkv_dataset *data = it->dataset;
    const bool test = split == GKV_TEST;
    const size_t h = gkv_dataset_height(data), w = gkv_dataset_width(data),
                 c = gkv_dataset_channels(data), n = test ? it->tests : it->count - it->tests;
    const char *const *names = gki_data_file_names + (test ? 2 : 0);
    const char *images = c == 1 ? names[0] : gki_data_colour_names[test];
    size_t length = gki_idx_header(n, h, w, c, header);
    GKV_TRY(write_part(it, split, images, header, length, gkv_dataset_pixels(data, 0), h * w * c));
    if (!gkv_dataset_labels(data))
        return GKV_OK;
    length = gki_idx_header(n, 0, 0, 0, header);
    return write_part(it, split, names[1], header, length, gkv_dataset_labels(data), 1);
}

/* A field of the list, in quotes with doubled quotes within. */
static void write_field(gki_file_writer *writer, const char *text)
{
    (void)gki_file_write(writer, "\"", 1);
    for (; *text; text++)
        (void)gki_file_write(writer, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    (void)gki_file_write(writer, "\"", 1);
}

static gkv_status write_list(const export *it)
{
    static const char *const parts[] = {[GKV_TRAIN] = "train", [GKV_TEST] = "test"};
    const uint8_t *labels = gkv_dataset_labels(it->dataset);
    gki_file_writer *writer = NULL;
    char *path = NULL;
    if (!gkv_dataset_name(it->dataset, 0))
        return GKV_OK;
    GKV_TRY(gki_strf(&path, "%s/%s", it->folder, list_name));
    gkv_status status = gki_file_begin(path, &writer);
    free(path);
    GKV_TRY(status);
    (void)gki_file_printf(writer, "part,file,label\n");
    for (int part = GKV_TRAIN; part <= GKV_TEST; part++)
        for (size_t i = 0; i < it->count; i++) {
            if (it->part[i] != part)
                continue;
            (void)gki_file_printf(writer, "%s,", parts[part]);
            write_field(writer, gkv_dataset_name(it->dataset, i));
            if (labels)
                (void)gki_file_printf(writer, ",%d\n", labels[i]);
            else
                (void)gki_file_printf(writer, ",\n");
        }
    return gki_file_commit(writer);
}

static gkv_status check(const export *it)
{
    const double share = it->settings->test;
    if (!(share >= 0 && share <= 1))
        return gki_fail(GKV_ERR_ARGUMENT, "the share of test images is %g; expected 0 … 1", share);
    if (it->tests == it->count || (it->tests == 0 && share > 0))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a share of %g of %zu images leaves the %s part without images", share,
                        it->count, it->tests == 0 ? "test" : "training");
    if (it->count > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "IDX cannot hold %zu images", it->count);
    return GKV_OK;
}

gkv_status gkv_dataset_export(const gkv_dataset *dataset, const char *folder,
                              const gkv_export_settings *settings, size_t *test)
{
    static const gkv_export_settings defaults = {.test = 0};
    gkv_status status;
    GKV_NEED(dataset);
    GKV_NEED(folder);
    export it = {.dataset = dataset, .folder = folder, .settings = settings ? settings : &defaults};
    it.count = gkv_dataset_count(dataset);
    it.tests = it.settings->test > 0 && it.settings->test <= 1
                   ? (size_t)llround(it.settings->test * (double)it.count)
                   : 0;
    GKV_TRY(check(&it));
    GKV_TRY_GOTO(choose(&it));
    GKV_TRY_GOTO(gki_file_make_folder(folder));
    if (!it.settings->overwrite)
        GKV_TRY_GOTO(check_old(&it, false));
    GKV_TRY_GOTO(write_split(&it, GKV_TRAIN));
    if (it.tests > 0)
        GKV_TRY_GOTO(write_split(&it, GKV_TEST));
    GKV_TRY_GOTO(write_list(&it));
    GKV_TRY_GOTO(check_old(&it, true));
    if (test)
        *test = it.tests;
done:
    free(it.part);
    return status;
}
