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

typedef struct dataset_export {
    const gkv_dataset *dataset;
    const char *folder;
    const gkv_export_settings *settings;
    size_t count, tests;
    uint8_t *part; /* [count], the gkv_split of each image */
} dataset_export;

/* Chooses the test images. */
static gkv_status choose(dataset_export *export)
{
    uint32_t *order = NULL;
    GKV_TRY(gki_alloc(export->count, sizeof *export->part, &export->part));
    if (export->tests == 0)
        return GKV_OK;
    GKV_TRY(gki_alloc(export->count, sizeof *order, &order));
    gki_rng_permutation(gki_rng_at(export->settings->seed, GKV_STREAM_TEST_SPLIT, 0, 0),
                        (uint32_t) export->count, order);
    for (size_t i = 0; i < export->tests; i++)
        export->part[order[i]] = GKV_TEST;
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
static bool writes(const dataset_export *export, int i)
{
    const bool colour = gkv_dataset_channels(export->dataset) != 1;
    if (i == NAMES - 1)
        return gkv_dataset_name(export->dataset, 0) != NULL;
    const bool is_colour = i >= GKV_DATA_FILES, is_labels = !is_colour && i % 2 == 1;
    const bool is_test = is_colour ? i > GKV_DATA_FILES : i >= 2;
    return (!is_test || export->tests > 0) &&
           (is_labels ? gkv_dataset_labels(export->dataset) != NULL : colour == is_colour);
}

/* Refuses files that exist; or, after the export, removes those of an older data set that it did
 * not replace, which would be taken for parts of this one. */
static gkv_status check_old(const dataset_export *export, bool remove_old)
{
    for (int i = 0; i < 2 * NAMES; i++) {
        const bool packed = i >= NAMES;
        char *path = NULL;
        GKV_TRY(
            gki_strf(&path, "%s/%s%s", export->folder, name_at(i % NAMES), packed ? ".gz" : ""));
        const bool there = gki_file_exists(path);
        gkv_status status = GKV_OK;
        if (there && !remove_old)
            status = gki_fail_remedy(
                GKV_ERR_IO, GKV_REMEDY_REPLACE,
                "%s: the file exists; choose another folder, or allow that it is replaced", path);
        else if (there && (packed || !writes(export, i)))
            remove(path);
        free(path);
        GKV_TRY(status);
    }
    return GKV_OK;
}

/* Writes a header and the elements of `size` bytes of one part. */
static gkv_status write_part(const dataset_export *export, gkv_split split, const char *name,
                             const uint8_t *header, size_t length, const uint8_t *bytes,
                             size_t size)
{
    gki_file_writer *writer = NULL;
    char *path = NULL;
    GKV_TRY(gki_strf(&path, "%s/%s", export->folder, name));
    gkv_status status = gki_file_begin(path, &writer);
    free(path);
    GKV_TRY(status);
    /* The writer remembers its first failure, which the commit returns. */
    (void)gki_file_write(writer, header, length);
    for (size_t i = 0; i < export->count; i++)
        if (export->part[i] == split)
            (void)gki_file_write(writer, bytes + i * size, size);
    return gki_file_commit(writer);
}

static gkv_status write_split(const dataset_export *export, gkv_split split)
{
    uint8_t header[GKV_IDX_HEADER_MAX];
    const gkv_dataset *data = export->dataset;
    const bool test = split == GKV_TEST;
    const size_t h = gkv_dataset_height(data), w = gkv_dataset_width(data),
                 c = gkv_dataset_channels(data),
                 n = test ? export->tests : export->count - export->tests;
    const char *const *names = gki_data_file_names + (test ? 2 : 0);
    const char *images = c == 1 ? names[0] : gki_data_colour_names[test];
    size_t length = gki_idx_header(n, h, w, c, header);
    GKV_TRY(
        write_part(export, split, images, header, length, gkv_dataset_pixels(data, 0), h * w * c));
    if (!gkv_dataset_labels(data))
        return GKV_OK;
    length = gki_idx_header(n, 0, 0, 0, header);
    return write_part(export, split, names[1], header, length, gkv_dataset_labels(data), 1);
}

/* A field of the list, in quotes with doubled quotes within. */
static void write_field(gki_file_writer *writer, const char *text)
{
    (void)gki_file_write(writer, "\"", 1);
    for (; *text; text++)
        (void)gki_file_write(writer, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    (void)gki_file_write(writer, "\"", 1);
}

static gkv_status write_list(const dataset_export *export)
{
    static const char *const parts[] = {[GKV_TRAIN] = "train", [GKV_TEST] = "test"};
    const uint8_t *labels = gkv_dataset_labels(export->dataset);
    gki_file_writer *writer = NULL;
    char *path = NULL;
    if (!gkv_dataset_name(export->dataset, 0))
        return GKV_OK;
    GKV_TRY(gki_strf(&path, "%s/%s", export->folder, list_name));
    gkv_status status = gki_file_begin(path, &writer);
    free(path);
    GKV_TRY(status);
    (void)gki_file_printf(writer, "part,file,label\n");
    for (int part = GKV_TRAIN; part <= GKV_TEST; part++)
        for (size_t i = 0; i < export->count; i++) {
            if (export->part[i] != part)
                continue;
            (void)gki_file_printf(writer, "%s,", parts[part]);
            write_field(writer, gkv_dataset_name(export->dataset, i));
            if (labels)
                (void)gki_file_printf(writer, ",%d\n", labels[i]);
            else
                (void)gki_file_printf(writer, ",\n");
        }
    return gki_file_commit(writer);
}

static gkv_status check(const dataset_export *export)
{
    const double share = export->settings->test;
    if (!(share >= 0 && share <= 1))
        return gki_fail(GKV_ERR_ARGUMENT, "the share of test images is %g; expected 0 … 1", share);
    if (export->tests == export->count || (export->tests == 0 && share > 0))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a share of %g of %zu images leaves the %s part without images", share,
                        export->count, export->tests == 0 ? "test" : "training");
    if (export->count > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "IDX cannot hold %zu images", export->count);
    return GKV_OK;
}

gkv_status gkv_dataset_export(const gkv_dataset *dataset, const char *folder,
                              const gkv_export_settings *settings, size_t *test)
{
    static const gkv_export_settings defaults = {.test = 0};
    gkv_status status;
    GKV_NEED(dataset);
    GKV_NEED(folder);
    dataset_export export = {
        .dataset = dataset, .folder = folder, .settings = settings ? settings : &defaults};
    export.count = gkv_dataset_count(dataset);
    export.tests = export.settings->test > 0 && export.settings->test <= 1
                       ? (size_t)llround(export.settings->test * (double)export.count)
                       : 0;
    GKV_TRY(check(&export));
    GKV_TRY_GOTO(choose(&export));
    GKV_TRY_GOTO(gki_file_make_folder(folder));
    if (!export.settings->overwrite)
        GKV_TRY_GOTO(check_old(&export, false));
    GKV_TRY_GOTO(write_split(&export, GKV_TRAIN));
    if (export.tests > 0)
        GKV_TRY_GOTO(write_split(&export, GKV_TEST));
    GKV_TRY_GOTO(write_list(&export));
    GKV_TRY_GOTO(check_old(&export, true));
    if (test)
        *test = export.tests;
done:
    free(export.part);
    return status;
}
