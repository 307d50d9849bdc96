/* Reading a file's bytes, uncompressed on the way if they are gzip (RFC 1952). */
#ifndef GKV_DATA_READER_H
#define GKV_DATA_READER_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef struct gkv_reader gkv_reader;

/* Opens a regular file. GKV_ERR_IO with the system's reason otherwise. */
gkv_status gkv_reader_open(const char *path, gkv_reader **out);
void gkv_reader_close(gkv_reader *reader);

/* Reads up to n bytes; *got < n only at the end. GKV_ERR_DATA for gzip data that is
 * damaged, cut short or followed by anything but more gzip data. */
gkv_status gkv_reader_read(gkv_reader *reader, void *buffer, size_t n, size_t *got);

/* The most bytes that the whole file may yield, and a phrase for messages that says
 * what it is, as in "a gzip file of 20 bytes". For a raw file that is its size; for
 * gzip the least of what the format can pack (1032:1) and what is no bomb. */
uint64_t gkv_reader_bound(const gkv_reader *reader);
const char *gkv_reader_kind(const gkv_reader *reader);

#endif
