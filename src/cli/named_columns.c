#include "named_columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "cli_gk.h"

/* --- Lists of columns ----------------------------------------------------- */

/* Finds the column whose name begins the text and is followed by the character `end` or, unless
 * that is '=', by the end of the text. Of several names the longest counts, so that names may
 * contain commas. A number from 1 stands for a column if no name does. *rest becomes what
 * follows. */
static int find(const cli_named_columns *model, const char *option, const char *text, char end,
                size_t *column, const char **rest)
{
    size_t longest = 0, count = 0;
    for (size_t j = 0; j < model->d; j++) {
        const size_t length = strlen(model->names[j]);
        if (length < longest || length == 0 || strncmp(text, model->names[j], length) != 0 ||
            (text[length] != end && (end == '=' || text[length])))
            continue;
        count = length > longest ? 1 : count + 1;
        longest = length;
        *column = j;
    }
    char *word = NULL;
    *rest = text + longest;
    if (count == 1)
        return CLI_OK;
    if (count > 1)
        return cli_error(CLI_USAGE, "%s: %zu columns are named \"%s\": give the number of one",
                         option, count, model->names[*column]);
    unsigned long number = text[0] >= '1' && text[0] <= '9' ? strtoul(text, &word, 10) : 0;
    if (number >= 1 && number <= model->d && (*word == end || (end != '=' && !*word))) {
        *column = number - 1;
        *rest = word;
        return CLI_OK;
    }
    const char ends[] = {end, '\0'};
    return cli_error(CLI_USAGE, "%s %s: the fit has no column \"%.*s\"%s", option, text,
                     (int)strcspn(text, ends), text,
                     end == '=' && !strchr(text, '=') ? ": it must be NAME=VALUE,..." : "");
}

/* Marks a column as used, once. */
static int take(const cli_named_columns *model, const char *option, size_t column, bool *taken)
{
    if (taken[column])
        return cli_error(CLI_USAGE, "%s: the column %s is named twice", option,
                         model->names[column]);
    taken[column] = true;
    return CLI_OK;
}

int cli_columns_list(const cli_named_columns *model, const char *option, const char *text,
                     size_t *which, size_t *count)
{
    bool *taken = cli_alloc(model->d, sizeof *taken);
    int code = CLI_OK;
    *count = 0;
    for (const char *cursor = text;; cursor++) {
        CLI_TRY(find(model, option, cursor, ',', &which[*count], &cursor));
        CLI_TRY(take(model, option, which[*count], taken));
        ++*count;
        if (!*cursor)
            break;
    }
done:
    free(taken);
    return code;
}

int cli_columns_given(const cli_named_columns *model, const char *text, size_t *which,
                      double *values, size_t *count)
{
    bool *taken = cli_alloc(model->d, sizeof *taken);
    int code = CLI_OK;
    *count = 0;
    for (const char *cursor = text;; cursor++) {
        CLI_TRY(find(model, "--given", cursor, '=', &which[*count], &cursor));
        CLI_TRY(take(model, "--given", which[*count], taken));
        const size_t length = strcspn(++cursor, ",");
        char *number = cli_text("%.*s", (int)length, cursor);
        if (!cli_is_number(number, &values[*count]) || !isfinite(values[*count]))
            code = cli_error(CLI_USAGE, "--given %s: \"%s\" is not a finite number", text, number);
        free(number);
        if (code != CLI_OK)
            break;
        cursor += length;
        ++*count;
        if (!*cursor)
            break;
    }
    if (code == CLI_OK && *count == model->d)
        code = cli_error(CLI_USAGE, "--given %s: all columns are given: there is no distribution",
                         text);
done:
    free(taken);
    return code;
}

/* --- The columns of the table --------------------------------------------- */

/* Finds the only column of this name. */
static bool find_name(const gkv_table *table, const char *name, size_t *column)
{
    size_t count = 0;
    for (size_t c = 0; c < gkv_table_columns(table); c++)
        if (strcmp(gkv_table_name(table, c), name) == 0) {
            *column = c;
            count++;
        }
    return count == 1;
}

/* Whether the fit was made from a table without a header. */
static bool is_unnamed(const cli_named_columns *model)
{
    for (size_t j = 0; j < model->d; j++)
        if (strncmp(model->names[j], "column ", 7) != 0)
            return false;
    return true;
}

/* Prints which columns of the table are used. */
static void report(const cli_named_columns *model, const gkv_table *table, bool by_name,
                   const size_t *columns)
{
    enum { SHOWN = 8 };
    fprintf(stderr, "gkvae: columns are matched by %s: ", by_name ? "name" : "position");
    for (size_t j = 0; j < model->d && j < SHOWN; j++)
        if (by_name)
            fprintf(stderr, "%s%.80s", j ? ", " : "", gkv_table_name(table, columns[j]));
        else
            fprintf(stderr, "%s%zu is %.80s", j ? ", " : "", columns[j] + 1, model->names[j]);
    if (model->d > SHOWN)
        fprintf(stderr, " and %zu more", model->d - SHOWN);
    fputs("\n", stderr);
}

/* Finds the column of the table for each column of the distribution: by name, or by position if
 * the table or the fit has no names. */
static int match(const char *path, const cli_named_columns *model, const gkv_table *table,
                 bool quiet, size_t *columns)
{
    const char *missing = NULL;
    gkv_table_form form;
    size_t count = 0;
    gkv_table_get_form(table, &form);
    for (size_t j = 0; j < model->d; j++)
        if (!find_name(table, model->names[j], &columns[j]) && !missing)
            missing = model->names[j];
    const bool by_name = !missing;
    for (size_t c = 0; c < gkv_table_columns(table) && !by_name; c++)
        if (!gkv_table_is_index(table, c) && count++ < model->d)
            columns[count - 1] = c;
    if (!by_name && form.has_header && !is_unnamed(model))
        return cli_error(CLI_DATA, "%s: the table has not one column \"%s\", as the fit has", path,
                         missing);
    if (!by_name && count != model->d)
        return cli_error(CLI_DATA,
                         "%s: the table or the fit has no names of columns, and they cannot be "
                         "matched by position: there are %zu columns for %zu of the fit",
                         path, count, model->d);
    if (!quiet)
        report(model, table, by_name && form.has_header, columns);
    return CLI_OK;
}

int cli_rows_take(const char *path, const cli_named_columns *model, const gkv_table *table,
                  bool quiet, double **x)
{
    const size_t n = gkv_table_rows(table), d = model->d;
    size_t *columns = cli_alloc(d, sizeof *columns), gaps = 0;
    const double *values;
    int code = CLI_OK;
    *x = cli_alloc(n, d * sizeof **x);
    CLI_TRY(match(path, model, table, quiet, columns));
    for (size_t j = 0; j < d; j++) {
        CLI_CHECK(gkv_table_values(table, columns[j], &values));
        for (size_t i = 0; i < n; i++)
            (*x)[i * d + j] = values[i];
        gaps += gkv_table_missing(table, columns[j], NULL);
    }
    if (gaps > 0 && !quiet)
        fprintf(stderr, "gkvae: %s: %zu missing value%s; their results are nan\n", path, gaps,
                cli_plural(gaps));
done:
    free(columns);
    return code;
}

/* --- Rows of numbers as CSV or as an array -------------------------------- */

/* Where rows go: to standard output or to a file, which appears completely or not at all. */
struct cli_rows {
    const char *path; /* NULL: standard output */
    size_t columns;
    gki_file_writer *writer; /* of a text in a file */
    bool is_array;
    double *values; /* of an array, which is written at the end */
    size_t rows, room;
};

static void write_text(cli_rows *output, const char *text)
{
    if (output->writer)
        gki_file_write(output->writer, text, strlen(text));
    else
        fputs(text, stdout);
}

/* Writes a name, in quotes where CSV needs them. */
static void write_name(cli_rows *output, const char *name)
{
    if (!name[strcspn(name, ",;\t|\"\r\n")] && name[0] != ' ' && name[0] != '#') {
        write_text(output, name);
        return;
    }
    write_text(output, "\"");
    for (const char *c = name; *c; c++)
        write_text(output, *c == '"' ? "\"\"" : (char[]){*c, '\0'});
    write_text(output, "\"");
}

static void write_header(cli_rows *output, const char *const *names)
{
    for (size_t j = 0; j < output->columns; j++) {
        write_text(output, j > 0 ? "," : "");
        write_name(output, names[j]);
    }
    write_text(output, "\n");
}

int cli_rows_begin(const char *path, size_t columns, const char *const *names, cli_rows **out)
{
    cli_rows *output = cli_alloc(1, sizeof *output);
    *out = NULL;
    *output =
        (cli_rows){.path = path, .columns = columns, .is_array = path && cli_ends_in(path, ".npy")};
    const int code =
        path && !output->is_array ? cli_check(gki_file_begin(path, &output->writer)) : CLI_OK;
    if (code != CLI_OK) {
        free(output);
        return code;
    }
    if (!output->is_array && (path || columns > 1))
        write_header(output, names);
    *out = output;
    return CLI_OK;
}

static void keep(cli_rows *output, size_t n, const double *rows)
{
    if (output->rows + n > output->room) {
        const size_t room =
            output->rows + n > 2 * output->room ? output->rows + n : 2 * output->room;
        double *more = cli_alloc(room, output->columns * sizeof *more);
        if (output->rows > 0)
            memcpy(more, output->values, output->rows * output->columns * sizeof *more);
        free(output->values);
        output->values = more;
        output->room = room;
    }
    memcpy(output->values + output->rows * output->columns, rows,
           n * output->columns * sizeof *rows);
    output->rows += n;
}

int cli_rows_add(cli_rows *output, size_t n, const double *rows)
{
    char text[CLI_NUMBER];
    if (output->is_array) {
        keep(output, n, rows);
        return CLI_OK;
    }
    for (size_t i = 0; i < n * output->columns; i++) {
        cli_number_text(rows[i], text);
        write_text(output, text);
        write_text(output, (i + 1) % output->columns == 0 ? "\n" : ",");
    }
    return !output->writer && ferror(stdout) ? CLI_IO : CLI_OK;
}

int cli_rows_end(cli_rows *output, int code)
{
    if (!output)
        return code;
    if (code != CLI_OK)
        gki_file_abandon(output->writer);
    else if (output->writer)
        code = cli_check(gki_file_commit(output->writer));
    else if (output->is_array)
        code =
            cli_check(gkv_npy_write(output->path, output->rows, output->columns, output->values));
    free(output->values);
    free(output);
    return code;
}
