/* Folders and files on the disk, for the functions that find and fetch data sets. core/file.h has
 * more. Thread-safe. */
#ifndef GKV_DATA_FILES_H
#define GKV_DATA_FILES_H

#include "core/file.h"

/* Sets *path to FOLDER/NAME if that exists, or else to FOLDER/NAME.gz if that exists. The caller
 * frees it with free(). If neither exists, *path is NULL and the status GKV_OK. GKV_ERR_MEMORY. */
gkv_status gki_file_locate(const char *folder, const char *name, char **path);

/* Sets *path to a file of `folder` or of `parent`, the folder above it, whose name is nearly NAME
 * or NAME.gz: other signs between the words, as unpackers make them, or another case. In `parent`,
 * NAME itself counts too. NULL if there is none. The caller frees it with free().
 * GKV_ERR_MEMORY. */
gkv_status gki_file_near(const char *folder, const char *parent, const char *name, char **path);

/* Sets *text to what a message says of a path that may be meant otherwise: of a relative path, the
 * folder that it is relative to; and of one that begins with ~, that the shell has not expanded it.
 * "" for other paths. The caller frees it with free(). GKV_ERR_MEMORY. */
gkv_status gki_file_relative(const char *path, char **text);

/* Makes a new folder in `parent` for temporary files. *path is its absolute path; the caller frees
 * it with free(). GKV_ERR_IO if `parent` does not exist or is not writable. */
gkv_status gki_folder_scratch(const char *parent, char **path);

/* Removes the folders that gki_folder_scratch() made in `parent`, except those that somebody has
 * locked with gki_lock_acquire(). They are remnants of killed processes. Failures are ignored. */
void gki_folder_sweep(const char *parent);

/* Removes a folder with its content. Failures are ignored. NULL is fine. */
void gki_folder_remove(const char *path);

/* Copies a file. GKV_ERR_IO, also if `to` exists already. */
gkv_status gki_file_copy(const char *from, const char *to);

#endif
