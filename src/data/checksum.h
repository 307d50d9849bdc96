/* SHA-256 (FIPS 180-4) of files. */
#ifndef GKV_DATA_CHECKSUM_H
#define GKV_DATA_CHECKSUM_H

#include <stdint.h>

#include "core/error.h"
#include "gkvae/file.h"

/* The SHA-256 of a file's content, uncompressed if it is gzip, and the number of
 * bytes in it. A content of more than `limit` bytes is refused with GKV_ERR_DATA,
 * so that a small file cannot keep the machine busy. Errors as gkv_dataset_open(). */
gkv_status gkv_sha256_file(const char *path, uint64_t limit, char text[GKV_DIGEST_SIZE], uint64_t *bytes);

#endif
