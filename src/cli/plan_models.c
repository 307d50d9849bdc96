/* The models that a section of a plan defines, and the checks of a plan before its first step;
 * declared in plan.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/text.h"
#include "plan.h"

/* --- Models --------------------------------------------------------------- */

enum { BRACES_MAX = 8, MODELS_MAX = 2000, NAME_MAX_BYTES = 100 };

char **plan_words(const char *text, size_t *n)
{
    char *copy = cli_text("%s", text), *rest = NULL;
    char **words = cli_alloc(strlen(text) / 2 + 2, sizeof *words);
    *n = 0;
    for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
        words[(*n)++] = cli_text("%s", word);
    free(copy);
    return words;
}

/* A {key} of the name, and its values. */
typedef struct brace {
    char *key;
    char **values;
    size_t n, chosen;
} brace;

typedef struct braces {
    brace list[BRACES_MAX];
    size_t count;
} braces;

static void braces_free(braces *all)
{
    for (size_t b = 0; b < all->count; b++) {
        for (size_t i = 0; i < all->list[b].n; i++)
            free(all->list[b].values[i]);
        free(all->list[b].values);
        free(all->list[b].key);
    }
}

static const plan_setting *find_setting(const plan_section *section, const char *key)
{
    for (size_t i = 0; i < section->n_settings; i++)
        if (strcmp(section->settings[i].key, key) == 0)
            return &section->settings[i];
    return NULL;
}

/* All models of an earlier section, by the section's name as written in the file. */
static int models_of(const compare_plan *plan, const char *name, const char *where,
                     const plan_section *earlier, size_t n_earlier, brace *out)
{
    for (size_t s = 0; s < n_earlier; s++) {
        if (strcmp(earlier[s].name, name) != 0)
            continue;
        out->values = cli_alloc(earlier[s].count, sizeof *out->values);
        for (; out->n < earlier[s].count; out->n++)
            out->values[out->n] = cli_text("%s", plan->models[earlier[s].first + out->n].name);
        return CLI_OK;
    }
    return cli_error(CLI_CONFIG, "%s: from = %s: no section above is [model %s]", where, name,
                     name);
}

static int fill_brace(const compare_plan *plan, const plan_section *section,
                      const plan_section *earlier, size_t n_earlier, brace *out)
{
    const plan_setting *setting = find_setting(section, out->key);
    char *where = cli_text("%s:%d", plan->path, setting ? setting->line : section->line);
    int code = CLI_OK;
    if (!setting)
        code = cli_error(CLI_CONFIG, "%s: [model %s] uses {%s} in its name, but does not set it",
                         where, section->name, out->key);
    else if (strcmp(out->key, "from") == 0 && strchr(setting->value, '{'))
        code = models_of(plan, setting->value, where, earlier, n_earlier, out);
    else
        out->values = plan_words(setting->value, &out->n);
    if (code == CLI_OK && out->n == 0)
        code = cli_error(CLI_CONFIG, "%s: %s has no values", where, out->key);
    free(where);
    return code;
}

static int find_braces(const compare_plan *plan, const plan_section *section,
                       const plan_section *earlier, size_t n_earlier, braces *all)
{
    for (const char *open = strchr(section->name, '{'); open; open = strchr(open + 1, '{')) {
        const char *close = strchr(open, '}');
        if (!close || all->count == BRACES_MAX)
            return cli_error(CLI_CONFIG, "%s:%d: [model %s]: %s", plan->path, section->line,
                             section->name,
                             close ? "too many lists for one name" : "a { has no } after it");
        char *key = cli_text("%.*s", (int)(close - open - 1), open + 1);
        for (size_t b = 0; b < all->count; b++)
            if (strcmp(all->list[b].key, key) == 0) {
                free(key);
                return cli_error(CLI_CONFIG, "%s:%d: [model %s] uses {%s} twice in its name",
                                 plan->path, section->line, section->name, all->list[b].key);
            }
        brace *next = &all->list[all->count++];
        *next = (brace){.key = key};
        const int code = fill_brace(plan, section, earlier, n_earlier, next);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}

/* The current value of the list of this key, or NULL if the key is not a list. */
static const char *current_value(const braces *all, const char *key)
{
    for (size_t b = 0; b < all->count; b++)
        if (strcmp(all->list[b].key, key) == 0)
            return all->list[b].values[all->list[b].chosen];
    return NULL;
}

/* The name with the current values in place of the lists. */
static char *current_name(const char *pattern, const braces *all)
{
    char *name = cli_text("%s", "");
    for (size_t b = 0; *pattern;) {
        const size_t plain = strcspn(pattern, "{");
        const bool is_list = pattern[plain] == '{';
        const brace *list = &all->list[b];
        char *longer = cli_text("%s%.*s%s", name, (int)plain, pattern,
                                is_list ? list->values[list->chosen] : "");
        free(name);
        name = longer;
        pattern += plain;
        if (is_list) {
            pattern = strchr(pattern, '}') + 1;
            b++;
        }
    }
    return name;
}

/* Advances to the next combination; the last list varies fastest. False after the last
 * combination. */
static bool advance(braces *all)
{
    for (size_t b = all->count; b-- > 0;) {
        if (++all->list[b].chosen < all->list[b].n)
            return true;
        all->list[b].chosen = 0;
    }
    return false;
}

static int check_name(const compare_plan *plan, const plan_section *section, const char *name)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+=.";
    char *where = cli_text("%s:%d", plan->path, section->line);
    int code = CLI_OK;
    if (!*name || name[strspn(name, plain)] || name[0] == '-' || name[0] == '.' ||
        strncmp(name, "of.", 3) == 0 || strlen(name) > NAME_MAX_BYTES)
        code = cli_error(
            CLI_CONFIG,
            "%s: [model %s]: \"%s\" is the name of folders. It may contain letters, digits, - _ + "
            "= . only, at most %d, and must not begin with - or . or of. (a folder of evaluations)",
            where, section->name, name, (int)NAME_MAX_BYTES);
    else if (plan->n_models == MODELS_MAX)
        code = cli_error(CLI_CONFIG, "%s: more than %d models", where, (int)MODELS_MAX);
    for (size_t i = 0; i < plan->n_models && code == CLI_OK; i++)
        if (strcmp(plan->models[i].name, name) == 0)
            code = cli_error(CLI_CONFIG, "%s: line %d already defines a model %s", where,
                             plan->models[i].line, name);
    free(where);
    return code;
}

static plan_model *add_model(compare_plan *plan)
{
    plan->models = realloc(plan->models, (plan->n_models + 1) * sizeof *plan->models);
    if (!plan->models)
        exit(cli_error(CLI_MEMORY, "out of memory: %zu models", plan->n_models + 1));
    return &plan->models[plan->n_models++];
}

static int expand_one(compare_plan *plan, const plan_section *section, const braces *all)
{
    char *name = current_name(section->name, all);
    const int code = check_name(plan, section, name);
    if (code != CLI_OK) {
        free(name);
        return code;
    }
    const plan_setting *from = find_setting(section, "from");
    size_t parent = SIZE_MAX;
    if (from) {
        const char *parent_name = current_value(all, "from");
        char *where = cli_text("%s:%d", plan->path, from->line);
        const int found = plan_find(plan, parent_name ? parent_name : from->value, where, &parent);
        free(where);
        if (found != CLI_OK) {
            free(name);
            return found;
        }
    }
    plan_model *model = add_model(plan);
    *model = (plan_model){.name = name,
                          .line = section->line,
                          .from = parent,
                          .wanted = true,
                          .settings = cli_alloc(section->n_settings, sizeof *model->settings)};
    for (size_t i = 0; i < section->n_settings; i++) {
        const plan_setting *setting = &section->settings[i];
        const char *value = current_value(all, setting->key);
        if (setting != from)
            model->settings[model->n_settings++] =
                (plan_setting){cli_text("%s", setting->key),
                               cli_text("%s", value ? value : setting->value), setting->line};
    }
    return CLI_OK;
}

int plan_expand(compare_plan *plan, plan_section *section, const plan_section *earlier,
                size_t n_earlier)
{
    braces all = {.count = 0};
    int code = find_braces(plan, section, earlier, n_earlier, &all);
    section->first = plan->n_models;
    if (code == CLI_OK) {
        do
            code = expand_one(plan, section, &all);
        while (code == CLI_OK && advance(&all));
    }
    section->count = plan->n_models - section->first;
    braces_free(&all);
    return code;
}

/* --- Checks of settings --------------------------------------------------- */

static int set(const compare_plan *plan, gkv_settings *settings, const plan_setting *setting,
               const char *key)
{
    char *where = cli_text("%s:%d", plan->path, setting->line);
    const int code = cli_check(gkv_settings_set(settings, key, setting->value, where));
    free(where);
    return code;
}

/* Refuses keys that only [plan] or a fitted model may set. */
static int check_key(const compare_plan *plan, const plan_setting *setting)
{
    if (strcmp(setting->key, "train.seed") == 0)
        return cli_error(CLI_CONFIG,
                         "%s:%d: %s: set it for all models in [plan], as in seeds = 1-3",
                         plan->path, setting->line, setting->key);
    if (strncmp(setting->key, "eval.", 5) == 0)
        return cli_error(CLI_CONFIG,
                         "%s:%d: %s: set it for all models in [plan], as in eval = --samples 200",
                         plan->path, setting->line, setting->key);
    if (strncmp(setting->key, "fit.", 4) == 0)
        return cli_error(CLI_CONFIG,
                         "%s:%d: %s needs from = NAME, the model to whose codes the base is fitted",
                         plan->path, setting->line, setting->key);
    return CLI_OK;
}

static int check_trained(const compare_plan *plan, const gkv_settings *common, plan_model *model)
{
    model->expected = *common;
    for (size_t i = 0; i < model->n_settings; i++) {
        int code = check_key(plan, &model->settings[i]);
        if (code == CLI_OK)
            code = set(plan, &model->expected, &model->settings[i], model->settings[i].key);
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

static int check_codes(const compare_plan *plan, const plan_setting *setting)
{
    char *end = NULL;
    errno = 0;
    const long long codes = strtoll(setting->value, &end, 10);
    return *end == '\0' && errno == 0 && codes >= 100 && codes <= 10000000
               ? CLI_OK
               : cli_error(CLI_CONFIG,
                           "%s:%d: fit.codes = %s: must be a whole number from 100 to 10000000",
                           plan->path, setting->line, setting->value);
}

static int check_fit(const compare_plan *plan, const plan_setting *setting, gkv_settings *expected)
{
    size_t nearest = 0;
    for (size_t i = 0; i < FITS; i++) {
        if (strcmp(fits[i].key, setting->key) == 0)
            return fits[i].setting ? set(plan, expected, setting, fits[i].setting)
                                   : check_codes(plan, setting);
        if (gki_text_distance(setting->key, fits[i].key) <
            gki_text_distance(setting->key, fits[nearest].key))
            nearest = i;
    }
    return cli_error(CLI_CONFIG,
                     "%s:%d: unknown key \"%s\" of a model with from = NAME, whose base is fitted; "
                     "the nearest is \"%s\"",
                     plan->path, setting->line, setting->key, fits[nearest].key);
}

static int check_fitted(const compare_plan *plan, plan_model *model)
{
    bool has_base = false;
    int code = CLI_OK;
    model->expected = plan->models[model->from].expected;
    for (size_t i = 0; i < model->n_settings && code == CLI_OK; i++) {
        has_base |= strcmp(model->settings[i].key, "fit.base") == 0;
        code = check_fit(plan, &model->settings[i], &model->expected);
    }
    if (code == CLI_OK && !has_base)
        code =
            cli_error(CLI_CONFIG, "%s:%d: [model %s]: fit.base = BASE is needed: the base to fit",
                      plan->path, model->line, model->name);
    model->expected.model.base_fit = GKV_FIT_LM; /* as gkv_base_fit leaves it */
    return code;
}

/* --- Options of gkvae eval ------------------------------------------------ */

/* Runs in a child process, which a usage error ends. The pipe carries its messages. */
static void try_options(const compare_plan *plan, const plan_eval *eval, int out)
{
    char name[] = "gkvae eval", run[] = "RUN";
    char **words = cli_alloc(eval->n_words + 3, sizeof *words);
    bool of_test = false;
    words[0] = name;
    words[1] = run;
    memcpy(words + 2, eval->words, eval->n_words * sizeof *words);
    dup2(out, STDERR_FILENO);
    dup2(out, STDOUT_FILENO); /* --help prints there */
    int code = cli_eval_check((int)eval->n_words + 2, words, &plan->models[0].expected, &of_test);
    if (code == CLI_OK && !of_test && !*eval->name)
        code = cli_error(CLI_CONFIG, "metrics.json is for test images; give the evaluation of "
                                     "other images a name, as in eval.train = --of train");
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

static int check_eval(const compare_plan *plan, const plan_eval *eval)
{
    int ends[2], status = 0;
    fflush(NULL); /* or the child would print it again */
    if (pipe(ends) != 0)
        return cli_error_errno(errno, "cannot create a pipe");
    const pid_t child = fork();
    if (child == 0)
        try_options(plan, eval, ends[1]);
    close(ends[1]);
    char *message = read_all(ends[0]);
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int code = CLI_OK;
    if (child < 0)
        code = cli_error_errno(errno, "cannot start a process");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != CLI_OK || *message)
        code = cli_error(CLI_CONFIG, "%s:%d: eval%s%s: %s", plan->path, eval->line,
                         *eval->name ? "." : "", eval->name, gist(message));
    free(message);
    return code;
}

/* --- All ------------------------------------------------------------------ */

int plan_check(compare_plan *plan)
{
    gkv_settings common;
    int code = CLI_OK;
    gkv_settings_defaults(&common);
    if (plan->config)
        CLI_CHECK(gkv_settings_read(&common, plan->config));
    for (size_t i = 0; i < plan->n_all; i++) {
        CLI_TRY(check_key(plan, &plan->all[i]));
        CLI_TRY(set(plan, &common, &plan->all[i], plan->all[i].key));
    }
    for (size_t m = 0; m < plan->n_models; m++) {
        plan_model *model = &plan->models[m];
        CLI_TRY(model->from == SIZE_MAX ? check_trained(plan, &common, model)
                                        : check_fitted(plan, model));
        if (gkv_settings_check(&model->expected) != GKV_OK) {
            code = cli_error(CLI_CONFIG, "%s:%d: [model %s]: %s", plan->path, model->line,
                             model->name, cli_reason());
            goto done;
        }
    }
    for (size_t e = 0; e < plan->n_evals; e++)
        CLI_TRY(check_eval(plan, &plan->evals[e]));
done:
    return code;
}
