/* How near two names are, for messages that guess what was meant. */
#ifndef GKVAE_TEXT_H
#define GKVAE_TEXT_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many insertions, deletions, replacements and swaps of neighbours turn one text into
 * the other, none of them touching the same place twice (the optimal string alignment form
 * of the Damerau–Levenshtein distance). Only the first 63 bytes count. Allocates nothing;
 * thread-safe. */
GKV_API size_t gkv_text_distance(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
