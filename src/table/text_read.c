/* Reads tables from text by the rules of gkvae/table.h. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/memory.h"
#include "core/plain_locale.h"
#include "core/text.h"
#include "table/number_table.h"

enum { FIRST_CAPACITY = 16 };

typedef struct reader {
    gki_source *source;
    gkv_table *table;
    char *line;           /* the current line, ended by NUL */
    size_t line_capacity; /* the size of its memory */
    size_t line_number;   /* counted from 1 */
    char separator;       /* ' ' means one or more blanks; 0 before the first line */
    char **fields;        /* pointers into the line */
    size_t n_fields;      /* the number of fields of the line */
    size_t row_capacity;  /* the number of rows that the columns can hold */
    bool quotes_open;     /* whether quotes are open at the end of the line */
} reader;

/* --- Lines and fields ----------------------------------------------------- */

/* Removes the characters in `of` from the end of the text. */
static void cut_end(char *text, const char *of)
{
    char *end = text + strlen(text);
    while (end > text && strchr(of, end[-1]))
        *--end = '\0';
}

/* The separator that the first line suggests. Tabs at the end of the line do not count. */
static char separator_of(const char *line)
{
    if (strchr(line, ';') || strchr(line, ','))
        return strchr(line, ';') ? ';' : ',';
    const char *tab = strchr(line, '\t');
    return tab && tab[strspn(tab, " \t")] != '\0' ? '\t' : ' ';
}

/* Copies the next line of the source, ended by NUL. *length becomes 0 at the end of the file. */
static gkv_status copy_line(reader *r, size_t *length)
{
    const unsigned char *bytes;
    GKV_TRY(gki_source_line(r->source, GKV_TABLE_LINE_MAX, &bytes, length));
    if (*length == 0)
        return GKV_OK;
    r->line_number++;
    if (memchr(bytes, '\0', *length))
        return gki_fail(GKV_ERR_DATA, "%s:%zu: a zero byte: this is no text", r->source->name,
                        r->line_number);
    if (*length >= r->line_capacity) {
        const size_t capacity = 2 * *length + 1;
        char *more = realloc(r->line, capacity);
        if (!more)
            return gki_fail(GKV_ERR_MEMORY, "%s:%zu: no memory for the line", r->source->name,
                            r->line_number);
        r->line = more;
        r->line_capacity = capacity;
    }
    memcpy(r->line, bytes, *length);
    r->line[*length] = '\0';
    return GKV_OK;
}

/* Finds the next line that is neither empty nor a comment, and removes its line end. *start becomes
 * NULL at the end of the file. */
static gkv_status next_line(reader *r, char **start)
{
    for (;;) {
        size_t length;
        *start = NULL;
        GKV_TRY(copy_line(r, &length));
        if (length == 0)
            return GKV_OK;
        char *from = r->line;
        cut_end(from, "\r\n");
        if (r->line_number == 1 && strncmp(from, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark */
            from += 3;
        const char *first = from + strspn(from, " \t\r");
        if (strchr(first, '\r'))
            return gki_fail(
                GKV_ERR_DATA,
                "%s:%zu: a carriage return within the line: end lines with LF or CR LF, "
                "not with CR alone",
                r->source->name, r->line_number);
        if (*first == '\0' || *first == '#')
            continue;
        if (!r->separator)
            r->separator = separator_of(from);
        /* With tabs as separators, a leading or trailing tab means an empty field. With other
         * separators, leading and trailing blanks have no meaning. */
        if (r->separator != '\t') {
            cut_end(from, " \t\r\n");
            from += strspn(from, " \t\r");
        }
        *start = from;
        return GKV_OK;
    }
}

/* Replaces "" within quotes by one quote. */
static void unquote(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        *to++ = *from;
        if (from[0] == '"' && from[1] == '"')
            from++;
    }
    *to = '\0';
}

/* Removes blanks and one pair of quotes around a field. */
static char *trim(char *field)
{
    while (*field == ' ' || *field == '\t')
        field++;
    char *end = field + strlen(field);
    while (end > field && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    if (end - field >= 2 && *field == '"' && end[-1] == '"') {
        end[-1] = '\0';
        unquote(++field);
    }
    return field;
}

/* The end of the field that begins at c. A separator within quotes does not end it. *quoted becomes
 * true if quotes are open at the end. */
static char *field_end(char *c, char separator, bool *quoted)
{
    *quoted = false;
    for (; *c; c++) {
        if (*c == '"')
            *quoted = !*quoted;
        else if (!*quoted && (separator == ' ' ? *c == ' ' || *c == '\t' : *c == separator))
            return c;
    }
    return c;
}

/* Splits a line into fields. */
static gkv_status split(reader *r, char *line)
{
    r->n_fields = 0;
    for (char *c = line;;) {
        while (r->separator == ' ' && (*c == ' ' || *c == '\t'))
            c++;
        char *end = field_end(c, r->separator, &r->quotes_open);
        const bool last = *end == '\0';
        *end = '\0';
        if (r->n_fields == GKV_TABLE_COLUMNS_MAX)
            return gki_fail(GKV_ERR_DATA, "%s:%zu: more than %d fields", r->source->name,
                            r->line_number, GKV_TABLE_COLUMNS_MAX);
        r->fields[r->n_fields++] = trim(c);
        if (last)
            return GKV_OK;
        c = end + 1;
    }
}

/* --- Numbers -------------------------------------------------------------- */

/* Parses a finite decimal number. strtod() would also accept blanks, hexadecimal numbers, inf and
 * nan. */
static bool parse_number(const char *text, double *out)
{
    char *end = NULL;
    if (!*text || text[strspn(text, "+-.0123456789eE")] != '\0')
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

/* Whether the text is a usual sign of a missing number. Other words make a column of text. */
static bool is_missing(const char *text)
{
    static const char *const signs[] = {"", "NA", "N/A", "NaN", "null"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcasecmp(text, signs[i]) == 0)
            return true;
    return false;
}

/* Whether the text spells infinity or NaN, as programs print them. */
static bool is_spelled(const char *text)
{
    static const char *const words[] = {"inf", "infinity", "nan"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

/* Whether the text begins with a date or time, as 2024-01-31, 31/1/2024, 31.1.2024 or 12:30. */
static bool is_date(const char *text)
{
    static const char digits[] = "0123456789";
    const size_t first = strspn(text, digits);
    const char *second = text + first + (text[first] != '\0');
    const size_t length = strspn(second, digits);
    if (first == 0 || length == 0)
        return false;
    return strchr("-/:", text[first]) || (text[first] == '.' && second[length] == '.');
}

/* Whether a field seems to be a number, although it may not be a valid one, as 0,5 or 5% or 1e999.
 * Such a column is faulty, not text. */
static bool seems_number(const char *text)
{
    const char *rest = text + strspn(text, "+-");
    const bool begins = strspn(rest + (*rest == '.'), "0123456789") > 0;
    return rest - text <= 1 && (begins || is_spelled(rest)) && !is_date(text);
}

/* Marks a column as faulty because of this field. */
static gkv_status mark_fault(const reader *r, size_t column, const char *text)
{
    char shown[GKV_PRINTABLE_SIZE], shown_name[GKV_PRINTABLE_SIZE], *fault = NULL;
    const char *advice = "";
    if (is_missing(text))
        advice = "; leave lines with gaps out of the file";
    else if (strchr(text, ','))
        advice = "; the decimal sign is a point, and thousands are not grouped";
    else if (*text && text[strlen(text) - 1] == '%')
        advice = "; numbers stand alone, without a unit";
    GKV_TRY(gki_strf(&fault, "%s:%zu: %s: \"%s\" is no finite decimal number%s", r->source->name,
                     r->line_number, gki_text_printable(r->table->columns[column].name, shown_name),
                     gki_text_printable(text, shown), advice));
    gki_table_give_up(r->table, column, GKV_COLUMN_FAULTY, fault);
    return GKV_OK;
}

/* --- Rows ----------------------------------------------------------------- */

/* Creates the columns from the first line. The line is a header if it contains no number. */
static gkv_status begin(reader *r, bool *is_header)
{
    double ignored;
    *is_header = true;
    for (size_t c = 0; c < r->n_fields; c++)
        *is_header = *is_header && !parse_number(r->fields[c], &ignored);
    GKV_TRY(gki_table_create(r->source->name, r->n_fields, &r->table));
    for (size_t c = 0; c < r->n_fields; c++)
        GKV_TRY(gki_table_set_name(r->table, c, *is_header ? r->fields[c] : NULL));
    return GKV_OK;
}

/* Doubles the capacity of the columns. */
static gkv_status grow(reader *r)
{
    const size_t capacity = r->row_capacity ? 2 * r->row_capacity : FIRST_CAPACITY;
    for (size_t c = 0; c < r->table->n_columns; c++) {
        gki_column *column = &r->table->columns[c];
        if (column->kind != GKV_COLUMN_NUMBERS)
            continue;
        double *more = realloc(column->values, capacity * sizeof *more);
        if (!more)
            return gki_fail(GKV_ERR_MEMORY, "%s:%zu: no memory for %zu rows", r->source->name,
                            r->line_number, capacity);
        column->values = more;
    }
    r->row_capacity = capacity;
    return GKV_OK;
}

/* Adds a row. A column that is not of numbers is only marked, because the caller may not need
 * it. */
static gkv_status add_row(reader *r)
{
    gkv_table *table = r->table;
    if (r->n_fields != table->n_columns)
        return gki_fail(
            GKV_ERR_DATA, "%s:%zu: fields: %zu, but the first line has %zu%s", r->source->name,
            r->line_number, r->n_fields, table->n_columns,
            r->quotes_open ? "; quotes are not closed on it: fields cannot hold line ends" : "");
    if (table->n_rows == r->row_capacity)
        GKV_TRY(grow(r));
    for (size_t c = 0; c < table->n_columns; c++) {
        gki_column *column = &table->columns[c];
        const char *text = r->fields[c];
        if (column->kind != GKV_COLUMN_NUMBERS ||
            parse_number(text, &column->values[table->n_rows]))
            continue;
        if (table->n_rows == 0 && !is_missing(text) && !seems_number(text))
            gki_table_give_up(table, c, GKV_COLUMN_TEXT, NULL);
        else
            GKV_TRY(mark_fault(r, c, text));
    }
    table->n_rows++;
    return GKV_OK;
}

static gkv_status read_all(reader *r)
{
    char *line;
    GKV_TRY(gki_alloc(GKV_TABLE_COLUMNS_MAX, sizeof *r->fields, &r->fields));
    for (;;) {
        bool is_header = false;
        GKV_TRY(next_line(r, &line));
        if (!line)
            break;
        GKV_TRY(split(r, line));
        if (!r->table)
            GKV_TRY(begin(r, &is_header));
        if (!is_header)
            GKV_TRY(add_row(r));
    }
    if (!r->table || r->table->n_rows == 0)
        return gki_fail(GKV_ERR_DATA, "%s: there are no numbers in it", r->source->name);
    return GKV_OK;
}

gkv_status gki_table_read_text(gki_source *source, gkv_table **out)
{
    reader r = {.source = source};
    const locale_t before = gki_plain_locale_enter();
    const gkv_status status = read_all(&r);
    uselocale(before);
    free(r.line);
    free(r.fields);
    if (status != GKV_OK) {
        gkv_table_free(r.table);
        r.table = NULL;
    }
    *out = r.table;
    return status;
}
