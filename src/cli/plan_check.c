/* Checks a plan before its first step; declared in plan.h. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan.h"
#include "app/inside.h"

/* --- Settings ------------------------------------------------------------- */

static int set(const compare_plan *it, gkv_settings *settings, const plan_setting *setting,
               const char *key)
{
    char *where = cli_text("%s:%d", it->path, setting->line);
    const int code = cli_check(gkv_settings_set(settings, key, setting->value, where));
    free(where);
    return code;
}

/* Refuses keys that only [plan] or a fitted model may set. */
static int check_key(const compare_plan *it, const plan_setting *setting)
{
    if (strcmp(setting->key, "train.seed") == 0)
        return cli_error(CLI_CONFIG,
                         "%s:%d: %s: set it for all models in [plan], as in seeds = 1-3", it->path,
                         setting->line, setting->key);
    if (strncmp(setting->key, "eval.", 5) == 0)
        return cli_error(CLI_CONFIG,
                         "%s:%d: %s: set it for all models in [plan], as in eval = --samples 200",
                         it->path, setting->line, setting->key);
    if (strncmp(setting->key, "fit.", 4) == 0)
        return cli_error(CLI_CONFIG,
                         "%s:%d: %s needs from = NAME, the model to whose codes the base is fitted",
                         it->path, setting->line, setting->key);
    return CLI_OK;
}

static int check_trained(const compare_plan *it, const gkv_settings *common, plan_model *model)
{
    model->expected = *common;
    for (size_t i = 0; i < model->n_settings; i++) {
        int code = check_key(it, &model->settings[i]);
        if (code == CLI_OK)
            code = set(it, &model->expected, &model->settings[i], model->settings[i].key);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}

/* --- Fits ----------------------------------------------------------------- */

static const struct {
    const char *key, *option, *setting;
} fits[] = {
    {"fit.base", "--base", "model.base"},
    {"fit.components", "--components", "model.base_components"},
    {"fit.covariance", "--covariance", "model.base_covariance"},
    {"fit.rank", "--rank", "model.base_rank"},
    {"fit.tied_shapes", "--tied-shapes", "model.base_tied_shapes"},
    {"fit.codes", "--codes", NULL},
};
enum { FITS = sizeof fits / sizeof *fits };

const char *plan_fit_option(const char *key)
{
    for (size_t i = 0; i < FITS; i++)
        if (strcmp(fits[i].key, key) == 0)
            return fits[i].option;
    return NULL;
}

static int check_codes(const compare_plan *it, const plan_setting *setting)
{
    char *end = NULL;
    errno = 0;
    const long long codes = strtoll(setting->value, &end, 10);
    return *end == '\0' && errno == 0 && codes >= 100 && codes <= 10000000
               ? CLI_OK
               : cli_error(CLI_CONFIG,
                           "%s:%d: fit.codes = %s: must be a whole number from 100 to 10000000",
                           it->path, setting->line, setting->value);
}

static int check_fit(const compare_plan *it, const plan_setting *setting, gkv_settings *expected)
{
    size_t nearest = 0;
    for (size_t i = 0; i < FITS; i++) {
        if (strcmp(fits[i].key, setting->key) == 0)
            return fits[i].setting ? set(it, expected, setting, fits[i].setting)
                                   : check_codes(it, setting);
        if (gki_text_distance(setting->key, fits[i].key) <
            gki_text_distance(setting->key, fits[nearest].key))
            nearest = i;
    }
    return cli_error(
        CLI_CONFIG,
        "%s:%d: unknown key \"%s\" of a model with from = NAME, whose base is fitted; the "
        "nearest is \"%s\"",
        it->path, setting->line, setting->key, fits[nearest].key);
}

static int check_fitted(const compare_plan *it, plan_model *model)
{
    bool has_base = false;
    int code = CLI_OK;
    model->expected = it->models[model->from].expected;
    for (size_t i = 0; i < model->n_settings && code == CLI_OK; i++) {
        has_base |= strcmp(model->settings[i].key, "fit.base") == 0;
        code = check_fit(it, &model->settings[i], &model->expected);
    }
    if (code == CLI_OK && !has_base)
        code =
            cli_error(CLI_CONFIG, "%s:%d: [model %s]: fit.base = BASE is needed: the base to fit",
                      it->path, model->line, model->name);
    model->expected.model.base_fit = GKV_FIT_LM; /* as gkv_base_fit leaves it */
    return code;
}

/* --- Options of gkvae eval ------------------------------------------------ */

/* Runs in a child process, which a usage error ends. The pipe carries its messages. */
static void try_options(const compare_plan *it, const plan_eval *eval, int out)
{
    char name[] = "gkvae eval", run[] = "RUN";
    char **words = cli_alloc(eval->n_words + 3, sizeof *words);
    bool of_test = false;
    words[0] = name;
    words[1] = run;
    memcpy(words + 2, eval->words, eval->n_words * sizeof *words);
    dup2(out, STDERR_FILENO);
    dup2(out, STDOUT_FILENO); /* --help prints there */
    int code = cli_eval_check((int)eval->n_words + 2, words, &it->models[0].expected, &of_test);
    if (code == CLI_OK && !of_test && !*eval->name)
        code = cli_error(
            CLI_CONFIG,
            "metrics.json is for test images; give the evaluation of other images a name, "
            "as in eval.train = --of train");
    fflush(stderr);
    _exit(code);
}

static char *read_all(int in)
{
    enum { MOST = 4096 };
    char *text = cli_alloc(MOST + 1, 1), spill[256];
    size_t n = 0;
    ssize_t got;
    while ((got = n < MOST ? read(in, text + n, MOST - n) : read(in, spill, sizeof spill)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        n += got > 0 && n < MOST ? (size_t)got : 0;
    }
    return text;
}

/* The first line of a message, without the program's name. */
static const char *gist(char *message)
{
    static const char *const names[] = {"gkvae eval: ", "gkvae: "};
    message[strcspn(message, "\n")] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(message, names[i], strlen(names[i])) == 0)
            return message + strlen(names[i]);
    return message;
}

static int check_eval(const compare_plan *it, const plan_eval *eval)
{
    int ends[2], status = 0;
    fflush(NULL); /* or the child would print it again */
    if (pipe(ends) != 0)
        return cli_error_errno(errno, "cannot create a pipe");
    const pid_t child = fork();
    if (child == 0)
        try_options(it, eval, ends[1]);
    close(ends[1]);
    char *message = read_all(ends[0]);
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int code = CLI_OK;
    if (child < 0)
        code = cli_error_errno(errno, "cannot start a process");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != CLI_OK || *message)
        code = cli_error(CLI_CONFIG, "%s:%d: eval%s%s: %s", it->path, eval->line,
                         *eval->name ? "." : "", eval->name, gist(message));
    free(message);
    return code;
}

/* --- All ------------------------------------------------------------------ */

int plan_check(compare_plan *it)
{
    gkv_settings common;
    int code = CLI_OK;
    gkv_settings_defaults(&common);
    if (it->config)
        CLI_CHECK(gkv_settings_read(&common, it->config));
    for (size_t i = 0; i < it->n_all; i++) {
        CLI_TRY(check_key(it, &it->all[i]));
        CLI_TRY(set(it, &common, &it->all[i], it->all[i].key));
    }
    for (size_t m = 0; m < it->n_models; m++) {
        plan_model *model = &it->models[m];
        CLI_TRY(model->from == SIZE_MAX ? check_trained(it, &common, model)
                                        : check_fitted(it, model));
        if (gkv_settings_check(&model->expected) != GKV_OK) {
            code = cli_error(CLI_CONFIG, "%s:%d: [model %s]: %s", it->path, model->line,
                             model->name, gkv_error_message());
            goto done;
        }
    }
    for (size_t e = 0; e < it->n_evals; e++)
        CLI_TRY(check_eval(it, &it->evals[e]));
done:
    return code;
}
