/* Folders and files on the disk, for what reads and fetches data sets; more in core/file.h. */
#ifndef GKV_DATA_DATA_FILES_H
#define GKV_DATA_DATA_FILES_H

#include "core/file.h"

/* *path = FOLDER/NAME or FOLDER/NAME.gz, whichever exists, the first if both do; to
 * be freed with free(). NULL, and GKV_OK, if neither exists. */
gkv_status gkv_file_locate(const char *folder, const char *name, char **path);

/* Makes a fresh folder in `parent`, for temporary files; its absolute path goes to
 * *path, to be freed with free(). GKV_ERR_IO, also if `parent` cannot be written. */
gkv_status gkv_folder_scratch(const char *parent, char **path);

/* Removes what gkv_folder_scratch made in `parent` and nobody holds by gkv_lock_acquire: the remains of
 * killed processes. As far as that is possible. */
void gkv_folder_sweep(const char *parent);

/* Removes a folder and all in it, as far as that is possible; NULL is fine. */
void gkv_folder_remove(const char *path);

/* Copies a file into one that must not exist yet. GKV_ERR_IO. */
gkv_status gkv_file_copy(const char *from, const char *to);

#endif
