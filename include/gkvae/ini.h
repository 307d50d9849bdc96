/* INI files as they stand: sections, keys and values in the order of the file.
 *
 *     ; a comment                      # another
 *     [section]
 *     key = value                      ; a comment after a blank
 *
 * Blanks around keys and values do not count, ":" stands for "=" as well, and a byte-order mark is passed over.
 * A section may be opened again further down. */
#ifndef GKVAE_INI_H
#define GKVAE_INI_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Entries that a file may have, and bytes of a section's name with its end. */
enum { GKV_INI_ENTRIES_MAX = 10000, GKV_INI_SECTION_SIZE = 256 };

/* One "key = value", or, with key and value NULL, the line that opens a section. */
typedef struct gkv_ini_entry {
    const char *section; /* "" before the first one */
    const char *key, *value;
    int line;            /* from 1 */
} gkv_ini_entry;

typedef struct gkv_ini gkv_ini;

/* Reads the file; the caller frees *out by gkv_ini_free(). GKV_ERR_IO if it cannot be read; GKV_ERR_CONFIG, as
 * "FILE:LINE: …", for a line that is none of the above, a key that its section has already, a line of 4096 bytes
 * or more, a key of more than 48, or more entries than GKV_INI_ENTRIES_MAX; GKV_ERR_MEMORY; GKV_ERR_ARGUMENT for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_ini_read(const char *path, gkv_ini **out);

/* NULL is fine. */
GKV_API void gkv_ini_free(gkv_ini *ini);

/* How many entries there are (0 for NULL), and the i-th; NULL past the last. They live as long as the gkv_ini. */
GKV_API size_t gkv_ini_count(const gkv_ini *ini);
GKV_API const gkv_ini_entry *gkv_ini_at(const gkv_ini *ini, size_t i);

#ifdef __cplusplus
}
#endif
#endif
