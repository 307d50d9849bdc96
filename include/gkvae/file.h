/* Atomic writing of files, folders, and checksums. */
#ifndef GKVAE_FILE_H
#define GKVAE_FILE_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes `count` bytes to a temporary file beside `path`, syncs it, and renames it to `path`. A
 * reader never sees part of the file, even if the process is killed. A symbolic link is followed.
 * `bytes` may be NULL if `count` is 0.
 *
 * GKV_ERR_IO, with the cause, if the file cannot be written or if `path` exists and is not a
 * regular file. Then nothing is written. GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_file_write_atomic(const char *path, const void *bytes,
                                                      size_t count);

/* Makes the folder and all folders above it, as mkdir -p does. The folder may exist already.
 * GKV_ERR_IO if a folder cannot be made, GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_file_make_folder(const char *path);

enum { GKV_DIGEST_SIZE = 65 }; /* 64 hexadecimal digits and a NUL */

/* Computes the SHA-256 (FIPS 180-4) of a file's content, in lower-case hexadecimal with a NUL at
 * the end. The content of a gzip file is what it decompresses to. GKV_ERR_IO if the file cannot be
 * read or is not a regular file, GKV_ERR_DATA for a damaged gzip file, GKV_ERR_ARGUMENT for NULL,
 * GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_file_digest(const char *path, char digest[GKV_DIGEST_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
