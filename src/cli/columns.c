#define _POSIX_C_SOURCE 200809L
#include "columns.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIELDS_MOST = 4096, SHOWN = 40 };

typedef struct reader {
    const char *name; /* of the file, for messages */
    FILE *file;
    char *line;
    size_t line_size, line_number;
    char separator;   /* ' ' for any run of blanks; 0 before the first line */
    char **fields;    /* into the line */
    size_t n_fields, row_capacity;
} reader;

/* --- Lines and fields -------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next line that is neither empty nor a comment, without its end. *more is false at
 * the end of the file. */
static int next_line(reader *r, char **start, bool *more)
{
    for (;;) {
        errno = 0;
        const ssize_t length = getline(&r->line, &r->line_size, r->file);
        if (length < 0) {
            *more = false;
            if (ferror(r->file) || errno == ENOMEM)
                return cli_error(errno == ENOMEM ? CLI_MEMORY : CLI_IO, "%s: cannot be read: %s", r->name,
                                 strerror(errno));
            return CLI_OK;
        }
        r->line_number++;
        if (strlen(r->line) != (size_t)length)
            return cli_error(CLI_DATA, "%s:%zu: a zero byte: this is no text", r->name, r->line_number);
        char *end = r->line + length, *from = r->line;
        while (end > from && is_blank(end[-1]))
            *--end = '\0';
        if (r->line_number == 1 && strncmp(from, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark */
            from += 3;
        char *first = from;
        while (is_blank(*first))
            first++;
        if (*first == '\0' || *first == '#')
            continue;
        *start = r->separator == '\t' || !r->separator ? from : first;
        *more = true;
        return CLI_OK;
    }
}

/* Cuts blanks, and a pair of quotes, off a field. */
static char *trim(char *field)
{
    while (*field == ' ' || *field == '\t')
        field++;
    char *end = field + strlen(field);
    while (end > field && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    if (end - field >= 2 && *field == '"' && end[-1] == '"') {
        end[-1] = '\0';
        field++;
    }
    return field;
}

/* The end of the field that begins here. A separator within quotes is none. */
static char *field_end(char *c, char separator)
{
    bool quoted = false;
    for (; *c; c++) {
        if (*c == '"')
            quoted = !quoted;
        else if (!quoted && (separator == ' ' ? *c == ' ' || *c == '\t' : *c == separator))
            return c;
    }
    return c;
}

static char separator_of(const char *line)
{
    return strchr(line, ';') ? ';' : strchr(line, ',') ? ',' : strchr(line, '\t') ? '\t' : ' ';
}

static int split(reader *r, char *line)
{
    if (!r->separator)
        r->separator = separator_of(line);
    r->n_fields = 0;
    for (char *c = line;;) {
        while (r->separator == ' ' && (*c == ' ' || *c == '\t'))
            c++;
        char *end = field_end(c, r->separator);
        const bool last = *end == '\0';
        *end = '\0';
        if (r->n_fields == FIELDS_MOST)
            return cli_error(CLI_DATA, "%s:%zu: more than %d fields", r->name, r->line_number, FIELDS_MOST);
        r->fields[r->n_fields++] = trim(c);
        if (last)
            return CLI_OK;
        c = end + 1;
    }
}

/* Decimal numbers alone: strtod() would also take blanks, hexadecimal, inf and nan. */
static bool parse_number(const char *text, double *out)
{
    char *end = NULL;
    if (!*text || text[strspn(text, "+-.0123456789eE")] != '\0')
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

/* What tables write where a number is missing; other words make a column of text. */
static bool is_missing(const char *text)
{
    static const char *const signs[] = {"", "NA", "N/A", "NaN", "null"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcasecmp(text, signs[i]) == 0)
            return true;
    return false;
}

/* --- Rows -------------------------------------------------------------------------------- */

/* The first line makes the columns: it is a header if it has no number. */
static void begin(reader *r, cli_columns_file *out, bool *is_header)
{
    double ignored;
    *is_header = true;
    for (size_t c = 0; c < r->n_fields; c++)
        *is_header = *is_header && !parse_number(r->fields[c], &ignored);
    out->n_columns = r->n_fields;
    out->columns = cli_alloc(r->n_fields, sizeof *out->columns);
    for (size_t c = 0; c < r->n_fields; c++)
        out->columns[c].name = *is_header && *r->fields[c] ? cli_text("%s", r->fields[c])
                                                           : cli_text("column %zu", c + 1);
}

static void grow(reader *r, cli_columns_file *out)
{
    r->row_capacity = r->row_capacity ? 2 * r->row_capacity : 1024;
    for (size_t c = 0; c < out->n_columns; c++) {
        if (out->columns[c].is_text || out->columns[c].fault)
            continue;
        double *more = realloc(out->columns[c].values, r->row_capacity * sizeof *more);
        if (!more)
            exit(cli_error(CLI_MEMORY, "%s:%zu: out of memory", r->name, r->line_number));
        out->columns[c].values = more;
    }
}

/* Not every column of a table is wanted, so that one of them is no numbers is only noted. */
static int add_row(reader *r, cli_columns_file *out)
{
    if (r->n_fields != out->n_columns)
        return cli_error(CLI_DATA, "%s:%zu: fields: %zu, but the first line has %zu", r->name, r->line_number,
                         r->n_fields, out->n_columns);
    if (out->n_rows == r->row_capacity)
        grow(r, out);
    for (size_t c = 0; c < out->n_columns; c++) {
        cli_column *column = &out->columns[c];
        const char *text = r->fields[c];
        if (column->is_text || column->fault || parse_number(text, &column->values[out->n_rows]))
            continue;
        if (out->n_rows == 0 && !is_missing(text))
            column->is_text = true;
        else
            column->fault = cli_text("%s:%zu: %s: \"%.*s\" is no finite decimal number%s", r->name, r->line_number,
                                     column->name, SHOWN, text,
                                     is_missing(text) ? "; leave lines with gaps out of the file" : "");
    }
    out->n_rows++;
    return CLI_OK;
}

int cli_columns_read(const char *path, cli_columns_file *out)
{
    const bool standard_input = strcmp(path, "-") == 0;
    reader r = {.name = standard_input ? "standard input" : path,
                .file = standard_input ? stdin : fopen(path, "r")};
    int code = CLI_OK;
    bool more = true, is_header = false;
    char *line = NULL;
    *out = (cli_columns_file){.n_rows = 0};
    if (!r.file)
        return cli_error(CLI_IO, "%s: cannot be opened: %s", path, strerror(errno));
    r.fields = cli_alloc(FIELDS_MOST, sizeof *r.fields);
    CLI_TRY(next_line(&r, &line, &more));
    if (more) {
        CLI_TRY(split(&r, line));
        begin(&r, out, &is_header);
        if (!is_header)
            CLI_TRY(add_row(&r, out));
    }
    while (more) {
        CLI_TRY(next_line(&r, &line, &more));
        if (!more)
            break;
        CLI_TRY(split(&r, line));
        CLI_TRY(add_row(&r, out));
    }
    if (out->n_rows == 0)
        code = cli_error(CLI_DATA, "%s: there are no numbers in it", r.name);
done:
    if (!standard_input)
        fclose(r.file);
    free(r.line);
    free(r.fields);
    if (code != CLI_OK)
        cli_columns_free(out);
    return code;
}

void cli_columns_free(cli_columns_file *file)
{
    for (size_t c = 0; c < file->n_columns; c++) {
        free(file->columns[c].name);
        free(file->columns[c].values);
        free(file->columns[c].fault);
    }
    free(file->columns);
    *file = (cli_columns_file){.n_rows = 0};
}

/* --- Choice ------------------------------------------------------------------------------ */

/* The place of the column so named or numbered; n_columns if there is none. */
static size_t find_column(const cli_columns_file *file, const char *name)
{
    for (size_t c = 0; c < file->n_columns; c++)
        if (strcmp(file->columns[c].name, name) == 0)
            return c;
    char *end = NULL;
    const unsigned long number = strtoul(name, &end, 10);
    return *name >= '1' && *name <= '9' && *end == '\0' && number <= file->n_columns ? number - 1 : file->n_columns;
}

static const char *nearest_column(const cli_columns_file *file, const char *name)
{
    const char *nearest = file->columns[0].name;
    for (size_t c = 1; c < file->n_columns; c++)
        if (cli_distance(name, file->columns[c].name) < cli_distance(name, nearest))
            nearest = file->columns[c].name;
    return nearest;
}

int cli_columns_choose(const cli_columns_file *file, const char *path, const char *list, size_t **chosen,
                       size_t *n_chosen)
{
    int code = CLI_OK;
    char *words = cli_text("%s", list ? list : ""), *rest = NULL;
    *chosen = cli_alloc(strlen(words) + file->n_columns, sizeof **chosen);
    *n_chosen = 0;
    for (size_t c = 0; !list && c < file->n_columns; c++)
        if (!file->columns[c].is_text)
            (*chosen)[(*n_chosen)++] = c;
    for (char *word = list ? strtok_r(words, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
        const size_t c = find_column(file, word);
        if (c == file->n_columns) {
            code = cli_error(CLI_USAGE, "--column %s: %s has no such column; it has %zu, the nearest is \"%s\"", word,
                             path, file->n_columns, nearest_column(file, word));
            goto done;
        }
        if (file->columns[c].is_text) {
            code = cli_error(CLI_DATA, "--column %s: the column holds text, not numbers", word);
            goto done;
        }
        if (file->columns[c].fault) {
            code = cli_error(CLI_DATA, "%s", file->columns[c].fault);
            goto done;
        }
        (*chosen)[(*n_chosen)++] = c;
    }
    if (*n_chosen == 0)
        code = list ? cli_error(CLI_USAGE, "--column: no column is named")
                    : cli_error(CLI_DATA, "%s: no column holds numbers", path);
done:
    free(words);
    if (code != CLI_OK) {
        free(*chosen);
        *chosen = NULL;
    }
    return code;
}
