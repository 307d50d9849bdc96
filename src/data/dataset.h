/* What the module does to a data set before anybody else sees it; the rest is in gkvae/data.h. */
#ifndef GKV_DATA_DATASET_H
#define GKV_DATA_DATASET_H

#include <stdbool.h>

#include "data/raster.h"
#include "data/words.h"
#include "gkvae/data.h"

enum { GKV_DATASET_FILES = GKV_LABELS_FILE + 1 };

struct gkv_dataset {
    gki_raster images;             /* with 1 or 3 channels */
    gki_raster labels;             /* without bytes if there are none */
    char *path[GKV_DATASET_FILES]; /* NULL unless the data set is from files */
    double range[2];               /* of the numbers of continuous images, in their units */
    gki_words names;               /* the files of the images, if they are from a folder; sorted */
    gki_words remarks;             /* what the user should know of the reading */
    gki_words skipped; /* "NAME: reason", of the files of the folder that were left out */
};

/* The training images of a data set, and their labels or NULL. */
typedef struct gki_training {
    const char *images, *labels;
} gki_training;

/* Reads images, and labels unless their path is NULL, as the settings say, but for invert and
 * transpose. `training`, unless NULL, are the training images of the same data set, whose words
 * number the labels. Errors as gkv_dataset_load(). */
GKV_MUST_USE gkv_status gki_dataset_read(const char *images_path, const char *labels_path,
                                         const gkv_data_settings *settings,
                                         const gki_training *training, gkv_dataset **out);

/* The values of an image: height·width·channels. */
static inline size_t gki_dataset_values(const gkv_dataset *dataset)
{
    return dataset->images.height * dataset->images.width * dataset->images.channels;
}

/* Takes 255 − level for every level, and exchanges rows and columns. GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_dataset_turn(gkv_dataset *dataset, bool invert, bool transpose);

/* Sets the SHA-256 of the settings to those of the files of this data set. Those of files that it
 * has not are left. */
void gki_dataset_identify(const gkv_dataset *training, gkv_data_settings *settings);

/* Returns GKV_ERR_DATA if a file of this data set has another SHA-256 than the settings. An unknown
 * one, of either side, is taken for the same. */
gkv_status gki_dataset_check_file(const gkv_dataset *training, const gkv_data_settings *settings);

#endif
