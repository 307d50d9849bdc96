/* Files that appear whole or not at all, folders, and checksums. */
#ifndef GKVAE_FILE_H
#define GKVAE_FILE_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes `count` bytes under another name beside `path`, syncs them, and puts the file in its place, so that a
 * reader, or a process that is killed, never sees a part of it. A symbolic link is followed. GKV_ERR_IO with the
 * cause, also for a path that exists and is no regular file: nothing is written then; GKV_ERR_ARGUMENT for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_file_write_atomic(const char *path, const void *bytes, size_t count);

/* As mkdir -p: makes the folder and those above it; one that exists is fine. GKV_ERR_IO, GKV_ERR_ARGUMENT. */
GKV_API GKV_MUST_USE gkv_status gkv_file_make_folder(const char *path);

enum { GKV_DIGEST_SIZE = 65 }; /* 64 hexadecimal digits and the end */

/* The SHA-256 (FIPS 180-4) of a file's content, uncompressed if it is gzip, in small letters. GKV_ERR_IO;
 * GKV_ERR_DATA for a damaged gzip file; GKV_ERR_ARGUMENT. */
GKV_API GKV_MUST_USE gkv_status gkv_file_digest(const char *path, char digest[GKV_DIGEST_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
