/* The PNG files of a folder. */
#ifndef GKV_DATA_FOLDER_LIST_H
#define GKV_DATA_FOLDER_LIST_H

#include "data/words.h"

typedef struct gki_folder_list {
    gki_words names; /* paths within the folder, sorted by bytes: "a.png", or "cat/a.png" */
    /* the sub-folders that have PNG files, sorted; none if the files are in the folder itself */
    gki_words classes;
    size_t others;     /* the number of other files, but for hidden ones and tables */
    char *first_other; /* the path of one of them, or NULL */
} gki_folder_list;

/* Lists the files of a folder whose names end in ".png", in any case, or those of its sub-folders.
 * Hidden files and folders are left out. GKV_ERR_DATA if there are none, or if both the folder and
 * a sub-folder have some. GKV_ERR_IO if a folder cannot be read. GKV_ERR_MEMORY. Thread-safe. */
gkv_status gki_folder_list_read(const char *folder, gki_folder_list *out);

/* Lists the sub-folders that have PNG files; none if the path is not that of such a folder.
 * GKV_ERR_MEMORY. */
gkv_status gki_folder_classes(const char *folder, gki_words *out);

void gki_folder_list_free(gki_folder_list *list);

/* Whether there is a folder of this path. */
bool gki_is_folder(const char *path);

#endif
