/* A step of a plan: whether it is finished, and its run, which is the program itself as a child;
 * declared in plan.h. */
#define _GNU_SOURCE /* pipe2() */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "data/checksum.h"
#include "safetensors/json_text.h"
#include "gkvae/train.h"
#include "plan.h"
#include "records.h"

/* --- Which steps are finished --------------------------------------------- */

static const char fit_mark[] = "base-fit.mark.json", model_file[] = "model.safetensors";

char *plan_folder(const char *folder, const compare_plan *plan, size_t model, uint64_t seed)
{
    return cli_text("%s/%s-%" PRIu64, folder, plan->models[model].name, seed);
}

/* --- Marks ---------------------------------------------------------------- */

/* The digest of RUN/NAME; "" if the file does not exist, or cannot be read, which is told. */
static void digest_of(const char *run, const char *name, char digest[GKV_DIGEST_SIZE])
{
    char *path = cli_text("%s/%s", run, name);
    digest[0] = '\0';
    if (access(path, F_OK) == 0 && cli_check(gki_file_digest(path, digest)) != CLI_OK)
        digest[0] = '\0';
    free(path);
}

/* The text as JSON can hold it: if it is not UTF-8, as a path may be, with the code of each byte
 * beyond ASCII. */
static json_t *as_json(const char *text)
{
    json_t *plain = json_string(text);
    if (plain)
        return plain;
    char *codes = cli_alloc(4 * strlen(text) + 1, 1), *end = codes;
    for (; *text; text++)
        if ((unsigned char)*text < 0x80)
            *end++ = *text;
        else
            end += snprintf(end, 5, "\\x%02x", (unsigned char)*text);
    *end = '\0';
    json_t *coded = json_string(codes);
    free(codes);
    return coded;
}

static int write_mark(const char *run, const char *mark, const char *command,
                      const char *digest_of_source, const char *made)
{
    char digest[GKV_DIGEST_SIZE], *path = cli_text("%s/%s", run, mark);
    digest_of(run, made, digest);
    json_t *object = json_object();
    json_object_set_new(object, "command", as_json(command));
    json_object_set_new(object, "source_sha256", json_string(digest_of_source));
    json_object_set_new(object, "made", json_string(made));
    json_object_set_new(object, "made_sha256", json_string(digest));
    json_object_set_new(object, "version", json_string(gkv_version()));
    char *text = gki_json_text(object, JSON_INDENT(2), NULL);
    char *line = text ? cli_text("%s\n", text) : NULL;
    const int code = line ? cli_check(gki_file_write_atomic(path, line, strlen(line)))
                          : cli_error(CLI_MEMORY, "%s: out of memory for a mark", path);
    json_decref(object);
    free(text);
    free(line);
    free(path);
    return code;
}

static bool has_text(const json_t *mark, const char *key, const char *wanted)
{
    json_t *text = as_json(wanted);
    const bool holds = *wanted && json_equal(json_object_get(mark, key), text);
    json_decref(text);
    return holds;
}

/* Whether the mark records this command, and its input and its result are unchanged. */
static bool is_marked(const char *run, const char *mark, const char *command,
                      const char *digest_of_source, const char *made)
{
    char *path = cli_text("%s/%s", run, mark), digest[GKV_DIGEST_SIZE];
    json_t *object = NULL;
    json_error_t error;
    if (access(path, F_OK) == 0) /* a mark that cannot be read is told, and the step is repeated */
        (void)cli_json_read(path, 0, &object, &error);
    free(path);
    bool good = json_is_object(object) && has_text(object, "command", command) &&
                has_text(object, "source_sha256", digest_of_source) &&
                has_text(object, "version", gkv_version());
    if (good) {
        digest_of(run, made, digest);
        good = has_text(object, "made_sha256", digest);
    }
    json_decref(object);
    return good;
}

/* --- Commands as marks record them ---------------------------------------- */

/* Adds a word to a text, which it frees. */
static char *extend(char *text, const char *word, const char *value)
{
    char *both = cli_text("%s %s%s", text, word, value);
    free(text);
    return both;
}

static char *fit_command(const compare_plan *plan, size_t model)
{
    char *command = cli_text("base fit");
    for (size_t i = 0; i < plan->models[model].n_settings; i++) {
        const plan_setting *setting = &plan->models[model].settings[i];
        command = extend(command, plan_fit_option(setting->key), "");
        command = extend(command, "", setting->value);
    }
    return command;
}

bool plan_eval_setting(const compare_plan *plan, size_t model, size_t i, char key[64],
                       char value[GKV_PATH_SIZE])
{
    const gkv_settings_key *found;
    for (size_t k = 0; (found = gkv_settings_key_at(k)); k++) {
        if (found->section_id != GKV_SECTION_EVAL || i-- > 0)
            continue;
        snprintf(key, 64, "eval.%s", found->name);
        return gkv_settings_get(&plan->models[model].expected, key, GKV_PATH_SIZE, value) == GKV_OK;
    }
    return false;
}

static char *eval_command(const compare_plan *plan, size_t model, const plan_eval *eval)
{
    char *options = cli_quote(eval->n_words, (const char *const *)eval->words),
         *command = cli_text("eval");
    char key[64], value[GKV_PATH_SIZE], word[66], digest[GKV_DIGEST_SIZE];
    for (size_t i = 0; plan_eval_setting(plan, model, i, key, value); i++) {
        snprintf(word, sizeof word, "%s=", key + strlen("eval."));
        command = extend(command, word, value);
    }
    const char *network = plan->models[model].expected.eval.features;
    if (strpbrk(network, "./") && access(network, F_OK) == 0 &&
        gki_file_digest(network, digest) == GKV_OK)
        /* the name alone does not identify the network */
        command = extend(command, "network=", digest);
    if (*options)
        command = extend(command, "", options);
    free(options);
    return command;
}

/* --- Models --------------------------------------------------------------- */

/* Whether the run's config.ini has the plan's settings; if not, *why describes the difference. */
static int is_as_expected(const compare_plan *plan, const char *run, size_t model, uint64_t seed,
                          bool *same, char **why)
{
    char *config = cli_text("%s/config.ini", run), name[64], values[2][GKV_PATH_SIZE];
    gkv_settings expected = plan->models[model].expected, found;
    int code = CLI_OK;
    expected.train.seed = seed;
    *same = false;
    gkv_settings_defaults(&found);
    if (access(config, F_OK) != 0)
        goto done;
    CLI_CHECK(gkv_settings_read(&found, config));
    *same = compare_same_model(&expected, &found, true, name);
    if (*same)
        goto done;
    CLI_CHECK(gkv_settings_get(&found, name, sizeof values[0], values[0]));
    CLI_CHECK(gkv_settings_get(&expected, name, sizeof values[1], values[1]));
    *why = cli_text("%s was %s, but the plan sets %s", name, values[0], values[1]);
done:
    free(config);
    return code;
}

static int need_of_trained(const compare_plan *plan, const char *run, size_t model, uint64_t seed,
                           plan_need *need, char **why)
{
    gkv_run_stage stage;
    bool same = false;
    int code = CLI_OK;
    CLI_TRY(is_as_expected(plan, run, model, seed, &same, why));
    if (!same)
        return CLI_OK;
    CLI_CHECK(gkv_train_stage(run, &stage));
    if (stage == GKV_RUN_FINISHED)
        *need = PLAN_READY;
    else if (stage == GKV_RUN_STOPPED)
        *need = PLAN_RESUME;
done:
    return code;
}

static int need_of_fitted(const compare_plan *plan, const char *folder, const char *run,
                          size_t model, uint64_t seed, plan_need *need, char **why)
{
    bool same = false;
    const int code = is_as_expected(plan, run, model, seed, &same, why);
    if (code != CLI_OK || !same)
        return code;
    char *parent = plan_folder(folder, plan, plan->models[model].from, seed),
         *command = fit_command(plan, model);
    char digest[GKV_DIGEST_SIZE];
    digest_of(parent, model_file, digest);
    if (is_marked(run, fit_mark, command, digest, model_file))
        *need = PLAN_READY;
    free(parent);
    free(command);
    return CLI_OK;
}

int plan_need_of(const compare_plan *plan, const char *folder, size_t model, uint64_t seed,
                 plan_need *need, char **why)
{
    char *run = plan_folder(folder, plan, model, seed);
    *need = PLAN_NEW;
    *why = NULL;
    const int code = plan->models[model].from == SIZE_MAX
                         ? need_of_trained(plan, run, model, seed, need, why)
                         : need_of_fitted(plan, folder, run, model, seed, need, why);
    free(run);
    return code;
}

bool plan_is_measured(const compare_plan *plan, const char *folder, size_t model, uint64_t seed,
                      const plan_eval *eval)
{
    char *run = plan_folder(folder, plan, model, seed), *command = eval_command(plan, model, eval),
         digest[GKV_DIGEST_SIZE];
    digest_of(run, model_file, digest);
    const bool measured = is_marked(run, eval->mark, command, digest, eval->figures);
    free(run);
    free(command);
    return measured;
}

int plan_mark_fit(const compare_plan *plan, const char *folder, size_t model, uint64_t seed)
{
    char *run = plan_folder(folder, plan, model, seed), *command = fit_command(plan, model),
         digest[GKV_DIGEST_SIZE];
    char *parent = plan_folder(folder, plan, plan->models[model].from, seed);
    digest_of(parent, model_file, digest);
    const int code = write_mark(run, fit_mark, command, digest, model_file);
    free(run);
    free(command);
    free(parent);
    return code;
}

int plan_mark_eval(const compare_plan *plan, const char *folder, size_t model, uint64_t seed,
                   const plan_eval *eval)
{
    char *run = plan_folder(folder, plan, model, seed), *command = eval_command(plan, model, eval),
         digest[GKV_DIGEST_SIZE];
    digest_of(run, model_file, digest);
    const int code = write_mark(run, eval->mark, command, digest, eval->figures);
    free(run);
    free(command);
    return code;
}

/* --- The run of a step ---------------------------------------------------- */

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
        const int result = wait_for(child);
        sigaction(SIGTSTP, &before, NULL);
        running = 0;
        code = result != CLI_OK ? result : code;
    } else {
        code = cli_error_errno(errno, "cannot start a process for %s", words[1]);
    }
    close(ends[0]);
    fclose(log);
    return code;
}
