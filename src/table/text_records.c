/* A source of bytes, and the records of a text; declared in text_records.h. */
#include "table/text_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* --- The source ----------------------------------------------------------- */

enum { READ_PART = 1 << 16 }; /* the number of bytes of one read */

gkv_status gki_source_open(gki_source *source, const char *path)
{
    const bool standard_input = strcmp(path, "-") == 0;
    *source = (gki_source){.name = standard_input ? "standard input" : path,
                           .file = standard_input ? stdin : fopen(path, "rb")};
    if (!source->file)
        return gki_fail_errno(errno, "%s: cannot be opened", path);
    /* The size is not used for standard input, which may be in the middle of its file, nor if it is
     * 0, as it is for files in /proc. */
    struct stat about;
    if (!standard_input && fstat(fileno(source->file), &about) == 0 && S_ISREG(about.st_mode) &&
        about.st_size > 0) {
        source->size_known = true;
        source->size = (uint64_t)about.st_size;
    }
    return GKV_OK;
}

void gki_source_function(gki_source *source, gkv_table_source *read, void *user, const char *name)
{
    *source = (gki_source){.name = name, .read = read, .user = user};
}

void gki_source_memory(gki_source *source, const void *bytes, size_t size, const char *name)
{
    *source = (gki_source){
        .name = name, .bytes = bytes, .end = size, .ended = true, .size_known = true, .size = size};
}

void gki_source_close(gki_source *source)
{
    if (source->file && source->file != stdin)
        fclose(source->file);
    free(source->buffer);
    *source = (gki_source){.name = source->name};
}

size_t gki_source_there(const gki_source *source)
{
    return source->end - source->start;
}

const unsigned char *gki_source_at(const gki_source *source)
{
    return source->bytes ? source->bytes + source->start : NULL;
}

void gki_source_use(gki_source *source, size_t n)
{
    source->start += n;
    source->used += n;
}

/* Makes the buffer large enough for one more part after the available bytes. */
static gkv_status reserve_part(gki_source *source)
{
    const size_t there = gki_source_there(source);
    if (source->start > 0 && there > 0)
        memmove(source->buffer, source->buffer + source->start, there);
    source->start = 0;
    source->end = there;
    if (source->capacity - there >= READ_PART)
        return GKV_OK;
    const size_t capacity = 2 * source->capacity + READ_PART;
    unsigned char *more = realloc(source->buffer, capacity);
    if (!more)
        return gki_fail(GKV_ERR_MEMORY, "%s: no memory for %zu bytes of it at once", source->name,
                        capacity);
    source->buffer = more;
    source->bytes = more;
    source->capacity = capacity;
    return GKV_OK;
}

static gkv_status read_file(gki_source *source, size_t *got)
{
    errno = 0;
    *got = fread(source->buffer + source->end, 1, READ_PART, source->file);
    source->ended = *got < READ_PART;
    return ferror(source->file) ? gki_fail_errno(errno, "%s: cannot be read", source->name)
                                : GKV_OK;
}

static gkv_status read_function(gki_source *source, size_t *got)
{
    const ptrdiff_t count = source->read(source->user, source->buffer + source->end, READ_PART);
    *got = count > 0 ? (size_t)count : 0;
    source->ended = *got == 0;
    return count < 0 || count > READ_PART ? gki_fail(GKV_ERR_IO, "%s: cannot be read", source->name)
                                          : GKV_OK;
}

static gkv_status read_part(gki_source *source)
{
    size_t got;
    GKV_TRY(reserve_part(source));
    GKV_TRY(source->file ? read_file(source, &got) : read_function(source, &got));
    source->end += got;
    return GKV_OK;
}

gkv_status gki_source_need(gki_source *source, size_t n)
{
    while (gki_source_there(source) < n && !source->ended)
        GKV_TRY(read_part(source));
    return GKV_OK;
}

/* Reads the next line including its end. *line is valid until the next call. *length becomes 0 at
 * the end of the file. Returns GKV_ERR_DATA if the line is longer than `most` bytes. */
static gkv_status source_line(gki_source *source, size_t most, const unsigned char **line,
                              size_t *length)
{
    const int mark = source->cr_lines ? '\r' : '\n';
    size_t searched = 0;
    for (;;) {
        const size_t there = gki_source_there(source);
        const unsigned char *bytes = gki_source_at(source);
        const unsigned char *end =
            there > searched ? memchr(bytes + searched, mark, there - searched) : NULL;
        if (end || source->ended) {
            *line = bytes;
            *length = end ? (size_t)(end - bytes) + 1 : there;
            if (*length > most)
                break;
            gki_source_use(source, *length);
            return GKV_OK;
        }
        if (there > most)
            break;
        searched = there;
        GKV_TRY(read_part(source));
    }
    return gki_fail(GKV_ERR_DATA, "%s: a line is longer than %zu bytes: this is not a table",
                    source->name, most);
}

/* --- Records -------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* --- Wide blanks ---------------------------------------------------------- */

/* Blanks of more than one byte, as web pages and spreadsheets have them around numbers: the
 * no-break space, the figure space, the thin space, the narrow no-break space, and the blank of no
 * width, which is also a byte order mark. In Windows-1252 the first one is the byte A0. */
static const char *const wide_blanks[] = {"\u00A0", "\u2007", "\u2009", "\u202F", "\uFEFF"};
enum { WIDE_BLANKS = sizeof wide_blanks / sizeof *wide_blanks };

/* The length of the wide blank at `text`, or 0. */
static size_t wide_blank_at(const char *text)
{
    for (size_t i = 0; (unsigned char)*text >= 0x80 && i < WIDE_BLANKS; i++) {
        const size_t length = strlen(wide_blanks[i]);
        if (strncmp(text, wide_blanks[i], length) == 0)
            return length;
    }
    return (unsigned char)*text == 0xA0; /* no UTF-8 begins with it */
}

/* The length of the wide blank before `end`, or 0. */
static size_t wide_blank_before(const char *text, const char *end)
{
    for (size_t i = 0; end > text && (unsigned char)end[-1] >= 0x80 && i < WIDE_BLANKS; i++) {
        const size_t length = strlen(wide_blanks[i]);
        if ((size_t)(end - text) >= length && strncmp(end - length, wide_blanks[i], length) == 0)
            return length;
    }
    return end > text && (unsigned char)end[-1] == 0xA0 &&
           (end - 1 == text || (unsigned char)end[-2] < 0x80);
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
    char *end = text;
    for (const char *from = text; *from; from++) {
        *end++ = *from;
        if (from[0] == '"' && from[1] == '"')
            from++;
    }
    *end = '\0';
}

/* Removes blanks around the text that ends at `end`, and returns its new end. */
static char *trim_blanks(char **text, char *end)
{
    size_t wide;
    while (end > *text && (is_blank(end[-1]) || wide_blank_before(*text, end) > 0)) {
        wide = wide_blank_before(*text, end);
        end -= wide > 0 ? wide : 1;
    }
    *end = '\0';
    while ((wide = wide_blank_at(*text)) > 0 || is_blank(**text))
        *text += wide > 0 ? wide : 1;
    return end;
}

/* Removes blanks around the text and one pair of quotes, and then those within them. The end of the
 * text is NUL then. */
static void trim(gki_field *field, char *end)
{
    end = trim_blanks(&field->text, end);
    field->quoted = field->text[0] == '"' && end - field->text >= 2 && end[-1] == '"' &&
                    quoted_end(field->text) == end;
    if (field->quoted) {
        end[-1] = '\0';
        unquote(++field->text);
        trim_blanks(&field->text, field->text + strlen(field->text));
    }
}

static char *after_blanks(char *c)
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
        c = after_blanks(c);
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
        c = separator == ' ' ? after_blanks(end + 1) - 1 : end;
    }
}

/* --- Records -------------------------------------------------------------- */

/* Appends the next line of the source. *length becomes 0 at the end. */
static gkv_status append_line(gki_records *r, size_t *length)
{
    const unsigned char *bytes = NULL;
    GKV_TRY(source_line(r->source, GKV_TABLE_LINE_MAX - r->length, &bytes, length));
    if (*length == 0)
        return GKV_OK;
    r->lines++;
    if (memchr(bytes, '\0', *length))
        return gki_fail(GKV_ERR_DATA, "%s:%zu: a zero byte: this is not text", r->source->name,
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

/* Checks the line that begins at `begin`, and removes its end. */
static gkv_status end_line(gki_records *r, size_t begin)
{
    while (r->length > begin && strchr("\r\n", r->text[r->length - 1]))
        r->text[--r->length] = '\0';
    return memchr(r->text + begin, '\r', r->length - begin)
               ? gki_fail(GKV_ERR_DATA,
                          "%s:%zu: a carriage return within the line: end all lines in the same "
                          "way, with LF or CR LF",
                          r->source->name, r->lines)
               : GKV_OK;
}

/* Appends the lines of an open quoted field. */
static gkv_status read_open_field(gki_records *r)
{
    size_t length;
    while (r->open) {
        r->text[r->length++] = '\n';
        const size_t begin = r->length;
        GKV_TRY(append_line(r, &length));
        if (length == 0)
            return gki_fail(
                GKV_ERR_DATA,
                "%s:%zu: a quote opens a field that does not end before the end of the file",
                r->source->name, r->line);
        GKV_TRY(end_line(r, begin));
        if (!follow_quotes(r, r->text + begin))
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

/* What old systems write as the end of a text, after its last line. */
#define END_OF_FILE "\x1A"

gkv_status gki_records_next(gki_records *r, char **text)
{
    for (;;) {
        char separator;
        GKV_TRY(read_record(r, text));
        if (!*text)
            return GKV_OK;
        const char *first = *text + strspn(*text, " \t\f\v" END_OF_FILE);
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
