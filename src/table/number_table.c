/* Tables of numbers: creation and access. */
#include "table/number_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/text.h"

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

gkv_status gki_table_set_name(gkv_table *table, size_t column, const char *text)
{
    char **name = &table->columns[column].name;
    if (!text || !*text)
        return gki_strf(name, "column %zu", column + 1);
    GKV_TRY(gki_strdup(text, name));
    /* names are printed, and control characters could affect a terminal */
    for (char *c = *name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    return GKV_OK;
}

void gki_table_give_up(gkv_table *table, size_t column, gkv_column_kind kind, char *fault)
{
    gki_column *it = &table->columns[column];
    it->kind = kind;
    it->fault = fault;
    free(it->values);
    it->values = NULL;
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
        if (gkv_text_distance(name, table->columns[c].name) <
            gkv_text_distance(name, table->columns[best].name))
            best = c;
    return table->columns[best].name;
}

/* The positive number that the text represents, or 0 if it represents none. */
static size_t number_of(const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 10 && text[digits] == '\0' ? (size_t)strtoul(text, NULL, 10) : 0;
}

gkv_status gkv_table_find(const gkv_table *table, const char *name_or_number, size_t *column)
{
    char shown[GKV_PRINTABLE_SIZE], shown_nearest[GKV_PRINTABLE_SIZE];
    GKV_NEED(table);
    GKV_NEED(name_or_number);
    GKV_NEED(column);
    size_t found = 0;
    for (size_t c = 0; c < table->n_columns; c++)
        if (strcmp(table->columns[c].name, name_or_number) == 0 && found++ == 0)
            *column = c;
    if (found > 1)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s: %zu columns are called \"%s\": name it by number; the first is %zu",
                        table->file, found, gki_text_printable(name_or_number, shown), *column + 1);
    if (found == 1)
        return GKV_OK;
    const size_t number = number_of(name_or_number);
    if (number < 1 || number > table->n_columns)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s has no such column as \"%s\"; it has %zu, the nearest is \"%s\"",
                        table->file, gki_text_printable(name_or_number, shown), table->n_columns,
                        gki_text_printable(nearest(table, name_or_number), shown_nearest));
    *column = number - 1;
    return GKV_OK;
}

gkv_status gkv_table_numbers(const gkv_table *table, size_t column, const double **values)
{
    char shown[GKV_PRINTABLE_SIZE];
    GKV_NEED(table);
    GKV_NEED(values);
    if (column >= table->n_columns)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: column %zu does not exist; there are %zu",
                        table->file, column, table->n_columns);
    const gki_column *it = &table->columns[column];
    *values = it->values;
    if (it->kind == GKV_COLUMN_TEXT)
        return gki_fail(GKV_ERR_DATA, "%s: %s: the column holds text, not numbers", table->file,
                        gki_text_printable(it->name, shown));
    return it->kind == GKV_COLUMN_FAULTY ? gki_fail(GKV_ERR_DATA, "%s", it->fault) : GKV_OK;
}
