/* Files of other formats: what the first bytes of a file show, and what to do with it. Every reader
 * that finds something else than it reads asks here, so a file gets the same name and the same
 * advice everywhere. Thread-safe. */
#ifndef GKV_CORE_FOREIGN_H
#define GKV_CORE_FOREIGN_H

#include <stddef.h>

#include "core/error.h"

/* What a reader wants. */
typedef enum gki_wanted {
    GKV_WANTED_TABLE,    /* a table: text or .npy */
    GKV_WANTED_IMAGES,   /* images: IDX, .npy or .npz */
    GKV_WANTED_LABELS,   /* labels: IDX, .npy, .npz or text */
    GKV_WANTED_MODEL,    /* safetensors */
    GKV_WANTED_SETTINGS, /* an INI file */
    GKV_WANTED_JSON,
    GKV_WANTED_PNG,
    GKV_WANTED_KINDS
} gki_wanted;

/* The number of first bytes that are enough to recognise every format. */
enum { GKV_FOREIGN_BYTES = 512 };

/* Returns GKV_OK unless the first bytes of the file are those of a known format that this reader
 * does not read, or there are none; then `code`, with the message "NAME: it is …, not …: what to
 * do". A reader of text is not told of text, but of UTF-16 and of web pages. */
GKV_MUST_USE gkv_status gki_foreign_check(gkv_status code, const char *name, const void *bytes,
                                          size_t count, gki_wanted wanted);

#endif
