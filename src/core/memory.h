/* Aligned, zeroed, overflow-checked memory. */
#ifndef GKV_CORE_MEMORY_H
#define GKV_CORE_MEMORY_H

#include <stddef.h>

#include "core/error.h"

enum { GKV_ALIGNMENT = 64 }; /* a cache line, and an AVX-512 register */

/* `count` zeroed elements of `size` bytes at a 64-byte boundary, in *out; the
 * caller frees with free(). GKV_ERR_MEMORY names the size that was refused. */
gkv_status gkv_alloc(size_t count, size_t size, void *out);

/* A copy of the string, to be freed with free(). */
gkv_status gkv_strdup(const char *text, char **out);

/* printf into a fresh string, to be freed with free(). */
gkv_status gkv_strf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
