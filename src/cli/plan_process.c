/* A step of a plan: the program itself, as a child; declared in plan.h. */
#define _GNU_SOURCE /* pipe2() */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "plan.h"

enum { LINE = 512, LOOK = 200 /* milliseconds: a signal just before poll() does not wake it */ };

static volatile sig_atomic_t running; /* the process of the child; 0 without one */

/* Ctrl-Z stops the child, which has its own process group, and then this process. Both continue
 * together. */
static void on_suspend(int number)
{
    const int before = errno;
    (void)number;
    if (running)
        kill(running, SIGSTOP);
    raise(SIGSTOP);
    if (running)
        kill(running, SIGCONT);
    errno = before;
}

/* Runs in the child after fork(), so it calls only functions that are allowed there. The child has
 * its own process group, so a Ctrl-C reaches it only once, through its parent. It does not outlive
 * its parent. */
static void become(char *const *words, int out, pid_t parent)
{
    const int in = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(128 + SIGTERM);
#endif
    signal(SIGTSTP, SIG_DFL);
    if (in >= 0)
        dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv("/proc/self/exe", words); /* the same program, even if its file has been replaced */
    execvp(words[0], words);
    _exit(127);
}

/* Splits output into lines; `last` is the last complete one. */
typedef struct lines {
    char part[LINE], last[LINE];
    size_t n;
} lines;

static void take(lines *all, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && all->n < LINE - 1) {
            all->part[all->n++] = bytes[i];
        } else if (bytes[i] == '\n') {
            all->part[all->n] = '\0';
            memcpy(all->last, all->part, all->n + 1);
            all->n = 0;
        }
    }
}

/* Copies output to the log until the child closes its end. */
static int follow(int in, pid_t child, FILE *log, const char *log_name,
                  void (*show)(void *context, const char *line), void *context)
{
    lines all = {.n = 0};
    char bytes[4096];
    sig_atomic_t passed_on = 0;
    int code = CLI_OK;
    for (;;) {
        struct pollfd end = {.fd = in, .events = POLLIN};
        const int ready = poll(&end, 1, LOOK);
        if (cli_stop && !passed_on) {
            passed_on = cli_stop;
            kill(child, (int)passed_on);
        }
        show(context, all.last);
        if (ready <= 0)
            continue;
        const ssize_t got = read(in, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        take(&all, bytes, (size_t)got);
        if (code == CLI_OK &&
            (fwrite(bytes, 1, (size_t)got, log) != (size_t)got || fflush(log) != 0))
            code = cli_error_errno(errno, "%s: cannot be written", log_name);
    }
    return code;
}

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return CLI_INTERNAL;
    return WIFEXITED(status)     ? WEXITSTATUS(status)
           : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                 : CLI_INTERNAL;
}

int plan_run(char *const *words, const char *log_name,
             void (*show)(void *context, const char *line), void *context)
{
    int ends[2], code = CLI_OK;
    struct sigaction suspend = {.sa_handler = on_suspend, .sa_flags = SA_RESTART}, before;
    FILE *log = fopen(log_name, "a");
    if (!log || pipe2(ends, O_CLOEXEC) != 0) {
        code = cli_error_errno(errno, "%s: cannot be written", log_name);
        if (log)
            fclose(log);
        return code;
    }
    size_t n = 0;
    while (words[n])
        n++;
    char *line = cli_quote(n, (const char *const *)words);
    fprintf(log, "$ %s\n", line);
    free(line);
    fflush(NULL); /* or the child would write it again */
    const pid_t parent = getpid(), child = fork();
    if (child == 0)
        become(words, ends[1], parent);
    close(ends[1]);
    if (child > 0) {
        sigemptyset(&suspend.sa_mask);
        running = child;
        sigaction(SIGTSTP, &suspend, &before);
        code = follow(ends[0], child, log, log_name, show, context);
        const int its = wait_for(child);
        sigaction(SIGTSTP, &before, NULL);
        running = 0;
        code = its != CLI_OK ? its : code;
    } else {
        code = cli_error_errno(errno, "cannot start a process for %s", words[1]);
    }
    close(ends[0]);
    fclose(log);
    return code;
}
