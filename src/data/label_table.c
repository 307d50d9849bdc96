#include "data/label_table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/memory.h"
#include "core/text.h"

enum { COLUMNS_MAX = 64 };

/* The fields of a table, record by record. */
typedef struct table {
    const char *path;
    gki_words fields;
    size_t columns, records;
    size_t file, label; /* the columns; file is SIZE_MAX if there is none */
    size_t first;       /* 1 if the first record is a header, else 0 */
} table;

static char *field_at(const table *t, size_t record, size_t column)
{
    return t->fields.list[record * t->columns + column];
}

/* --- Fields --------------------------------------------------------------- */

/* The first separator of the first line, outside quotes. */
static char find_separator(const char *text, size_t length)
{
    bool quoted = false;
    for (size_t i = 0; i < length && text[i] != '\n' && text[i] != '\r'; i++) {
        quoted ^= text[i] == '"';
        if (!quoted && (text[i] == ',' || text[i] == ';' || text[i] == '\t'))
            return text[i];
    }
    return ',';
}

/* Copies the next field to `out`, without quotes and blanks around it, and returns what follows. */
static const char *take_field(const char *cursor, const char *end, char separator, char *out)
{
    size_t n = 0;
    while (cursor < end && *cursor == ' ')
        cursor++;
    if (cursor < end && *cursor == '"') {
        for (cursor++; cursor < end; cursor++) {
            if (*cursor == '"' && (cursor + 1 == end || cursor[1] != '"'))
                break;
            cursor += *cursor == '"';
            out[n++] = *cursor;
        }
        cursor += cursor < end;
        while (cursor < end && *cursor != separator && *cursor != '\n' && *cursor != '\r')
            cursor++;
    } else {
        while (cursor < end && *cursor != separator && *cursor != '\n' && *cursor != '\r')
            out[n++] = *cursor++;
        while (n > 0 && out[n - 1] == ' ')
            n--;
    }
    out[n] = '\0';
    return cursor;
}

/* The length of a first line "sep=;", as spreadsheets write it, or 0. */
static size_t directive_length(const char *text, size_t length)
{
    return length > 5 && strncasecmp(text, "sep=", 4) == 0 && strchr(",;\t", text[4]) &&
                   (text[5] == '\n' || text[5] == '\r')
               ? 5
               : 0;
}

static gkv_status split_records(table *t, const char *text, size_t length, char *field)
{
    const size_t directive = directive_length(text, length);
    const char separator = directive ? text[4] : find_separator(text, length),
               *cursor = text + directive, *end = text + length;
    while (cursor < end) {
        if (*cursor == '\n' || *cursor == '\r') { /* also empty lines */
            cursor++;
            continue;
        }
        size_t columns = 0;
        for (bool more = true; more; columns++) {
            cursor = take_field(cursor, end, separator, field);
            GKV_TRY(gki_words_copy(&t->fields, field));
            more = cursor < end && *cursor == separator;
            cursor += more;
        }
        t->columns = t->records == 0 ? columns : t->columns;
        if (columns != t->columns || columns > COLUMNS_MAX)
            return gki_fail(GKV_ERR_DATA,
                            "%s: record %zu has %zu fields, and the first one has %zu", t->path,
                            t->records + 1, columns, t->columns);
        t->records++;
    }
    return t->records > 0 ? GKV_OK
                          : gki_fail(GKV_ERR_DATA, "%s: there are no labels in it", t->path);
}

/* --- Columns -------------------------------------------------------------- */

static size_t find_column(const table *t, const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < t->columns; c++)
            if (strcasecmp(field_at(t, 0, c), names[i]) == 0)
                return c;
    return SIZE_MAX;
}

static gkv_status find_columns(table *t, bool has_names, size_t images)
{
    static const char *const files[] = {"file",  "filename", "file_name", "name",
                                        "image", "path",     "id"},
                             *const labels[] = {"label", "class", "category", "target", "labels"};
    t->file = find_column(t, files, sizeof files / sizeof *files);
    t->label = find_column(t, labels, sizeof labels / sizeof *labels);
    t->first = t->label != SIZE_MAX;
    if (t->columns == 1) {
        t->file = SIZE_MAX;
        t->label = 0;
        t->first = t->first || t->records == images + 1;
        return GKV_OK;
    }
    if (t->label == SIZE_MAX && t->columns == 2 && has_names) {
        t->file = 0;
        t->label = 1;
        return GKV_OK;
    }
    if (t->label == SIZE_MAX || (has_names && (t->file == SIZE_MAX || t->file == t->label)))
        return gki_fail(GKV_ERR_DATA,
                        "%s: it has %zu columns; expected %s, or a header that names them", t->path,
                        t->columns, has_names ? "file and label" : "one label in each line");
    if (!has_names)
        t->file = SIZE_MAX;
    return GKV_OK;
}

/* --- Images --------------------------------------------------------------- */

/* The number of the image of a file, or SIZE_MAX. */
static gkv_status find_image(const gki_words *names, const char *file, size_t *out)
{
    char *whole = NULL;
    if (strncmp(file, "./", 2) == 0)
        file += 2;
    *out = gki_words_find(names, file);
    if (*out != SIZE_MAX)
        return GKV_OK;
    GKV_TRY(gki_strf(&whole, "%s.png", file));
    *out = gki_words_find(names, whole);
    free(whole);
    return GKV_OK;
}

static gkv_status take_by_file(const table *t, const gki_words *names, gki_words *words)
{
    char shown[GKV_PRINTABLE_SIZE];
    GKV_TRY(gki_alloc(names->count, sizeof *words->list, &words->list));
    words->count = words->capacity = names->count;
    for (size_t r = t->first; r < t->records; r++) {
        size_t image;
        GKV_TRY(find_image(names, field_at(t, r, t->file), &image));
        if (image == SIZE_MAX)
            continue;
        if (words->list[image])
            return gki_fail(GKV_ERR_DATA, "%s: record %zu is another label of %s", t->path, r + 1,
                            gki_text_printable(names->list[image], shown));
        GKV_TRY(gki_strdup(field_at(t, r, t->label), &words->list[image]));
    }
    for (size_t i = 0; i < words->count; i++)
        if (!words->list[i])
            return gki_fail(GKV_ERR_DATA, "%s: there is no label of %s", t->path,
                            gki_text_printable(names->list[i], shown));
    return GKV_OK;
}

static gkv_status take_in_order(const table *t, size_t images, gki_words *words)
{
    if (t->records - t->first != images)
        return gki_fail(GKV_ERR_DATA, "%s: there are %zu labels; expected %zu, one for each image",
                        t->path, t->records - t->first, images);
    for (size_t r = t->first; r < t->records; r++)
        GKV_TRY(gki_words_copy(words, field_at(t, r, t->label)));
    return GKV_OK;
}

gkv_status gki_label_table_parse(const char *path, const char *text, size_t length,
                                 const gki_words *names, size_t images, gki_words *words)
{
    table t = {.path = path};
    char *field = NULL;
    gkv_status status;
    *words = (gki_words){0};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3, length -= 3;
    if (memchr(text, '\0', length))
        return gki_fail(GKV_ERR_DATA, "%s: it is not text: there is a zero byte in it", path);
    GKV_TRY_GOTO(gki_alloc(length + 1, 1, &field));
    GKV_TRY_GOTO(split_records(&t, text, length, field));
    GKV_TRY_GOTO(find_columns(&t, names != NULL, images));
    GKV_TRY_GOTO(t.file == SIZE_MAX ? take_in_order(&t, images, words)
                                    : take_by_file(&t, names, words));
done:
    free(field);
    gki_words_free(&t.fields);
    if (status != GKV_OK)
        gki_words_free(words);
    return status;
}
