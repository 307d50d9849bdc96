/* A source of bytes: a file, standard input, a function or memory. */
#ifndef GKV_TABLE_TEXT_SOURCE_H
#define GKV_TABLE_TEXT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"
#include "gkvae/table.h"

typedef struct gki_source {
    const char *name;           /* the name for messages; not owned */
    FILE *file;                 /* NULL if there is no file */
    gkv_table_source *read;     /* NULL if there is no function */
    void *user;                 /* the argument of `read` */
    const unsigned char *bytes; /* the bytes read so far that are in memory */
    size_t start, end;          /* bytes[start … end − 1] have not been used yet */
    unsigned char *buffer;      /* the memory of `bytes`, or NULL if it belongs to the caller */
    size_t capacity;            /* the size of `buffer` */
    bool ended;                 /* whether there are no bytes after `end` */
    bool size_known;            /* whether `size` is valid */
    uint64_t size;              /* the number of bytes of the whole source */
    uint64_t used;              /* the number of bytes before `start` */
} gki_source;

/* Opens a file; "-" means standard input. The path is not copied. Returns GKV_ERR_IO. */
gkv_status gki_source_open(gki_source *source, const char *path);

/* Makes a source of the bytes that a function returns. */
void gki_source_function(gki_source *source, gkv_table_source *read, void *user, const char *name);

/* Makes a source of `size` bytes in memory, which are not copied. */
void gki_source_memory(gki_source *source, const void *bytes, size_t size, const char *name);

/* Closes the file and frees the buffer. */
void gki_source_close(gki_source *source);

/* Reads until at least n bytes are available, or all. Returns GKV_ERR_IO and GKV_ERR_MEMORY. */
gkv_status gki_source_need(gki_source *source, size_t n);

/* The number of available bytes. */
size_t gki_source_there(const gki_source *source);

/* The first available byte. */
const unsigned char *gki_source_at(const gki_source *source);

/* Marks n available bytes as used. */
void gki_source_use(gki_source *source, size_t n);

/* Reads the next line including its end. *line is valid until the next call. *length becomes 0 at
 * the end of the file. Returns GKV_ERR_DATA if the line is longer than `most` bytes. */
gkv_status gki_source_line(gki_source *source, size_t most, const unsigned char **line,
                           size_t *length);

#endif
