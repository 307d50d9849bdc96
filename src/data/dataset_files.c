/* Finds, loads and describes the files of the data set that the settings name. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/data_files.h"
#include "data/dataset.h"

/* GKV_ERR_IO for a missing file; the message says how to get it. */
static gkv_status missing(const gkv_data_settings *settings, const char *folder, const char *name,
                          const char *key)
{
    char *near = NULL, *where = NULL;
    gkv_status status;
    GKV_TRY_GOTO(gki_file_near(folder, settings->folder, name, &near));
    GKV_TRY_GOTO(gki_file_relative(settings->folder, &where));
    if (near)
        status = gki_fail(GKV_ERR_IO,
                          "%s/%s: no such file, nor with .gz%s; but there is %s: rename or move "
                          "it, or set data.%s to its path",
                          folder, name, where, near, key);
    else if (gki_known_data_find(settings->dataset))
        status = gki_fail_remedy(GKV_ERR_IO, GKV_REMEDY_FOLDER,
                                 "%s/%s: no such file, nor with .gz%s; set data.folder to the "
                                 "folder of the data, or get the data set %s",
                                 folder, name, where, settings->dataset);
    else
        status = gki_fail_remedy(GKV_ERR_IO, GKV_REMEDY_FOLDER,
                                 "%s/%s: no such file, nor with .gz%s; put it there, set "
                                 "data.folder to the folder of the data or data.%s to its path, or "
                                 "set data.dataset to a data set that can be got (\"%s\" is none)",
                                 folder, name, where, key, settings->dataset);
done:
    free(near);
    free(where);
    return status;
}

/* Finds the files with standard names. *labels is kept if it is not NULL. */
static gkv_status locate_standard(const gkv_data_settings *settings, gkv_split split, char **images,
                                  char **labels)
{
    const char *const *names = gki_data_file_names + (split == GKV_TEST ? 2 : 0);
    char *folder = NULL;
    gkv_status status;
    GKV_TRY_GOTO(gki_strf(&folder, "%s/%s", settings->folder, settings->dataset));
    GKV_TRY_GOTO(gki_file_locate(folder, names[0], images));
    if (!*images)
        GKV_TRY_GOTO(gki_file_locate(folder, gki_data_colour_names[split == GKV_TEST], images));
    if (!*images) {
        status =
            missing(settings, folder, names[0], split == GKV_TEST ? "test_images" : "train_images");
        goto done;
    }
    if (*labels)
        goto done;
    GKV_TRY_GOTO(gki_file_locate(folder, names[1], labels));
    if (!*labels && gki_known_data_find(settings->dataset))
        status =
            missing(settings, folder, names[1], split == GKV_TEST ? "test_labels" : "train_labels");
done:
    free(folder);
    return status;
}

/* Finds the paths of the files, which the caller frees with free(). *labels is NULL if there are no
 * labels. GKV_ERR_IO if a file is missing. */
static gkv_status locate(const gkv_data_settings *settings, gkv_split split, char **images,
                         char **labels)
{
    const char *set_images = split == GKV_TEST ? settings->test_images : settings->train_images;
    const char *set_labels = split == GKV_TEST ? settings->test_labels : settings->train_labels;
    gkv_status status = GKV_OK;
    *images = *labels = NULL;
    if (set_labels[0])
        GKV_TRY_GOTO(gki_strdup(set_labels, labels));
    if (set_images[0])
        GKV_TRY_GOTO(gki_strdup(set_images, images));
    else
        GKV_TRY_GOTO(locate_standard(settings, split, images, labels));
    return GKV_OK;
done:
    free(*images);
    free(*labels);
    *images = *labels = NULL;
    return status;
}

/* Opens the files, and turns the images as the settings say. */
static gkv_status open_files(gkv_split split, const gkv_data_settings *settings, const char *images,
                             const char *labels, gkv_dataset **out)
{
    gkv_dataset *dataset = NULL;
    /* The standard files have numbers as labels. */
    const bool words = split == GKV_TEST && settings->train_images[0];
    const gki_training training = {settings->train_images,
                                   settings->train_labels[0] ? settings->train_labels : NULL};
    GKV_TRY(gki_dataset_read(images, labels, settings, words ? &training : NULL, &dataset));
    const gkv_status status = gki_dataset_turn(dataset, settings->invert, settings->transpose);
    if (status != GKV_OK) {
        gkv_dataset_free(dataset);
        dataset = NULL;
    }
    *out = dataset;
    return status;
}

static gkv_status check_split(gkv_split split)
{
    return split == GKV_TRAIN || split == GKV_TEST
               ? GKV_OK
               : gki_fail(GKV_ERR_ARGUMENT, "split %d: give GKV_TRAIN or GKV_TEST", (int)split);
}

gkv_status gkv_dataset_load(gkv_split split, const gkv_data_settings *settings, gkv_dataset **out)
{
    gkv_settings defaults;
    char *images = NULL, *labels = NULL;
    GKV_NEED(out);
    *out = NULL;
    GKV_TRY(check_split(split));
    gkv_settings_defaults(&defaults);
    settings = settings ? settings : &defaults.data;
    GKV_TRY(locate(settings, split, &images, &labels));
    gkv_status status = open_files(split, settings, images, labels, out);
    free(images);
    free(labels);
    if (status == GKV_OK && split == GKV_TRAIN)
        status = gki_dataset_check_file(*out, settings);
    if (status != GKV_OK) {
        gkv_dataset_free(*out);
        *out = NULL;
    }
    return status;
}
