#include "texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const char *cli_texts_keep(cli_texts *all, char *text)
{
    if (all->count == all->capacity) {
        const size_t capacity = all->capacity ? 2 * all->capacity : 64;
        char **list = cli_alloc(capacity, sizeof *list);
        if (all->count > 0)
            memcpy(list, all->list, all->count * sizeof *list);
        free(all->list);
        all->list = list;
        all->capacity = capacity;
    }
    all->list[all->count++] = text;
    return text;
}

const char *cli_texts_number(cli_texts *all, double value, int places)
{
    return cli_texts_with_error(all, value, NAN, places);
}

const char *cli_texts_with_error(cli_texts *all, double value, double error, int places)
{
    char number[32], its[32];
    if (!isfinite(value))
        return cli_texts_keep(all, cli_text("–"));
    cli_decimal(value, places, number);
    if (!isfinite(error))
        return cli_texts_keep(all, cli_text("%s", number));
    return cli_texts_keep(all, cli_text("%s ± %s", number, cli_decimal(error, places, its)));
}

void cli_texts_free(cli_texts *all)
{
    while (all->count > 0)
        free(all->list[--all->count]);
    free(all->list);
    *all = (cli_texts){.list = NULL};
}
