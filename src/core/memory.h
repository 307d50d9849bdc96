/* Aligned and zeroed memory with a check for overflow, and formatted strings. All functions are
 * thread-safe. */
#ifndef GKV_CORE_MEMORY_H
#define GKV_CORE_MEMORY_H

#include <stddef.h>

#include "core/error.h"

enum { GKV_ALIGNMENT = 64 }; /* bytes of a cache line and of an AVX-512 register */

/* Allocates `count` zeroed elements of `size` bytes at a 64-byte boundary. `out` is the address of
 * the caller's pointer, of any type; it is NULL after a failure. The caller frees the memory with
 * free(). A count of 0 gives memory that can be freed. GKV_ERR_MEMORY; the message names the
 * size. */
gkv_status gki_alloc(size_t count, size_t size, void *out);

/* Copies the string into *out, which the caller frees with free(). GKV_ERR_MEMORY. */
gkv_status gki_strdup(const char *text, char **out);

/* Formats a new string as printf() does, in *out, which the caller frees with free(). *out is NULL
 * after a failure. GKV_ERR_MEMORY. */
gkv_status gki_strf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
