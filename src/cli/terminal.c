/* Standard output and standard error, and lines and tables on a terminal; declared in cli.h.
 *
 * Names, paths and metadata may contain escape sequences, which must not reach a terminal. So both
 * streams are the program's own: all that is printed passes through make_safe(). They also remember
 * why a write failed, which stdio forgets, and repeat a write that a signal interrupted. */
#define _GNU_SOURCE /* fopencookie() */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* --- The streams ---------------------------------------------------------- */

typedef struct output_stream {
    int descriptor;
    int error;     /* the errno of the first write that failed, or 0 */
    unsigned more; /* the bytes that the character of UTF-8 at the end still needs */
    bool held;     /* a 0xC2 has been held back: the next byte decides */
} output_stream;

static output_stream output = {.descriptor = STDOUT_FILENO}, errors = {.descriptor = STDERR_FILENO};

static bool write_all(output_stream *stream, const char *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t done = write(stream->descriptor, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            stream->error = stream->error ? stream->error : errno;
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
static size_t make_safe(output_stream *stream, char c, char *out)
{
    const unsigned char byte = (unsigned char)c;
    const bool held = stream->held;
    size_t n = 0;
    stream->held = false;
    if (held && byte >= 0x80 && byte < 0xA0) {
        stream->more = 0;
        out[n++] = '?';
        return n;
    }
    if (held)
        out[n++] = (char)0xC2;
    if (byte >= 0x80 && byte < 0xC0) {
        const bool stray = stream->more == 0 && byte < 0xA0;
        stream->more -= stream->more > 0;
        out[n++] = stray ? '?' : c;
        return n;
    }
    stream->more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0;
    if (byte == 0xC2)
        stream->held = true;
    else
        out[n++] = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F ? '?' : c;
    return n;
}

#ifdef __GLIBC__
/* The number of bytes at the beginning that are safe as they are: ASCII without control
 * characters, but with line ends. */
static size_t plain_length(const char *bytes, size_t count)
{
    size_t n = 0;
    while (n < count && ((bytes[n] >= 0x20 && bytes[n] < 0x7F) || bytes[n] == '\n'))
        n++;
    return n;
}

static ssize_t write_safely(void *context, const char *bytes, size_t count)
{
    output_stream *stream = context;
    char safe[4096];
    size_t used = 0;
    const size_t plain = stream->held || stream->more > 0 ? 0 : plain_length(bytes, count);
    if (plain > 0 && !write_all(stream, bytes, plain))
        return 0;
    for (size_t i = plain; i < count; i++) {
        used += make_safe(stream, bytes[i], safe + used);
        if (used + 2 > sizeof safe || i + 1 == count) {
            if (!write_all(stream, safe, used))
                return 0;
            used = 0;
        }
    }
    return (ssize_t)count;
}

static int close_stream(void *context)
{
    const output_stream *stream = context;
    return close(stream->descriptor) != 0 && errno != EINTR ? -1 : 0;
}

/* A stream of stdio in the place of `standard`, which stays if there is no memory. */
static FILE *own(output_stream *stream, FILE *standard, int mode)
{
    FILE *made = fopencookie(stream, "w",
                             (cookie_io_functions_t){.write = write_safely, .close = close_stream});
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

/* Goes to the beginning of the line of the terminal and clears it. */
static void clear_line(void)
{
    static const char clear[] = "\r\033[K";
    fflush(stderr);
    write_all(&errors, clear, sizeof clear - 1);
}

/* --- Lines and tables ----------------------------------------------------- */

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

size_t cli_columns(const char *text)
{
    size_t columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xC0) != 0x80; /* not a byte inside a character */
    return columns;
}

static size_t terminal_width(int descriptor)
{
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    const long width = columns ? strtol(columns, NULL, 10) : 0;
    return width > 0 && width < 10000 ? (size_t)width : 80;
}

size_t cli_output_width(void)
{
    return isatty(STDOUT_FILENO) ? terminal_width(STDOUT_FILENO) : SIZE_MAX;
}

void cli_live_start(cli_live *live, bool wanted)
{
    const char *terminal = getenv("TERM");
    const bool able = isatty(STDERR_FILENO) && !(terminal && strcmp(terminal, "dumb") == 0);
    *live = (cli_live){.on = wanted && able};
}

bool cli_live_due(const cli_live *live)
{
    return live->on && cli_seconds() - live->last >= 0.1;
}

void cli_live_show(cli_live *live, const char *const *parts, size_t n_parts)
{
    if (!live->on)
        return;
    /* The last column stays free, because some terminals wrap when it is filled. */
    const size_t width = terminal_width(STDERR_FILENO) - 1;
    size_t used = 0;
    fflush(stdout);
    clear_line();
    for (size_t i = 0; i < n_parts; i++) {
        const size_t gap = i ? 2 : 0, needs = gap + cli_columns(parts[i]);
        if (used + needs > width)
            break;
        fprintf(stderr, "%s%s", i ? "  " : "", parts[i]);
        used += needs;
    }
    fflush(stderr);
    live->shown = true;
    live->last = cli_seconds();
}

void cli_live_clear(cli_live *live)
{
    if (!live->shown)
        return;
    clear_line();
    live->shown = false;
}

const char *cli_duration(double seconds, char buffer[32])
{
    if (!(seconds >= 0 && seconds < 3.6e7)) /* NaN too */
        return "?";
    const long whole = lround(seconds);
    if (whole >= 3600)
        snprintf(buffer, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(buffer, 32, "%ld:%02ld", whole / 60, whole % 60);
    return buffer;
}

const char *cli_decimal(double value, int places, char buffer[32])
{
    char digits[24];
    const double size = fabs(value);
    if (size < 1e15)
        snprintf(digits, sizeof digits, "%.*f", places, size);
    else /* more digits than a double has or the buffer holds */
        snprintf(digits, sizeof digits, "%.6g", size);
    const bool zero = digits[strspn(digits, "0.")] == '\0';
    snprintf(buffer, 32, "%s%s", value < 0 && !zero ? "−" : "", digits);
    return buffer;
}

static size_t column_width(const char *const *cells, size_t n_rows, size_t n_columns, size_t c)
{
    size_t width = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const char *cell = cells[r * n_columns + c];
        const size_t columns = cell ? cli_columns(cell) : 0;
        width = columns > width ? columns : width;
    }
    return width;
}

void cli_table(const char *const *cells, size_t n_rows, size_t n_columns, const char *align)
{
    size_t *widths = cli_alloc(n_columns, sizeof *widths);
    for (size_t c = 0; c < n_columns; c++)
        widths[c] = column_width(cells, n_rows, n_columns, c);
    for (size_t r = 0; r < n_rows; r++) {
        size_t owed = 0; /* blanks, printed only if something follows them */
        for (size_t c = 0; c < n_columns; c++) {
            const char *cell = cells[r * n_columns + c] ? cells[r * n_columns + c] : "";
            const size_t padding = widths[c] - cli_columns(cell);
            const bool left = align[c] == 'l';
            owed += left ? 0 : padding;
            if (*cell) {
                printf("%*s%s", (int)owed, "", cell);
                owed = 0;
            }
            owed += (left ? padding : 0) + 2;
        }
        putchar('\n');
    }
    free(widths);
}

/* --- Signals -------------------------------------------------------------- */

volatile sig_atomic_t cli_stop;

static void on_signal(int signal_number)
{
    if (cli_stop && signal_number == SIGHUP)
        return;
    if (cli_stop)
        _exit(128 + signal_number);
    cli_stop = signal_number;
    /* The current step may take a second to finish, so the signal is confirmed now. */
    const int before = errno; /* the interrupted code may be about to read it */
    static const char notice[] =
        "\ngkvae: stopping after the current step; repeat to quit at once\n";
    if (isatty(STDERR_FILENO))
        (void)!write(STDERR_FILENO, notice, sizeof notice - 1);
    errno = before;
}

void cli_catch_signals(void)
{
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}
