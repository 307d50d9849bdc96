/* Messages and exit codes; declared in cli.h. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const char *cli_program = "gkvae";

int cli_error(int code, const char *format, ...)
{
    enum { MOST = 16384 }; /* on the stack, because the heap may be full */
    va_list args;
    char text[MOST];
    fflush(stdout);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
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

int cli_check(gkv_status status)
{
    return status == GKV_OK ? CLI_OK : cli_error(cli_code(status), "%s", gkv_error_message());
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

static void *json_memory(size_t size)
{
    return cli_alloc(1, size);
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
