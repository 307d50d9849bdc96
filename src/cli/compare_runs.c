/* Runs, the rows that they make, and whether they may be compared; declared in cli_compare.h. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_compare.h"
#include "records.h"

/* --- Runs of one model ---------------------------------------------------- */

bool compare_same_model(const gkv_settings *one, const gkv_settings *other, bool of_one_seed,
                        char name[64])
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char values[2][GKV_PATH_SIZE];
        snprintf(name, 64, "%s.%s", key->section, key->name);
        if (!(key->facts & GKV_KEY_CHANGES_MODEL) || (!of_one_seed && key->kind == GKV_KIND_SEED))
            continue;
        if (gkv_settings_get(one, name, sizeof values[0], values[0]) != GKV_OK ||
            gkv_settings_get(other, name, sizeof values[1], values[1]) != GKV_OK)
            return false;
        /* a plan does not know the SHA-256 of the files that a run was made with */
        const bool unknown = key->kind == GKV_KIND_DIGEST && (!*values[0] || !*values[1]);
        if (!unknown && strcmp(values[0], values[1]) != 0)
            return false;
    }
    return true;
}

/* --- A run ---------------------------------------------------------------- */

static bool has_file(const char *folder, const char *name)
{
    char *path = cli_text("%s/%s", folder, name);
    const bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static char *without_slashes(const char *folder)
{
    char *name = cli_text("%s", folder);
    for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
        name[n - 1] = '\0';
    return name;
}

int compare_run_open(const char *folder, const char *figures, compare_run *run)
{
    int code = CLI_OK;
    json_error_t error;
    *run = (compare_run){.folder = without_slashes(folder)};
    char *config = cli_text("%s/config.ini", run->folder),
         *path = cli_text("%s/%s", run->folder, figures);
    if (access(config, F_OK) != 0) {
        code = cli_error(CLI_CONFIG, "%s: this is not a run: there is no config.ini in it", folder);
        goto done;
    }
    gkv_settings_defaults(&run->settings);
    CLI_CHECK(gkv_settings_read(&run->settings, config));
    if (access(path, F_OK) != 0) {
        char *eval = cli_quote(3, (const char *const[]){cli_program, "eval", run->folder});
        code = cli_error(CLI_CONFIG,
                         "%s: there are no figures of this run yet, no %s; to measure it: %s",
                         run->folder, figures, eval);
        free(eval);
        goto done;
    }
    CLI_TRY(cli_json_read(path, JSON_REJECT_DUPLICATES, &run->metrics, &error));
    if (!json_is_object(run->metrics))
        code = cli_error(CLI_DATA, "%s: these are not figures of an evaluation: %s", path,
                         run->metrics ? "no JSON object" : error.text);
    run->seed = run->settings.train.seed;
    run->fitted =
        !has_file(run->folder, "history.jsonl") || has_file(run->folder, "config.before-fit.ini");
done:
    free(config);
    free(path);
    return code;
}

/* --- Names ---------------------------------------------------------------- */

/* The length of the common beginning of two texts. */
static size_t common(const char *one, const char *other)
{
    size_t n = 0;
    while (one[n] && one[n] == other[n])
        n++;
    return n;
}

/* Names each run by its folder, without the leading folders that all runs have in common. */
static void name_runs(const model_comparison *comparison)
{
    size_t cut = strlen(comparison->runs[0].folder);
    for (size_t i = 0; i < comparison->n_runs; i++) {
        const size_t n = common(comparison->runs[0].folder, comparison->runs[i].folder);
        cut = n < cut ? n : cut;
    }
    while (cut > 0 && comparison->runs[0].folder[cut - 1] != '/')
        cut--;
    for (size_t i = 0; i < comparison->n_runs; i++) {
        free(comparison->runs[i].name);
        comparison->runs[i].name = cli_text("%s", comparison->runs[i].folder + cut);
    }
}

/* The common beginning of the names of a row's runs, without the separator before the seed. */
static char *name_of(const compare_run *const *runs, size_t n)
{
    const char *first = runs[0]->name;
    size_t cut = strlen(first);
    bool within_number = false;
    for (size_t i = 1; i < n; i++) {
        const size_t shared = common(first, runs[i]->name);
        cut = shared < cut ? shared : cut;
    }
    for (size_t i = 0; i < n && n > 1; i++)
        within_number |= isdigit((unsigned char)runs[i]->name[cut]) != 0;
    while (within_number && cut > 0 && isdigit((unsigned char)first[cut - 1]))
        cut--; /* the 1 of seeds 1 and 10 is not part of the name */
    while (n > 1 && cut > 0 && strchr("-_./= ", first[cut - 1]))
        cut--;
    return cut > 0 ? cli_text("%.*s", (int)cut, first) : cli_text("%s", first);
}

/* --- Rows ----------------------------------------------------------------- */

void compare_rows_add(model_comparison *comparison, const char *name,
                      const compare_run *const *runs, size_t n)
{
    comparison->rows =
        realloc(comparison->rows, (comparison->n_rows + 1) * sizeof *comparison->rows);
    if (!comparison->rows)
        exit(cli_error(CLI_MEMORY, "out of memory: %zu rows", comparison->n_rows + 1));
    compare_row *row = &comparison->rows[comparison->n_rows++];
    *row = (compare_row){
        .name = cli_text("%s", name), .runs = cli_alloc(n, sizeof *row->runs), .n_runs = n};
    memcpy(row->runs, runs, n * sizeof *row->runs);
}

static bool has_row(const model_comparison *comparison, const char *name)
{
    for (size_t r = 0; r < comparison->n_rows; r++)
        if (strcmp(comparison->rows[r].name, name) == 0)
            return true;
    return false;
}

static bool are_alike(const compare_run *one, const compare_run *other)
{
    char name[64];
    return one->fitted == other->fitted &&
           compare_same_model(&one->settings, &other->settings, false, name);
}

/* Adds one row of all runs, or, if two have the same seed, a row of each. */
static void add_group(model_comparison *comparison, const compare_run *const *runs, size_t n)
{
    bool twice = false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            twice |= runs[i]->seed == runs[j]->seed;
    for (size_t i = 0; i < n && twice; i++)
        compare_rows_add(comparison, runs[i]->name, runs + i, 1);
    if (twice)
        return;
    char *name = name_of(runs, n);
    compare_rows_add(comparison, has_row(comparison, name) ? runs[0]->name : name, runs, n);
    free(name);
}

void compare_rows_find(model_comparison *comparison)
{
    bool *taken = cli_alloc(comparison->n_runs, sizeof *taken);
    const compare_run **group = cli_alloc(comparison->n_runs, sizeof *group);
    name_runs(comparison);
    for (size_t i = 0; i < comparison->n_runs; i++) {
        size_t n = 0;
        for (size_t j = i; j < comparison->n_runs && !taken[i]; j++)
            if (!taken[j] && are_alike(&comparison->runs[i], &comparison->runs[j]))
                group[n++] = &comparison->runs[j];
        for (size_t k = 0; k < n; k++)
            taken[group[k] - comparison->runs] = true;
        if (n > 0)
            add_group(comparison, group, n);
    }
    free(taken);
    free(group);
}

void compare_free(model_comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_runs; i++) {
        free(comparison->runs[i].folder);
        free(comparison->runs[i].name);
        json_decref(comparison->runs[i].metrics);
    }
    for (size_t r = 0; r < comparison->n_rows; r++) {
        free(comparison->rows[r].name);
        free(comparison->rows[r].runs);
    }
    free(comparison->runs);
    free(comparison->rows);
    free(comparison->protocol);
    free(comparison->generation_protocol);
    free(comparison->dataset);
    *comparison = (model_comparison){.runs = NULL};
}

/* --- Protocols ------------------------------------------------------------ */

/* A text of a run's figures, or NULL; the caller frees it. For images of the training half it does
 * not name the seed that splits and binarizes them: that is the model's own, and does not make two
 * evaluations different. */
static char *text_of(const compare_run *run, const char *key)
{
    /* NULL for null, or anything else */
    const char *text = json_string_value(json_object_get(run->metrics, key));
    char *own = cli_text(" from seed %" PRIu64 ";", run->seed), *result = NULL;
    const char *found =
        text && strstr(text, "in the random order of their split") ? strstr(text, own) : NULL;
    if (found)
        result = cli_text("%.*s from the model's seed%s", (int)(found - text), text,
                          found + strlen(own) - 1);
    else if (text)
        result = cli_text("%s", text);
    free(own);
    return result;
}

/* Sets *shared to the text of this key, which must be the same for all runs that have one. */
static int agree(const model_comparison *comparison, const char *key, const char *what,
                 const char *remedy, char **shared)
{
    const compare_run *first = NULL;
    int code = CLI_OK;
    for (size_t i = 0; i < comparison->n_runs && code == CLI_OK; i++) {
        char *text = text_of(&comparison->runs[i], key);
        if (text && first && strcmp(text, *shared) != 0)
            code = cli_error(
                CLI_CONFIG,
                "these figures cannot be compared because their %s differ:\n  %s: %s\n  %s: %s\n%s",
                what, first->folder, *shared, comparison->runs[i].folder, text, remedy);
        if (text && !first) {
            first = &comparison->runs[i];
            *shared = text;
        } else {
            free(text);
        }
    }
    return code;
}

/* Checks the refinement, which the text of the protocol does not describe. */
static int agree_on_refinement(const model_comparison *comparison)
{
    static const char *const keys[] = {"refined_iterations", "refined_samples"};
    const compare_run *first = NULL;
    for (size_t i = 0; i < comparison->n_runs; i++) {
        const compare_run *run = &comparison->runs[i];
        if (isnan(compare_number(run, keys[0])))
            continue;
        if (!first) {
            first = run;
            continue;
        }
        for (size_t k = 0; k < 2; k++)
            if (compare_number(first, keys[k]) != compare_number(run, keys[k]))
                return cli_error(
                    CLI_CONFIG,
                    "these figures cannot be compared, for their refinements differ:\n"
                    "  %s: lm:%g:%g\n  %s: lm:%g:%g\nEvaluate both with the same --refine",
                    first->folder, compare_number(first, keys[0]), compare_number(first, keys[1]),
                    run->folder, compare_number(run, keys[0]), compare_number(run, keys[1]));
    }
    return CLI_OK;
}

int compare_protocols(model_comparison *comparison)
{
    char *images = NULL;
    int code = CLI_OK;
    CLI_TRY(agree(comparison, "dataset", "data sets", "Compare models of one data set",
                  &comparison->dataset));
    CLI_TRY(agree(comparison, "images_sha256", "images",
                  "The file of the images is not the same (its SHA-256); evaluate both on one",
                  &images));
    CLI_TRY(agree(comparison, "protocol", "protocols",
                  "Evaluate both with the same options (gkvae eval RUN --samples N --images N "
                  "--seed N), and models of the same data.binarization",
                  &comparison->protocol));
    CLI_TRY(agree(comparison, "generation_protocol", "protocols of draws",
                  "Evaluate both with the same options of draws, by the same version of gkvae",
                  &comparison->generation_protocol));
    code = agree_on_refinement(comparison);
done:
    free(images);
    return code;
}

/* --- Columns -------------------------------------------------------------- */

static size_t runs_with(const model_comparison *comparison, const compare_column *column)
{
    size_t count = 0;
    for (size_t i = 0; i < comparison->n_runs; i++)
        count += isfinite(compare_number(&comparison->runs[i], column->key)) ? 1 : 0;
    return count;
}

/* The figure of the differences: the best likelihood that all runs have. */
static size_t measure_of(const model_comparison *comparison)
{
    static const char *const best[] = {"refined_nll", "nll", "neg_elbo"};
    for (size_t b = 0; b < sizeof best / sizeof *best; b++)
        for (size_t c = 0; c < comparison->n_shown; c++)
            if (strcmp(comparison->shown[c].key, best[b]) == 0 &&
                runs_with(comparison, &comparison->shown[c]) == comparison->n_runs)
                return c;
    return comparison->n_shown > 0 ? 0 : SIZE_MAX;
}

int compare_choose(model_comparison *comparison, const char *metrics)
{
    compare_column all[COMPARE_COLUMNS];
    const size_t n = compare_columns_all(all);
    comparison->n_known = comparison->n_shown = 0;
    for (size_t c = 0; c < n; c++) {
        if (runs_with(comparison, &all[c]) == 0)
            continue;
        comparison->known[comparison->n_known++] = all[c];
        if (all[c].shown)
            comparison->shown[comparison->n_shown++] = all[c];
    }
    comparison->measure = measure_of(comparison);
    if (!metrics)
        return CLI_OK;
    const int code = compare_columns_choose(metrics, comparison->shown, &comparison->n_shown);
    comparison->measure = 0;
    for (size_t c = 0; c < comparison->n_shown && code == CLI_OK; c++)
        if (runs_with(comparison, &comparison->shown[c]) == 0)
            return cli_error(CLI_CONFIG, "--metrics: no run has a %s", comparison->shown[c].key);
    return code;
}
