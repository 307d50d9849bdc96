/* INI files, by inih.
 *
 * inih reads lines through a callback. So this file can do what inih alone does not: count
 * lines for messages, see "[section]" lines that no key follows, remove "# comments" after a
 * value, refuse a zero byte, and accept long lines. inih's line buffer holds 200 bytes, but a
 * path may have a thousand. So inih sees only the beginning of a long line, and the value is
 * taken from the whole line. inih does not see section lines, because it would cut names at
 * 50 bytes. */
#include "config/ini.h"

#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "core/text.h"

enum { FILE_MAX = 1 << 20, LINE_SIZE = 4096, KEY_MAX = 48, FIRST_CAPACITY = 64 };

struct gki_ini {
    gki_ini_entry *list;
    /* of each entry: section, key and value, one after another, each with a NUL */
    char **texts;
    size_t count, capacity;
};

typedef struct reader {
    const char *path;
    const char *next;     /* the text that is still to come */
    int line;             /* number of the current line, from 1 */
    char text[LINE_SIZE]; /* that line, without comment and blanks at its ends */
    char section[GKV_INI_SECTION_SIZE];
    bool is_long; /* inih saw only its beginning */
    gki_ini *ini;
    gkv_status status;
} reader;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static gkv_status fail_line(const reader *in, const char *what)
{
    return gki_fail(GKV_ERR_CONFIG, "%s:%d: %s", in->path, in->line, what);
}

static gkv_status grow(gki_ini *ini)
{
    const size_t capacity = ini->capacity ? 2 * ini->capacity : FIRST_CAPACITY;
    gki_ini_entry *list = realloc(ini->list, capacity * sizeof *list);
    if (list)
        ini->list = list;
    char **texts = list ? realloc(ini->texts, capacity * sizeof *texts) : NULL;
    if (!texts)
        return gki_fail(GKV_ERR_MEMORY, "out of memory: %zu lines of a file", capacity);
    ini->texts = texts;
    ini->capacity = capacity;
    return GKV_OK;
}

/* Adds an entry for the current line; key and value are NULL for a section's line. */
static gkv_status add(const reader *in, const char *key, const char *value)
{
    gki_ini *ini = in->ini;
    if (ini->count == GKV_INI_ENTRIES_MAX)
        return fail_line(in, "the file has too many entries; the limit is 10000");
    if (ini->count == ini->capacity)
        GKV_TRY(grow(ini));
    const size_t of_section = strlen(in->section) + 1, of_key = key ? strlen(key) + 1 : 0;
    const size_t of_value = key ? strlen(value) + 1 : 0;
    char *text = NULL;
    GKV_TRY(gki_alloc(of_section + of_key + of_value, 1, &text));
    memcpy(text, in->section, of_section);
    if (key) {
        memcpy(text + of_section, key, of_key);
        memcpy(text + of_section + of_key, value, of_value);
    }
    ini->texts[ini->count] = text;
    ini->list[ini->count++] = (gki_ini_entry){.section = text,
                                              .key = key ? text + of_section : NULL,
                                              .line = in->line,
                                              .value = key ? text + of_section + of_key : NULL};
    return GKV_OK;
}

static gkv_status take_section(reader *in)
{
    const size_t length = strlen(in->text);
    if (in->text[length - 1] != ']' || length > sizeof in->section)
        return fail_line(in, "a section is written [name], alone on its line");
    snprintf(in->section, sizeof in->section, "%.*s", (int)length - 2, in->text + 1);
    return add(in, NULL, NULL);
}

/* Puts the next line, without comment and blanks at its ends, into in->text. */
static gkv_status take_line(reader *in)
{
    const char *begin = in->next, *end = begin + strcspn(begin, "\n");
    in->next = end + (*end == '\n');
    in->line++;
    while (begin < end && is_blank(*begin))
        begin++;
    for (const char *c = begin; c < end; c++)
        if ((*c == '#' || *c == ';') && (c == begin || is_blank(c[-1])))
            end = c;
    while (end > begin && is_blank(end[-1]))
        end--;
    const size_t length = (size_t)(end - begin);
    if (length >= sizeof in->text)
        return fail_line(in, "the line is too long; the limit is 4095 bytes");
    memcpy(in->text, begin, length);
    in->text[length] = '\0';
    if (length == 0)
        return GKV_OK;
    if (*begin == '[') {
        GKV_TRY(take_section(in));
        in->text[0] = '\0';
        return GKV_OK;
    }
    const size_t key = strcspn(in->text, "=:");
    if (key == 0 || key == length)
        return fail_line(in, "a line must be [section] or key = value");
    /* inih must see at least the key and its =. */
    return key <= KEY_MAX ? GKV_OK
                          : fail_line(in, "the key is too long: no key has more than 48 bytes");
}

/* The function that inih calls instead of fgets(): the next line, cut to the size of the buffer. */
static char *next_line(char *out, int size, void *user)
{
    reader *in = user;
    if (in->status == GKV_OK && *in->next)
        in->status = take_line(in);
    else
        return NULL;
    if (in->status != GKV_OK)
        return NULL;
    /* A full buffer without a newline would be a torn line to inih. */
    const int most = size - 2;
    in->is_long = strlen(in->text) > (size_t)most;
    snprintf(out, (size_t)size, "%.*s\n", most, in->text);
    return out;
}

static gkv_status check_new(const reader *in, const char *key)
{
    char shown[2][GKV_PRINTABLE_SIZE];
    for (size_t i = 0; i < in->ini->count; i++) {
        const gki_ini_entry *entry = &in->ini->list[i];
        if (entry->key && strcmp(entry->key, key) == 0 && strcmp(entry->section, in->section) == 0)
            return gki_fail(
                GKV_ERR_CONFIG, "%s:%d: %s%s%s is set on line %d already; keep one of the two",
                in->path, in->line, gki_text_printable(in->section, shown[0]),
                *in->section ? "." : "", gki_text_printable(key, shown[1]), entry->line);
    }
    return GKV_OK;
}

/* The function that inih calls with each "name = value". It always returns 1. A failure is kept in
 * the reader, which then ends the file. */
static int take_value(void *user, const char *section, const char *name, const char *value)
{
    reader *in = user;
    (void)section;
    if (in->status != GKV_OK)
        return 1;
    if (in->is_long) {
        value = in->text + strcspn(in->text, "=:") + 1;
        while (is_blank(*value))
            value++;
    }
    in->status = check_new(in, name);
    if (in->status == GKV_OK)
        in->status = add(in, name, value);
    return 1;
}

gkv_status gki_ini_read(const char *path, gki_ini **out)
{
    gkv_status status = GKV_OK;
    char *text = NULL;
    reader *in = NULL;
    size_t count = 0;
    if (!path || !out)
        return gki_fail(GKV_ERR_ARGUMENT, "gki_ini_read: NULL for the path or the result");
    *out = NULL;
    GKV_TRY(gki_file_read(path, FILE_MAX, &text, &count));
    GKV_TRY_GOTO(gki_alloc(1, sizeof *in, &in));
    GKV_TRY_GOTO(gki_alloc(1, sizeof *in->ini, &in->ini));
    GKV_TRY_GOTO(gki_foreign_check(GKV_ERR_CONFIG, path, text,
                                   count < GKV_FOREIGN_BYTES ? count : GKV_FOREIGN_BYTES,
                                   GKV_WANTED_SETTINGS));
    if (strlen(text) != count) {
        status = gki_fail(GKV_ERR_CONFIG, "%s: not a text file: it holds a zero byte", path);
        goto done;
    }
    in->path = path;
    in->next = text + (strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0); /* a byte-order mark */
    const int bad = ini_parse_stream(next_line, in, take_value, in);
    status = in->status;
    if (bad != 0 && status == GKV_OK)
        status = gki_fail(GKV_ERR_CONFIG, "%s: inih cannot read it (its code %d)", path, bad);
    if (status == GKV_OK) {
        *out = in->ini;
        in->ini = NULL;
    }
done:
    if (in)
        gki_ini_free(in->ini);
    free(in);
    free(text);
    return status;
}

void gki_ini_free(gki_ini *ini)
{
    if (!ini)
        return;
    for (size_t i = 0; i < ini->count; i++)
        free(ini->texts[i]);
    free(ini->texts);
    free(ini->list);
    free(ini);
}

size_t gki_ini_count(const gki_ini *ini)
{
    return ini ? ini->count : 0;
}

const gki_ini_entry *gki_ini_at(const gki_ini *ini, size_t i)
{
    return i < gki_ini_count(ini) ? &ini->list[i] : NULL;
}
