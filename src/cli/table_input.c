/* Tables as input: the options of reading one, compressed files, and the choice of columns and
 * rows; declared in table_input.h. */
#include "table_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/reader.h"
#include "data/zip_member.h"

/* --- Compressed tables ---------------------------------------------------- */

enum { MAGIC = 4, PART = 1 << 16 };

/* A file that is decompressed if it begins as gzip does. */
typedef struct stream {
    gki_reader *reader;
    unsigned char magic[MAGIC]; /* its first bytes, which were read to recognise it */
    size_t n_magic, used;
    int code;    /* of the first error */
    char *cause; /* its message */
} stream;

static ptrdiff_t read_stream(void *user, void *buffer, size_t size)
{
    stream *s = user;
    if (s->used < s->n_magic) {
        const size_t left = s->n_magic - s->used, n = left < size ? left : size;
        memcpy(buffer, s->magic + s->used, n);
        s->used += n;
        return (ptrdiff_t)n;
    }
    size_t got = 0;
    const gkv_status status = gki_reader_read(s->reader, buffer, size < PART ? size : PART, &got);
    if (status == GKV_OK)
        return (ptrdiff_t)got;
    s->code = cli_code(status);
    s->cause = cli_text("%s", cli_reason());
    return -1;
}

/* Reads the whole stream into memory. */
static int read_whole(stream *s, unsigned char **bytes, size_t *size)
{
    size_t capacity = 0;
    for (;;) {
        if (capacity - *size < PART) {
            capacity = 2 * capacity + PART;
            unsigned char *more = realloc(*bytes, capacity);
            if (!more)
                return cli_error(CLI_MEMORY, "out of memory: %zu bytes of an archive", capacity);
            *bytes = more;
        }
        const ptrdiff_t got = read_stream(s, *bytes + *size, PART);
        if (got < 0)
            return s->code;
        if (got == 0)
            return CLI_OK;
        *size += (size_t)got;
    }
}

static int read_archive(stream *s, const char *name, const char *array,
                        const gkv_table_settings *settings, gkv_table **table)
{
    unsigned char *bytes = NULL, *member = NULL;
    size_t size = 0, member_size = 0;
    char *member_name = array ? cli_text("%s, %s", name, array) : cli_text("%s", name);
    int code;
    CLI_TRY(read_whole(s, &bytes, &size));
    CLI_CHECK(gki_zip_member(bytes, size, name, array, "--array", &member, &member_size));
    CLI_CHECK(gkv_table_read_memory(member_size, member, member_name, settings, table));
done:
    free(member_name);
    free(member);
    free(bytes);
    return code;
}

static bool is_zip(const unsigned char *bytes, size_t n)
{
    return n == MAGIC &&
           (memcmp(bytes, "PK\3\4", MAGIC) == 0 || memcmp(bytes, "PK\5\6", MAGIC) == 0);
}

static int read_from(stream *s, const char *name, const char *array,
                     const gkv_table_settings *settings, gkv_table **table)
{
    const ptrdiff_t got = read_stream(s, s->magic, MAGIC);
    if (got < 0)
        return s->code;
    s->n_magic = (size_t)got;
    if (is_zip(s->magic, s->n_magic))
        return read_archive(s, name, array, settings, table);
    if (array)
        return cli_error(CLI_USAGE,
                         "--array %s: %s is not an archive of several arrays, as .npz is", array,
                         name);
    const gkv_status status = gkv_table_read_stream(read_stream, s, name, settings, table);
    return s->cause ? s->code : cli_check(status);
}

/* Whether a file can be read by the library itself: not standard input, nor a pipe, whose first
 * bytes cannot be read twice, nor one that begins as a compressed file does. */
static bool is_plain(const char *path)
{
    unsigned char magic[MAGIC];
    struct stat about;
    if (strcmp(path, "-") == 0 || stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return strcmp(path, "-") != 0 && (stat(path, &about) != 0 || S_ISDIR(about.st_mode));
    FILE *file = fopen(path, "rb");
    const size_t got = file ? fread(magic, 1, MAGIC, file) : 0;
    if (file)
        fclose(file);
    return !(got >= 2 && memcmp(magic, "\x1f\x8b", 2) == 0) && !is_zip(magic, got);
}

/* gkv_table_read() for a file that may be compressed by gzip or be a zip archive, of which `array`
 * names a member; NULL is the only one. "-" is standard input. Prints messages. */
static int open_table(const char *path, const char *array, const gkv_table_settings *settings,
                      gkv_table **table)
{
    const bool standard_input = strcmp(path, "-") == 0;
    const char *name = standard_input ? "standard input" : path;
    stream s = {.code = CLI_OK};
    if (is_plain(path) && !array)
        return cli_check(gkv_table_read(path, settings, table));
    const int descriptor = standard_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return cli_error_errno(errno, "%s: cannot be opened", path);
    int code = cli_check(gki_reader_open_descriptor(descriptor, name, &s.reader));
    if (code == CLI_OK)
        code = read_from(&s, name, array, settings, table);
    if (s.cause)
        cli_error(s.code, "%s", s.cause);
    free(s.cause);
    gki_reader_close(s.reader);
    return code;
}

/* --- Options -------------------------------------------------------------- */

enum { SEP = 512, DEC, HEADER, NO_HEADER, SKIP, NA, ARRAY }; /* options without a letter */

static const struct argp_option options[] = {
    {"sep", SEP, "CHAR", 0,
     "The separator of fields: a character, tab, or space for one or more blanks (default: the one "
     "that suits the first lines)",
     0},
    {"dec", DEC, "CHAR", 0,
     "The decimal mark of numbers: a point or a comma (default: a point, or a comma if that is "
     "clear from the first lines)",
     0},
    {"header", HEADER, NULL, 0, "The first line has the names of the columns (default: recognised)",
     0},
    {"no-header", NO_HEADER, NULL, 0, "The first line is the first row (default: recognised)", 0},
    {"skip", SKIP, "N", 0, "Ignore the first N lines of the file (default: 0)", 0},
    {"na", NA, "SPELLING,...", CLI_ONCE,
     "Further spellings of missing values. Start the list with none to drop the usual ones; --na "
     "none allows no missing values (default: the usual ones, as NA, #N/A, NaN, null, None, -, ? "
     "and the empty field)",
     0},
    {"array", ARRAY, "NAME", 0,
     "The array of an .npz archive, or the file of another zip archive (default: the only one)", 0},
    {.name = NULL},
};

void cli_table_begin(cli_table_arguments *arguments)
{
    *arguments = (cli_table_arguments){.array = NULL};
    gkv_table_defaults(&arguments->settings);
}

void cli_table_end(cli_table_arguments *arguments)
{
    free(arguments->spellings);
    free(arguments->missing);
}

static char separator_of(struct argp_state *state, const char *text)
{
    static const struct {
        const char *name;
        char separator;
    } names[] = {{"tab", '\t'}, {"\\t", '\t'}, {"space", ' '}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i].name) == 0)
            return names[i].separator;
    if (strlen(text) != 1)
        argp_error(state, "--sep %s: must be one character, tab or space", text);
    return *text;
}

static char decimal_mark_of(struct argp_state *state, const char *text)
{
    if (strcmp(text, ".") != 0 && strcmp(text, ",") != 0)
        argp_error(state, "--dec %s: must be . or ,", text);
    return *text;
}

/* Adds the spellings of a list. */
static void add_missing(cli_table_arguments *a, const char *list)
{
    static const char none[] = "none";
    const size_t length = strlen(list);
    cli_table_end(a); /* a second --na replaces the first */
    a->settings.usual_missing = true;
    a->settings.n_missing = 0;
    a->spellings = cli_text("%s", list);
    a->missing = cli_alloc(length + 1, sizeof *a->missing);
    for (char *word = a->spellings, *next; word; word = next) {
        next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        if (word == a->spellings && strcmp(word, none) == 0)
            a->settings.usual_missing = false;
        else
            a->missing[a->settings.n_missing++] = word;
    }
    a->settings.missing = a->missing;
}

void cli_table_infinite_is_missing(cli_table_arguments *a)
{
    static const char *const words[] = {"inf",       "+inf",      "-inf", "infinity",
                                        "+infinity", "-infinity", "∞",    "-∞"};
    enum { WORDS = sizeof words / sizeof *words };
    const char **all = cli_alloc(a->settings.n_missing + WORDS, sizeof *all);
    for (size_t i = 0; i < a->settings.n_missing; i++)
        all[i] = a->missing[i];
    for (size_t i = 0; i < WORDS; i++)
        all[a->settings.n_missing++] = words[i];
    free(a->missing);
    a->settings.missing = a->missing = all;
}

static void set_header(cli_table_arguments *a, struct argp_state *state, gkv_table_header header)
{
    if (a->settings.header != GKV_TABLE_HEADER_GUESS && a->settings.header != header)
        argp_error(state, "--header and --no-header: choose one");
    a->settings.header = header;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_table_arguments *a = state->input;
    switch (key) {
    case SEP: a->settings.separator = separator_of(state, arg); return 0;
    case DEC: a->settings.decimal_mark = decimal_mark_of(state, arg); return 0;
    case HEADER: set_header(a, state, GKV_TABLE_HEADER_PRESENT); return 0;
    case NO_HEADER: set_header(a, state, GKV_TABLE_HEADER_ABSENT); return 0;
    case SKIP: a->settings.skip = (size_t)cli_whole(state, "--skip", arg, 0, INT64_MAX); return 0;
    case NA: add_missing(a, arg); return 0;
    case ARRAY: a->array = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {.options = options, .parser = parse};
const struct argp_child cli_table_options[2] = {{.argp = &argp}, {.argp = NULL}};

/* --- Notes ---------------------------------------------------------------- */

static const char *separator_name(char separator, char text[4])
{
    snprintf(text, 4, "\"%c\"", separator);
    return separator == '\t'   ? "tabs"
           : separator == ' '  ? "blanks"
           : separator == '\n' ? "line ends only"
                               : text;
}

/* Adds a part to a note. */
static void add(char **note, char *part)
{
    char *longer = *note ? cli_text("%s; %s", *note, part) : cli_text("%s", part);
    free(*note);
    free(part);
    *note = longer;
}

/* Prints what was guessed if that was not obvious. */
static void print_note(const cli_table_arguments *arguments, const char *path,
                       const gkv_table *table)
{
    gkv_table_form form;
    char *note = NULL, name[4];
    gkv_table_get_form(table, &form);
    if (form.separator_unclear)
        add(&note,
            cli_text("fields are separated by %s (--sep%s)", separator_name(form.separator, name),
                     form.separator == ',' ? "; --dec , for decimal commas" : ""));
    if (form.decimal_mark == ',' && arguments->settings.decimal_mark == 0)
        add(&note, cli_text("the decimal mark is a comma (--dec)"));
    if (form.header_unclear)
        add(&note, form.has_header
                       ? cli_text("line %zu is the header (--no-header)", form.first_line)
                       : cli_text("line %zu is a row, not a header (--header)", form.first_line));
    if (form.has_row_names)
        add(&note, cli_text("the header is one field shorter than the rows, so the first column "
                            "holds row names"));
    if (form.comments > 0)
        add(&note,
            cli_text(
                "lines within the table that begin with # are skipped: %zu, the first is line %zu",
                form.comments, form.comment_line));
    if (note)
        cli_error(CLI_OK, "%s: %s", strcmp(path, "-") == 0 ? "standard input" : path, note);
    free(note);
}

int cli_table_read(const cli_table_arguments *arguments, const char *path, bool quiet,
                   gkv_table **table)
{
    const int code = open_table(path, arguments->array, &arguments->settings, table);
    if (code == CLI_OK && !quiet)
        print_note(arguments, path, *table);
    return code;
}

/* --- Columns and rows ----------------------------------------------------- */

int cli_columns_find(const gkv_table *table, const char *option, const char *name, size_t *column)
{
    const double *values;
    gkv_status status = gkv_table_find(table, name, column);
    if (status == GKV_OK && gkv_table_kind(table, *column) != GKV_COLUMN_GAPS)
        status = gkv_table_numbers(table, *column, &values);
    return status == GKV_OK ? CLI_OK
                            : cli_error(cli_code(status), "%s %s: %s", option, name, cli_reason());
}

/* The names of some columns in a message. */
enum { NAMED = 8 };
typedef struct name_list {
    const char *begin; /* the message before the names */
    size_t count;
} name_list;

static void print_name(name_list *names, const char *name)
{
    if (names->count == 0)
        fputs(names->begin, stderr);
    if (names->count < NAMED)
        fprintf(stderr, "%s%.80s", names->count ? ", " : "", name);
    names->count++;
}

/* Prints `end` and a newline if there were names. */
static void end_names(const name_list *names, const char *end)
{
    if (names->count > NAMED)
        fprintf(stderr, " and %zu more", names->count - NAMED);
    if (names->count > 0)
        fprintf(stderr, "%s\n", end);
}

/* Why a choice of all columns leaves this one out. */
enum { KEPT, TEXT, EMPTY, ROW_NAMES, REASONS };
static int reason_of(const gkv_table *table, size_t column)
{
    const gkv_column_kind kind = gkv_table_kind(table, column);
    return kind == GKV_COLUMN_TEXT             ? TEXT
           : kind == GKV_COLUMN_EMPTY          ? EMPTY
           : gkv_table_is_index(table, column) ? ROW_NAMES
                                               : KEPT;
}

/* Prints a line for each reason that names the columns left out. */
static void report_left_out(const gkv_table *table, size_t except)
{
    static const char *const begins[REASONS] = {[TEXT] = "gkvae: columns of text are left out: ",
                                                [EMPTY] =
                                                    "gkvae: columns without values are left out: ",
                                                [ROW_NAMES] = "gkvae: row names are left out: "};
    for (int reason = TEXT; reason < REASONS; reason++) {
        name_list names = {.begin = begins[reason]};
        for (size_t c = 0; c < gkv_table_columns(table); c++)
            if (reason_of(table, c) == reason && c != except)
                print_name(&names, gkv_table_name(table, c));
        end_names(&names, "");
    }
}

int cli_columns_choose(const gkv_table *table, const char *path, const char *list, size_t except,
                       bool quiet, size_t **chosen, size_t *n_chosen)
{
    const size_t n_columns = gkv_table_columns(table);
    int code = CLI_OK;
    char *words = cli_text("%s", list ? list : ""), *rest = NULL;
    *chosen = cli_alloc(strlen(words) + n_columns, sizeof **chosen);
    *n_chosen = 0;
    for (size_t c = 0; !list && c < n_columns; c++)
        if (reason_of(table, c) == KEPT && c != except)
            (*chosen)[(*n_chosen)++] = c;
    for (char *word = list ? strtok_r(words, ",", &rest) : NULL; word;
         word = strtok_r(NULL, ",", &rest)) {
        size_t column;
        CLI_TRY(cli_columns_find(table, "--column", word, &column));
        for (size_t i = 0; i < *n_chosen; i++)
            if ((*chosen)[i] == column) {
                code = cli_error(CLI_USAGE, "--column %s: column %zu, \"%s\", is named twice", list,
                                 column + 1, gkv_table_name(table, column));
                goto done;
            }
        (*chosen)[(*n_chosen)++] = column;
    }
    if (*n_chosen == 0)
        code = list ? cli_error(CLI_USAGE, "--column: no column is named; give names or numbers, "
                                           "as in --column height,3")
                    : cli_error(CLI_DATA, "%s: no column contains numbers%s", path,
                                except == SIZE_MAX ? "" : " but the one of --weights");
    else if (!list && !quiet)
        report_left_out(table, except);
done:
    free(words);
    if (code != CLI_OK) {
        free(*chosen);
        *chosen = NULL;
    }
    return code;
}

/* Counts the columns with missing values, and finds the first line of one. *word is what stands
 * before their names: nothing before "column 3", the name of a column without a name. */
static void find_missing(const gkv_table *table, const size_t *columns, size_t n_columns,
                         size_t *first, const char **word)
{
    static const char unnamed[] = "column ";
    size_t count = 0;
    *first = SIZE_MAX;
    for (size_t c = 0; c < n_columns; c++) {
        size_t line;
        if (gkv_table_missing(table, columns[c], &line) == 0)
            continue;
        const bool has_name =
            strncmp(gkv_table_name(table, columns[c]), unnamed, sizeof unnamed - 1) != 0;
        *word = count++ > 0 ? "columns " : has_name ? unnamed : "";
        *first = line < *first ? line : *first;
    }
}

static void report_dropped(const gkv_table *table, const size_t *columns, size_t n_columns,
                           size_t dropped)
{
    size_t first;
    const char *word = "";
    gkv_table_form form;
    find_missing(table, columns, n_columns, &first, &word);
    gkv_table_get_form(table, &form);
    char *begin = cli_text("gkvae: %zu of %zu rows dropped: missing values in %s", dropped,
                           gkv_table_rows(table), word);
    char *end = cli_text(", the first in %s %zu", form.is_text ? "line" : "row", first);
    name_list names = {.begin = begin};
    for (size_t c = 0; c < n_columns; c++)
        if (gkv_table_missing(table, columns[c], NULL) > 0)
            print_name(&names, gkv_table_name(table, columns[c]));
    end_names(&names, end);
    free(end);
    free(begin);
}

int cli_columns_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                         bool quiet, gkv_table **out)
{
    const int code = cli_check(gkv_table_complete(table, columns, n_columns, out));
    if (code != CLI_OK)
        return code;
    const size_t dropped = gkv_table_rows(table) - gkv_table_rows(*out);
    if (dropped > 0 && !quiet)
        report_dropped(table, columns, n_columns, dropped);
    return CLI_OK;
}
