/* Reads the images and labels of a data set from files. */
#include <stdlib.h>
#include <string.h>

#include "core/foreign.h"
#include "core/memory.h"
#include "data/array_read.h"
#include "data/dataset.h"
#include "data/label_read.h"
#include "data/colours.h"
#include "data/png_folder.h"
#include "data/resize.h"

enum { BAD_SHOWN = 3 };

/* --- Remarks -------------------------------------------------------------- */

static gkv_status note(gkv_dataset *dataset, const char *path, const gki_raster *raster)
{
    char *text = NULL;
    if (!*raster->note)
        return GKV_OK;
    GKV_TRY(gki_strf(&text, "%s: %s", path, raster->note));
    return gki_words_add(&dataset->remarks, text);
}

/* One remark on all bad files, with the first of them. */
static gkv_status note_bad(gkv_dataset *dataset, const char *path, const gki_words *bad)
{
    char *text = NULL;
    if (bad->count == 0)
        return GKV_OK;
    GKV_TRY(gki_strf(&text, "%s: %zu file%s left out (data.skip_bad): ", path, bad->count,
                     bad->count == 1 ? " is" : "s are"));
    for (size_t i = 0; i <= BAD_SHOWN && i < bad->count; i++) {
        char *more = NULL;
        const gkv_status status =
            gki_strf(&more, "%s%s%.160s", text, i ? "; " : "", i < BAD_SHOWN ? bad->list[i] : "…");
        free(text);
        GKV_TRY(status);
        text = more;
    }
    return gki_words_add(&dataset->remarks, text);
}

/* --- Images --------------------------------------------------------------- */

/* Reads continuous images. */
static gkv_status read_numbers(gkv_dataset *dataset, const char *path, bool is_array,
                               const gkv_data_settings *settings)
{
    gki_raster *images = &dataset->images;
    if (!is_array)
        return gki_fail(GKV_ERR_DATA,
                        "%s: data.binarization = continuous takes a .npy or .npz array of floats; "
                        "for levels set it to grey",
                        path);
    if (*settings->resize || settings->invert)
        return gki_fail(GKV_ERR_CONFIG, "data.%s changes levels, and continuous images have none",
                        settings->invert ? "invert" : "resize");
    GKV_TRY(gki_array_read(path, GKV_IDX_NUMBERS, images));
    const size_t channels = images->channels, wanted = settings->channels == GKV_CHANNELS_GREY ? 1
                                                       : settings->channels == GKV_CHANNELS_COLOUR
                                                           ? 3
                                                           : channels;
    if (channels != wanted || channels == 4)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: continuous images have %zu channels; expected %s, without a change of channels",
            path, channels,
            wanted == channels ? "1 or 3"
            : wanted == 1      ? "1"
                               : "3");
    const bool has_range = gkv_settings_range(settings, dataset->range);
    if (gki_raster_scale(images, has_range, dataset->range) != GKV_OK)
        return gki_fail_context(GKV_ERR_DATA, "%s", path);
    return GKV_OK;
}

/* Reads images from a file. */
static gkv_status read_file(gkv_dataset *dataset, const char *path,
                            const gkv_data_settings *settings)
{
    uint8_t head[GKV_FOREIGN_BYTES];
    size_t there = 0;
    char *file = NULL;
    const char *array = NULL;
    gki_raster *images = &dataset->images;
    GKV_TRY(gki_array_split(path, &file, &array));
    gkv_status status = gki_head_read(file, sizeof head, head, &there);
    free(file);
    GKV_TRY(status);
    const bool is_array = gki_is_array(head, there);
    if (settings->binarization == GKV_BINARIZE_CONTINUOUS)
        return read_numbers(dataset, path, is_array, settings);
    if (is_array)
        GKV_TRY(gki_foreign_check(GKV_ERR_DATA, path, head, there, GKV_WANTED_IMAGES));
    GKV_TRY(is_array ? gki_array_read(path, GKV_IDX_IMAGES, images)
                     : gki_idx_read(path, GKV_IDX_IMAGES, images));
    GKV_TRY(note(dataset, path, images));
    GKV_TRY(gki_raster_channels(images, settings));
    return gki_raster_resize(images, settings);
}

/* Reads a folder. Unless there is a file of labels, those of sub-folders are the labels. */
static gkv_status read_folder(gkv_dataset *dataset, const char *path,
                              const gkv_data_settings *settings, const gki_words *known,
                              bool has_labels)
{
    gki_png_folder folder;
    gkv_status status;
    if (settings->binarization == GKV_BINARIZE_CONTINUOUS)
        return read_numbers(dataset, path, false, settings);
    GKV_TRY(gki_png_folder_read(path, settings, &folder));
    dataset->images = folder.images;
    folder.images = (gki_raster){0};
    dataset->names = folder.names;
    folder.names = (gki_words){0};
    dataset->skipped = folder.bad;
    folder.bad = (gki_words){0};
    GKV_TRY_GOTO(note_bad(dataset, path, &dataset->skipped));
    if (folder.others) {
        char *text = folder.others;
        folder.others = NULL;
        GKV_TRY_GOTO(gki_words_add(&dataset->remarks, text));
    }
    if (folder.classes.count > 0 && !has_labels) {
        const gki_labelled images = {path, &dataset->names, dataset->images.count};
        GKV_TRY_GOTO(gki_strdup(path, &dataset->path[GKV_LABELS_FILE]));
        GKV_TRY_GOTO(gki_labels_of_folders(&images, known, &dataset->labels));
    }
done:
    gki_png_folder_free(&folder);
    return status;
}

/* --- Words of labels ------------------------------------------------------ */

/* The words that number the labels of the training images, sorted. */
static gkv_status find_known(const gki_training *training, const gkv_data_settings *settings,
                             gki_words *out)
{
    gki_folder_list list = {0};
    gki_labelled images = {.path = training->images};
    gkv_dataset *dataset = NULL;
    gkv_status status = GKV_OK;
    if (!training->labels)
        return gki_folder_classes(training->images, out);
    if (gki_is_folder(training->images)) {
        GKV_TRY(gki_folder_list_read(training->images, &list));
        images.names = &list.names;
        images.count = list.names.count;
    } else {
        GKV_TRY(gki_dataset_read(training->images, NULL, settings, NULL, &dataset));
        images.count = dataset->images.count;
    }
    status = gki_labels_words(training->labels, &images, out);
    gkv_dataset_free(dataset);
    gki_folder_list_free(&list);
    return status;
}

/* --- The data set --------------------------------------------------------- */

static gkv_status read_all(gkv_dataset *dataset, const char *images_path, const char *labels_path,
                           const gkv_data_settings *settings, const gki_words *known)
{
    const bool is_folder = gki_is_folder(images_path);
    GKV_TRY(gki_strdup(images_path, &dataset->path[GKV_IMAGES_FILE]));
    GKV_TRY(is_folder ? read_folder(dataset, images_path, settings, known, labels_path != NULL)
                      : read_file(dataset, images_path, settings));
    if (!labels_path)
        return GKV_OK;
    const gki_labelled images = {images_path, is_folder ? &dataset->names : NULL,
                                 dataset->images.count};
    GKV_TRY(gki_strdup(labels_path, &dataset->path[GKV_LABELS_FILE]));
    return gki_labels_read(labels_path, &images, known, &dataset->labels);
}

gkv_status gki_dataset_read(const char *images_path, const char *labels_path,
                            const gkv_data_settings *settings, const gki_training *training,
                            gkv_dataset **out)
{
    gkv_dataset *dataset = NULL;
    gki_words known = {0};
    gkv_status status;
    *out = NULL;
    GKV_TRY(gki_alloc(1, sizeof *dataset, &dataset));
    /* Words number labels; without the training images those of this set do. */
    if (training && (labels_path || gki_is_folder(images_path)) &&
        find_known(training, settings, &known) == GKV_ERR_MEMORY) {
        status = GKV_ERR_MEMORY;
        goto done;
    }
    GKV_TRY_GOTO(read_all(dataset, images_path, labels_path, settings, &known));
    *out = dataset;
    dataset = NULL;
done:
    gki_words_free(&known);
    gkv_dataset_free(dataset);
    return status;
}
