/* A run in its own process: the time of its first step, the time of an epoch, and its memory;
 * declared in cli_bench.h. */
#define _XOPEN_SOURCE 700 /* nftw() */
#define _DEFAULT_SOURCE   /* wait4() */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli_bench.h"
#include "gkvae/train.h"

extern char **environ;

/* --- The child ------------------------------------------------------------ */

/* Reports the first step by a byte on standard output. */
static bool on_progress(void *context, const gkv_progress *progress)
{
    bool *reported = context;
    (void)progress;
    if (!*reported && write(STDOUT_FILENO, "1", 1) == 1)
        *reported = true;
    return false;
}

int bench_child(const char *folder)
{
    char *config = cli_text("%s/config.ini", folder), *run = cli_text("%s/run", folder);
    gkv_settings settings;
    bool reported = false;
    const gkv_run_options options = {.progress = on_progress, .context = &reported};
    int code = CLI_OK;
    gkv_settings_defaults(&settings);
    CLI_CHECK(gkv_settings_read(&settings, config));
    CLI_CHECK(gkv_train(run, GKV_TRAIN_NEW, &settings, &options, NULL));
done:
    free(config);
    free(run);
    return code;
}

/* --- The parent ----------------------------------------------------------- */

/* An idx1-ubyte file. */
static int write_labels(const bench *it, const char *path)
{
    const uint32_t n = (uint32_t)it->images;
    const uint8_t head[8] = {
        0, 0, 8, 1, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    uint8_t *labels = bench_labels(n, (size_t)it->model[0].settings.model.base_classes);
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(head, 1, sizeof head, file) == sizeof head &&
                fwrite(labels, 1, n, file) == n;
    if (file)
        good = fclose(file) == 0 && good;
    free(labels);
    return good ? CLI_OK : cli_error_errno(errno, "%s: cannot be written", path);
}

static int write_inputs(const bench *it, const char *folder)
{
    gkv_settings settings = it->model[0].settings;
    uint8_t *images = bench_images(it->images);
    char *idx = cli_text("%s/images.idx3", folder), *config = cli_text("%s/config.ini", folder);
    char *labels = cli_text("%s/labels.idx1", folder);
    int code = CLI_OK;
    CLI_CHECK(gkv_idx_write(idx, it->images, BENCH_SIDE, BENCH_SIDE, images));
    CLI_TRY(write_labels(it, labels));
    snprintf(settings.data.dataset, sizeof settings.data.dataset, "bench");
    snprintf(settings.data.train_images, sizeof settings.data.train_images, "%s", idx);
    snprintf(settings.data.train_labels, sizeof settings.data.train_labels, "%s", labels);
    settings.train.epochs = 1;
    settings.train.threads = it->threads[it->widths - 1];
    CLI_CHECK(gkv_settings_write(&settings, config));
done:
    free(images);
    free(labels);
    free(idx);
    free(config);
    return code;
}

/* Starts this program as a child, whose standard output goes into a pipe. *out is the end to
 * read. */
static int start(const char *folder, pid_t *child, int *out)
{
    char *arguments[] = {(char *)(uintptr_t)cli_program, "bench", "--child",
                         (char *)(uintptr_t)folder, NULL};
    int ends[2];
    if (pipe(ends) != 0)
        return cli_error_errno(errno, "cannot create a pipe");
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_addclose(&actions, ends[0]);
    if (!error)
        error = posix_spawnp(child, cli_program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = ends[0];
    if (error) {
        close(ends[0]);
        return cli_error_errno(error, "%s cannot be started again", cli_program);
    }
    return CLI_OK;
}

/* Waits until the child closes its end of the pipe, which it does when it ends. A signal may reach
 * only this process. Then the child is killed, because none of its files are kept. */
static void wait_for_end(bench *it, pid_t child, int out, double began)
{
    enum { LOOK = 100 }; /* milliseconds: a signal just before poll() does not wake it */
    char byte;
    for (;;) {
        struct pollfd end = {.fd = out, .events = POLLIN};
        const int ready = poll(&end, 1, LOOK);
        if (cli_stop) {
            kill(child, SIGKILL);
            return;
        }
        if (ready <= 0)
            continue;
        if (read(out, &byte, 1) != 1)
            return;
        it->first_step = cli_seconds() - began;
    }
}

static int watch(bench *it, pid_t child, int out, double began)
{
    struct rusage used;
    int status = 0;
    wait_for_end(it, child, out, began);
    while (wait4(child, &status, 0, &used) < 0 && errno == EINTR)
        continue;
    it->epoch = cli_seconds() - began;
    it->peak_memory = 1024.0 * (double)used.ru_maxrss;
    if (cli_stop)
        return bench_go_on();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != CLI_OK)
        return cli_error(WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INTERNAL,
                         "the measured training "
                         "failed; its message is above");
    return CLI_OK;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *position)
{
    (void)about, (void)kind, (void)position;
    remove(path);
    return 0;
}

/* Removes the folder with all its files, including those of a child that was killed. */
static void remove_folder(const char *folder)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int bench_process(bench *it)
{
    const char *parent = getenv("TMPDIR");
    char *folder = cli_text("%s/gkvae-bench-XXXXXX", parent && *parent ? parent : "/tmp");
    pid_t child = -1;
    int out = -1, code = CLI_OK;
    if (!mkdtemp(folder)) {
        code = cli_error_errno(errno, "%s: cannot create a temporary folder", folder);
        free(folder);
        return code;
    }
    CLI_TRY(write_inputs(it, folder));
    const double began = cli_seconds();
    CLI_TRY(start(folder, &child, &out));
    code = watch(it, child, out, began);
    close(out);
done:
    remove_folder(folder);
    free(folder);
    return code;
}
