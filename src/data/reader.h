/* Reads the content of a file, which is decompressed if the file is gzip (RFC 1952). A reader
 * belongs to one thread at a time; different readers are independent. */
#ifndef GKV_DATA_READER_H
#define GKV_DATA_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "gkvae/settings.h"

typedef struct gki_reader gki_reader;

/* Opens a regular file. If `hashed` is true, gki_reader_digest() can tell its SHA-256. *out is NULL
 * after a failure. GKV_ERR_IO, with the reason of the system; GKV_ERR_MEMORY. */
gkv_status gki_reader_open(const char *path, bool hashed, gki_reader **out);

/* The same for an open descriptor, which the reader closes, also after a failure: standard input or
 * a pipe, too. `name` is its name in messages. gki_reader_bound() does not hold for these. */
gkv_status gki_reader_open_descriptor(int descriptor, const char *name, gki_reader **out);

/* Closes the file and frees the reader. NULL is fine. */
void gki_reader_close(gki_reader *reader);

/* Reads n bytes, or fewer at the end of the content; *got is their number. GKV_ERR_DATA for gzip
 * data that is damaged, truncated, or followed by anything but more gzip data. GKV_ERR_IO,
 * GKV_ERR_MEMORY. */
gkv_status gki_reader_read(gki_reader *reader, void *buffer, size_t n, size_t *got);

/* Reads the rest of the content into *bytes, which the caller frees with free(), also after a
 * failure. Memory grows as the data arrive. GKV_ERR_DATA for more content than
 * gki_reader_bound(); other errors as gki_reader_read(). */
gkv_status gki_reader_read_all(gki_reader *reader, uint8_t **bytes, size_t *size);

/* Maps a raw file, whose content is exactly `size` bytes, into memory for reading, in place of
 * further gki_reader_read(). *mapping belongs to the caller, who ends it with munmap(). The sum
 * takes the rest of the content. GKV_ERR_IO. */
gkv_status gki_reader_map(gki_reader *reader, size_t size, void **mapping);

/* Sets text to the SHA-256 of the content that has been read. Once only, for a reader that was
 * opened with `hashed`. */
void gki_reader_digest(gki_reader *reader, char text[GKV_DIGEST_SIZE]);

/* Whether the file is gzip. */
bool gki_reader_is_gzip(const gki_reader *reader);

/* The greatest size of the content that is accepted. For a raw file it is the size of the file, and
 * for a gzip file gki_inflated_bound() of it. */
uint64_t gki_reader_bound(const gki_reader *reader);

/* The greatest content of `size` compressed bytes that is accepted: 64 MiB or 200 times the size,
 * whichever is more, but not more than deflate allows (1032 times). */
uint64_t gki_inflated_bound(uint64_t size);

/* A description of the file for messages, as in "a gzip file of 20 bytes". The reader owns the
 * string. */
const char *gki_reader_kind(const gki_reader *reader);

#endif
