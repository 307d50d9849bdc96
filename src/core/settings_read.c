/* Settings from an INI file, by inih.
 *
 * inih asks for lines through a callback, which lets this file do what inih by
 * itself does not: count lines for messages, see "[section]" lines that no key
 * follows, cut "# comments" behind a value, refuse a zero byte, and take long
 * lines. inih's line buffer holds 200 bytes and a path may have a thousand, so inih
 * sees the beginning of a long line, and the value is taken from the whole. */
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/settings_table.h"
#include "core/text.h"

enum { FILE_MAX = 1 << 20, LINE_SIZE = 4096, SECTION_MAX = 48, KEY_MAX = 48 };

typedef struct reader {
    const char *path;
    const char *next;     /* the text that is still to come */
    int line;             /* number of the line in hand, from 1 */
    char text[LINE_SIZE]; /* that line, without comment and blanks at its ends */
    bool is_long;         /* inih saw only its beginning */
    gkv_settings *settings;
    int *lines;           /* per row: the line that set it, or 0 */
    gkv_status status;
} reader;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* "FILE:LINE" for messages. */
static const char *where(const reader *in, char buffer[GKV_PATH_SIZE])
{
    snprintf(buffer, GKV_PATH_SIZE, "%s:%d", in->path, in->line);
    return buffer;
}

static gkv_status fail_line(const reader *in, const char *what)
{
    char place[GKV_PATH_SIZE];
    return gkv_fail(GKV_ERR_CONFIG, "%s: %s", where(in, place), what);
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
        return fail_line(in, "the line is too long");
    memcpy(in->text, begin, length);
    in->text[length] = '\0';
    if (length == 0)
        return GKV_OK;
    if (*begin != '[') {
        const size_t key = strcspn(in->text, "=:");
        if (key == 0 || key == length)
            return fail_line(in, "neither [section] nor key = value");
        /* inih is to see the key and its = at least. */
        return key <= KEY_MAX ? GKV_OK : fail_line(in, "no key is as long as this one");
    }

    char section[SECTION_MAX], place[GKV_PATH_SIZE];
    if (in->text[length - 1] != ']' || length > sizeof section)
        return fail_line(in, "a section is written [name], alone on its line");
    snprintf(section, sizeof section, "%.*s", (int)length - 2, in->text + 1);
    return gkv_settings_section_check(section, where(in, place));
}

/* inih's fgets(): the next line, or as much of it as there is room for. */
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

/* inih's report of one "name = value". Returns 1 always: a failure is kept in the
 * reader, which then ends the file. */
static int take_value(void *user, const char *section, const char *name, const char *value)
{
    reader *in = user;
    char place[GKV_PATH_SIZE];
    const gkv_settings_row *row = NULL;
    if (in->status != GKV_OK)
        return 1;
    if (in->is_long) {
        value = in->text + strcspn(in->text, "=:") + 1;
        while (is_blank(*value))
            value++;
    }
    in->status = gkv_settings_row_find(section, name, where(in, place), &row);
    if (in->status != GKV_OK)
        return 1;
    int *line = &in->lines[row - gkv_settings_rows];
    if (*line) {
        in->status = gkv_fail(GKV_ERR_CONFIG, "%s: %s.%s is set on line %d already; keep one of the two", place,
                              section, name, *line);
        return 1;
    }
    *line = in->line;
    in->status = gkv_settings_row_parse(row, value, in->settings, place);
    return 1;
}

gkv_status gkv_settings_read(gkv_settings *settings, const char *path)
{
    gkv_status status = GKV_OK;
    char *text = NULL;
    reader *in = NULL;
    int *lines = NULL;
    gkv_settings fresh = *settings;
    size_t count = 0;
    GKV_TRY(gkv_file_read(path, FILE_MAX, &text, &count));
    GKV_TRY_GOTO(gkv_alloc(1, sizeof *in, &in));
    GKV_TRY_GOTO(gkv_alloc(gkv_settings_row_count, sizeof *lines, &lines));
    if (strlen(text) != count) {
        status = gkv_fail(GKV_ERR_CONFIG, "%s: not a text file: it holds a zero byte", path);
        goto done;
    }
    in->path = path;
    in->next = text + (strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0); /* a byte-order mark */
    in->settings = &fresh;
    in->lines = lines;
    const int bad = ini_parse_stream(next_line, in, take_value, in);
    status = in->status;
    if (bad != 0 && status == GKV_OK)
        status = gkv_fail(GKV_ERR_CONFIG, "%s: inih cannot read it (its code %d)", path, bad);
    if (status == GKV_OK)
        *settings = fresh;
done:
    free(lines);
    free(in);
    free(text);
    return status;
}
