/* Bytes from a file, from standard input or from memory, one way for all three. */
#ifndef GKV_TABLE_SOURCE_H
#define GKV_TABLE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"

typedef struct gkv_source {
    const char *name;           /* for messages; the caller's */
    FILE *file;                 /* NULL for memory */
    const unsigned char *bytes; /* bytes[start … end) have been read, and not used */
    size_t start, end;
    unsigned char *buffer;      /* what bytes points to, if there is a file */
    size_t capacity;
    bool ended;                 /* there is nothing after `end` */
    bool size_known;
    uint64_t size;              /* if known: of all that there is, used or not */
    uint64_t used;              /* bytes before `start` */
} gkv_source;

/* The path is kept, not copied; "-" is standard input. GKV_ERR_IO. */
gkv_status gkv_source_open(gkv_source *source, const char *path);
void gkv_source_memory(gkv_source *source, const void *bytes, size_t size, const char *name);
void gkv_source_close(gkv_source *source);

/* Reads on until n bytes are there, or all. */
gkv_status gkv_source_need(gkv_source *source, size_t n);

/* How many bytes are there to be used, and where. */
size_t gkv_source_there(const gkv_source *source);
const unsigned char *gkv_source_at(const gkv_source *source);
void gkv_source_use(gkv_source *source, size_t n);

/* The next line with its end, at *line until the source is used again; *length is 0 at the
 * end of the file. GKV_ERR_DATA if it is longer than `most`. */
gkv_status gkv_source_line(gkv_source *source, size_t most, const unsigned char **line, size_t *length);

#endif
