/* INI files: sections, keys and values in the order of the file.
 *
 *     ; a comment                      # another
 *     [section]
 *     key = value                      ; a comment after a blank
 *
 * Blanks around keys and values are removed. ":" may stand for "=". A byte-order mark is skipped. A
 * section may be opened again further down. A gki_ini never changes after it is read, so any number
 * of threads may use one. */
#ifndef GKV_CONFIG_INI_H
#define GKV_CONFIG_INI_H

#include <stddef.h>

#include "gkvae/error.h"

/* The most entries of a file, and the size of a section's name with its NUL. */
enum { GKV_INI_ENTRIES_MAX = 10000, GKV_INI_SECTION_SIZE = 256 };

/* One "key = value"; or the line that opens a section, with key and value NULL. */
typedef struct gki_ini_entry {
    const char *section; /* "" before the first section */
    const char *key, *value;
    int line; /* its number, from 1 */
} gki_ini_entry;

typedef struct gki_ini gki_ini;

/* Reads the file. The caller frees *out with gki_ini_free(); it is NULL after a failure. GKV_ERR_IO
 * if the file cannot be read. GKV_ERR_CONFIG, with a message "FILE:LINE: …", for a line of another
 * form, a key that the section has already, a line of 4096 bytes or more, a key of more than 48
 * bytes, or more than GKV_INI_ENTRIES_MAX entries; also for a file with a zero byte. GKV_ERR_DATA
 * for a file of more than 1 MiB. GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_ini_read(const char *path, gki_ini **out);

/* Frees it; NULL is fine. */
void gki_ini_free(gki_ini *ini);

/* The number of entries, 0 for NULL; and entry i, NULL past the last one. Entries live as long as
 * the gki_ini. */
size_t gki_ini_count(const gki_ini *ini);
const gki_ini_entry *gki_ini_at(const gki_ini *ini, size_t i);
#endif
