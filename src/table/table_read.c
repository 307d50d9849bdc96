/* Reads tables in the format that the first bytes show: .npy files by npy_table.c, and texts by
 * the rules of docs/files.md. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/foreign.h"
#include "core/memory.h"
#include "core/plain_locale.h"
#include "core/text.h"
#include "table/number_table.h"
#include "table/text_form.h"
#include "table/text_records.h"

/* --- Texts ---------------------------------------------------------------- */

enum { FIRST_CAPACITY = 16 };

/* What the fields of a column were so far. */
typedef struct column_count {
    size_t numbers; /* numbers, and fields that seem to be numbers */
    size_t words;
} column_count;

typedef struct reader {
    gki_records records;
    gki_text_form form;
    gki_cell_rules rules;
    gkv_table *table;
    gki_field *fields;
    size_t n_fields;      /* the number of fields of the record */
    size_t row_capacity;  /* the number of rows that the columns can hold */
    column_count *counts; /* one for each column */
    bool unnamed_first;   /* whether there is a header, which does not name the first column */
} reader;

/* --- Columns -------------------------------------------------------------- */

/* Creates the columns from the first record, and names them if it is a header. */
static gkv_status begin(reader *r)
{
    const bool names = r->form.form.has_header, row_names = r->form.form.has_row_names;
    const size_t n_columns = r->n_fields + (row_names || r->form.trailing);
    if (n_columns > GKV_TABLE_COLUMNS_MAX)
        return gki_fail(GKV_ERR_DATA, "%s:%zu: more than %d fields", r->records.source->name,
                        r->records.line, GKV_TABLE_COLUMNS_MAX);
    GKV_TRY(gki_table_create(r->records.source->name, n_columns, &r->table));
    GKV_TRY(gki_alloc(n_columns, sizeof *r->counts, &r->counts));
    r->table->form = r->form.form;
    r->table->form.first_line = r->records.line;
    for (size_t c = 0; c < n_columns; c++) {
        const size_t field = c - row_names; /* beyond all fields for row names */
        const char *name = names && field < r->n_fields ? r->fields[field].text : NULL;
        GKV_TRY(gki_table_set_name(r->table, c, name));
    }
    r->unnamed_first = names && (row_names || *r->fields[0].text == '\0');
    return GKV_OK;
}

/* Doubles the capacity of the columns. */
static gkv_status grow(reader *r)
{
    const size_t capacity = r->row_capacity ? 2 * r->row_capacity : FIRST_CAPACITY;
    for (size_t c = 0; c < r->table->n_columns; c++) {
        gki_table_column *column = &r->table->columns[c];
        double *more = realloc(column->values, capacity * sizeof *more);
        if (!more)
            return gki_fail(GKV_ERR_MEMORY, "%s:%zu: no memory for %zu rows",
                            r->records.source->name, r->records.line, capacity);
        column->values = more;
    }
    r->row_capacity = capacity;
    return GKV_OK;
}

/* Records the first field of a column that is neither a number nor missing. */
static gkv_status set_fault(const reader *r, gki_table_column *column, const char *text)
{
    char shown[GKV_PRINTABLE_SIZE], shown_name[GKV_PRINTABLE_SIZE];
    return gki_strf(&column->fault, "%s:%zu: %s: \"%s\" is not a finite decimal number%s",
                    r->records.source->name, r->records.line,
                    gki_text_printable(column->name, shown_name), gki_text_printable(text, shown),
                    gki_cell_advice(&r->rules, text, &column->remedy));
}

/* --- Rows ----------------------------------------------------------------- */

static gkv_status add_field(reader *r, size_t c, const char *text)
{
    gki_table_column *column = &r->table->columns[c];
    const size_t row = r->table->n_rows;
    const gki_cell cell = gki_cell_read(&r->rules, text, &column->values[row]);
    r->counts[c].numbers += cell == GKI_CELL_NUMBER || cell == GKI_CELL_ALMOST;
    r->counts[c].words += cell == GKI_CELL_WORD;
    if (cell == GKI_CELL_MISSING)
        gki_table_set_missing(column, row, r->records.line);
    return cell > GKI_CELL_MISSING && !column->fault ? set_fault(r, column, text) : GKV_OK;
}

static gkv_status add_row(reader *r)
{
    gkv_table *table = r->table;
    const bool titles = table->n_rows <= 1; /* they are few */
    if (r->n_fields != table->n_columns)
        return gki_fail_remedy(
            GKV_ERR_DATA, titles ? GKV_REMEDY_SKIP : GKV_REMEDY_NONE,
            "%s:%zu: fields: %zu, but the first line has %zu%s", r->records.source->name,
            r->records.line, r->n_fields, table->n_columns,
            titles ? "; if the table begins later, skip the lines before it" : "");
    if (table->n_rows == r->row_capacity)
        GKV_TRY(grow(r));
    for (size_t c = 0; c < table->n_columns; c++)
        GKV_TRY(add_field(r, c, r->fields[c].text));
    table->n_rows++;
    return GKV_OK;
}

/* Whether the values count the rows from 0 or 1. */
static bool counts_rows(const gkv_table *table, const gki_table_column *column)
{
    const double first = column->values[0];
    if (column->kind != GKV_COLUMN_NUMBERS || table->n_columns < 2 || (first != 0 && first != 1))
        return false;
    for (size_t row = 0; row < table->n_rows; row++)
        if (column->values[row] != first + (double)row)
            return false;
    return true;
}

/* Changes a column with a fault to one of text, and its message. */
static gkv_status make_text(gki_table_column *column)
{
    char *fault = NULL;
    GKV_TRY(gki_strf(&fault, "%s; the column holds text, not numbers", column->fault));
    free(column->fault);
    column->fault = fault;
    column->kind = GKV_COLUMN_TEXT;
    return GKV_OK;
}

/* Determines the kinds of the columns. A column with more words than other values is text. */
static gkv_status finish(reader *r)
{
    gkv_table *table = r->table;
    for (size_t c = 0; c < table->n_columns; c++) {
        gki_table_column *column = &table->columns[c];
        if (column->fault && r->counts[c].words > r->counts[c].numbers)
            GKV_TRY(make_text(column));
        else if (column->fault)
            column->kind = GKV_COLUMN_FAULTY;
    }
    GKV_TRY(gki_table_finish(table));
    gki_table_column *first = &table->columns[0];
    first->is_index = r->unnamed_first && first->values &&
                      (table->form.has_row_names || counts_rows(table, first));
    table->form.comments = r->records.comments;
    table->form.comment_line = r->records.comment_line;
    return GKV_OK;
}

static gkv_status read_all(reader *r)
{
    char *text;
    GKV_TRY(gki_alloc(GKV_TABLE_COLUMNS_MAX, sizeof *r->fields, &r->fields));
    for (;;) {
        GKV_TRY(gki_records_next(&r->records, &text));
        if (!text)
            break;
        const bool is_header = !r->table && r->form.form.has_header;
        r->n_fields = gki_record_split(text, r->form.form.separator, r->fields);
        if (!r->table)
            GKV_TRY(begin(r));
        if (!is_header)
            GKV_TRY(add_row(r));
    }
    if (!r->table || r->table->n_rows == 0)
        return gki_fail(GKV_ERR_DATA, "%s: there are no numbers in it", r->records.source->name);
    return finish(r);
}

static gkv_status guess_and_read(reader *r, gkv_table_settings settings)
{
    GKV_TRY(gki_text_form_guess(r->records.source, &settings, &r->form));
    settings.decimal_mark = r->form.form.decimal_mark;
    gki_cell_rules_set(&r->rules, &settings);
    r->records.rules = &r->rules;
    r->records.separators = r->form.separators;
    r->records.skip = settings.skip;
    return read_all(r);
}

/* Reads a table from text. The source must be at its first byte. */
static gkv_status read_text(gki_source *source, const gkv_table_settings *settings, gkv_table **out)
{
    reader r = {.records = {.source = source}};
    const locale_t before = gki_plain_locale_enter();
    const gkv_status status = guess_and_read(&r, *settings);
    uselocale(before);
    free(r.records.text);
    free(r.fields);
    free(r.counts);
    if (status != GKV_OK) {
        gkv_table_free(r.table);
        r.table = NULL;
    }
    *out = r.table;
    return status;
}

/* --- Any format ----------------------------------------------------------- */

static gkv_status read_from(gki_source *source, const gkv_table_settings *settings, gkv_table **out)
{
    static const char npy[] = "\x93NUMPY";
    GKV_TRY(gki_source_need(source, GKV_FOREIGN_BYTES));
    const size_t there = gki_source_there(source);
    const unsigned char *bytes = gki_source_at(source);
    if (there >= sizeof npy - 1 && memcmp(bytes, npy, sizeof npy - 1) == 0)
        return gki_table_read_npy(source, settings, out);
    GKV_TRY(gki_foreign_check(GKV_ERR_DATA, source->name, bytes, there, GKV_WANTED_TABLE));
    return read_text(source, settings, out);
}

/* --- Settings ------------------------------------------------------------- */

void gkv_table_defaults(gkv_table_settings *settings)
{
    if (settings)
        *settings = (gkv_table_settings){.usual_missing = true};
}

static bool may_separate(char c)
{
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool printable = c >= ' ' && c <= '~';
    return c == '\t' || c == '\n' || (printable && !letter && !(c >= '0' && c <= '9') && c != '"');
}

/* Copies the settings, or the defaults, and checks them. */
static gkv_status check(const gkv_table_settings *settings, gkv_table_settings *out)
{
    gkv_table_defaults(out);
    if (settings)
        *out = *settings;
    if (out->separator && (!may_separate(out->separator) || strchr("+-.", out->separator)))
        return gki_fail(GKV_ERR_ARGUMENT, "reading a table: the separator is a letter, a digit, a "
                                          "quote, a sign, a point, or no ASCII character");
    if (out->decimal_mark && !strchr(".,", out->decimal_mark))
        return gki_fail(GKV_ERR_ARGUMENT, "reading a table: the decimal mark is neither . nor ,");
    if (out->decimal_mark && out->decimal_mark == out->separator)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "reading a table: the separator is the same as the decimal mark");
    for (size_t i = 0; i < out->n_missing; i++)
        if (!out->missing || !out->missing[i])
            return gki_fail(GKV_ERR_ARGUMENT,
                            "reading a table: a missing value's spelling is NULL");
    return GKV_OK;
}

/* --- Reading -------------------------------------------------------------- */

gkv_status gkv_table_read(const char *path, const gkv_table_settings *settings, gkv_table **out)
{
    gkv_table_settings checked;
    gki_source source;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    GKV_TRY(check(settings, &checked));
    GKV_TRY(gki_source_open(&source, path));
    const gkv_status status = read_from(&source, &checked, out);
    gki_source_close(&source);
    return status;
}

gkv_status gkv_table_read_memory(size_t size, const void *bytes, const char *name,
                                 const gkv_table_settings *settings, gkv_table **out)
{
    gkv_table_settings checked;
    gki_source source;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(name);
    if (size > 0)
        GKV_NEED(bytes);
    GKV_TRY(check(settings, &checked));
    gki_source_memory(&source, bytes, size, name);
    return read_from(&source, &checked, out);
}

gkv_status gkv_table_read_stream(gkv_table_source *read, void *user, const char *name,
                                 const gkv_table_settings *settings, gkv_table **out)
{
    gkv_table_settings checked;
    gki_source source;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(read);
    GKV_NEED(name);
    GKV_TRY(check(settings, &checked));
    gki_source_function(&source, read, user, name);
    const gkv_status status = read_from(&source, &checked, out);
    gki_source_close(&source);
    return status;
}
