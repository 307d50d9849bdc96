/* SHA-256 (FIPS 180-4) of files. */
#ifndef GKV_DATA_CHECKSUM_H
#define GKV_DATA_CHECKSUM_H

#include <stdint.h>

#include "core/error.h"
#include "gkvae/data.h"

/* Computes the SHA-256 of a file's content in hexadecimal, and the size of the content in bytes.
 * The content of a gzip file is what it decompresses to. GKV_ERR_DATA if the content has more than
 * `limit` bytes, so that a small file cannot cause endless work. Other errors as
 * gkv_dataset_open(). Thread-safe. */
gkv_status gki_sha256_file(const char *path, uint64_t limit, char text[GKV_DIGEST_SIZE],
                           uint64_t *bytes);

/* Computes the SHA-256 (FIPS 180-4) of a file's content, in lower-case hexadecimal with a NUL at
 * the end. The content of a gzip file is what it decompresses to. GKV_ERR_IO if the file cannot be
 * read or is not a regular file, GKV_ERR_DATA for a damaged gzip file, GKV_ERR_ARGUMENT for NULL,
 * GKV_ERR_MEMORY. Thread-safe. */
GKV_MUST_USE gkv_status gki_file_digest(const char *path, char digest[GKV_DIGEST_SIZE]);

#endif
