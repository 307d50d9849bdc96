/* Options that are one of several words; declared in cli.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The word of this index in a list, and its length; an empty one past the end. */
static const char *word_at(const char *words, int index, int *length)
{
    for (; index > 0 && *words; index--) {
        words += strcspn(words, "|");
        words += *words == '|';
    }
    *length = (int)strcspn(words, "|");
    return words;
}

int cli_word_find(const char *words, const char *text)
{
    int length = 0;
    const char *word;
    for (int i = 0; *(word = word_at(words, i, &length)); i++)
        if (strlen(text) == (size_t)length && strncmp(word, text, (size_t)length) == 0)
            return i;
    return -1;
}

char *cli_word_at(const char *words, int index)
{
    int length = 0;
    const char *word = word_at(words, index, &length);
    return cli_text("%.*s", length, word);
}

char *cli_words_text(const char *words)
{
    char *all = cli_text("%s", "");
    int length = 0;
    const char *word;
    for (int i = 0; *(word = word_at(words, i, &length)); i++) {
        const bool is_last = word[length] == '\0';
        char *longer = cli_text("%s%s%.*s", all,
                                i == 0    ? ""
                                : is_last ? " or "
                                          : ", ",
                                length, word);
        free(all);
        all = longer;
    }
    return all;
}

int cli_choice(struct argp_state *state, const char *option, const char *text, const char *words)
{
    const int index = cli_word_find(words, text);
    if (index >= 0)
        return index;
    char *all = cli_words_text(words);
    argp_error(state, "%s %s: must be %s", option, text, all);
    free(all);
    return 0;
}
