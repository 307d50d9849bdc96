#include "data/dataset_load.h"

#include <stdlib.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/image_files.h"

static gkv_status missing(const gkv_data_settings *settings, const char *folder, const char *name, const char *key)
{
    if (gkv_known_data_find(settings->dataset))
        return gkv_fail(GKV_ERR_IO, "%s/%s: no such file, nor with .gz; run `gkvae data get %s`", folder, name,
                        settings->dataset);
    return gkv_fail(GKV_ERR_IO,
                    "%s/%s: no such file, nor with .gz; put it there, set data.%s to its path, or set data.dataset "
                    "to a data set that `gkvae data get` knows (\"%s\" is none)",
                    folder, name, key, settings->dataset);
}

static gkv_status locate_standard(const gkv_data_settings *settings, gkv_split split, char **images, char **labels)
{
    const char *const *names = gkv_data_file_names + (split == GKV_TEST ? 2 : 0);
    char *folder = NULL;
    gkv_status status;
    GKV_TRY_GOTO(gkv_strf(&folder, "%s/%s", settings->folder, settings->dataset));
    GKV_TRY_GOTO(gkv_file_locate(folder, names[0], images));
    if (!*images) {
        status = missing(settings, folder, names[0], split == GKV_TEST ? "test_images" : "train_images");
        goto done;
    }
    if (*labels)
        goto done;
    GKV_TRY_GOTO(gkv_file_locate(folder, names[1], labels));
    if (!*labels && gkv_known_data_find(settings->dataset))
        status = missing(settings, folder, names[1], split == GKV_TEST ? "test_labels" : "train_labels");
done:
    free(folder);
    return status;
}

gkv_status gkv_data_locate(const gkv_data_settings *settings, gkv_split split, char **images, char **labels)
{
    const char *set_images = split == GKV_TEST ? settings->test_images : settings->train_images;
    const char *set_labels = split == GKV_TEST ? settings->test_labels : settings->train_labels;
    gkv_status status = GKV_OK;
    *images = *labels = NULL;
    if (set_labels[0])
        GKV_TRY_GOTO(gkv_strdup(set_labels, labels));
    if (set_images[0])
        GKV_TRY_GOTO(gkv_strdup(set_images, images));
    else
        GKV_TRY_GOTO(locate_standard(settings, split, images, labels));
    return GKV_OK;
done:
    free(*images);
    free(*labels);
    *images = *labels = NULL;
    return status;
}

gkv_status gkv_dataset_load(const gkv_data_settings *settings, gkv_split split, gkv_dataset **out)
{
    if (out)
        *out = NULL;
    if (!settings || !out || (split != GKV_TRAIN && split != GKV_TEST))
        return gkv_fail(GKV_ERR_ARGUMENT,
                        "gkv_dataset_load: NULL, or split %d; expected settings, GKV_TRAIN or GKV_TEST, and a place",
                        (int)split);
    char *images = NULL, *labels = NULL;
    GKV_TRY(gkv_data_locate(settings, split, &images, &labels));
    const gkv_status status = gkv_dataset_open(images, labels, out);
    free(images);
    free(labels);
    return status;
}
