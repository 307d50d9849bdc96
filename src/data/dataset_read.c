/* Reads the images and labels of a data set from files. */
#include <stdlib.h>

#include "core/memory.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "data/levels.h"

static gkv_status note(gkv_dataset *dataset, gkv_dataset_file file, const gki_raster *raster)
{
    char *text = NULL;
    if (!*raster->note)
        return GKV_OK;
    GKV_TRY(gki_strf(&text, "%s: %s", dataset->path[file], raster->note));
    return gki_dataset_remark(dataset, text);
}

static gkv_status read_images(gkv_dataset *dataset, const char *path,
                              const gkv_data_settings *settings)
{
    GKV_TRY(gki_strdup(path, &dataset->path[GKV_IMAGES_FILE]));
    GKV_TRY(gki_idx_read(path, GKV_IDX_IMAGES, &dataset->images));
    GKV_TRY(note(dataset, GKV_IMAGES_FILE, &dataset->images));
    return gki_raster_channels(&dataset->images, settings);
}

static gkv_status read_labels(gkv_dataset *dataset, const char *path)
{
    GKV_TRY(gki_strdup(path, &dataset->path[GKV_LABELS_FILE]));
    GKV_TRY(gki_idx_read(path, GKV_IDX_LABELS, &dataset->labels));
    if (dataset->labels.count != dataset->images.count)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the header's count is %zu; expected %zu, one label for each image of %s", path,
            dataset->labels.count, dataset->images.count, dataset->path[GKV_IMAGES_FILE]);
    return GKV_OK;
}

gkv_status gki_dataset_read(const char *images_path, const char *labels_path,
                            const gkv_data_settings *settings, const char *training,
                            gkv_dataset **out)
{
    gkv_dataset *dataset = NULL;
    gkv_status status;
    *out = NULL;
    (void)training;
    GKV_TRY(gki_alloc(1, sizeof *dataset, &dataset));
    GKV_TRY_GOTO(read_images(dataset, images_path, settings));
    if (labels_path)
        GKV_TRY_GOTO(read_labels(dataset, labels_path));
    *out = dataset;
    return GKV_OK;
done:
    gkv_dataset_free(dataset);
    return status;
}
