/* Reading a plan; declared in plan.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "config/ini.h"
#include "core/text.h"

enum { SEEDS_MAX = 1000 };

/* --- Small parts ---------------------------------------------------------- */

static int add_seeds(const char *range, const char *text, const char *where, uint64_t **seeds,
                     size_t *n)
{
    char *end = NULL;
    errno = 0;
    const bool digit = range[0] >= '0' && range[0] <= '9';
    const uint64_t first = digit ? strtoumax(range, &end, 10) : 0;
    uint64_t last = first;
    if (digit && *end == '-' && end[1] >= '0' && end[1] <= '9')
        last = strtoumax(end + 1, &end, 10);
    if (!digit || *end || errno || last < first || last > INT64_MAX)
        return cli_error(CLI_CONFIG,
                         "%s: seeds %s: must be whole numbers or ranges of them, as in 1-3 or 1,5",
                         where, text);
    if (last - first >= SEEDS_MAX - *n)
        return cli_error(CLI_CONFIG, "%s: seeds %s: more than %d", where, text, (int)SEEDS_MAX);
    for (uint64_t seed = first; seed <= last; seed++) {
        for (size_t i = 0; i < *n; i++)
            if ((*seeds)[i] == seed)
                return cli_error(CLI_CONFIG, "%s: seeds %s: %" PRIu64 " is given twice", where,
                                 text, seed);
        (*seeds)[(*n)++] = seed;
    }
    return CLI_OK;
}

int plan_seeds(const char *text, const char *where, uint64_t **seeds, size_t *n)
{
    char *words = cli_text("%s", text), *rest = NULL;
    int code = CLI_OK;
    free(*seeds);
    *seeds = cli_alloc(SEEDS_MAX, sizeof **seeds);
    *n = 0;
    for (char *word = strtok_r(words, ", ", &rest); word && code == CLI_OK;
         word = strtok_r(NULL, ", ", &rest))
        code = add_seeds(word, text, where, seeds, n);
    if (code == CLI_OK && *n == 0)
        code = cli_error(CLI_CONFIG, "%s: seeds: no seed is given", where);
    free(words);
    return code;
}

int plan_find(const compare_plan *plan, const char *name, const char *where, size_t *index)
{
    size_t nearest = 0;
    for (size_t i = 0; i < plan->n_models; i++) {
        if (strcmp(plan->models[i].name, name) == 0) {
            *index = i;
            return CLI_OK;
        }
        if (gki_text_distance(name, plan->models[i].name) <
            gki_text_distance(name, plan->models[nearest].name))
            nearest = i;
    }
    return plan->n_models == 0
               ? cli_error(CLI_CONFIG, "%s: there is no model \"%s\" yet", where, name)
               : cli_error(CLI_CONFIG, "%s: there is no model \"%s\"; the nearest is \"%s\"", where,
                           name, plan->models[nearest].name);
}

static int refuse_key(const char *where, const char *key, const char *const *known, size_t n)
{
    size_t nearest = 0;
    for (size_t i = 1; i < n; i++)
        if (gki_text_distance(key, known[i]) < gki_text_distance(key, known[nearest]))
            nearest = i;
    return cli_error(CLI_CONFIG, "%s: unknown key \"%s\" of a plan; the nearest is \"%s\"", where,
                     key, known[nearest]);
}

/* A path relative to the plan's folder. */
static char *beside(const char *plan_path, const char *path)
{
    const char *slash = strrchr(plan_path, '/');
    if (*path == '/' || !slash)
        return cli_text("%s", path);
    return cli_text("%.*s/%s", (int)(slash - plan_path), plan_path, path);
}

/* The file's name without folder and ending. */
static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *point = strrchr(name, '.');
    return point && point > name ? cli_text("%.*s", (int)(point - name), name)
                                 : cli_text("%s", name);
}

/* --- [plan] --------------------------------------------------------------- */

static int add_eval(compare_plan *plan, const char *name, const char *options, int line,
                    const char *where)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+";
    if (name && (!*name || name[strspn(name, plain)]))
        return cli_error(
            CLI_CONFIG,
            "%s: eval.%s: the name of an evaluation may contain letters, digits, -, _ and + only",
            where, name);
    plan->evals = realloc(plan->evals, (plan->n_evals + 1) * sizeof *plan->evals);
    if (!plan->evals)
        exit(cli_error(CLI_MEMORY, "out of memory: %zu evaluations", plan->n_evals + 1));
    plan_eval *eval = &plan->evals[plan->n_evals++];
    *eval = (plan_eval){.name = cli_text("%s", name ? name : ""), .line = line};
    eval->words = plan_words(options, &eval->n_words);
    eval->figures = name ? cli_text("metrics-of.%s.json", name) : cli_text("metrics.json");
    eval->mark = name ? cli_text("metrics-of.%s.mark.json", name) : cli_text("metrics.mark.json");
    return CLI_OK;
}

static int take_plan(compare_plan *plan, const gki_ini_entry *entry, const char *where)
{
    static const char *const known[] = {"config", "seeds", "against", "eval"};
    if (strcmp(entry->key, "config") == 0) {
        plan->config = beside(plan->path, entry->value);
        return CLI_OK;
    }
    if (strcmp(entry->key, "seeds") == 0)
        return plan_seeds(entry->value, where, &plan->seeds, &plan->n_seeds);
    if (strcmp(entry->key, "against") == 0) {
        plan->against = cli_text("%s", entry->value);
        plan->against_line = entry->line;
        return CLI_OK;
    }
    if (strcmp(entry->key, "eval") == 0)
        return add_eval(plan, NULL, entry->value, entry->line, where);
    if (strncmp(entry->key, "eval.", 5) == 0)
        return add_eval(plan, entry->key + 5, entry->value, entry->line, where);
    return refuse_key(where, entry->key, known, sizeof known / sizeof *known);
}

/* --- The file ------------------------------------------------------------- */

typedef struct sections {
    plan_section *list;
    size_t count;
} sections;

static void add_setting(plan_setting **list, size_t *n, const gki_ini_entry *entry)
{
    *list = realloc(*list, (*n + 1) * sizeof **list);
    if (!*list)
        exit(cli_error(CLI_MEMORY, "out of memory: %zu settings", *n + 1));
    (*list)[(*n)++] =
        (plan_setting){cli_text("%s", entry->key), cli_text("%s", entry->value), entry->line};
}

static const char *model_name(const char *section)
{
    static const char model[] = "model ";
    if (strncmp(section, model, sizeof model - 1) != 0)
        return NULL;
    section += sizeof model - 1;
    return section + strspn(section, " \t");
}

static int open_section(const gki_ini_entry *entry, const char *where, sections *all)
{
    const char *name = model_name(entry->section);
    if (strcmp(entry->section, "plan") == 0 || strcmp(entry->section, "all") == 0)
        return CLI_OK;
    if (!name || !*name)
        return cli_error(CLI_CONFIG,
                         "%s: unknown section \"%s\": a plan has [plan], [all] and [model NAME]",
                         where, entry->section);
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->list[i].name, name) == 0)
            return cli_error(CLI_CONFIG, "%s: [model %s] is on line %d already", where, name,
                             all->list[i].line);
    all->list[all->count++] = (plan_section){.name = name, .line = entry->line};
    return CLI_OK;
}

static int take(compare_plan *plan, const gki_ini_entry *entry, const char *where, sections *all)
{
    if (!entry->key)
        return open_section(entry, where, all);
    if (!*entry->section)
        return cli_error(CLI_CONFIG,
                         "%s: \"%s\" is in no section: a plan has [plan], [all] and [model NAME]",
                         where, entry->key);
    if (strcmp(entry->section, "plan") == 0)
        return take_plan(plan, entry, where);
    if (strcmp(entry->section, "all") == 0) {
        add_setting(&plan->all, &plan->n_all, entry);
        return CLI_OK;
    }
    plan_section *section = &all->list[all->count - 1]; /* the entry of its line came before */
    add_setting(&section->settings, &section->n_settings, entry);
    return CLI_OK;
}

static void settings_free(plan_setting *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(list[i].key);
        free(list[i].value);
    }
    free(list);
}

/* The file as text for the page. It was read without error before, so failures here are ignored. */
static char *read_text(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *file = fopen(path, "r");
    char *text = cli_alloc(MOST + 1, 1);
    if (file) {
        (void)!fread(text, 1, MOST, file);
        fclose(file);
    }
    return text;
}

/* Fills in defaults, and checks the plan as a whole. */
static int complete(compare_plan *plan)
{
    char *where = cli_text("%s:%d", plan->path, plan->against_line);
    size_t index;
    int code = CLI_OK;
    if (plan->n_models == 0)
        code =
            cli_error(CLI_CONFIG, "%s: the plan has no models; add a section [model NAME] for each",
                      plan->path);
    if (code == CLI_OK && plan->against)
        code = plan_find(plan, plan->against, where, &index);
    if (code == CLI_OK && plan->n_evals == 0)
        code = add_eval(plan, NULL, "", 0, plan->path);
    if (code == CLI_OK && plan->n_seeds == 0)
        code = plan_seeds("1", plan->path, &plan->seeds, &plan->n_seeds);
    free(where);
    return code;
}

int plan_read(const char *path, compare_plan *out)
{
    gki_ini *ini = NULL;
    sections all = {.list = NULL};
    int code = CLI_OK;
    *out = (compare_plan){.path = path, .name = name_of(path)};
    CLI_CHECK(gki_ini_read(path, &ini));
    all.list = cli_alloc(gki_ini_count(ini), sizeof *all.list);
    for (size_t i = 0; i < gki_ini_count(ini); i++) {
        const gki_ini_entry *entry = gki_ini_at(ini, i);
        char *where = cli_text("%s:%d", path, entry->line);
        code = take(out, entry, where, &all);
        free(where);
        if (code != CLI_OK)
            goto done;
    }
    for (size_t s = 0; s < all.count; s++)
        CLI_TRY(plan_expand(out, &all.list[s], all.list, s));
    CLI_TRY(complete(out));
    CLI_TRY(plan_check(out));
    out->text = read_text(path);
done:
    for (size_t s = 0; s < all.count; s++)
        settings_free(all.list[s].settings, all.list[s].n_settings);
    free(all.list);
    gki_ini_free(ini);
    return code;
}

void plan_free(compare_plan *plan)
{
    for (size_t m = 0; m < plan->n_models; m++) {
        free(plan->models[m].name);
        settings_free(plan->models[m].settings, plan->models[m].n_settings);
    }
    for (size_t e = 0; e < plan->n_evals; e++) {
        for (size_t w = 0; w < plan->evals[e].n_words; w++)
            free(plan->evals[e].words[w]);
        free(plan->evals[e].words);
        free(plan->evals[e].name);
        free(plan->evals[e].figures);
        free(plan->evals[e].mark);
    }
    settings_free(plan->all, plan->n_all);
    free(plan->models);
    free(plan->evals);
    free(plan->seeds);
    free(plan->name);
    free(plan->text);
    free(plan->config);
    free(plan->against);
    *plan = (compare_plan){.path = NULL};
}
