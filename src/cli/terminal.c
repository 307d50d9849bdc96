/* Lines and tables on a terminal; declared in cli.h. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

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
    cli_clear_line();
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
    cli_clear_line();
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
    for (size_t r = 0; r < n_rows; r++) {
        size_t owed = 0; /* blanks, printed only if something follows them */
        for (size_t c = 0; c < n_columns; c++) {
            const char *cell = cells[r * n_columns + c] ? cells[r * n_columns + c] : "";
            const size_t padding = column_width(cells, n_rows, n_columns, c) - cli_columns(cell);
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
