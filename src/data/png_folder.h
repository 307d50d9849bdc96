/* A folder of PNG files as images. */
#ifndef GKV_DATA_PNG_FOLDER_H
#define GKV_DATA_PNG_FOLDER_H

#include "data/folder_list.h"
#include "data/raster.h"

typedef struct gki_png_folder {
    gki_raster images; /* with 1 or 3 channels */
    gki_words names;   /* of the images: their paths within the folder */
    gki_words bad;     /* "NAME: reason", of each file that was left out */
    gki_words classes; /* the sub-folders with images; none if the folder itself has them */
    char *others;      /* a remark on files that are not PNG files, or NULL */
} gki_png_folder;

/* Reads the pictures of a folder with several threads; the result does not depend on their number.
 * The size of the images is that of the settings or, if these have none, that of most pictures.
 * GKV_ERR_DATA if a file cannot be read or has another size, unless the settings skip bad files;
 * the message has their number and names the first ones. Other errors as gki_folder_list_read().
 * *out is empty after a failure. */
gkv_status gki_png_folder_read(const char *folder, const gkv_data_settings *settings,
                               gki_png_folder *out);

void gki_png_folder_free(gki_png_folder *folder);

#endif
