/* Messages with exit codes (cli.h), lists of texts (texts.h), and numbers as texts. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cli_gk.h"
#include "ranks.h"
#include "core/text.h"
#include "texts.h"

/* --- Messages and exit codes ---------------------------------------------- */

const char *cli_program = "gkvae";

int cli_error(int code, const char *format, ...)
{
    enum { TEXT_MAX = 16384 }; /* on the stack, because the heap may be full */
    va_list args;
    char text[TEXT_MAX];
    fflush(stdout);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!cli_ranks_keep(text))
        fprintf(stderr, "gkvae: %s\n", text);
    return code;
}

int cli_error_errno(int error, const char *format, ...)
{
    char what[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return cli_error(error == ENOMEM ? CLI_MEMORY : CLI_IO, "%s: %s", what,
                     strerror(error ? error : EIO));
}

int cli_code(gkv_status status)
{
    /* The exit code of each status of the library. */
    static const int codes[] = {
        [GKV_OK] = CLI_OK,
        [GKV_ERR_ARGUMENT] = CLI_USAGE,
        [GKV_ERR_MEMORY] = CLI_MEMORY,
        [GKV_ERR_DATA] = CLI_DATA,
        [GKV_ERR_CONFIG] = CLI_CONFIG,
        [GKV_ERR_IO] = CLI_IO,
        [GKV_ERR_NUMERIC] = CLI_NUMERIC,
        [GKV_ERR_BUSY] = CLI_BUSY,
        [GKV_ERR_INTERRUPTED] = 128, /* plus the number of the signal, below */
        [GKV_ERR_INTERNAL] = CLI_INTERNAL,
    };
    const size_t known = sizeof codes / sizeof *codes;
    if (status == GKV_ERR_INTERRUPTED)
        return codes[status] + (cli_stop ? (int)cli_stop : SIGINT);
    return (size_t)status < known ? codes[status] : CLI_INTERNAL;
}

const char *cli_reason(void)
{
    /* The option of each remedy. */
    static const char *const options[GKV_REMEDIES] = {
        [GKV_REMEDY_LIKELIHOOD] = "--method mle",
        [GKV_REMEDY_RESOLUTION] = "--method mle --resolution auto",
        [GKV_REMEDY_FIX] = "--fix",
        [GKV_REMEDY_NONPARAMETRIC] = "--nonparametric",
        [GKV_REMEDY_MISSING] = "--na",
        [GKV_REMEDY_DECIMAL_COMMA] = "--dec ,",
        [GKV_REMEDY_DECIMAL_POINT] = "--dec .",
        [GKV_REMEDY_COMMA] = "--dec , or --sep ,",
        [GKV_REMEDY_SKIP] = "--skip",
        [GKV_REMEDY_FOLDER] = "--data-folder DIR; gkvae data get",
        [GKV_REMEDY_REPLACE] = "--overwrite",
        [GKV_REMEDY_RESUME] = "--resume alone",
        [GKV_REMEDY_RESUME_OR_REPLACE] = "--resume, --overwrite",
        [GKV_REMEDY_FEATURES] = "gkvae features train",
    };
    static _Thread_local char reason[2048];
    const char *option = options[gkv_error_remedy()];
    snprintf(reason, sizeof reason, "%s%s%s%s", gkv_error_message(), option ? " (" : "",
             option ? option : "", option ? ")" : "");
    return reason;
}

int cli_check(gkv_status status)
{
    return status == GKV_OK ? CLI_OK : cli_error(cli_code(status), "%s", cli_reason());
}

void *cli_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        exit(cli_error(CLI_MEMORY, "out of memory: %zu × %zu bytes", count, size));
    return memory;
}

const char *cli_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

int cli_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* malloc() is much faster than calloc() for many small blocks. */
static void *json_memory(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        exit(cli_error(CLI_MEMORY, "out of memory: %zu bytes", size));
    return memory;
}

void cli_watch_json(void)
{
    json_set_alloc_funcs(json_memory, free);
}

char *cli_text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = cli_alloc((size_t)(length > 0 ? length : 0) + 1, 1);
    va_start(args, format);
    vsnprintf(text, (size_t)(length > 0 ? length : 0) + 1, format, args);
    va_end(args);
    return text;
}

static bool is_plain(const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
    return *word && word[strspn(word, plain)] == '\0';
}

char *cli_quote(size_t count, const char *const *words)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += 4 * strlen(words[i]) + 3;
    char *line = cli_alloc(size, 1), *end = line;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *end++ = ' ';
        if (is_plain(words[i])) {
            end = stpcpy(end, words[i]);
            continue;
        }
        *end++ = '\'';
        for (const char *c = words[i]; *c; c++)
            end = *c == '\'' ? stpcpy(end, "'\\''") : (*end = *c, end + 1);
        *end++ = '\'';
    }
    *end = '\0';
    return line;
}

char *cli_command(int argc, char **argv)
{
    char *arguments = cli_quote((size_t)argc - 1, (const char *const *)argv + 1);
    char *line = cli_text("%s %s", argv[0], arguments);
    free(arguments);
    return line;
}

/* --- Texts and numbers ---------------------------------------------------- */

const char *cli_texts_keep(cli_texts *all, char *text)
{
    if (all->count == all->capacity) {
        const size_t capacity = all->capacity ? 2 * all->capacity : 64;
        char **list = cli_alloc(capacity, sizeof *list);
        if (all->count > 0)
            memcpy(list, all->list, all->count * sizeof *list);
        free(all->list);
        all->list = list;
        all->capacity = capacity;
    }
    all->list[all->count++] = text;
    return text;
}

const char *cli_texts_number(cli_texts *all, double value, int places)
{
    return cli_texts_with_error(all, value, NAN, places);
}

const char *cli_texts_with_error(cli_texts *all, double value, double error, int places)
{
    char number[32], error_text[32];
    if (!isfinite(value))
        return cli_texts_keep(all, cli_text("–"));
    cli_decimal(value, places, number);
    if (!isfinite(error))
        return cli_texts_keep(all, cli_text("%s", number));
    return cli_texts_keep(all, cli_text("%s ± %s", number, cli_decimal(error, places, error_text)));
}

void cli_texts_free(cli_texts *all)
{
    while (all->count > 0)
        free(all->list[--all->count]);
    free(all->list);
    *all = (cli_texts){.list = NULL};
}

/* --- Numbers -------------------------------------------------------------- */

enum { BUFFER = 1 << 16, SHOWN = 40 };

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool cli_is_number(const char *text, double *out)
{
    char buffer[GKV_PRINTABLE_SIZE], *end = NULL;
    const char *number = gki_text_plain_minus(text, buffer);
    if (!*number || is_space(*number))
        return false;
    *out = strtod(number, &end);
    return *end == '\0';
}

void cli_number_text(double value, char text[CLI_NUMBER])
{
    if (isnan(value))
        snprintf(text, CLI_NUMBER, "nan"); /* printf() would print the sign of a nan */
    else
        snprintf(text, CLI_NUMBER, "%.17g", value);
}

int cli_number_print(double value)
{
    char text[CLI_NUMBER];
    cli_number_text(value, text);
    puts(text);
    return ferror(stdout) ? CLI_IO : CLI_OK;
}

typedef struct stream {
    char buffer[BUFFER + 1];
    size_t length;
    bool began; /* whether the first bytes have been examined */
    uint64_t words;
    int (*use)(void *context, double x);
    void *context;
} stream;

static int use_word(stream *s, const char *word)
{
    double value;
    s->words++;
    if (!cli_is_number(word, &value))
        return cli_error(CLI_DATA, "standard input: word %" PRIu64 ": \"%.*s\" is not a number",
                         s->words, SHOWN, word);
    return s->use(s->context, value);
}

/* Uses the complete words, at the end of the input all words, and keeps the rest. */
static int use_words(stream *s, bool ended)
{
    char *c = s->buffer, *end = s->buffer + s->length;
    *end = '\0';
    for (;;) {
        while (c < end && is_space(*c))
            c++;
        char *word = c;
        while (c < end && !is_space(*c))
            c++;
        if (word == c || (c == end && !ended)) {
            s->length = (size_t)(end - word);
            memmove(s->buffer, word, s->length);
            return CLI_OK;
        }
        *c = '\0';
        const int code = use_word(s, word);
        if (code != CLI_OK)
            return code;
        c += c < end;
    }
}

/* Removes a byte order mark at the start of the input. Returns false if it may be incomplete. */
static bool skip_mark(stream *s, bool ended)
{
    static const char mark[] = "\xEF\xBB\xBF";
    enum { LENGTH = sizeof mark - 1 };
    const size_t there = s->length < LENGTH ? s->length : LENGTH;
    if (s->began || memcmp(s->buffer, mark, there) != 0) {
        s->began = true;
        return true;
    }
    if (there < LENGTH)
        return ended;
    s->began = true;
    s->length -= LENGTH;
    memmove(s->buffer, s->buffer + LENGTH, s->length);
    return true;
}

int cli_numbers_read(int (*use)(void *context, double x), void *context)
{
    stream s = {.use = use, .context = context};
    int code = CLI_OK;
    if (isatty(STDIN_FILENO))
        fputs("gkvae: reading numbers from the terminal; Ctrl-D ends them\n", stderr);
    for (bool ended = false; !ended && code == CLI_OK;) {
        if (s.length == BUFFER)
            return cli_error(CLI_DATA,
                             "standard input: word %" PRIu64 " is longer than %d characters",
                             s.words + 1, BUFFER - 1);
        const ssize_t got = read(STDIN_FILENO, s.buffer + s.length, BUFFER - s.length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cli_error_errno(errno, "standard input: cannot be read");
        if (memchr(s.buffer + s.length, '\0', (size_t)got))
            return cli_error(CLI_DATA,
                             "standard input: it contains a zero byte, so it is not text");
        s.length += (size_t)got;
        ended = got == 0;
        if (!skip_mark(&s, ended))
            continue;
        code = use_words(&s, ended);
        fflush(stdout); /* a writer of single numbers may wait for the results */
    }
    return code;
}
