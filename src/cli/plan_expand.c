/* The models that a section of a plan defines; declared in plan.h. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "plan.h"

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
    size_t n, at;
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
static int models_of(const compare_plan *it, const char *name, const char *where,
                     const plan_section *earlier, size_t n_earlier, brace *out)
{
    for (size_t s = 0; s < n_earlier; s++) {
        if (strcmp(earlier[s].name, name) != 0)
            continue;
        out->values = cli_alloc(earlier[s].count, sizeof *out->values);
        for (; out->n < earlier[s].count; out->n++)
            out->values[out->n] = cli_text("%s", it->models[earlier[s].first + out->n].name);
        return CLI_OK;
    }
    return cli_error(CLI_CONFIG, "%s: from = %s: no section above is [model %s]", where, name,
                     name);
}

static int fill_brace(const compare_plan *it, const plan_section *section,
                      const plan_section *earlier, size_t n_earlier, brace *out)
{
    const plan_setting *setting = find_setting(section, out->key);
    char *where = cli_text("%s:%d", it->path, setting ? setting->line : section->line);
    int code = CLI_OK;
    if (!setting)
        code = cli_error(CLI_CONFIG, "%s: [model %s] uses {%s} in its name, but does not set it",
                         where, section->name, out->key);
    else if (strcmp(out->key, "from") == 0 && strchr(setting->value, '{'))
        code = models_of(it, setting->value, where, earlier, n_earlier, out);
    else
        out->values = plan_words(setting->value, &out->n);
    if (code == CLI_OK && out->n == 0)
        code = cli_error(CLI_CONFIG, "%s: %s has no values", where, out->key);
    free(where);
    return code;
}

static int find_braces(const compare_plan *it, const plan_section *section,
                       const plan_section *earlier, size_t n_earlier, braces *all)
{
    for (const char *open = strchr(section->name, '{'); open; open = strchr(open + 1, '{')) {
        const char *close = strchr(open, '}');
        if (!close || all->count == BRACES_MAX)
            return cli_error(CLI_CONFIG, "%s:%d: [model %s]: %s", it->path, section->line,
                             section->name,
                             close ? "too many lists for one name" : "a { has no } after it");
        char *key = cli_text("%.*s", (int)(close - open - 1), open + 1);
        for (size_t b = 0; b < all->count; b++)
            if (strcmp(all->list[b].key, key) == 0) {
                free(key);
                return cli_error(CLI_CONFIG, "%s:%d: [model %s] uses {%s} twice in its name",
                                 it->path, section->line, section->name, all->list[b].key);
            }
        brace *next = &all->list[all->count++];
        *next = (brace){.key = key};
        const int code = fill_brace(it, section, earlier, n_earlier, next);
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
            return all->list[b].values[all->list[b].at];
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
        char *longer =
            cli_text("%s%.*s%s", name, (int)plain, pattern, is_list ? list->values[list->at] : "");
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
        if (++all->list[b].at < all->list[b].n)
            return true;
        all->list[b].at = 0;
    }
    return false;
}

static int check_name(const compare_plan *it, const plan_section *section, const char *name)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+=.";
    char *where = cli_text("%s:%d", it->path, section->line);
    int code = CLI_OK;
    if (!*name || name[strspn(name, plain)] || name[0] == '-' || name[0] == '.' ||
        strncmp(name, "of.", 3) == 0 || strlen(name) > NAME_MAX_BYTES)
        code = cli_error(
            CLI_CONFIG,
            "%s: [model %s]: \"%s\" is the name of folders. It may contain letters, "
            "digits, - _ + = . only, at most %d, and must not begin with - or . or of. (a "
            "folder of evaluations)",
            where, section->name, name, (int)NAME_MAX_BYTES);
    else if (it->n_models == MODELS_MAX)
        code = cli_error(CLI_CONFIG, "%s: more than %d models", where, (int)MODELS_MAX);
    for (size_t i = 0; i < it->n_models && code == CLI_OK; i++)
        if (strcmp(it->models[i].name, name) == 0)
            code = cli_error(CLI_CONFIG, "%s: line %d already defines a model %s", where,
                             it->models[i].line, name);
    free(where);
    return code;
}

static plan_model *add_model(compare_plan *it)
{
    it->models = realloc(it->models, (it->n_models + 1) * sizeof *it->models);
    if (!it->models)
        exit(cli_error(CLI_MEMORY, "out of memory: %zu models", it->n_models + 1));
    return &it->models[it->n_models++];
}

static int expand_one(compare_plan *it, const plan_section *section, const braces *all)
{
    char *name = current_name(section->name, all);
    const int code = check_name(it, section, name);
    if (code != CLI_OK) {
        free(name);
        return code;
    }
    const plan_setting *from = find_setting(section, "from");
    size_t parent = SIZE_MAX;
    if (from) {
        const char *its = current_value(all, "from");
        char *where = cli_text("%s:%d", it->path, from->line);
        const int found = plan_find(it, its ? its : from->value, where, &parent);
        free(where);
        if (found != CLI_OK) {
            free(name);
            return found;
        }
    }
    plan_model *model = add_model(it);
    *model = (plan_model){.name = name,
                          .line = section->line,
                          .from = parent,
                          .wanted = true,
                          .settings = cli_alloc(section->n_settings, sizeof *model->settings)};
    for (size_t i = 0; i < section->n_settings; i++) {
        const plan_setting *its = &section->settings[i];
        const char *value = current_value(all, its->key);
        if (its != from)
            model->settings[model->n_settings++] = (plan_setting){
                cli_text("%s", its->key), cli_text("%s", value ? value : its->value), its->line};
    }
    return CLI_OK;
}

int plan_expand(compare_plan *it, plan_section *section, const plan_section *earlier,
                size_t n_earlier)
{
    braces all = {.count = 0};
    int code = find_braces(it, section, earlier, n_earlier, &all);
    section->first = it->n_models;
    if (code == CLI_OK) {
        do
            code = expand_one(it, section, &all);
        while (code == CLI_OK && advance(&all));
    }
    section->count = it->n_models - section->first;
    braces_free(&all);
    return code;
}
