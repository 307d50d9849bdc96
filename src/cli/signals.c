/* Stopping on request; declared in cli.h. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

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
