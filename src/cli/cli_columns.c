#define _POSIX_C_SOURCE 200809L
#include "cli_columns.h"

#include <stdlib.h>
#include <string.h>

int cli_columns_find(const gkv_table *table, const char *option, const char *name, size_t *column)
{
    const double *values;
    gkv_status status = gkv_table_find(table, name, column);
    if (status == GKV_OK && gkv_table_kind(table, *column) != GKV_COLUMN_GAPS)
        status = gkv_table_numbers(table, *column, &values);
    return status == GKV_OK
               ? CLI_OK
               : cli_error(cli_code(status), "%s %s: %s", option, name, gkv_error_message());
}

/* The names of some columns in a message. */
enum { NAMED = 8 };
typedef struct name_list {
    const char *begin; /* the message before the names */
    size_t count;
} name_list;

static void print_name(name_list *names, const char *name)
{
    if (names->count == 0)
        fputs(names->begin, stderr);
    if (names->count < NAMED)
        fprintf(stderr, "%s%.80s", names->count ? ", " : "", name);
    names->count++;
}

/* Prints `end` and a newline if there were names. */
static void end_names(const name_list *names, const char *end)
{
    if (names->count > NAMED)
        fprintf(stderr, " and %zu more", names->count - NAMED);
    if (names->count > 0)
        fprintf(stderr, "%s\n", end);
}

/* Why a choice of all columns leaves this one out. */
enum { KEPT, TEXT, EMPTY, ROW_NAMES, REASONS };
static int reason_of(const gkv_table *table, size_t column)
{
    const gkv_column_kind kind = gkv_table_kind(table, column);
    return kind == GKV_COLUMN_TEXT             ? TEXT
           : kind == GKV_COLUMN_EMPTY          ? EMPTY
           : gkv_table_is_index(table, column) ? ROW_NAMES
                                               : KEPT;
}

/* Prints a line for each reason that names the columns left out. */
static void report_left_out(const gkv_table *table, size_t except)
{
    static const char *const begins[REASONS] = {[TEXT] = "gkvae: columns of text are left out: ",
                                                [EMPTY] =
                                                    "gkvae: columns without values are left out: ",
                                                [ROW_NAMES] = "gkvae: row names are left out: "};
    for (int reason = TEXT; reason < REASONS; reason++) {
        name_list names = {.begin = begins[reason]};
        for (size_t c = 0; c < gkv_table_columns(table); c++)
            if (reason_of(table, c) == reason && c != except)
                print_name(&names, gkv_table_name(table, c));
        end_names(&names, "");
    }
}

int cli_columns_choose(const gkv_table *table, const char *path, const char *list, size_t except,
                       bool quiet, size_t **chosen, size_t *n_chosen)
{
    const size_t n_columns = gkv_table_columns(table);
    int code = CLI_OK;
    char *words = cli_text("%s", list ? list : ""), *rest = NULL;
    *chosen = cli_alloc(strlen(words) + n_columns, sizeof **chosen);
    *n_chosen = 0;
    for (size_t c = 0; !list && c < n_columns; c++)
        if (reason_of(table, c) == KEPT && c != except)
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
    else if (!list && !quiet)
        report_left_out(table, except);
done:
    free(words);
    if (code != CLI_OK) {
        free(*chosen);
        *chosen = NULL;
    }
    return code;
}

/* Counts the columns with missing values, and finds the first line of one. *word is what stands
 * before their names: nothing before "column 3", the name of a column without a name. */
static void find_missing(const gkv_table *table, const size_t *columns, size_t n_columns,
                         size_t *first, const char **word)
{
    static const char unnamed[] = "column ";
    size_t count = 0;
    *first = SIZE_MAX;
    for (size_t c = 0; c < n_columns; c++) {
        size_t line;
        if (gkv_table_missing(table, columns[c], &line) == 0)
            continue;
        const bool has_name =
            strncmp(gkv_table_name(table, columns[c]), unnamed, sizeof unnamed - 1) != 0;
        *word = count++ > 0 ? "columns " : has_name ? unnamed : "";
        *first = line < *first ? line : *first;
    }
}

static void report_dropped(const gkv_table *table, const size_t *columns, size_t n_columns,
                           size_t dropped)
{
    size_t first;
    const char *word = "";
    gkv_table_form form;
    find_missing(table, columns, n_columns, &first, &word);
    gkv_table_get_form(table, &form);
    char *begin = cli_text("gkvae: %zu of %zu rows dropped: missing values in %s", dropped,
                           gkv_table_rows(table), word);
    char *end = cli_text(", the first in %s %zu", form.is_text ? "line" : "row", first);
    name_list names = {.begin = begin};
    for (size_t c = 0; c < n_columns; c++)
        if (gkv_table_missing(table, columns[c], NULL) > 0)
            print_name(&names, gkv_table_name(table, columns[c]));
    end_names(&names, end);
    free(end);
    free(begin);
}

int cli_columns_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                         bool quiet, gkv_table **out)
{
    const int code = cli_check(gkv_table_complete(table, n_columns, columns, out));
    if (code != CLI_OK)
        return code;
    const size_t dropped = gkv_table_rows(table) - gkv_table_rows(*out);
    if (dropped > 0 && !quiet)
        report_dropped(table, columns, n_columns, dropped);
    return CLI_OK;
}
