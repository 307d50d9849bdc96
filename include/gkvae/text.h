/* The edit distance of two names. Error messages use it to suggest a similar name. */
#ifndef GKVAE_TEXT_H
#define GKVAE_TEXT_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The least number of insertions, deletions, replacements and swaps of neighbouring bytes that turn
 * one text into the other. No byte is edited twice: this is the optimal string alignment form of
 * the Damerau–Levenshtein distance. Only the first 63 bytes of each text count. Neither argument is
 * NULL. Allocates nothing; thread-safe. */
GKV_API size_t gkv_text_distance(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
