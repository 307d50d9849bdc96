/* Lists of texts, and the labels that words are numbered by. */
#ifndef GKV_DATA_WORDS_H
#define GKV_DATA_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { GKV_LABELS_MAX = 256 };

typedef struct gki_words {
    char **list; /* [count], each owned */
    size_t count, capacity;
} gki_words;

/* Adds a text, which the list then owns, also after a failure. GKV_ERR_MEMORY. */
gkv_status gki_words_add(gki_words *words, char *text);

/* Adds a copy of a text. GKV_ERR_MEMORY. */
gkv_status gki_words_copy(gki_words *words, const char *text);

/* Sorts by the values of bytes. */
void gki_words_sort(gki_words *words);

/* Removes all but the first of equal neighbours. */
void gki_words_unique(gki_words *words);

/* The place of a text in a sorted list, or SIZE_MAX. */
size_t gki_words_find(const gki_words *words, const char *text);

/* Frees the texts and empties the list. */
void gki_words_free(gki_words *words);

/* Numbers words. If all of them are whole numbers of 0 … 255, they are their own labels. Otherwise
 * the label of a word is its place among the different words, sorted by bytes. `known`, a sorted
 * list of different words, comes first if it is not empty: the words of training images, which
 * number those of test images too. labels[words->count] is the result. GKV_ERR_DATA for more than
 * 256 different words, or if `known` are numbers and a word is none; the message says so of `file`.
 * GKV_ERR_MEMORY. */
gkv_status gki_words_label(const gki_words *words, const gki_words *known, const char *file,
                           uint8_t *labels);

#endif
