/* Tables of numbers: creation and access. */
#include "table/number_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/text.h"
#include "core/utf8.h"

gkv_status gki_table_create(const char *file, size_t n_columns, gkv_table **out)
{
    gkv_status status;
    gkv_table *table = NULL;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *table, &table));
    GKV_TRY_GOTO(gki_strdup(file, &table->file));
    GKV_TRY_GOTO(gki_alloc(n_columns, sizeof *table->columns, &table->columns));
    table->n_columns = n_columns;
    *out = table;
    return GKV_OK;
done:
    gkv_table_free(table);
    return status;
}

void gkv_table_free(gkv_table *table)
{
    if (!table)
        return;
    for (size_t c = 0; c < table->n_columns; c++) {
        free(table->columns[c].name);
        free(table->columns[c].values);
        free(table->columns[c].fault);
    }
    free(table->columns);
    free(table->file);
    free(table);
}

/* The text as valid UTF-8, because names are printed, drawn and written as JSON. Control characters
 * could affect a terminal. The caller frees *out. */
static gkv_status plain_text(const char *text, char **out)
{
    enum { LONGEST = 3, DELETE = 0x7F, CONTROLS_END = 0xA0 }; /* U+FFFD has three bytes */
    GKV_TRY(gki_alloc(LONGEST * strlen(text) + 1, 1, out));
    char *end = *out;
    for (uint32_t c = gki_utf8_next(&text); c; c = gki_utf8_next(&text))
        end += gki_utf8_put(c < ' ' || (c >= DELETE && c < CONTROLS_END) ? '?' : c, end);
    *end = '\0';
    return GKV_OK;
}

gkv_status gki_table_set_name(gkv_table *table, size_t column, const char *text)
{
    char **name = &table->columns[column].name;
    return text && *text ? plain_text(text, name) : gki_strf(name, "column %zu", column + 1);
}

void gki_table_set_missing(gki_table_column *column, size_t row, size_t line)
{
    column->values[row] = NAN;
    if (column->missing++ == 0)
        column->first_missing = line;
}

/* The message for a column that has missing values. */
static gkv_status describe_gaps(const gkv_table *table, gki_table_column *column)
{
    char shown[GKV_PRINTABLE_SIZE];
    const char *place = table->form.is_text ? "line" : "row";
    gki_text_printable(column->name, shown);
    return column->kind == GKV_COLUMN_EMPTY
               ? gki_strf(&column->fault, "%s: %s: all values of the column are missing",
                          table->file, shown)
               : gki_strf(&column->fault,
                          "%s: %s: %zu of %zu values are missing, the first in %s %zu", table->file,
                          shown, column->missing, table->n_rows, place, column->first_missing);
}

gkv_status gki_table_finish(gkv_table *table)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        gki_table_column *column = &table->columns[c];
        if (column->kind == GKV_COLUMN_TEXT || column->kind == GKV_COLUMN_FAULTY) {
            free(column->values);
            column->values = NULL;
            column->missing = 0;
            continue;
        }
        column->kind = column->missing == 0               ? GKV_COLUMN_NUMBERS
                       : column->missing == table->n_rows ? GKV_COLUMN_EMPTY
                                                          : GKV_COLUMN_GAPS;
        if (column->missing > 0)
            GKV_TRY(describe_gaps(table, column));
    }
    return GKV_OK;
}

/* --- Rows without missing values ------------------------------------------ */

static bool is_complete(const gkv_table *table, const size_t *columns, size_t n_columns, size_t row)
{
    for (size_t c = 0; c < n_columns; c++)
        if (isnan(table->columns[columns[c]].values[row]))
            return false;
    return true;
}

static gkv_status check_complete(const gkv_table *table, const size_t *columns, size_t n_columns)
{
    for (size_t c = 0; c < n_columns; c++) {
        if (columns[c] >= table->n_columns)
            return gki_fail(GKV_ERR_ARGUMENT, "complete rows of a table: there is no column %zu",
                            columns[c]);
        const gki_table_column *column = &table->columns[columns[c]];
        if (column->kind != GKV_COLUMN_NUMBERS && column->kind != GKV_COLUMN_GAPS)
            return gki_fail_remedy(GKV_ERR_DATA, column->remedy, "%s", column->fault);
    }
    return GKV_OK;
}

/* Copies the complete rows to a table of the same number of rows. */
static void copy_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                          gkv_table *out)
{
    for (size_t row = 0; row < table->n_rows; row++) {
        if (!is_complete(table, columns, n_columns, row))
            continue;
        for (size_t c = 0; c < n_columns; c++)
            out->columns[c].values[out->n_rows] = table->columns[columns[c]].values[row];
        out->n_rows++;
    }
}

gkv_status gkv_table_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                              gkv_table **out)
{
    gkv_status status;
    gkv_table *copy = NULL;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(table);
    GKV_NEED(columns);
    if (n_columns == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "complete rows of a table: there are no columns");
    GKV_TRY(check_complete(table, columns, n_columns));
    GKV_TRY(gki_table_create(table->file, n_columns, &copy));
    copy->form = table->form;
    for (size_t c = 0; c < n_columns; c++) {
        copy->columns[c].is_index = table->columns[columns[c]].is_index;
        GKV_TRY_GOTO(gki_strdup(table->columns[columns[c]].name, &copy->columns[c].name));
        GKV_TRY_GOTO(gki_alloc(table->n_rows, sizeof(double), &copy->columns[c].values));
    }
    copy_complete(table, columns, n_columns, copy);
    if (copy->n_rows == 0) {
        status = gki_fail(GKV_ERR_DATA, "%s: every row has a missing value in one of the columns",
                          table->file);
        goto done;
    }
    *out = copy;
    return GKV_OK;
done:
    gkv_table_free(copy);
    return status;
}

/* --- Access --------------------------------------------------------------- */

void gkv_table_get_form(const gkv_table *table, gkv_table_form *form)
{
    if (table && form)
        *form = table->form;
}

bool gkv_table_is_index(const gkv_table *table, size_t column)
{
    return table && column < table->n_columns && table->columns[column].is_index;
}

size_t gkv_table_missing(const gkv_table *table, size_t column, size_t *first)
{
    const bool there = table && column < table->n_columns;
    if (first)
        *first = there ? table->columns[column].first_missing : 0;
    return there ? table->columns[column].missing : 0;
}

size_t gkv_table_rows(const gkv_table *table)
{
    return table ? table->n_rows : 0;
}

size_t gkv_table_columns(const gkv_table *table)
{
    return table ? table->n_columns : 0;
}

const char *gkv_table_name(const gkv_table *table, size_t column)
{
    return table && column < table->n_columns ? table->columns[column].name : NULL;
}

gkv_column_kind gkv_table_kind(const gkv_table *table, size_t column)
{
    return table && column < table->n_columns ? table->columns[column].kind : GKV_COLUMN_FAULTY;
}

/* The name of the column whose name is most similar to `name`. */
static const char *nearest(const gkv_table *table, const char *name)
{
    size_t best = 0;
    for (size_t c = 1; c < table->n_columns; c++)
        if (gki_text_distance(name, table->columns[c].name) <
            gki_text_distance(name, table->columns[best].name))
            best = c;
    return table->columns[best].name;
}

/* The positive number that the text represents, or 0 if it represents none. */
static size_t number_of(const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 10 && text[digits] == '\0' ? (size_t)strtoul(text, NULL, 10) : 0;
}

/* Finds the column whose name is `name`, which is as valid as the names. */
static gkv_status find(const gkv_table *table, const char *name, size_t *column)
{
    char shown[GKV_PRINTABLE_SIZE], shown_nearest[GKV_PRINTABLE_SIZE];
    size_t found = 0;
    for (size_t c = 0; c < table->n_columns; c++)
        if (strcmp(table->columns[c].name, name) == 0 && found++ == 0)
            *column = c;
    if (found > 1)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s: %zu columns are called \"%s\": name it by number; the first is %zu",
                        table->file, found, gki_text_printable(name, shown), *column + 1);
    if (found == 1)
        return GKV_OK;
    const size_t number = number_of(name);
    if (number > table->n_columns ||
        (number == 0 && *name && name[strspn(name, "0123456789")] == '\0'))
        return gki_fail(GKV_ERR_ARGUMENT, "%s: there is no column \"%s\"; columns are 1 … %zu",
                        table->file, gki_text_printable(name, shown), table->n_columns);
    if (number == 0)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s has no such column as \"%s\"; it has %zu, the nearest is \"%s\"",
                        table->file, gki_text_printable(name, shown), table->n_columns,
                        gki_text_printable(nearest(table, name), shown_nearest));
    *column = number - 1;
    return GKV_OK;
}

gkv_status gkv_table_find(const gkv_table *table, const char *name_or_number, size_t *column)
{
    char *name = NULL;
    GKV_NEED(table);
    GKV_NEED(name_or_number);
    GKV_NEED(column);
    GKV_TRY(plain_text(name_or_number, &name));
    const gkv_status status = find(table, name, column);
    free(name);
    return status;
}

static gkv_status values_of(const gkv_table *table, size_t column, bool gaps, const double **values)
{
    GKV_NEED(table);
    GKV_NEED(values);
    if (column >= table->n_columns)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: column %zu does not exist; there are %zu",
                        table->file, column, table->n_columns);
    const gki_table_column *chosen = &table->columns[column];
    const bool known =
        chosen->kind == GKV_COLUMN_NUMBERS || (gaps && chosen->kind == GKV_COLUMN_GAPS);
    *values = known ? chosen->values : NULL;
    return *values ? GKV_OK : gki_fail_remedy(GKV_ERR_DATA, chosen->remedy, "%s", chosen->fault);
}

gkv_status gkv_table_numbers(const gkv_table *table, size_t column, const double **values)
{
    return values_of(table, column, false, values);
}

gkv_status gkv_table_values(const gkv_table *table, size_t column, const double **values)
{
    return values_of(table, column, true, values);
}
