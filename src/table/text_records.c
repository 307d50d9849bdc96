/* Records of a text; declared in text_records.h. */
#define _POSIX_C_SOURCE 200809L
#include "table/text_records.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* --- Fields --------------------------------------------------------------- */

/* The end of a quoted field that begins with the quote at c: behind its last quote, or NULL if it
 * has none. */
static char *quoted_end(char *c)
{
    for (c++; (c = strchr(c, '"')) != NULL; c += 2)
        if (c[1] != '"')
            return c + 1;
    return NULL;
}

/* Replaces "" by one quote. */
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

/* Removes blanks before `end` and one pair of quotes around the text, whose end is NUL then. */
static void trim(gki_field *field, char *end)
{
    while (end > field->text && is_blank(end[-1]))
        end--;
    *end = '\0';
    field->quoted = field->text[0] == '"' && end - field->text >= 2 && end[-1] == '"' &&
                    quoted_end(field->text) == end;
    if (field->quoted) {
        end[-1] = '\0';
        unquote(++field->text);
    }
}

static char *skip_blanks(char *c)
{
    while (is_blank(*c))
        c++;
    return c;
}

/* The separator at or behind c, or the end of the text. */
static char *next_separator(char *c, char separator)
{
    if (separator == ' ')
        return c + strcspn(c, " \t");
    while (*c && *c != separator)
        c++;
    return c;
}

size_t gki_record_split(char *text, char separator, gki_field *fields)
{
    size_t n = 0;
    char *c = text;
    if (separator != '\t') { /* a tab at the begin or end means an empty field only between tabs */
        char *end = text + strlen(text);
        while (end > text && is_blank(end[-1]))
            *--end = '\0';
        c = skip_blanks(c);
    }
    for (;; c++) {
        while (*c == ' ' || (*c == '\t' && separator != '\t'))
            c++;
        char *after = *c == '"' ? quoted_end(c) : NULL;
        char *end = next_separator(after ? after : c, separator);
        const bool last = *end == '\0';
        if (n == GKV_TABLE_COLUMNS_MAX)
            return n + 1;
        fields[n] = (gki_field){.text = c};
        trim(&fields[n++], end);
        if (last)
            return n;
        c = separator == ' ' ? skip_blanks(end + 1) - 1 : end;
    }
}

/* --- Records -------------------------------------------------------------- */

/* Appends the next line of the source. *length becomes 0 at the end. */
static gkv_status append_line(gki_records *r, size_t *length)
{
    const unsigned char *bytes;
    GKV_TRY(gki_source_line(r->source, GKV_TABLE_LINE_MAX - r->length, &bytes, length));
    if (*length == 0)
        return GKV_OK;
    r->lines++;
    if (memchr(bytes, '\0', *length))
        return gki_fail(GKV_ERR_DATA, "%s:%zu: a zero byte: this is no text", r->source->name,
                        r->lines);
    const size_t size = r->length + *length + 2; /* NUL, and a line end that joins two lines */
    if (size > r->capacity) {
        char *more = realloc(r->text, 2 * size);
        if (!more)
            return gki_fail(GKV_ERR_MEMORY, "%s:%zu: no memory for the line", r->source->name,
                            r->lines);
        r->text = more;
        r->capacity = 2 * size;
    }
    memcpy(r->text + r->length, bytes, *length);
    r->length += *length;
    r->text[r->length] = '\0';
    return GKV_OK;
}

/* Whether text follows the quote before c within the same field. */
static bool has_rest(const gki_records *r, const char *c)
{
    while (is_blank(*c))
        c++;
    return *c && !strchr(r->separators, *c);
}

/* Follows the quotes of a further line of the record, and sets whether a quoted field is open at
 * its end. Returns false if text follows the end of a field that began on an earlier line: a
 * single quote has then joined two lines. */
static bool follow_quotes(gki_records *r, char *line)
{
    bool may_open = true;
    char *c = r->open ? line : strchr(line, '"') ? line : NULL;
    if (r->open) { /* up to the end of the field, as if its quote stood before the line */
        c = quoted_end(line - 1);
        r->open = c == NULL;
        may_open = false;
        if (c && has_rest(r, c))
            return false;
    }
    while (c && *c) {
        if (*c == '"' && may_open) {
            c = quoted_end(c);
            r->open = c == NULL;
            may_open = false;
        } else {
            may_open = strchr(r->separators, *c) || (may_open && is_blank(*c));
            c++;
        }
    }
    return true;
}

/* Checks the line that begins at `at`, and removes its end. */
static gkv_status end_line(gki_records *r, size_t at)
{
    while (r->length > at && strchr("\r\n", r->text[r->length - 1]))
        r->text[--r->length] = '\0';
    return memchr(r->text + at, '\r', r->length - at)
               ? gki_fail(GKV_ERR_DATA,
                          "%s:%zu: a carriage return within the line: end lines with LF or CR LF, "
                          "not with CR alone",
                          r->source->name, r->lines)
               : GKV_OK;
}

/* Appends the lines of an open quoted field. */
static gkv_status read_open_field(gki_records *r)
{
    size_t length;
    while (r->open) {
        r->text[r->length++] = '\n';
        const size_t at = r->length;
        GKV_TRY(append_line(r, &length));
        if (length == 0)
            return gki_fail(GKV_ERR_DATA,
                            "%s:%zu: a quote opens a field that does not end before the end of the "
                            "file",
                            r->source->name, r->line);
        GKV_TRY(end_line(r, at));
        if (!follow_quotes(r, r->text + at))
            return gki_fail(GKV_ERR_DATA,
                            "%s:%zu: a quote opens a field, and text follows its end on line %zu: "
                            "remove the quote, or double it within a quoted field",
                            r->source->name, r->line, r->lines);
    }
    return GKV_OK;
}

/* Reads a record with all lines of its quoted fields. *text becomes NULL at the end. */
static gkv_status read_record(gki_records *r, char **text)
{
    size_t length;
    *text = NULL;
    r->length = 0;
    r->open = false;
    GKV_TRY(append_line(r, &length));
    if (length == 0)
        return GKV_OK;
    r->line = r->lines;
    GKV_TRY(end_line(r, 0));
    const size_t mark = r->lines == 1 && strncmp(r->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (r->skip == 0 && r->text[mark + strspn(r->text + mark, " \t")] != '#') {
        (void)follow_quotes(r, r->text + mark);
        GKV_TRY(read_open_field(r));
    }
    *text = r->text + mark;
    return GKV_OK;
}

/* Whether the text is a line "sep=;", also in quotes, and which separator it names. */
static bool is_directive(const char *text, char *separator)
{
    const bool quoted = *text == '"';
    text += quoted;
    if (strncasecmp(text, "sep=", 4) != 0 || !text[4] || strcmp(text + 5, quoted ? "\"" : "") != 0)
        return false;
    *separator = text[4];
    return strchr(GKI_SEPARATORS, *separator) != NULL;
}

/* Whether the text, which begins with #, is a comment. It is none if its first field is an error of
 * a spreadsheet or a spelling of missing values. */
static bool is_comment(const gki_records *r, const char *text)
{
    enum { LONGEST = 64 };
    char field[LONGEST + 1];
    for (size_t i = 0; i <= LONGEST; i++) {
        if (text[i] && !strchr(r->separators, text[i]))
            continue;
        size_t length = i;
        while (is_blank(text[length - 1])) /* text[0] is # */
            length--;
        memcpy(field, text, length);
        field[length] = '\0';
        if (gki_cell_is_error(field) || gki_cell_is_missing(r->rules, field))
            return false;
        if (!text[i])
            break;
    }
    return true;
}

gkv_status gki_records_next(gki_records *r, char **text)
{
    for (;;) {
        char separator;
        GKV_TRY(read_record(r, text));
        if (!*text)
            return GKV_OK;
        const char *first = *text + strspn(*text, " \t");
        if (r->skip > 0) {
            r->skip--;
        } else if (*first == '#' && is_comment(r, first)) {
            if (r->began && r->comments++ == 0)
                r->comment_line = r->line;
        } else if (*first && !r->began && !r->directive && is_directive(first, &separator)) {
            r->directive = separator;
        } else if (*first) {
            r->began = true;
            return GKV_OK;
        }
    }
}
