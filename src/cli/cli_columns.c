#define _POSIX_C_SOURCE 200809L
#include "cli_columns.h"

#include <stdlib.h>
#include <string.h>

int cli_columns_find(const gkv_table *table, const char *option, const char *name, size_t *column)
{
    const double *values;
    gkv_status status = gkv_table_find(table, name, column);
    if (status == GKV_OK)
        status = gkv_table_numbers(table, *column, &values);
    return status == GKV_OK
               ? CLI_OK
               : cli_error(cli_code(status), "%s %s: %s", option, name, gkv_error_message());
}

/* Prints one line that names the columns of text, which a choice of all columns leaves out. */
static void report_left_out(const gkv_table *table, size_t except)
{
    enum { NAMED = 8 };
    size_t left = 0;
    for (size_t c = 0; c < gkv_table_columns(table); c++) {
        if (gkv_table_kind(table, c) != GKV_COLUMN_TEXT || c == except)
            continue;
        if (left < NAMED)
            fprintf(stderr, "%s%.80s", left ? ", " : "gkvae: columns of text are left out: ",
                    gkv_table_name(table, c));
        left++;
    }
    if (left > NAMED)
        fprintf(stderr, " and %zu more", left - NAMED);
    if (left > 0)
        fputc('\n', stderr);
}

int cli_columns_choose(const gkv_table *table, const char *path, const char *list, size_t except,
                       size_t **chosen, size_t *n_chosen)
{
    const size_t n_columns = gkv_table_columns(table);
    int code = CLI_OK;
    char *words = cli_text("%s", list ? list : ""), *rest = NULL;
    *chosen = cli_alloc(strlen(words) + n_columns, sizeof **chosen);
    *n_chosen = 0;
    for (size_t c = 0; !list && c < n_columns; c++)
        if (gkv_table_kind(table, c) != GKV_COLUMN_TEXT && c != except)
            (*chosen)[(*n_chosen)++] = c;
    for (char *word = list ? strtok_r(words, ",", &rest) : NULL; word;
         word = strtok_r(NULL, ",", &rest)) {
        size_t column;
        CLI_TRY(cli_columns_find(table, "--column", word, &column));
        for (size_t i = 0; i < *n_chosen; i++)
            if ((*chosen)[i] == column) {
                code = cli_error(CLI_USAGE, "--column %s: column %zu, \"%s\", is named twice", list,
                                 column + 1, gkv_table_name(table, column));
                goto done;
            }
        (*chosen)[(*n_chosen)++] = column;
    }
    if (*n_chosen == 0)
        code =
            list ? cli_error(CLI_USAGE,
                             "--column: no column is named; give names or numbers, as in --column "
                             "height,3")
                 : cli_error(CLI_DATA, "%s: no column contains numbers%s", path,
                             except == SIZE_MAX ? "" : " but the one of --weights");
    else if (!list)
        report_left_out(table, except);
done:
    free(words);
    if (code != CLI_OK) {
        free(*chosen);
        *chosen = NULL;
    }
    return code;
}
