#include "data/words.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/text.h"

gkv_status gki_words_add(gki_words *words, char *text)
{
    if (words->count == words->capacity) {
        const size_t capacity = words->capacity ? 2 * words->capacity : 64;
        char **more = realloc(words->list, capacity * sizeof *more);
        if (!more) {
            free(text);
            return gki_fail(GKV_ERR_MEMORY, "out of memory: a list of %zu names", capacity);
        }
        words->list = more;
        words->capacity = capacity;
    }
    words->list[words->count++] = text;
    return GKV_OK;
}

gkv_status gki_words_copy(gki_words *words, const char *text)
{
    char *copy = NULL;
    GKV_TRY(gki_strdup(text, &copy));
    return gki_words_add(words, copy);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void gki_words_sort(gki_words *words)
{
    if (words->count > 1)
        qsort(words->list, words->count, sizeof *words->list, by_bytes);
}

void gki_words_unique(gki_words *words)
{
    size_t kept = words->count > 0;
    for (size_t i = 1; i < words->count; i++)
        if (strcmp(words->list[i], words->list[kept - 1]) == 0)
            free(words->list[i]);
        else
            words->list[kept++] = words->list[i];
    words->count = kept;
}

size_t gki_words_find(const gki_words *words, const char *text)
{
    char **found = words->count == 0
                       ? NULL
                       : bsearch(&text, words->list, words->count, sizeof *words->list, by_bytes);
    return found ? (size_t)(found - words->list) : SIZE_MAX;
}

void gki_words_free(gki_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->list[i]);
    free(words->list);
    *words = (gki_words){0};
}

/* Whether the word is a whole number of 0 … 255, which *label receives. */
static bool is_label(const char *word, uint8_t *label)
{
    enum { DIGITS_MAX = 8 };
    const size_t digits = strspn(word, "0123456789");
    const long value = digits > 0 && digits <= DIGITS_MAX ? strtol(word, NULL, 10) : -1;
    *label = (uint8_t)(value & UINT8_MAX);
    return word[digits] == '\0' && value >= 0 && value < GKV_LABELS_MAX;
}

static bool are_labels(const gki_words *words)
{
    uint8_t label;
    for (size_t i = 0; i < words->count; i++)
        if (!is_label(words->list[i], &label))
            return false;
    return true;
}

/* The different words that `known` has not, sorted. */
static gkv_status find_new(const gki_words *words, const gki_words *known, gki_words *out)
{
    for (size_t i = 0; i < words->count; i++)
        if (gki_words_find(known, words->list[i]) == SIZE_MAX)
            GKV_TRY(gki_words_copy(out, words->list[i]));
    gki_words_sort(out);
    gki_words_unique(out);
    return GKV_OK;
}

gkv_status gki_words_label(const gki_words *words, const gki_words *known, const char *file,
                           uint8_t *labels)
{
    char shown[GKV_PRINTABLE_SIZE];
    gki_words fresh = {0};
    gkv_status status = GKV_OK;
    if (are_labels(known->count > 0 ? known : words)) {
        for (size_t i = 0; i < words->count; i++)
            if (!is_label(words->list[i], &labels[i]))
                return gki_fail(GKV_ERR_DATA,
                                "%s: the label \"%s\" is not a whole number of 0 … 255, as those "
                                "of the training images are",
                                file, gki_text_printable(words->list[i], shown));
        return GKV_OK;
    }
    GKV_TRY_GOTO(find_new(words, known, &fresh));
    if (known->count + fresh.count > GKV_LABELS_MAX) {
        status = gki_fail(GKV_ERR_DATA,
                          "%s: there are %zu different labels; at most %d can be numbered: name "
                          "other labels, or leave them out",
                          file, known->count + fresh.count, GKV_LABELS_MAX);
        goto done;
    }
    for (size_t i = 0; i < words->count; i++) {
        const size_t old = gki_words_find(known, words->list[i]);
        labels[i] =
            (uint8_t)(old != SIZE_MAX ? old
                                      : known->count + gki_words_find(&fresh, words->list[i]));
    }
done:
    gki_words_free(&fresh);
    return status;
}
