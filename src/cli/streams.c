/* Standard output and standard error; declared in cli.h.
 *
 * Names, paths and metadata may contain escape sequences, which must not reach a terminal. So both
 * streams are the program's own: all that is printed passes through make_safe(). They also remember
 * why a write failed, which stdio forgets, and repeat a write that a signal interrupted. */
#define _GNU_SOURCE /* fopencookie() */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

typedef struct stream {
    int descriptor;
    int error;     /* the errno of the first write that failed, or 0 */
    unsigned more; /* the bytes that the character of UTF-8 at the end still needs */
    bool held;     /* a 0xC2 has been held back: the next byte decides */
} stream;

static stream output = {.descriptor = STDOUT_FILENO}, errors = {.descriptor = STDERR_FILENO};

static bool write_all(stream *to, const char *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t done = write(to->descriptor, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            to->error = to->error ? to->error : errno;
            return false;
        }
        bytes += done;
        count -= (size_t)done;
    }
    return true;
}

/* Writes one byte to `out`, or the held byte and this one, and returns how many. Control characters
 * become '?': those of ASCII but line end and tab, and U+0080 … U+009F, also as single bytes, which
 * old terminals obey. */
static size_t make_safe(stream *to, char c, char *out)
{
    const unsigned char byte = (unsigned char)c;
    const bool held = to->held;
    size_t n = 0;
    to->held = false;
    if (held && byte >= 0x80 && byte < 0xA0) {
        to->more = 0;
        out[n++] = '?';
        return n;
    }
    if (held)
        out[n++] = (char)0xC2;
    if (byte >= 0x80 && byte < 0xC0) {
        const bool stray = to->more == 0 && byte < 0xA0;
        to->more -= to->more > 0;
        out[n++] = stray ? '?' : c;
        return n;
    }
    to->more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0;
    if (byte == 0xC2)
        to->held = true;
    else
        out[n++] = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F ? '?' : c;
    return n;
}

#ifdef __GLIBC__
static ssize_t write_safely(void *context, const char *bytes, size_t count)
{
    stream *to = context;
    char safe[4096];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        used += make_safe(to, bytes[i], safe + used);
        if (used + 2 > sizeof safe || i + 1 == count) {
            if (!write_all(to, safe, used))
                return 0;
            used = 0;
        }
    }
    return (ssize_t)count;
}

static int close_stream(void *context)
{
    const stream *it = context;
    return close(it->descriptor) != 0 && errno != EINTR ? -1 : 0;
}

/* A stream of stdio in the place of `standard`, which stays if there is no memory. */
static FILE *own(stream *it, FILE *standard, int mode)
{
    FILE *made =
        fopencookie(it, "w", (cookie_io_functions_t){.write = write_safely, .close = close_stream});
    if (!made)
        return standard;
    setvbuf(made, NULL, mode, BUFSIZ);
    return made;
}
#endif

static void close_stdout(void)
{
    const bool failed = ferror(stdout) != 0;
    errno = 0;
    if (fclose(stdout) == 0 && !failed)
        return;
    const int error = output.error ? output.error : errno;
    fprintf(stderr, "gkvae: standard output: %s\n",
            error ? strerror(error) : "cannot be written to");
    _exit(error == ENOMEM ? CLI_MEMORY : CLI_IO);
}

void cli_watch_streams(void)
{
#ifdef __GLIBC__
    stdout = own(&output, stdout, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
    stderr = own(&errors, stderr, _IONBF);
#endif
    atexit(close_stdout);
}

void cli_clear_line(void)
{
    static const char clear[] = "\r\033[K";
    fflush(stderr);
    write_all(&errors, clear, sizeof clear - 1);
}
