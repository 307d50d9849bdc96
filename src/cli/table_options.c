/* The options of reading a table; declared in table_options.h. */
#include "table_options.h"

#include <stdlib.h>
#include <string.h>

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
    {"na", NA, "SPELLING,...", 0,
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
            cli_text("fields are separated by %s (--sep)", separator_name(form.separator, name)));
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
        add(&note, cli_text("lines within the table that begin with # are skipped: %zu, the first "
                            "is line %zu",
                            form.comments, form.comment_line));
    if (note)
        cli_error(CLI_OK, "%s: %s", strcmp(path, "-") == 0 ? "standard input" : path, note);
    free(note);
}

int cli_table_read(const cli_table_arguments *arguments, const char *path, bool quiet,
                   gkv_table **table)
{
    const int code = cli_table_open(path, arguments->array, &arguments->settings, table);
    if (code == CLI_OK && !quiet)
        print_note(arguments, path, *table);
    return code;
}
