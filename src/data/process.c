#include "data/process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { EXCERPT_SIZE = 200, GRACE_SECONDS = 5 };

/* Pauses between looks at a child, in nanoseconds: short ones at first, for programs that end at
 * once. */
static const long second = 1000000000, first_pause = 1000000, last_pause = 50000000;

/* The exit code of the child by which some implementations of posix_spawnp() report that there is
 * no such program. */
enum { NOT_FOUND = 127 };

static bool is_error_line(const char *line)
{
    return strstr(line, "ERR") || strstr(line, "E: ") || strstr(line, "rror");
}

/* Copies the first error lines of the log, or its last line if there are none, into one line of
 * text. */
static void read_excerpt(const char *log, char excerpt[EXCERPT_SIZE])
{
    char line[512];
    size_t used = 0;
    bool found_error = false;
    snprintf(excerpt, EXCERPT_SIZE, "it wrote nothing");
    FILE *file = fopen(log, "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file) && used < EXCERPT_SIZE - 1) {
        for (char *c = line; *c; c++)
            if (iscntrl((unsigned char)*c))
                *c = ' ';
        size_t end = strlen(line);
        while (end > 0 && line[end - 1] == ' ')
            line[--end] = '\0';
        if (end == 0 || (found_error && !is_error_line(line)))
            continue;
        if (!found_error)
            used = 0;
        found_error = found_error || is_error_line(line);
        const int more =
            snprintf(excerpt + used, EXCERPT_SIZE - used, "%s%s", used ? "; " : "", line);
        used += more > 0 ? (size_t)more : 0;
    }
    fclose(file);
}

/* Waits up to so many seconds for the child, of that name, or until the call is stopped; true when
 * the child has ended. */
static bool wait_for(pid_t child, const char *name, int seconds, gki_call *call, int *result)
{
    struct timespec pause = {0, first_pause};
    gki_waiting waiting;
    gki_waiting_start(&waiting);
    for (int64_t left = (int64_t)seconds * second; left >= 0; left -= pause.tv_nsec) {
        const pid_t ended = waitpid(child, result, WNOHANG);
        if (ended == child)
            return true;
        if (ended < 0 && errno != EINTR) {
            *result = 0; /* the host program has reaped the child; the caller checks the files */
            return true;
        }
        if (call && gki_call_stopped(call))
            return false;
        nanosleep(&pause, NULL);
        pause.tv_nsec = 2 * pause.tv_nsec < last_pause ? 2 * pause.tv_nsec : last_pause;
        const int waited = gki_waiting_due(&waiting);
        if (waited > 0)
            gki_tell(call, "waiting for %s: %d s", name, waited);
    }
    return false;
}

/* Ends the child with SIGTERM, or with SIGKILL if it does not end soon. */
static void stop(pid_t child)
{
    int result = 0;
    kill(child, SIGTERM);
    if (wait_for(child, "", GRACE_SECONDS, NULL, &result))
        return;
    kill(child, SIGKILL);
    waitpid(child, &result, 0);
}

static int spawn(const char *const argv[], const char *log, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    int reason = posix_spawn_file_actions_init(&actions);
    if (reason)
        return reason;
    reason = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!reason)
        reason = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
                                                  O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!reason)
        reason = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    if (!reason) /* posix_spawnp() takes char *const * but does not change the strings */
        reason = posix_spawnp(child, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return reason;
}

bool gki_process_exists(const char *name)
{
    enum { PATH_BYTES = 4096 }; /* the system finds no longer ones */
    char path[PATH_BYTES];
    bool found = false;
    for (const char *folder = getenv("PATH"); folder && *folder && !found;) {
        const size_t length = strcspn(folder, ":");
        /* An empty entry is the working folder. */
        const int written =
            snprintf(path, sizeof path, "%.*s%s%s", (int)length, folder, length ? "/" : "./", name);
        found = written < PATH_BYTES && access(path, X_OK) == 0;
        folder += length + (folder[length] == ':');
    }
    return found;
}

/* The program's name for messages: env -C FOLDER runs another one. */
static const char *name_of(const char *const argv[])
{
    const bool within = strcmp(argv[0], GKV_PROCESS_ENV) == 0 && argv[1] &&
                        strcmp(argv[1], "-C") == 0 && argv[2] && argv[3];
    return within ? argv[3] : argv[0];
}

gkv_status gki_process_run(const char *const argv[], const char *log, int seconds, gki_call *call)
{
    const char *name = name_of(argv);
    pid_t child = 0;
    int result = 0;
    char excerpt[EXCERPT_SIZE];
    const int reason = spawn(argv, log, &child);
    if (reason)
        return gki_fail_errno(reason, "%s cannot be run", name);
    if (!wait_for(child, name, seconds, call, &result)) {
        stop(child);
        if (call && gki_call_stopped(call))
            return gki_fail(GKV_ERR_INTERRUPTED, "%s was stopped", name);
        return gki_fail(GKV_ERR_IO, "%s took more than %d seconds and was stopped", name, seconds);
    }
    if (WIFEXITED(result) && WEXITSTATUS(result) == 0)
        return GKV_OK;
    if (WIFEXITED(result) && WEXITSTATUS(result) == NOT_FOUND)
        return gki_fail(GKV_ERR_IO, "%s cannot be run: it ended with exit code %d", name,
                        NOT_FOUND);
    read_excerpt(log, excerpt);
    if (WIFEXITED(result))
        return gki_fail(GKV_ERR_IO, "%s ended with exit code %d: %s", name, WEXITSTATUS(result),
                        excerpt);
    return gki_fail(GKV_ERR_IO, "%s was ended by signal %d: %s", name,
                    WIFSIGNALED(result) ? WTERMSIG(result) : 0, excerpt);
}
